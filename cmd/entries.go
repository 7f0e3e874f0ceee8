package cmd

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/template"
	"update-gitops-repo/template/image"
)

// substitution is a value for the templates.
type substitution struct{ flag, key, value string }

// parseValues returns the values for templates.
func parseValues(c *config, getenv func(string) string) (template.Values, error) {
	var entries []entry[substitution]
	add := func(s substitution, text string, p place) {
		entries = append(entries, entry[substitution]{s.flag, text, p, s.key, s.value, s})
	}
	for i, text := range c.substitutes.values {
		s, err := parseSubstitution(c, text)
		if err != nil {
			return nil, err
		}
		add(s, text, c.substitutes.places[i])
	}
	for i, name := range c.substituteEnvs.values {
		value := getenv(name)
		if isBlank(value) {
			return nil, usage.Errorf("set the variable, or give -substitute=NAME=VALUE",
				"-substitute-env: the variable %q is not set or empty", name)
		}
		c.warnUnfilled("-substitute-env "+name, value)
		add(substitution{"substitute-env", name, value}, name, c.substituteEnvs.places[i])
	}
	values := template.Values{}
	for _, s := range settle(c, entries) {
		if err := values.Set(s.key, s.value); err != nil {
			return nil, usage.Errorf("give -substitute=KEY=VALUE, or -substitute-env=NAME", "-%s: %v", s.flag, err)
		}
	}
	return values, nil
}

// parseSubstitution reads "KEY=VALUE". VALUE is taken as it is, but for "", which is the empty text.
func parseSubstitution(c *config, text string) (substitution, error) {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return substitution{}, usage.Errorf("give -substitute=KEY=VALUE", "-substitute %q has no =", text)
	}
	if err := refuseBlank("-substitute", text, "give -substitute=KEY=VALUE", part{"key", key}); err != nil {
		return substitution{}, err
	}
	if key != strings.TrimSpace(key) {
		return substitution{}, usage.Errorf("give -substitute=KEY=VALUE, without spaces around the =",
			"-substitute: key %q begins or ends with a space", key)
	}
	err := refuseBlank("-substitute", text, `to insert an empty text on purpose, give -substitute='KEY=""'`,
		part{"value", value})
	if err != nil {
		return substitution{}, err
	}
	err = refuseCutImage("-substitute", text, "give the image's tag or digest; a text that ends so on purpose can "+
		"come from a variable, by -substitute-env", value)
	if err != nil {
		return substitution{}, err
	}
	c.warnUnfilled("-substitute "+key, value)
	if value == `""` {
		c.warnBlankText("-substitute "+key, "")
		value = ""
	}
	return substitution{"substitute", key, value}, nil
}

// parseLocal returns the local templates.
func parseLocal(c *config) ([]edits.LocalTemplate, error) {
	var entries []entry[edits.LocalTemplate]
	for i, text := range c.templates.values {
		src, dest, err := cutTemplate(text)
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
		entries = append(entries, entry[edits.LocalTemplate]{"template", text, c.templates.places[i], dest, src,
			edits.LocalTemplate{Source: src, Dest: dest}})
	}
	return settle(c, entries), nil
}

// unescapedColon finds a ":" and what is before it; "\:" is a part of a name.
var unescapedColon = regexp.MustCompile(`^(?s:[^\\:]|\\.)*:`)

// cutTemplate cuts "SRC:DEST". One ":" ends SRC, that behind a drive of Windows aside; in a name it is written "\:".
func cutTemplate(s string) (src, dest string, err error) {
	const hint = "give -template=SRC:DEST"
	drive := filepath.VolumeName(s)
	names := unescapedColon.FindString(s[len(drive):])
	src, dest = strings.TrimSuffix(names, ":"), s[len(drive)+len(names):]
	if names == "" {
		return "", "", usage.Errorf(hint, "-template %q is not a source and a destination", s)
	}
	if unescapedColon.MatchString(dest) {
		return "", "", usage.Errorf(`give -template=SRC:DEST, and write a ":" in a name as "\:"`,
			"-template %q has more than one \":\"", s)
	}
	if err := refuseBlank("-template", s, hint, part{"source", src}, part{"destination", dest}); err != nil {
		return "", "", err
	}
	if hasGap(dest) || strings.HasSuffix(dest, "/") {
		return "", "", errGap("-template", s, "destination")
	}
	unescape := strings.NewReplacer(`\:`, ":")
	return drive + unescape.Replace(src), unescape.Replace(dest), nil
}

// newImages returns which images to set, and where.
func newImages(c *config) (image.Request, error) {
	images, err := parseImages(c)
	if err != nil {
		return image.Request{}, err
	}
	if err := image.Check(images); err != nil {
		return image.Request{}, usage.Errorf("give each image once, or each with another tag", "-image: %v", err)
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

// parseImages returns the images to set, each once.
func parseImages(c *config) ([]image.Image, error) {
	const hint = "give -image=NAME=REF, such as acme/shop=acme/shop:1.2"
	var entries []entry[image.Image]
	for i, text := range c.images.values {
		if name, ref, ok := strings.Cut(text, "="); ok {
			parts := append([]part{{"name", name}, {"reference", ref}}, refParts(ref)...)
			if err := refuseBlank("-image", text, hint, parts...); err != nil {
				return nil, err
			}
		}
		img, err := image.Parse(text)
		if err != nil {
			return nil, usage.Errorf(hint, "-image %q: %v", text, err)
		}
		for _, p := range refParts(img.Ref) {
			c.warnUnfilled("-image "+img.Name, p.value)
		}
		entries = append(entries, entry[image.Image]{"image", text, c.images.places[i], img.Key(), img.Ref, img})
	}
	return settle(c, entries), nil
}

// refParts returns the tag and the digest of an image, as far as there are any.
func refParts(ref string) []part {
	if strings.HasPrefix(ref, "sha256:") {
		ref = "@" + ref
	}
	var parts []part
	repo, digest, ok := strings.Cut(ref, "@")
	if i := strings.LastIndexByte(repo, ':'); i > strings.LastIndexByte(repo, '/') {
		parts = append(parts, part{"tag", repo[i+1:]})
	}
	if ok {
		parts = append(parts, part{"digest", strings.TrimPrefix(digest, "sha256:")})
	}
	return parts
}
