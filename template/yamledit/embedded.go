package yamledit

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// embedding is a document that a string of a File holds.
type embedding struct {
	holder *yaml.Node // the string
	file   *File
}

// Embedded returns the document, or the documents, of YAML or JSON that the string n holds, as a File of their own.
// What is edited there is written into the string by Bytes of f, and told by its changes, whose paths are those of
// yq: ".spec.values | from_yaml | .image.tag". The same File is returned for the same string. Documents may be in
// documents, to any depth.
//
// The string keeps its style, its indentation and the bytes of what does not change: in a block (|), a value that
// changes is one line; in quotes, only its characters change. In a folded block (>), lines can neither come nor go.
//
// Both are verified: the inner text reads as its nodes do, and the string reads as the inner text. Errors name the
// lines of the file of f.
//
// An *Error tells of a string that is neither YAML nor JSON (ErrSyntax), of a nil node (ErrNoNode), and of one that is
// no string of the file (ErrUneditable). A File that was returned is of no more use once its string is set by Set.
func (f *File) Embedded(n *yaml.Node) (*File, error) {
	p, err := f.locateValue(n)
	if err != nil {
		return nil, err
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!null" && !isTagged(n) {
		return nil, f.fail(n, p.path+" holds no document: it is "+kindOf(n))
	}
	for _, e := range f.embedded {
		if e.holder == n {
			return e.file, nil
		}
	}
	text := []byte(n.Value)
	if n.Tag == "!!null" {
		text = nil
	}
	in := &File{name: f.name, text: text, json: isJSON("", text), inPieces: f.inPieces, outer: f, holder: n}
	if in.docs, in.pieces, err = in.parse(in.text); err != nil {
		line, cause := position(err)
		line = max(1, min(line, strings.Count(strings.TrimRight(n.Value, "\n"), "\n")+1))
		return nil, &Error{File: f.name, Line: in.OuterLine(line), Err: ErrSyntax,
			Reason: p.path + " holds text that cannot be read as YAML: " + cause.Error()}
	}
	f.embedded = append(f.embedded, embedding{n, in})
	return in, nil
}

// kindOf returns what a node is, for people.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a sequence"
	case yaml.AliasNode:
		return "an alias"
	}
	return "no string"
}

// OuterLine returns the line of the outermost file on which a line of f is: of a document in a string, by where that
// string is, and else the line itself. It is the first line of the string where no other is known.
func (f *File) OuterLine(line int) int {
	if f.outer == nil || line <= 0 {
		return line
	}
	f.outer.refresh()
	return f.outer.OuterLine(f.outer.current().lineWithin(f.holder, line))
}

// lineWithin returns on which line the number-th line of what n reads is.
func (s *source) lineWithin(n *yaml.Node, number int) int {
	start, end, err := s.token(n)
	if err != nil {
		return n.Line
	}
	first := s.line(start) + 1
	if n.Style&yaml.LiteralStyle != 0 {
		return first + number
	}
	at := 0
	for range number - 1 {
		next := strings.IndexByte(n.Value[at:], '\n')
		if next < 0 {
			return first
		}
		at += next + 1
	}
	var m alignment
	switch {
	case n.Style&yaml.FoldedStyle != 0:
		m, err = s.alignFolded(n, end)
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		m, err = alignQuoted(string(s.text[start:end]), n.Value)
		m.base = start
	default:
		return first
	}
	if err != nil || at >= len(m.chars) {
		return first
	}
	return s.line(m.base+m.chars[at].start) + 1
}

// isDirty reports whether anything differs from the text.
func (f *File) isDirty() bool {
	return len(f.scalars)+len(f.cuts) > 0 || f.structure != nil ||
		slices.ContainsFunc(f.embedded, embedding.isDirty)
}

// isDirty reports whether the string does not hold the document as it is now.
func (e embedding) isDirty() bool {
	now := e.holder.Value
	if e.holder.Tag == "!!null" {
		now = ""
	}
	return e.file.err != nil || e.file.isDirty() || string(e.file.text) != now
}

// gather takes over what the documents in strings have become, as edits of the strings.
func (f *File) gather() {
	for _, e := range f.embedded {
		if f.err != nil {
			return
		}
		if e.isDirty() {
			f.err = f.gatherOne(e)
		}
	}
}

func (f *File) gatherOne(e embedding) error {
	if _, _, err := e.file.Bytes(); err != nil {
		return err
	}
	text := e.file.fitted(e.holder.Value)
	p, ok := f.locate(e.holder)
	if !ok {
		return f.fail(e.holder, "a document in a string that is no longer in the file")
	}
	known := f.byNode[e.holder]
	alone := known == nil || known.inner == e.file
	if err := f.setScalar(e.holder, p, content{"!!str", text}); err != nil {
		return err
	}
	if edit := f.byNode[e.holder]; edit != nil {
		edit.carried = true
		if alone {
			edit.inner = e.file
		}
	}
	return nil
}

// fitted returns the text of the document with as many line breaks at its end as the string that holds it has now,
// where that reads the same.
func (f *File) fitted(now string) string {
	text := string(f.text)
	bare, end := strings.TrimRight(text, "\n"), now[len(strings.TrimRight(now, "\n")):]
	if now == "" || bare+end == text || strings.HasSuffix(bare, "\r") {
		return text
	}
	docs, err := parseAs(f.name, []byte(bare+end))
	f.refresh()
	if err != nil || equal(f.docs, docs) != nil {
		return text
	}
	f.text, f.found = []byte(bare+end), nil
	return bare + end
}

// forget forgets the document in a string that is about to be set as a whole, once the string has what it became.
func (f *File) forget(n *yaml.Node) {
	if !slices.ContainsFunc(f.embedded, func(e embedding) bool { return e.holder == n }) {
		return
	}
	f.gather()
	f.embedded = slices.DeleteFunc(f.embedded, func(e embedding) bool {
		if e.holder != n {
			return false
		}
		e.file.err = f.fail(n, "the string that held the document has been set")
		return true
	})
}

// decoder returns yq's operator that reads the document out of its string.
func (f *File) decoder() string {
	if f.json {
		return "from_json"
	}
	return "from_yaml"
}

// within returns the changes of a document in the string at a path.
func (f *File) within(path string) []Change {
	out := merge(f.changes)
	for i := range out {
		out[i].Path = fmt.Sprintf("%s | %s | %s", path, f.decoder(), out[i].Path)
	}
	return out
}
