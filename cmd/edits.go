package cmd

import (
	"errors"
	"path"
	"path/filepath"
	"regexp"
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
	images, err := parseImages(c)
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
	imageGlobs := c.imageFiles.values
	if len(imageGlobs) == 0 {
		imageGlobs = []string{image.DefaultFiles}
	}
	return edits.Edits{
		Adds: c.adds.values, Renderer: renderer, Values: values, Local: local, Sets: sets,
		Images: images, ImageGlobs: imageGlobs, Expressions: expressions,
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
		if key != strings.TrimSpace(key) {
			return nil, usage.Errorf("give -substitute=KEY=VALUE, without spaces around the =",
				"-substitute: key %q begins or ends with a space", key)
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
		src, dest, err := cutTemplate(s)
		if err != nil {
			return nil, err
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

// unescapedColon finds a ":" and what is before it; "\:" is a part of a name.
var unescapedColon = regexp.MustCompile(`^(?s:[^\\:]|\\.)*:`)

// cutTemplate cuts "SRC:DEST". One ":" ends SRC, that behind a drive of Windows aside; in a name it is written "\:".
func cutTemplate(s string) (src, dest string, err error) {
	drive := filepath.VolumeName(s)
	names := unescapedColon.FindString(s[len(drive):])
	src, dest = strings.TrimSuffix(names, ":"), s[len(drive)+len(names):]
	if src == "" || dest == "" {
		return "", "", usage.Errorf("give -template=SRC:DEST", "-template %q is not a source and a destination", s)
	}
	if unescapedColon.MatchString(dest) {
		return "", "", usage.Errorf(`give -template=SRC:DEST, and write a ":" in a name as "\:"`,
			"-template %q has more than one \":\"", s)
	}
	unescape := strings.NewReplacer(`\:`, ":")
	return drive + unescape.Replace(src), unescape.Replace(dest), nil
}

// setMissing says what each choice of -set-missing does.
var setMissing = map[string]yqedit.Missing{
	"error": yqedit.RefuseMissing, "create": yqedit.CreateMissing, "skip": yqedit.SkipMissing,
}

func parseSets(c *config) ([]yqedit.Assignment, error) {
	var sets []yqedit.Assignment
	for _, s := range c.sets.values {
		a, err := yqedit.ParseAssignment(s)
		if value, ok := errors.AsType[*yqedit.ValueError](err); ok {
			return nil, usage.Errorf("close the quotes, with escapes as in JSON; if the quotes are part of the value, "+
				"give "+value.Literal, "-set %q: %v", s, err)
		}
		if err != nil {
			return nil, usage.Errorf("give -set=FILE:PATH=VALUE, such as values.yaml:.image.tag=1.2",
				"-set %q: %v", s, err)
		}
		a.Missing = setMissing[c.setMissing]
		sets = append(sets, a)
	}
	return sets, nil
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
