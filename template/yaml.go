package template

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Assignment sets every YAML node that Path selects, in every file that File matches, to Value.
type Assignment struct {
	File   string // a pattern as Glob takes it
	Path   string // a yq expression that selects scalars: .image.tag
	Value  string // what the scalars shall read; its type is settled per scalar, see Assign
	Create bool   // add what Path selects to a file in which it selects nothing, see Assign
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
// them, by file. Setting a node to the value that it has is no change, and one that gets its first value back keeps its
// first bytes.
//
// Only the bytes of a scalar itself are replaced: comments, indentation, line ends and order stay, and so does its
// style where the value allows: plain, 'single', "double", or a block (| or >), of which at most the sign for the line
// breaks at its end changes. Else it becomes one line in double quotes, with escapes. A plain scalar keeps its type,
// number, boolean or date, when the value reads back as just the same characters (3 becomes 5, but 1.9 becomes "1.10");
// any other value is a string, and quoted where YAML 1.1 or 1.2 would read it as anything else. Null has no type to
// keep: in its place true, false, and whole numbers of up to five digits stay what they look like, as counts and ports
// need to; a longer number is a string, as a version or a commit needs to be. A tag in the file (!!int) stays, and one of a
// type refuses what is not of that type.
//
// With Create, a Path of keys and indices that selects nothing is added to the only document of its file: missing keys
// at the indentation of their neighbours, and an item at the end of a sequence. The value is what it would be in the place
// of null: 5 and true are plain, 1.10 becomes "1.10".
//
// Files that are JSON stay JSON. The others are YAML 1.1 or 1.2, in UTF-8; in those that end in ".json", all strings are
// written in double quotes.
//
// An *Error tells of a File that matches nothing (ErrNoMatch), of a file that is not YAML (ErrSyntax), of a Path that
// selects nothing in one of the files (ErrNoNode), and of one that selects what is not a scalar, or one whose
// replacement would change anything else (ErrUneditable).
//
// Of a File that is so large, or a Path that makes so much, that more than 1 GiB of memory would be needed, it is told
// with ErrLimit, after which the program has to end.
func Assign(fsys fs.FS, as []Assignment) (map[string][]byte, []Change, error) {
	o, err := watched(maxHeap, func(at func(file, key string)) (o outcome, err error) {
		o.files, o.changes, err = assignAll(fsys, as, at)
		return o, err
	})
	return o.files, o.changes, err
}

func assignAll(fsys fs.FS, as []Assignment, at func(file, key string)) (map[string][]byte, []Change, error) {
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

	files := make([]*file, len(names))
	largest := 0
	for i, name := range names {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, nil, err
		}
		files[i] = &file{name: name, first: src, src: src, simple: true}
		if len(src) > largest {
			largest = len(src)
			at(name, "") // they are read at the same time, and this is the one to take most
		}
	}
	uses := make([][]*file, len(as))
	for i := range as {
		for _, name := range matches[i] {
			f, _ := slices.BinarySearch(names, name)
			files[f].simple = files[f].simple && selectors[i].steps != nil
			uses[i] = append(uses[i], files[f])
		}
	}
	failed := make([]error, len(files))
	parallel(len(files), func(i int) { files[i].unread = files[i].parse() })
	for i, a := range as {
		for _, f := range uses[i] {
			at(f.name, a.Path)
			if err := f.assign(selectors[i], a); err != nil {
				return nil, nil, err
			}
		}
	}
	parallel(len(files), func(i int) { failed[i] = files[i].flush() })
	out := map[string][]byte{}
	var made []edit
	for i, f := range files {
		if failed[i] != nil {
			return nil, nil, failed[i]
		}
		if !bytes.Equal(f.src, f.first) {
			out[f.name] = f.src
		}
		made = append(made, f.made...)
	}
	return out, changes(made), nil
}

// edit is a Change, and in which document of its file.
type edit struct {
	document int
	Change
}

