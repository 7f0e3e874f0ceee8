package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v4"
)

// IsJSON reports whether the file has to stay JSON, which has no comments and one style.
func (f *File) IsJSON() bool { return f.json }

// DeleteDocument deletes the i-th document with its mark, its comments and, of the first, the comments that the file
// starts with. The last one that is left cannot be deleted.
func (f *File) DeleteDocument(i int) error {
	if err := f.settle(); err != nil {
		return err
	}
	f.refresh()
	regions, err := f.regions()
	if err == nil && len(regions) < 2 {
		err = errors.New("the only document of a file cannot be deleted")
	}
	if err != nil {
		return &Error{File: f.name, Reason: err.Error(), Err: ErrUneditable}
	}
	cut := splice{start: regions[i].start, end: regions[i].end}
	if next := i + 1; i == 0 && regions[0].body == regions[0].start && regions[1].isBare {
		cut.end = regions[next].body // a file that starts without a mark still does
	}
	gone := recorded{document: -1 - len(f.changes), Change: Change{File: f.name, Path: ".", Old: summary(f.docs[i])}}
	left := slices.Delete(slices.Clone(f.docs), i, i+1)
	if err := f.rewritten(apply(f.text, []splice{cut}), left); err != nil {
		return err
	}
	f.changes = slices.DeleteFunc(f.changes, func(r recorded) bool { return r.document == i })
	for k := range f.changes {
		if f.changes[k].document > i {
			f.changes[k].document--
		}
	}
	f.changes = append(f.changes, gone)
	return nil
}

// RewriteDocument replaces the text of the i-th document, below its mark, by another one that reads the same as tree,
// and warns of that.
func (f *File) RewriteDocument(i int, text string, tree *yaml.Node) error {
	if err := f.settle(); err != nil {
		return err
	}
	f.refresh()
	regions, err := f.regions()
	if err != nil {
		return &Error{File: f.name, Reason: err.Error(), Err: ErrUneditable}
	}
	at, source := regions[i], f.current()
	if i == 0 {
		at.body = at.start
	}
	if source.newline != "\n" {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", source.newline)
	}
	if at.end == len(f.text) && !bytes.HasSuffix(f.text, []byte("\n")) {
		text = strings.TrimSuffix(text, source.newline)
	}
	trees := slices.Clone(f.docs)
	before := summary(trees[i])
	trees[i] = tree
	if err := f.rewritten(apply(f.text, []splice{{at.body, at.end, text}}), trees); err != nil {
		return err
	}
	after := summary(tree)
	if before == after {
		before, after = "its own layout", "yq's layout"
	}
	change := Change{File: f.name, Path: ".", Old: before, New: after}
	f.changes = append(f.changes, recorded{document: i, Change: change})
	const anew = "%s: document %d is written anew, since it cannot be changed in place: look at its layout"
	f.warnings = append(f.warnings, fmt.Sprintf(anew, f.name, i))
	return nil
}

// StripComments deletes all comments of the i-th document and, of the first, those that the file starts with.
func (f *File) StripComments(i int) error {
	if err := f.settle(); err != nil {
		return err
	}
	f.refresh()
	regions, err := f.regions()
	if err != nil {
		return &Error{File: f.name, Reason: err.Error(), Err: ErrUneditable}
	}
	e := editor{source: f.current(), layouts: map[*yaml.Node]layout{}}
	cuts, err := e.commentsWithin(regions[i], f.docs[i])
	if err != nil {
		return &Error{File: f.name, Reason: err.Error(), Err: ErrUneditable}
	}
	for _, c := range cuts {
		text := strings.TrimSpace(string(f.text[c.start:c.end]))
		f.changes = append(f.changes, recorded{document: i, Change: Change{File: f.name, Path: ".", Old: text}})
	}
	return f.rewritten(apply(f.text, cuts), f.docs)
}

