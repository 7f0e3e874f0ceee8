package image

import (
	"path"
	"strings"
)

// documents says which documents of which files a place is in. The zero documents are all.
type documents struct {
	files []string // globs of base names
	kinds []string // globs of KIND.GROUP; of an object without apiVersion, the kind alone counts
}

// object is what a Kubernetes resource says it is.
type object struct{ apiVersion, kind string }

// group returns the API group; it is empty for the core group.
func (o object) group() string {
	group, _, ok := strings.Cut(o.apiVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// include reports whether a document of a file with this base name, or this object in it, is among d.
func (d documents) include(file string, o object) bool {
	if len(d.files)+len(d.kinds) == 0 {
		return true
	}
	for _, glob := range d.files {
		if ok, _ := path.Match(glob, file); ok && file != "" {
			return true
		}
	}
	for _, pattern := range d.kinds {
		kind, group, _ := strings.Cut(pattern, ".")
		if o.kind == "" || !matchKey(kind, o.kind) {
			continue
		}
		if o.apiVersion == "" && kind != "*" || o.apiVersion != "" && matchKey(group, o.group()) {
			return true
		}
	}
	return false
}

// pattern is a way to a node from the object around it, such as "**.containers[].image": keys, "[]" for the items of a
// list, "*" and other globs for one key, "**" for any way. Braces hold alternatives within one key.
type pattern []segment

// segment is one step of a pattern: the globs of which one has to match, or any way.
type segment struct {
	globs []string
	deep  bool
}

// way parses a pattern.
func way(s string) pattern {
	var p pattern
	if s == "" {
		return p
	}
	for _, part := range strings.Split(strings.ReplaceAll(s, "[]", ".[]"), ".") {
		switch {
		case part == "**":
			p = append(p, segment{deep: true})
		case strings.HasPrefix(part, "{"):
			p = append(p, segment{globs: strings.Split(strings.Trim(part, "{}"), ",")})
		default:
			p = append(p, segment{globs: []string{part}})
		}
	}
	return p
}

// matches reports whether the pattern has this way.
func (p pattern) matches(keys []string) bool {
	if len(p) == 0 {
		return len(keys) == 0
	}
	last := p[len(p)-1] // most patterns begin with "**", so the end tells more
	if last.deep {
		return p[:len(p)-1].matches(keys) || len(keys) > 0 && p.matches(keys[:len(keys)-1])
	}
	return len(keys) > 0 && last.matches(keys[len(keys)-1]) && p[:len(p)-1].matches(keys[:len(keys)-1])
}

func (s segment) matches(key string) bool {
	for _, glob := range s.globs {
		if matchKey(glob, key) {
			return true
		}
	}
	return false
}

// matchKey reports whether a glob has a key. Items of lists match their own only.
func matchKey(glob, key string) bool {
	if glob == key {
		return true
	}
	if key == item || glob == item || !strings.Contains(glob, "*") {
		return false
	}
	if end := glob[1:]; glob[0] == '*' && !strings.Contains(end, "*") { // by far the most, and matched fast
		return strings.HasSuffix(key, end) && !strings.Contains(key[:len(key)-len(end)], "/")
	}
	ok, _ := path.Match(glob, key)
	return ok
}

// item stands for the index of an item in a way.
const item = "[]"