// changes returns the edits by file, with those of one node made into one.
func changes(edits []edit) []Change {
	type node struct {
		document   int
		file, path string
	}
	at := map[node]int{}
	var merged []edit
	for _, e := range edits {
		n := node{e.document, e.File, e.Path}
		if i, ok := at[n]; ok {
			merged[i].New = e.New
			continue
		}
		at[n] = len(merged)
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

// file is a YAML file that is being edited. Its nodes read as they shall; its bytes follow with flush.
type file struct {
	name  string
	first []byte
	src   []byte
	// docs are its documents, and pieces the parts that these were parsed from, if any. Only a file in which simple paths
	// alone are followed is parsed in pieces, since a comment between two may end up at the other one.
	docs   []*yaml.Node
	pieces []piece
	simple bool
	inJSON bool  // its strings have to be in double quotes
	unread error // why it does not parse
	// pending are the scalars that differ from src, and made what went into src already.
	pending []*pending
	byNode  map[*yaml.Node]*pending
	made    []edit
}

// pending is a scalar with a new value.
type pending struct {
	place            // as it is in src, with a node of its own
	node  *yaml.Node // the one among file.docs
	by    string     // the path of the assignment
	value string
}

// parse reads src.
func (f *file) parse() (err error) {
	f.inJSON = isJSON(f.name, f.src)
	f.docs, f.pieces, err = f.parsed(f.src)
	return err
}

// parsed returns the documents of src, which may take over what the pending edits leave alone.
func (f *file) parsed(src []byte) ([]*yaml.Node, []piece, error) {
	if f.simple && !f.inJSON {
		if docs, pieces := parsePieces(src, f.pieces, f.touches); pieces != nil {
			return docs, pieces, nil
		}
	}
	docs, err := parseAs(f.name, src)
	return docs, nil, err
}

// touches reports whether an edit is pending in a piece.
func (f *file) touches(p piece) bool {
	end := p.line + bytes.Count(p.text, []byte("\n"))
	return slices.ContainsFunc(f.pending, func(e *pending) bool { return p.line < e.node.Line && e.node.Line <= end+1 })
}

// reads returns what a scalar reads as: the same for every way to write null.
func reads(n *yaml.Node) string {
	if n.Tag == "!!null" {
		return "null"
	}
	return n.Value
}

// assign makes one assignment in the nodes.
func (f *file) assign(sel selector, a Assignment) error {
	fail := func(line int, kind error, reason string) error {
		return &Error{File: f.name, Line: line, Key: a.Path, Reason: reason, Err: kind}
	}
	if f.unread != nil {
		return unparsed(f.name, a.Path, f.unread)
	}
	places, err := sel.places(f.docs)
	if err != nil {
		return fail(0, ErrUneditable, a.Path+" "+err.Error())
	}
	if len(places) == 0 && a.Create {
		return f.create(sel, a)
	}
	if len(places) == 0 {
		return fail(0, ErrNoNode, a.Path+" selects nothing")
	}
	for _, p := range places {
		if why := p.uneditable(); why != "" {
			return fail(p.node.Line, ErrUneditable, a.Path+" selects "+why)
		}
		if reads(p.node) == a.Value {
			continue
		}
		e := f.byNode[p.node]
		if e == nil {
			e = &pending{place: p, node: p.node}
			e.place.node = new(yaml.Node)
			*e.place.node = *p.node
			if f.byNode == nil {
				f.byNode = map[*yaml.Node]*pending{}
			}
			f.pending, f.byNode[p.node] = append(f.pending, e), e
		}
		e.by, e.value = a.Path, a.Value
		if a.Value == reads(e.place.node) {
			*e.node = *e.place.node // there and back
			continue
		}
		if _, e.node.Tag, err = encode(e.place, a.Value, f.inJSON); err != nil {
			return fail(p.node.Line, ErrUneditable, a.Path+": "+err.Error())
		}
		e.node.Value = a.Value
	}
	return nil
}

// create adds what is not there.
func (f *file) create(sel selector, a Assignment) error {
	if err := f.flush(); err != nil {
		return err
	}
	out, edits, err := create(f.name, f.src, f.docs, sel, a.Value)
	if err != nil {
		return &Error{File: f.name, Key: a.Path, Reason: a.Path + " " + err.Error(), Err: ErrUneditable}
	}
	f.src, f.made = out, append(f.made, edits...)
	return f.parse()
}

// flush writes what is pending into src, and parses it again: unless it reads just as the nodes, it fails.
func (f *file) flush() error {
	edits := slices.DeleteFunc(f.pending, func(e *pending) bool { return e.value == reads(e.place.node) })
	f.pending = edits
	defer func() { f.pending, f.byNode = nil, nil }()
	if len(edits) == 0 {
		return nil
	}
	lines := lineStarts(f.src)
	var failure error
	for _, strict := range []bool{false, true} {
		if strict {
			f.pieces = nil // their nodes may have moved to other lines
		}
		var splices []splice
		last := new(mark)
		for _, e := range edits {
			e.near = last
			more, _, err := rewrite(f.src, lines, e.place, e.value, f.inJSON, strict)
			if err != nil {
				return &Error{File: f.name, Line: e.node.Line, Key: e.by, Reason: e.by + " selects what cannot be set: " + err.Error(), Err: ErrUneditable}
			}
			splices = append(splices, more...)
		}
		out := apply(f.src, splices)
		docs, pieces, err := f.parsed(out)
		if err == nil {
			err = equal(f.docs, docs, nil)
		}
		if err == nil {
			for _, e := range edits {
				f.made = append(f.made, edit{e.document, Change{File: f.name, Path: e.path, Old: reads(e.place.node), New: e.value}})
			}
			f.src, f.docs, f.pieces = out, docs, pieces
			return nil
		}
		failure = cmp.Or(failure, err)
	}
	if load, ok := errors.AsType[*yaml.LoadError](failure); ok {
		failure = errors.New(load.Message)
	}
	first := edits[0]
	out := &Error{File: f.name, Line: first.node.Line, Key: first.by, Err: ErrUneditable}
	what := first.by
	if len(edits) > 1 { // any of them may be it
		out.Line, what = 0, what+" and other values"
	}
	out.Reason = "setting " + what + " would change more than that: " + failure.Error()
	return out
}
