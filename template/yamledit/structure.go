package yamledit

import (
	"bytes"
	"errors"
	"slices"

	"go.yaml.in/yaml/v4"
)

// restructuring is an edit of the structure that is not in the text yet: the documents as they were. What they become
// is in the tree.
type restructuring struct {
	counted
	before   []*yaml.Node
	replaced bool // the nodes of the tree are others than before
}

// settleStructure writes what differs in the structure into the text.
func (f *File) settleStructure() error {
	r := f.structure
	f.structure = nil
	result, err := restructure(f.current(), r, f.docs)
	if twice, ok := errors.AsType[duplicateKey](err); ok {
		return &Error{File: f.name, Line: f.OuterLine(twice.line), Reason: twice.Error(), Err: ErrDuplicateKey}
	}
	if err != nil {
		return &Error{File: f.name, Reason: err.Error(), Err: ErrUneditable}
	}
	f.written(result.text, result.docs)
	f.pieces = nil
	f.changes = append(f.changes, result.changes...)
	f.warnings = append(f.warnings, result.warnings...)
	if r.replaced || len(f.docs) != len(result.docs) {
		f.docs, f.parsed = result.docs, nil
	}
	return nil
}

// restructured is a text that was restructured.
type restructured struct {
	text     []byte
	docs     []*yaml.Node // that it is parsed to
	changes  []recorded
	warnings []string
}

// restructure returns the text changed as little as makes it read as the documents after; what changed; and a warning
// for each part whose layout could not be kept. Entries that are new or gone are lines put in or cut out, at the
// indentation of their neighbours; the comments of a cut entry, directly above it and behind it, go with it. Nothing is
// returned that does not read as after.
func restructure(s *source, r *restructuring, after []*yaml.Node) (restructured, error) {
	a := attempt{source: s, restructuring: r, texts: terminated(s, r.before)}
	ways := make([]way, len(after))
	out, err := a.make(ways, after)
	if _, final := errors.AsType[duplicateKey](err); err == nil || final {
		return out, err
	}
	// See which of the documents is to blame, and find another way for that.
	for i := range r.before {
		onlyThis := slices.Clone(r.before)
		onlyThis[i] = after[i]
		for _, w := range []way{inPlace, withoutBlockScalars, anew} {
			ways[i] = w
			if _, err := a.make(ways, onlyThis); err == nil {
				break
			}
		}
	}
	return a.make(ways, after)
}

// attempt makes restructurings, until one succeeds.
type attempt struct {
	source *source
	*restructuring
	texts [][]byte // see terminated
}

// make edits each document in its way, and fails unless the result reads as after.
func (a attempt) make(ways []way, after []*yaml.Node) (out restructured, err error) {
	for _, text := range a.texts {
		s := *a.source
		s.text, s.lines, s.marks = text, lineStarts(text), map[int][]int{}
		e := newEditor(&s, a.restructuring)
		for i, doc := range after {
			e.document(i, a.before, doc, ways[i])
		}
		if e.failure != nil {
			return restructured{}, e.failure
		}
		out = restructured{text: apply(s.text, e.splices), changes: e.changes, warnings: e.warnings}
		if len(text) > len(a.source.text) { // it may go without the line break that it got
			trimmed := bytes.TrimSuffix(out.text, []byte(s.newline))
			if docs, err := verify(s.name, trimmed, after); err == nil {
				out.text, out.docs = trimmed, docs
				return out, nil
			}
		}
		if out.docs, err = verify(s.name, out.text, after); err == nil {
			return out, nil
		}
	}
	return restructured{}, err
}

// terminated returns the text with a line break at its end. Where it had none, and this would become a part of a block
// scalar, it is a second text in which this scalar says that it has none; all nodes are where they were.
func terminated(s *source, docs []*yaml.Node) [][]byte {
	if s.lines[len(s.lines)-1] == len(s.text) {
		return [][]byte{s.text}
	}
	texts := [][]byte{append(bytes.Clone(s.text), s.newline...)}
	if len(docs) == 0 {
		return texts
	}
	last := docs[len(docs)-1]
	for len(last.Content) > 0 {
		last = last.Content[len(last.Content)-1]
	}
	if last.Style&block == 0 {
		return texts
	}
	if start, end, err := s.token(last); err == nil {
		header := withoutChomping.Replace(string(s.text[start:end])) + "-"
		texts = append(texts, append(apply(s.text, []splice{{start, end, header}}), s.newline...))
	}
	return texts
}

// way is how a document is edited.
type way int

const (
	inPlace             way = iota
	withoutBlockScalars     // new strings are in quotes, for what follows a block scalar may be taken for a part of it
	anew                    // all of it is written anew
)
