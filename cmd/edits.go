package cmd

import (
	"path"
	"path/filepath"
	"strings"

	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/template"
	"update-gitops-repo/template/image"
	"update-gitops-repo/template/yamledit/yqedit"
)

// newEdits parses the flags that say what to change.
func newEdits(c *config, getenv func(string) string) (edits.Edits, error) {
	values, err := parseValues(c, getenv)
	if err != nil {
		return edits.Edits{}, err
	}
	local, err := parseLocal(c)
	if err != nil {
		return edits.Edits{}, err
	}
	sets, err := parseSets(c)
	if err != nil {
		return edits.Edits{}, err
	}
	images, err := newImages(c)
	if err != nil {
		return edits.Edits{}, err
	}
	expressions, err := parseExpressions(c)
	if err != nil {
		return edits.Edits{}, err
	}
	renderer, err := newRenderer(c)
	if err != nil {
		return edits.Edits{}, err
	}
	return edits.Edits{
		Adds: c.adds.values, Renderer: renderer, Values: values, Local: local, Sets: sets,
		Images: images, Expressions: expressions,
	}, nil
}

// parseValues returns the values for templates.
func parseValues(c *config, getenv func(string) string) (template.Values, error) {
	values := template.Values{}
	for _, s := range c.substitutes.values {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, usage.Errorf("give -substitute=KEY=VALUE", "-substitute %q has no =", s)
		}
		if err := values.Set(key, value); err != nil {
			return nil, usage.Errorf("give -substitute=KEY=VALUE", "-substitute: %v", err)
		}
	}
	for _, name := range c.substituteEnvs.values {
		value := getenv(name)
		if value == "" {
			return nil, usage.Errorf("set the variable, or give -substitute=NAME=VALUE",
				"-substitute-env: the variable %q is not set or empty", name)
		}
		if err := values.Set(name, value); err != nil {
			return nil, usage.Errorf("give the name of a variable", "-substitute-env: %v", err)
		}
	}
	return values, nil
}

// parseLocal returns the local templates.
func parseLocal(c *config) ([]edits.LocalTemplate, error) {
	var local []edits.LocalTemplate
	for _, s := range c.templates.values {
		src, dest, ok := strings.Cut(s, ":")
		if !ok || src == "" || dest == "" {
			return nil, usage.Errorf("give -template=SRC:DEST", "-template %q is not a source and a destination", s)
		}
		if !filepath.IsAbs(src) {
			src = filepath.Join(c.workdir, src)
		}
		dest = path.Clean(dest)
		if err := gitrepo.CheckPath(dest); err != nil {
			return nil, usage.Errorf("give a path in the repository, such as apps/shop.yaml", "-template: %v", err)
		}
		local = append(local, edits.LocalTemplate{Source: src, Dest: dest})
	}
	return local, nil
}

func parseSets(c *config) ([]yqedit.Assignment, error) {
	var sets []yqedit.Assignment
	for _, s := range c.sets.values {
		a, err := yqedit.ParseAssignment(s)
		if err != nil {
			return nil, usage.Errorf("give -set=FILE:PATH=VALUE, such as values.yaml:.image.tag=1.2",
				"-set %q: %v", s, err)
		}
		a.Create = c.setMissing == "create"
		sets = append(sets, a)
	}
	return sets, nil
}

// newImages returns which images to set, and where.
func newImages(c *config) (image.Request, error) {
	images, err := parseImages(c)
	if err != nil {
		return image.Request{}, err
	}
	req := image.Request{Images: images, Globs: c.imageFiles.values, Strict: c.imageStrict}
	if c.imageMissing != "add" {
		return req, nil
	}
	req.Missing = image.MissingAdd
	if len(req.Globs) == 0 {
		return req, usage.Errorf("give -image-files, such as -image-files=overlays/prod/kustomization.yaml",
			"-image-missing=add would add the image to all kustomizations of the repository")
	}
	for _, img := range images {
		if err := img.CheckAdd(); err != nil {
			return req, usage.Errorf("leave out -image-missing, or give -image=NAME=:TAG",
				"-image-missing=add: %v", err)
		}
	}
	return req, nil
}

func parseImages(c *config) ([]image.Image, error) {
	var images []image.Image
	for _, s := range c.images.values {
		i, err := image.Parse(s)
		if err != nil {
			return nil, usage.Errorf("give -image=NAME=REF, such as acme/shop=acme/shop:1.2", "-image %q: %v", s, err)
		}
		images = append(images, i)
	}
	if err := image.Check(images); err != nil {
		return nil, usage.Errorf("give each image once", "-image: %v", err)
	}
	return images, nil
}

func parseExpressions(c *config) ([]yqedit.Expression, error) {
	var expressions []yqedit.Expression
	for _, s := range c.expressions.values {
		x, err := yqedit.ParseExpression(s)
		if err != nil {
			return nil, usage.Errorf("give -yq=FILE:EXPRESSION, such as values.yaml:.replicas += 1",
				"-yq %q: %v", s, err)
		}
		expressions = append(expressions, x)
	}
	return expressions, nil
}

// newRenderer returns the renderer of templates: of which files, and between which delimiters.
func newRenderer(c *config) (template.Renderer, error) {
	r := template.Renderer{Globs: c.filepaths.values, Validate: c.validate}
	substituted := len(c.substitutes.values)+len(c.substituteEnvs.values) > 0
	if len(r.Globs) == 0 && substituted && len(c.templates.values) == 0 {
		r.Globs = []string{"**.tmpl"}
	}
	if c.delims == "" {
		return r, nil
	}
	var err error
	if r.Delims, err = template.ParseDelims(c.delims); err != nil {
		return r, usage.Errorf("give -delims=LEFT,RIGHT, such as -delims='{{,}}'", "-delims %q: %v", c.delims, err)
	}
	return r, nil
}
