package checkout

import (
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitattributes"
)

// attribute is a line of .gitattributes.
type attribute struct {
	pattern pattern
	macro   string // that the line defines; empty: the line is for files
	values  []gitattributes.Attribute
}

// attributes are the attributes of a file: isSet, isUnset or a value, by name.
type attributes map[string]string

const (
	isSet   = "\x00set"
	isUnset = "\x00unset"
)

// value returns an attribute's value, and false if it has none.
func (a attributes) value(name string) (string, bool) {
	v := a[name]
	return v, v != "" && v != isSet && v != isUnset
}

// set takes over the values of a line.
func (a attributes) set(values []gitattributes.Attribute) {
	for _, v := range values {
		switch {
		case v.IsSet():
			a[v.Name()] = isSet
		case v.IsUnset():
			a[v.Name()] = isUnset
		case v.IsUnspecified():
			delete(a, v.Name())
		default:
			a[v.Name()] = v.Value()
		}
	}
}

// attributesOf returns a file's attributes. Later lines override earlier ones, and those of deeper folders.
func (w *worktree) attributesOf(name string) (attributes, error) {
	lines, err := w.attributeLines(path.Dir(name))
	if err != nil {
		return nil, err
	}
	last, err := w.readInfo("attributes")
	if err != nil {
		return nil, err
	}
	out, macros := attributes{}, map[string][]gitattributes.Attribute{}
	for _, line := range append(slices.Clip(lines), parseAttributes(last, "")...) {
		if line.macro != "" {
			macros[line.macro] = line.values
			continue
		}
		if line.pattern.folder || !line.pattern.matches(name, false) {
			continue
		}
		for i, v := range line.values {
			if v.IsSet() {
				out.set(macros[v.Name()])
			}
			out.set(line.values[i : i+1])
		}
	}
	return out, nil
}

// attributeLines returns the lines that hold in a folder, the weakest first.
func (w *worktree) attributeLines(dir string) ([]attribute, error) {
	if lines, ok := w.attributes[dir]; ok {
		return lines, nil
	}
	var lines []attribute
	base := ""
	if dir == "." {
		user, err := w.readConfigured("core.attributesfile", "attributes")
		if err != nil {
			return nil, err
		}
		builtIn := parseAttributes([]byte("[attr]binary -diff -merge -text"), "")
		lines = append(builtIn, parseAttributes(user, "")...)
	} else {
		above, err := w.attributeLines(path.Dir(dir))
		if err != nil {
			return nil, err
		}
		lines, base = slices.Clip(above), dir+"/"
	}
	own, err := w.readOwn(base, ".gitattributes")
	if err != nil {
		return nil, err
	}
	w.attributes[dir] = append(lines, parseAttributes(own, base)...)
	return w.attributes[dir], nil
}

// parseAttributes reads a .gitattributes that holds below base. Like git, it skips malformed lines and negated
// patterns.
func parseAttributes(data []byte, base string) []attribute {
	var out []attribute
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(strings.TrimSpace(line), `""`) {
			continue // The library panics.
		}
		m, err := gitattributes.ParseAttributesLine(line, nil, true)
		if err != nil || m.Name == "" {
			continue
		}
		a := attribute{values: m.Attributes}
		switch {
		case m.Pattern == nil:
			a.macro = m.Name
		case m.Name[0] == '!':
			continue
		default:
			a.pattern = newPattern(m.Name, base)
		}
		out = append(out, a)
	}
	return out
}
