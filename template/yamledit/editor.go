package yamledit

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// editor collects the splices that turn the text of one file into another.
type editor struct {
	*source
	counted
	step     int  // how far a map is indented below its key
	compact  bool // a sequence is not indented below its key
	way      way
	layouts  map[*yaml.Node]layout
	splices  []splice // those within a node follow on each other
	failure  error    // for which there is no other way
	changes  []recorded
	warnings []string
}

func newEditor(s *source, r *restructuring) *editor {
	e := &editor{source: s, counted: r.counted, layouts: map[*yaml.Node]layout{}}
	e.step, e.compact = indentation(r.before)
	return e
}

// indentation returns by how much maps are mostly indented below their keys, or sequences where there are no such maps,
// and whether most sequences are not at all.
func indentation(docs []*yaml.Node) (by int, compact bool) {
	steps, ofSequences := map[int]int{}, map[int]int{}
	indented := 0
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		for i, c := range n.Content {
			visit(c)
			if n.Kind != yaml.MappingNode || i%2 == 0 || isFlow(c) || c.Anchor != "" || c.Style&yaml.TaggedStyle != 0 {
				continue
			}
			switch by := c.Column - n.Content[i-1].Column; {
			case c.Kind == yaml.MappingNode && by > 1:
				steps[by]++
			case c.Kind == yaml.SequenceNode && by == 0:
				indented--
			case c.Kind == yaml.SequenceNode:
				indented++
				ofSequences[by]++
			}
		}
	}
	for _, doc := range docs {
		visit(doc)
	}
	if len(steps) == 0 {
		steps = ofSequences
	}
	by = 2
	for n, count := range steps {
		if most := steps[by]; n < 10 && (count > most || count == most && n < by) {
			by = n
		}
	}
	return by, indented < 0
}

// slot is a place that holds a value.
type slot struct {
	document int
	path     string
	after    int  // where the ":" or "-" before it ends; for a document, where it starts
	indent   int  // the column of the entry that it belongs to; -1 for a document
	inFlow   bool // within [] or {}
	item     bool // of a sequence
}

// record takes note of a change at a path in the document of s.
func (e *editor) record(s slot, path, before, after string) {
	change := Change{File: e.name, Path: path, Old: before, New: after}
	e.changes = append(e.changes, recorded{document: s.document, Change: change})
}

// recordText takes note that before becomes after by a splice.
func (e *editor) recordText(before, after *yaml.Node, s slot, p splice) {
	old, now := summary(before), summary(after)
	if old == now { // in another style or type, or with an anchor
		old, now = strings.TrimSpace(string(e.text[p.start:p.end])), strings.TrimSpace(p.text)
	}
	e.record(s, s.path, old, now)
}

// warn tells that what is at s has been written anew, by the last splice.
func (e *editor) warn(s slot) {
	last := e.splices[len(e.splices)-1]
	look := "look at its comments and its layout"
	for _, found := range anyComment.FindAll(e.text[last.start:last.end], -1) {
		if !strings.Contains(last.text, string(bytes.TrimSpace(found))) {
			look = "some of its comments are lost"
		}
	}
	e.warnings = append(e.warnings,
		fmt.Sprintf("%s: %s is written anew, since it cannot be changed in place: %s", e.name, s.path, look))
}

var anyComment = regexp.MustCompile(`(?m)(?:^|[ \t])#.*$`)

// document makes the i-th document read as after, in a way.
func (e *editor) document(i int, before []*yaml.Node, after *yaml.Node, w way) {
	e.way = w
	s := slot{document: i, path: ".", indent: -1}
	if len(before) == 0 { // no document at all, perhaps comments
		if !isEmpty(after) {
			e.splices = append(e.splices, splice{len(e.text), len(e.text), e.emit(after, s) + e.newline})
			e.record(s, ".", "", summary(after))
		}
		return
	}
	old := before[i]
	if e.same(old, after) {
		return
	}
	s.after = e.offset(old)
	if w != anew {
		undo := e.checkpoint()
		if e.inPlace(old, after, s) == nil {
			return
		}
		undo()
	}
	e.anew(old, after, s)
}

// inPlace makes a document read as after, where its layout allows.
func (e *editor) inPlace(before, after *yaml.Node, s slot) error {
	if e.comments {
		if err := e.turnHeader(before, after, s); err != nil {
			return err
		}
		if err := e.turnFooter(before, after, s); err != nil {
			return err
		}
		after = withHead(after, before.HeadComment)
		after.FootComment = before.FootComment
	}
	return e.turn(before, after, s)
}

// anew writes a document anew.
func (e *editor) anew(before, after *yaml.Node, s slot) {
	e.record(s, s.path, summary(before), summary(after))
	start, end := s.after, len(e.text)
	for _, at := range e.lines {
		isNext := at > start || at == start && isEmpty(before) // which has no line of its own
		if isNext && documentMark.Match(e.text[at:e.lineEnd(at)]) {
			end = at
			break
		}
	}
	if first := firstComment(after); first == firstComment(before) {
		after = withoutFirstComment(after) // it stands above already
	} else if isBlock(before) {
		start = e.above(start)
	}
	e.splices = append(e.splices, splice{start, end, e.emit(after, s) + e.newline})
	e.warn(s)
}

// firstComment returns the comment that stands above the first line of n.
func firstComment(n *yaml.Node) string {
	if n.HeadComment != "" || len(n.Content) == 0 {
		return n.HeadComment
	}
	return firstComment(n.Content[0])
}

func withoutFirstComment(n *yaml.Node) *yaml.Node {
	out := *n
	out.HeadComment = ""
	if len(n.Content) > 0 && n.HeadComment == "" {
		out.Content = slices.Clone(n.Content)
		out.Content[0] = withoutFirstComment(n.Content[0])
	}
	return &out
}

// checkpoint returns a function that takes back what is done from now on.
func (e *editor) checkpoint() func() {
	splices, changes, warnings := len(e.splices), len(e.changes), len(e.warnings)
	return func() {
		e.splices, e.changes, e.warnings = e.splices[:splices], e.changes[:changes], e.warnings[:warnings]
	}
}

// put replaces what is between two offsets, edited or not.
func (e *editor) put(start, end int, text string) {
	n := len(e.splices)
	for n > 0 && start <= e.splices[n-1].start && e.splices[n-1].end <= end {
		n--
	}
	e.splices = append(e.splices[:n], splice{start, end, text})
}
