package yamledit

import (
	"bytes"
	"cmp"
	"slices"

	"go.yaml.in/yaml/v4"
)

// File is the text of a YAML or JSON file that is being edited. Its nodes change with each edit, and its text with
// Bytes. It is not safe for concurrent use.
type File struct {
	name     string
	text     []byte
	json     bool // it has to stay JSON: its strings are in double quotes
	inPieces bool // comments do not matter, so that it may be parsed in pieces
	docs     []*yaml.Node
	pieces   []piece             // the parts that docs were parsed from, if any
	found    *source             // of text, once it was needed
	parents  map[*yaml.Node]step // see ascend

	// What differs from the text: scalars, names of keys and lines to cut, or else the structure.
	scalars   []*scalarEdit
	byNode    map[*yaml.Node]*scalarEdit
	renames   []rename
	cuts      []cut
	structure *restructuring

	embedded []embedding // the documents in its strings
	outer    *File       // whose string holds it, if any
	holder   *yaml.Node  // that string

	parsed   []*yaml.Node // docs anew, as the text has them; nil while docs tell where they are in the text
	changes  []recorded
	warnings []string
	err      error // after which nothing goes
}

// Option is an option of Parse.
type Option int

// IgnoreComments says that nobody will look at the comments of nodes. They stay in the text all the same. A large file
// is parsed in pieces then, at the same time, and only those that change are parsed again.
const IgnoreComments Option = 1

// Parse parses the text of a file: one or more documents of YAML 1.1 or 1.2 or of JSON, in UTF-8. A file whose name
// ends in ".json", and one that holds JSON, stay JSON. An *Error of kind ErrSyntax says that it is neither.
func Parse(name string, text []byte, options ...Option) (*File, error) {
	f := &File{name: name, text: text, json: isJSON(name, text), inPieces: slices.Contains(options, IgnoreComments)}
	var err error
	if f.docs, f.pieces, err = f.parse(text); err != nil {
		return nil, syntaxError(name, err)
	}
	return f, nil
}

// Name returns the name given to Parse.
func (f *File) Name() string { return f.name }

// Documents returns the root nodes of the documents, in the order of the file. An empty file has none.
//
// All nodes may be read, and kept until Become replaces them, but not written to: that is for the methods of File.
func (f *File) Documents() []*yaml.Node {
	f.refresh()
	if f.structure == nil {
		f.gather()
	}
	return f.docs
}

// Bytes returns the text with all edits made, and what changed. It is parsed again, and compared with the nodes: unless
// it reads just as they do, an *Error of kind ErrUneditable says so, and the File is of no more use. More edits may
// follow.
func (f *File) Bytes() ([]byte, []Change, error) {
	if err := f.settle(); err != nil {
		return nil, nil, err
	}
	return f.text, merge(f.changes), nil
}

// Warnings returns a line for each part of the text whose layout or comments could not be kept, up to the last call of
// Bytes. There are none for edits of scalars.
func (f *File) Warnings() []string {
	out := f.warnings
	for _, e := range f.embedded {
		out = append(out[:len(out):len(out)], e.file.Warnings()...)
	}
	return out
}

// current returns the text, and where things are in it.
func (f *File) current() *source {
	if f.found == nil {
		f.found = newSource(f.name, f.text, f.json)
	}
	return f.found
}

// parse returns the documents of text, which may take over pieces that the pending edits leave alone.
func (f *File) parse(text []byte) ([]*yaml.Node, []piece, error) {
	if f.inPieces && !f.json {
		if docs, pieces := parsePieces(text, f.pieces, f.touches); pieces != nil {
			return docs, pieces, nil
		}
	}
	docs, err := parseAs(f.name, text)
	return docs, nil, err
}

// touches reports whether an edit is pending in a piece.
func (f *File) touches(p piece) bool {
	end := p.line + bytes.Count(p.text, []byte("\n"))
	return slices.ContainsFunc(f.scalars, func(e *scalarEdit) bool {
		return p.line < e.before.Line && e.before.Line <= end+1
	})
}

// settle writes what is pending into the text.
func (f *File) settle() error {
	if f.err == nil && f.structure != nil {
		f.err = f.settleStructure()
	}
	f.gather()
	if f.err == nil {
		f.err = f.settleScalars()
	}
	return f.err
}

