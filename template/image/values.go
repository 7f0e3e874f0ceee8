package image

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"update-gitops-repo/template/yamledit"
)

// valuesTag is a tag in a file of Helm values, which files beside it may override: values-prod.yaml goes over
// values.yaml, and need not say the name of the image once more.
type valuesTag struct {
	*target
	file string
	keys []string // to the map
	site *partsSite
}

// isValues reports whether a file holds Helm values by its name.
func isValues(name string) bool { return strings.Contains(path.Base(name), "values") }

// noteValues notes the tag of a site, if it is in a file of Helm values.
func (p *plan) noteValues(s *partsSite, t *target) {
	if s.tag != "" && isValues(p.base) && !slices.Contains(s.keys, item) {
		p.tags = append(p.tags, valuesTag{t, p.name, s.keys, s})
	}
}

// overrides returns where other files of values, in the same folder, have another tag for the images that were set, and
// no name.
func overrides(fsys fs.FS, names []string, tags []valuesTag) ([]Mention, error) {
	var out []Mention
	parsed := map[string]*yamledit.File{}
	for _, tag := range tags {
		for _, name := range names {
			if path.Dir(name) != path.Dir(tag.file) || name == tag.file || !isValues(name) {
				continue
			}
			if _, ok := parsed[name]; !ok {
				src, err := fs.ReadFile(fsys, name)
				if err != nil {
					return nil, err
				}
				parsed[name], _ = yamledit.Parse(name, src) // What does not parse overrides nothing.
			}
			if m, ok := tag.overriddenIn(name, parsed[name]); ok && !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// overriddenIn returns where a file has another tag in the same map, without the name of an image.
func (v valuesTag) overriddenIn(name string, f *yamledit.File) (Mention, bool) {
	if f == nil {
		return Mention{}, false
	}
	way := make([]any, len(v.keys))
	for i, key := range v.keys {
		way[i] = key
	}
	tag := f.At(append(slices.Clone(way), v.site.tag)...)
	if text(tag) == "" || f.At(append(way, v.site.name)...) != nil || v.keepTag || v.tag == "" || text(tag) == v.tag {
		return Mention{}, false
	}
	return Mention{Name: v.Name, File: name, Line: tag.Line, Text: f.Path(tag) + ": " + text(tag),
		Placeholder: isVariable(text(tag))}, true
}
