package image

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// valuesTag is a tag in a file of Helm values, which other files may override: values-prod.yaml goes over values.yaml,
// and need not say the name of the image once more.
type valuesTag struct {
	*target
	file string
	keys []string // to the map
	repo string   // as it is there
	site *partsSite
}

// isValues reports whether a file holds Helm values by its name.
func isValues(name string) bool { return strings.Contains(path.Base(name), "values") }

// noteValues notes the tag of a site, if it is in a file of Helm values.
func (p *plan) noteValues(s *partsSite, t *target) {
	if s.tag != "" && isValues(p.base) && !slices.Contains(s.keys, item) {
		p.tags = append(p.tags, valuesTag{t, p.name, s.keys, text(p.lookup(s.m, s.name)), s})
	}
}

// overridingTag is where another tag may go over one that was set.
type overridingTag struct {
	Mention
	tag    int  // the index of what it overrides
	unsure bool // it counts only if all files of values have the same image there
}

// overrides returns where other files of values have another tag for the images that were set, and no name.
func overrides(fsys fs.FS, names []string, tags []valuesTag) ([]Mention, error) {
	var found []overridingTag
	charts := newCharts(names)
	others := map[int]bool{} // tags in whose place another image is in some file
	for _, name := range names {
		over := charts.over(name, tags, others)
		if len(over) == 0 {
			continue
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		f, err := yamledit.Parse(name, src)
		if err != nil {
			continue // What does not parse overrides nothing.
		}
		for _, i := range slices.Sorted(maps.Keys(over)) {
			repo := tags[i].nameIn(f)
			others[i] = others[i] || repo != "" && repo != tags[i].repo
			if m, ok := tags[i].overriddenIn(name, f); ok {
				found = append(found, overridingTag{m, i, over[i] == unsure})
			}
		}
	}
	var out []Mention
	for _, o := range found {
		if !(o.unsure && others[o.tag]) && !slices.Contains(out, o.Mention) {
			out = append(out, o.Mention)
		}
	}
	return out, nil
}

// over returns, by their index, the tags that a file may override. Those with others are not worth a look where nothing
// else says so.
func (c charts) over(name string, tags []valuesTag, others map[int]bool) map[int]relation {
	if !isValues(name) {
		return nil
	}
	out := map[int]relation{}
	for i, v := range tags {
		if r := c.relate(v.file, name); r == related || r == unsure && !others[i] {
			out[i] = r
		}
	}
	return out
}

// way returns the way to a key in the map of the tag.
func (v valuesTag) way(key string) []any {
	var way []any
	for _, k := range append(slices.Clip(v.keys), key) {
		way = append(way, k)
	}
	return way
}

// nameIn returns the name of an image that a file has in the same map, under any key.
func (v valuesTag) nameIn(f *yamledit.File) string {
	m := resolve(f.At(v.way(v.site.tag)[:len(v.keys)]...))
	if m == nil || m.Kind != yaml.MappingNode {
		return ""
	}
	prefix, _ := roleOf(v.site.tag)
	for i := 0; i < len(m.Content); i += 2 {
		other, r := roleOf(m.Content[i].Value)
		if name := text(resolve(m.Content[i+1])); r == nameRole && other == prefix && name != "" {
			return name
		}
	}
	return ""
}

// overriddenIn returns where a file has another tag in the same map, without the name of an image.
func (v valuesTag) overriddenIn(name string, f *yamledit.File) (Mention, bool) {
	tag := f.At(v.way(v.site.tag)...)
	if name == v.file || text(tag) == "" || v.nameIn(f) != "" || v.keepTag || v.tag == "" ||
		text(tag) == v.tag {
		return Mention{}, false
	}
	return Mention{Name: v.Name, File: name, Line: tag.Line, Text: f.Path(tag) + ": " + text(tag),
		Placeholder: isVariable(text(tag))}, true
}

// charts are the folders of Helm charts.
type charts struct {
	dirs  map[string]bool
	outer int // how many are in no other one
}

// relation says whether a file of values may go over another one.
type relation int

const (
	apart   relation = iota // it is of another chart
	unsure                  // no chart is known
	related                 // it is of the same chart, or names it
)

func newCharts(names []string) charts {
	c := charts{dirs: map[string]bool{}}
	for _, name := range names {
		if path.Base(name) == "Chart.yaml" {
			c.dirs[path.Dir(name)] = true
		}
	}
	for dir := range c.dirs {
		if _, within := c.of(dir); !within {
			c.outer++
		}
	}
	return c
}

// of returns the folder of the chart that a file is in.
func (c charts) of(name string) (string, bool) {
	for name != "." && name != "/" {
		if name = path.Dir(name); c.dirs[name] {
			return name, true
		}
	}
	return "", false
}

// relate returns how a file of values is related to the one that it may go over.
func (c charts) relate(to, name string) relation {
	dir, has := c.of(name)
	chart, known := c.of(to)
	switch {
	case has && (!known || dir != chart):
		return apart
	case has, path.Dir(name) == path.Dir(to), strings.HasPrefix(name, path.Dir(to)+"/"):
		return related
	case len(c.dirs) == 0:
		return unsure
	case known && (c.outer == 1 || isNamedAfter(name, path.Base(chart))):
		return related
	}
	return apart
}

// isNamedAfter reports whether a file of values has the name of a chart: envs/shop/values.yaml, envs/shop-values.yaml.
func isNamedAfter(name, chart string) bool {
	base := strings.TrimSuffix(path.Base(name), path.Ext(name))
	return slices.Contains(strings.Split(path.Dir(name), "/"), chart) ||
		strings.Trim(strings.Replace(base, "values", "", 1), "-._") == chart
}