// settleScalars writes the pending scalars, keys and cuts. Where strings without quotes make it read otherwise, it
// tries quotes.
func (f *File) settleScalars() error {
	f.scalars = slices.DeleteFunc(f.scalars, (*scalarEdit).isNothing)
	defer func() { f.scalars, f.byNode, f.renames, f.cuts = nil, nil, nil, nil }()
	if len(f.scalars) == 0 && len(f.cuts) == 0 {
		return nil
	}
	var failure error
	for _, inQuotes := range []bool{false, true} {
		splices, err := f.splices(inQuotes)
		if err != nil {
			return err
		}
		text := apply(f.text, splices)
		docs, pieces, err := f.parse(text)
		if err == nil {
			err = equal(f.docs, docs)
		}
		if err == nil {
			f.record()
			f.written(text, docs)
			f.pieces = pieces
			return nil
		}
		failure = cmp.Or(failure, err)
		f.pieces = nil // their nodes may have moved to other lines
	}
	return f.blame(failure)
}

// splices returns the splices for what is pending.
func (f *File) splices(inQuotes bool) ([]splice, error) {
	var out []splice
	for _, e := range f.scalars {
		more, err := e.splices(f.current(), inQuotes)
		if err != nil {
			return nil, f.fail(e.before, e.path+" cannot be set: "+err.Error())
		}
		out = append(out, more...)
	}
	for _, c := range f.cuts {
		p, err := c.splice(f.current())
		if err != nil {
			return nil, f.fail(c.key, c.path+" cannot be deleted: "+err.Error())
		}
		out = append(out, p)
	}
	return out, nil
}

// record takes note of what is pending as changes.
func (f *File) record() {
	var made []recorded
	note := func(p place, path, before, after string) {
		change := Change{File: f.name, Path: path, Old: before, New: after}
		made = append(made, recorded{document: p.document, Change: change})
	}
	keys, values := map[*yaml.Node]rename{}, map[*yaml.Node]bool{}
	for _, r := range f.renames {
		if first, ok := keys[r.key]; ok {
			r.oldPath = first.oldPath
		}
		keys[r.key], values[r.value] = r, true
	}
	for _, e := range f.scalars {
		r, isKey := keys[e.node]
		switch {
		case isKey:
			before := summary(r.value)
			if value := f.byNode[r.value]; value != nil {
				before = Text(value.before)
			}
			note(r.place, r.path, "", summary(r.value))
			note(r.place, r.oldPath, before, "")
		case !values[e.node]:
			before, after := Text(e.before), Text(e.node)
			if before == after { // in another type
				before, after = f.current().tokenText(e.before), e.token
			}
			note(e.place, e.path, before, after)
			made[len(made)-1].inner = e.inner
		}
	}
	for _, c := range f.cuts {
		note(c.place, c.path, summary(c.value), "")
	}
	f.changes = append(f.changes, swapped(made)...)
}

// blame returns the error for a text that does not read as it should. Any of several edits may be it.
func (f *File) blame(failure error) error {
	_, failure = position(failure)
	what, line := "deleting lines", 0
	if len(f.scalars) > 0 {
		what, line = "setting "+f.scalars[0].path, f.scalars[0].before.Line
	}
	if len(f.scalars)+len(f.cuts) > 1 {
		what, line = what+" and other values", 0
	}
	return &Error{File: f.name, Line: f.OuterLine(line), Err: ErrUneditable,
		Reason: what + " would change more than that: " + failure.Error()}
}

// written takes over a new text, and what it was parsed to.
func (f *File) written(text []byte, docs []*yaml.Node) {
	f.text, f.parsed = text, docs
	f.found, f.parents = nil, nil
}

// refresh tells the nodes where they are in the text now. They stay the nodes that they are, since callers have them.
func (f *File) refresh() {
	if f.parsed != nil {
		adopt(f.docs, f.parsed)
		f.parsed, f.pieces = nil, nil
	}
}

func adopt(nodes, parsed []*yaml.Node) {
	for i, n := range nodes {
		if n == parsed[i] { // of a piece that was not even parsed again
			continue
		}
		adopt(n.Content, parsed[i].Content)
		inner, alias := n.Content, n.Alias
		*n = *parsed[i]
		n.Content, n.Alias = inner, alias
	}
}

// fail returns an *Error of kind ErrUneditable for an edit at n.
func (f *File) fail(n *yaml.Node, reason string) error {
	return &Error{File: f.name, Line: f.OuterLine(n.Line), Reason: reason, Err: ErrUneditable}
}
