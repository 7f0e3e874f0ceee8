package checkout

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitattributes"
)

// attribute is a line of .gitattributes.
type attribute struct {
	pattern pattern
	macro   string // the line defines it
	values  []gitattributes.Attribute
}

// What an attribute is when it has no value of its own.
const (
	isSet   = "\x00set"
	isUnset = "\x00unset"
)

// attributesOf gives those of a file. Later lines count more, and those of deeper folders.
func (w *worktree) attributesOf(name string) (map[string]string, error) {
	lines, err := w.attributeLines(path.Dir(name))
	if err != nil {
		return nil, err
	}
	last, err := optional(filepath.Join(w.c.at.CommonDir, "info", "attributes"))
	if err != nil {
		return nil, err
	}
	values, macros := map[string]string{}, map[string][]gitattributes.Attribute{}
	set := func(as []gitattributes.Attribute) {
		for _, a := range as {
			switch {
			case a.IsSet():
				values[a.Name()] = isSet
			case a.IsUnset():
				values[a.Name()] = isUnset
			case a.IsUnspecified():
				delete(values, a.Name())
			default:
				values[a.Name()] = a.Value()
			}
		}
	}
	for _, line := range append(slices.Clip(lines), parseAttributes(last, "")...) {
		if line.macro != "" {
			macros[line.macro] = line.values
		} else if !line.pattern.folder && line.pattern.matches(name, false) {
			for _, a := range line.values {
				if a.IsSet() {
					set(macros[a.Name()])
				}
				set([]gitattributes.Attribute{a})
			}
		}
	}
	return values, nil
}

// attributeLines are those that hold in a folder, the weakest first.
func (w *worktree) attributeLines(dir string) ([]attribute, error) {
	if lines, ok := w.attributes[dir]; ok {
		return lines, nil
	}
	lines, base := parseAttributes([]byte("[attr]binary -diff -merge -text"), ""), ""
	if dir == "." {
		user, err := w.coreFile("core.attributesfile", "attributes")
		if err != nil {
			return nil, err
		}
		lines = append(lines, parseAttributes(user, "")...)
	} else {
		above, err := w.attributeLines(path.Dir(dir))
		if err != nil {
			return nil, err
		}
		lines, base = slices.Clip(above), dir+"/"
	}
	own, err := w.own(base, ".gitattributes")
	if err != nil {
		return nil, err
	}
	w.attributes[dir] = append(lines, parseAttributes(own, base)...)
	return w.attributes[dir], nil
}

// parseAttributes reads a .gitattributes that holds for what is below base; lines that make no sense are passed over.
func parseAttributes(data []byte, base string) []attribute {
	var out []attribute
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(strings.TrimSpace(line), `""`) {
			continue // The library panics.
		}
		m, err := gitattributes.ParseAttributesLine(line, nil, true)
		if err != nil || m.Name == "" || m.Pattern != nil && m.Name[0] == '!' {
			continue // Git takes no negated patterns here.
		}
		a := attribute{values: m.Attributes}
		if m.Pattern == nil {
			a.macro = m.Name
		} else {
			a.pattern = newPattern(m.Name, base)
		}
		out = append(out, a)
	}
	return out
}