// rewritten takes over a text, which has to read as the documents do.
func (f *File) rewritten(text []byte, docs []*yaml.Node) error {
	parsed, err := verify(f.name, text, docs)
	if err != nil {
		f.err = &Error{File: f.name, Reason: err.Error(), Err: ErrUneditable}
		return f.err
	}
	f.written(text, parsed)
	f.docs, f.parsed, f.pieces = parsed, nil, nil
	return nil
}

// region is where a document is in the text: its mark, if it has one, and where what is below that starts.
type region struct {
	start, body, end int
	isBare           bool // there is nothing on the line of the mark
}

var (
	startMark = regexp.MustCompile(`^---(?:[ \t]|$)`)
	endMark   = regexp.MustCompile(`^\.\.\.(?:[ \t]|$)`)
	noContent = regexp.MustCompile(`^[ \t\x{feff}]*(?:#.*|%.*)?$`)
)

// regions returns the region of each document.
func (f *File) regions() ([]region, error) {
	s := f.current()
	var out []region
	open, from := false, 0 // whether a document has begun since the last mark, and where the next one may start
	for i, at := range s.lines {
		if i == 0 {
			at = 0
		}
		line := s.text[s.lines[i]:s.lineEnd(s.lines[i])]
		next := len(s.text)
		if i+1 < len(s.lines) {
			next = s.lines[i+1]
		}
		switch {
		case startMark.Match(line):
			if open {
				from = at
			}
			bare := len(bytes.TrimSpace(line)) == len("---")
			body := at + len("---")
			if bare {
				body = next
			}
			out = append(out, region{start: from, body: body, isBare: bare})
			open, from = true, at
		case endMark.Match(line):
			open, from = false, next
		case !open && !noContent.Match(line):
			out = append(out, region{start: from, body: from})
			open = true
		}
	}
	for i := range out {
		out[i].end = len(s.text)
		if i+1 < len(out) {
			out[i].end = out[i+1].start
		}
	}
	if len(out) != len(f.docs) {
		return nil, fmt.Errorf("%d documents, whose limits are not understood", len(f.docs))
	}
	return out, nil
}

// commentsWithin returns the splices that cut the comments out of a region, which has the document n.
func (e *editor) commentsWithin(r region, n *yaml.Node) ([]splice, error) {
	taken, err := e.scalarsWithin(n)
	if err != nil {
		return nil, err
	}
	inScalar := func(at int) bool {
		k := sort.Search(len(taken), func(k int) bool { return taken[k].start > at }) - 1
		return k >= 0 && at < taken[k].end
	}
	var out []splice
	for i := e.line(r.start); i < len(e.lines) && e.lines[i] < r.end; i++ {
		start, end := e.lines[i], e.lineEnd(e.lines[i])
		for at := start; at < end; at++ {
			behind := at == start || e.text[at-1] == ' ' || e.text[at-1] == '\t'
			if e.text[at] != '#' || !behind || inScalar(at) {
				continue
			}
			cut := splice{start: start + len(bytes.TrimRight(e.text[start:at], " \t")), end: end}
			if cut.start == start {
				cut.end = min(e.nextLine(i), r.end)
			}
			out = append(out, cut)
			break
		}
	}
	return out, nil
}

// nextLine returns where the line after the i-th starts.
func (e *editor) nextLine(i int) int {
	if i+1 < len(e.lines) {
		return e.lines[i+1]
	}
	return len(e.text)
}

// scalarsWithin returns where the scalars at and below n are, of block scalars only the lines.
func (e *editor) scalarsWithin(n *yaml.Node) ([]splice, error) {
	if n.Kind == yaml.ScalarNode {
		start, end, err := e.token(n)
		if err == nil && n.Style&block != 0 {
			below := e.bodyOf(n, end)
			start, end = below.start, below.blanks
		}
		return []splice{{start: start, end: end}}, err
	}
	var out []splice
	for _, c := range n.Content {
		more, err := e.scalarsWithin(c)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}
