package template

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Assignment sets every YAML node that Path selects, in every file that File matches, to Value.
type Assignment struct {
	File  string // a pattern as Glob takes it
	Path  string // a yq expression that selects scalars: .image.tag
	Value string // what the scalars shall read; its type is settled per scalar, see Assign
}

// ParseAssignment reads "FILE:PATH=VALUE". FILE reaches to the first ":", PATH to the first "=" that is outside of
// brackets and double quotes and is no part of ==, !=, <= or >=; VALUE is all the rest, and may be empty. FILE and PATH
// are checked with CheckGlob and CheckPath.
func ParseAssignment(s string) (Assignment, error) {
	file, rest, ok := strings.Cut(s, ":")
	if !ok {
		return Assignment{}, fmt.Errorf("%q has no \":\": it shall be FILE:PATH=VALUE", s)
	}
	i := equals(rest)
	if i < 0 {
		return Assignment{}, fmt.Errorf("%q has no \"=\" after the path: it shall be FILE:PATH=VALUE", s)
	}
	a := Assignment{File: file, Path: rest[:i], Value: rest[i+1:]}
	if err := CheckGlob(a.File); err != nil {
		return Assignment{}, err
	}
	if err := CheckPath(a.Path); err != nil {
		return Assignment{}, err
	}
	if !utf8.ValidString(a.Value) {
		return Assignment{}, fmt.Errorf("the value for %s is not UTF-8", a.Path)
	}
	return a, nil
}

// equals returns the index of the "=" that ends the path at the start of s, or -1.
func equals(s string) int {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted:
			if c == '\\' {
				i++
			}
			quoted = c != '"'
		case c == '"':
			quoted = true
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		case depth > 0:
		case strings.IndexByte("=!<>", c) >= 0 && i+1 < len(s) && s[i+1] == '=':
			i++
		case c == '=':
			return i
		}
	}
	return -1
}

// Change is one YAML node that got another value.
type Change struct {
	File string
	Path string // the way to the node, as yq writes it: .spec.containers[0].image
	Old  string // its value before, without quotes
	New  string // its value now, without quotes
}

// Assign makes the assignments in their order and returns the files whose bytes changed, by path, and what changed in
// them, by file. Setting a node to the value that it has is no change.
//
// Only the bytes of a scalar itself are replaced: comments, indentation, line ends and order stay, and so does its
// style (plain, 'single', "double") where the value allows. A plain scalar keeps its type, number, boolean or null, when
// the value reads back as just the same characters (3 becomes 5, but 1.9 becomes "1.10"); any other value is a
// string, and quoted where YAML 1.1 or 1.2 would read it as anything else.
//
// An *Error tells of a File that matches nothing (ErrNoMatch), of a file that is not YAML (ErrSyntax), of a Path that
// selects nothing in one of the files (ErrNoNode), and of one that selects what is not a scalar, or one whose
// replacement would change anything else (ErrUneditable).
func Assign(fsys fs.FS, as []Assignment) (map[string][]byte, []Change, error) {
	selectors := make([]selector, len(as))
	matches := make([][]string, len(as))
	var names []string
	for i, a := range as {
		var err error
		if selectors[i], err = parseSelector(a.Path); err != nil {
			return nil, nil, err
		}
		if matches[i], err = Glob(fsys, a.File); err != nil {
			return nil, nil, err
		}
		names = append(names, matches[i]...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if err := prefetch(fsys, names); err != nil {
		return nil, nil, err
	}

	before := make(map[string][]byte, len(names))
	for _, name := range names {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, nil, err
		}
		before[name] = src
	}
	after := maps.Clone(before)
	var edits []edit
	for i, a := range as {
		for _, name := range matches[i] {
			src, more, err := assign(name, after[name], selectors[i], a)
			if err != nil {
				return nil, nil, err
			}
			after[name] = src
			edits = append(edits, more...)
		}
	}
	maps.DeleteFunc(after, func(name string, src []byte) bool { return bytes.Equal(src, before[name]) })
	return after, changes(edits), nil
}

// edit is a Change, and in which document of its file.
type edit struct {
	document int
	Change
}

// changes returns the edits by file, with those of one node made into one.
func changes(edits []edit) []Change {
	var merged []edit
next:
	for _, e := range edits {
		for i, m := range merged {
			if m.document == e.document && m.File == e.File && m.Path == e.Path {
				merged[i].New = e.New
				continue next
			}
		}
		merged = append(merged, e)
	}
	slices.SortStableFunc(merged, func(a, b edit) int { return cmp.Compare(a.File, b.File) })
	var out []Change
	for _, m := range merged {
		if m.Old != m.New {
			out = append(out, m.Change)
		}
	}
	return out
}

// assign makes one assignment in one file.
func assign(name string, src []byte, sel selector, a Assignment) ([]byte, []edit, error) {
	fail := func(line int, kind error, reason string) error {
		return &Error{File: name, Line: line, Key: a.Path, Reason: reason, Err: kind}
	}
	docs, err := parse(src)
	if err != nil {
		line, reason := 0, err.Error()
		if load := (*yaml.LoadError)(nil); errors.As(err, &load) {
			line, reason = load.Mark.Line, load.Message
		}
		return nil, nil, fail(line, ErrSyntax, "not YAML: "+reason)
	}
	places, err := sel.places(docs)
	if err != nil {
		return nil, nil, fail(0, ErrUneditable, a.Path+" "+err.Error())
	}
	if len(places) == 0 {
		return nil, nil, fail(0, ErrNoNode, a.Path+" selects nothing")
	}

	lines := lineStarts(src)
	var edits []edit
	var splices []splice
	want := map[*yaml.Node]scalar{}
	for _, p := range places {
		if why := p.uneditable(); why != "" {
			return nil, nil, fail(p.node.Line, ErrUneditable, a.Path+" selects "+why)
		}
		old := p.node.Value
		if p.node.Tag == "!!null" {
			old = "null" // however it is written
		}
		if old == a.Value {
			continue
		}
		start, end, err := span(src, lines, p.node)
		if err != nil {
			return nil, nil, fail(p.node.Line, ErrUneditable, a.Path+" selects "+err.Error())
		}
		token, tag, err := encode(p, a.Value, path.Ext(name) == ".json")
		if err != nil {
			return nil, nil, fail(p.node.Line, ErrUneditable, a.Path+": "+err.Error())
		}
		if start == end && start > 0 && !strings.ContainsRune(" \t\r\n", rune(src[start-1])) {
			token = " " + token // an empty value starts right after its colon
		}
		splices = append(splices, splice{start, end, token})
		want[p.node] = scalar{tag, a.Value}
		edits = append(edits, edit{p.document, Change{File: name, Path: p.path, Old: old, New: a.Value}})
	}
	out := apply(src, splices)
	if err := verify(docs, out, want); err != nil {
		return nil, nil, fail(places[0].node.Line, ErrUneditable, "setting "+a.Path+" would change more than that: "+err.Error())
	}
	return out, edits, nil
}
