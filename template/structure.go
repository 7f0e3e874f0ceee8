package template

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// restructure returns src, the text of the documents before, changed as little as makes it read as the documents after;
// what changed; and a warning for each part whose layout could not be kept. Entries that are new or gone are lines put
// in or cut out, at the indentation of their neighbours; the comments of a cut entry, directly above it and behind it,
// go with it. Nothing is returned that does not read as after.
func restructure(name string, src []byte, before, after []*yaml.Node, opts layoutOptions) ([]byte, []edit, []string, error) {
	texts := terminated(src, before)
	// try edits each document in its way, and fails unless the result reads as after.
	try := func(ways []way, after []*yaml.Node) (out []byte, e *editor, err error) {
		for _, text := range texts {
			e = newEditor(name, text, before, opts)
			for i, a := range after {
				e.document(i, before, a, ways[i])
			}
			if e.failure != nil {
				return nil, e, e.failure
			}
			out = apply(e.src, e.splices)
			if trimmed := bytes.TrimSuffix(out, []byte(e.nl)); len(text) > len(src) && verifyTree(name, trimmed, after) == nil {
				return trimmed, e, nil
			}
			if err = verifyTree(name, out, after); err == nil {
				break
			}
		}
		return out, e, err
	}
	ways := make([]way, len(after))
	out, e, err := try(ways, after)
	if e.failure != nil {
		return nil, nil, nil, err
	}
	if err != nil { // see which of the documents is to blame, and find another way for that
		for i := range before {
			alone := slices.Clone(before)
			alone[i] = after[i]
			for _, w := range []way{inPlace, withoutBlockScalars, anew} {
				ways[i] = w
				if _, _, err := try(ways, alone); err == nil {
					break
				}
			}
		}
		out, e, err = try(ways, after)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	return out, e.edits, e.warnings, nil
}

// terminated returns src with a line break at its end. Where it had none, and this would become a part of a block scalar,
// it is a second text in which this scalar says that it has none; all nodes are where they were.
func terminated(src []byte, docs []*yaml.Node) [][]byte {
	lines := lineStarts(src)
	if lines[len(lines)-1] == len(src) {
		return [][]byte{src}
	}
	nl := lineBreakOf(src)
	texts := [][]byte{append(bytes.Clone(src), nl...)}
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
	if start, end, err := span(src, lines, last); err == nil {
		header := strings.NewReplacer("-", "", "+", "").Replace(string(src[start:end])) + "-"
		texts = append(texts, append(apply(src, []splice{{start, end, header}}), nl...))
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

// layoutOptions say what of a document counts beside what it reads as.
type layoutOptions struct {
	styles   bool // the styles of its nodes
	comments bool // the comments of its nodes
}

// editor collects the splices that turn the text of one file into another.
type editor struct {
	layoutOptions
	name     string
	src      []byte
	lines    []int
	nl       string // its line break
	step     int    // how far a map is indented below its key
	compact  bool   // a sequence is not indented below its key
	inJSON   bool
	way      way
	layouts  map[*yaml.Node]layout
	marks    map[int][]int // see offset
	splices  []splice      // those within a node follow on each other
	failure  error         // for which there is no other way
	edits    []edit
	warnings []string
}

func newEditor(name string, src []byte, docs []*yaml.Node, opts layoutOptions) *editor {
	e := &editor{layoutOptions: opts, name: name, src: src, lines: lineStarts(src), nl: lineBreakOf(src),
		inJSON: isJSON(name, src), layouts: map[*yaml.Node]layout{}, marks: map[int][]int{}}
	e.step, e.compact = indentation(docs)
	return e
}

// indentation returns by how much maps are mostly indented below their keys, and whether most sequences are not at all.
func indentation(docs []*yaml.Node) (by int, compact bool) {
	steps := map[int]int{}
	indented := 0
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		for i, c := range n.Content {
			visit(c)
			if n.Kind != yaml.MappingNode || i%2 == 0 || c.Style&yaml.FlowStyle != 0 || c.Anchor != "" || c.Style&yaml.TaggedStyle != 0 {
				continue
			}
			switch by := c.Column - n.Content[i-1].Column; {
			case c.Kind == yaml.MappingNode && by > 1:
				steps[by]++
			case c.Kind == yaml.SequenceNode && by == 0:
				indented--
			case c.Kind == yaml.SequenceNode:
				indented++
			}
		}
	}
	for _, doc := range docs {
		visit(doc)
	}
	by = 2
	for n, count := range steps {
		if most := steps[by]; n < 10 && (count > most || count == most && n < by) {
			by = n
		}
	}
	return by, indented < 0
}

// lineBreakOf returns the line break that src uses.
func lineBreakOf(src []byte) string {
	if at := lineBreak.FindIndex(src); at != nil && bytes.HasPrefix(src[at[0]:], []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
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

func (e *editor) record(s slot, path, old, new string) {
	e.edits = append(e.edits, edit{s.document, Change{File: e.name, Path: path, Old: old, New: new}})
}

// recordText records that b becomes a by a splice.
func (e *editor) recordText(b, a *yaml.Node, s slot, p splice) {
	old, now := summary(b), summary(a)
	if old == now { // in another style or type, or with an anchor
		old, now = strings.TrimSpace(string(e.src[p.start:p.end])), strings.TrimSpace(p.text)
	}
	e.record(s, s.path, old, now)
}

// warn tells that what is at s has been written anew, by the last splice.
func (e *editor) warn(s slot) {
	anew := e.splices[len(e.splices)-1]
	look := "look at its comments and its layout"
	for _, found := range anyComment.FindAll(e.src[anew.start:anew.end], -1) {
		if !strings.Contains(anew.text, string(bytes.TrimSpace(found))) {
			look = "some of its comments are lost"
		}
	}
	e.warnings = append(e.warnings, fmt.Sprintf("%s: %s is written anew, since it cannot be changed in place: %s", e.name, s.path, look))
}

var anyComment = regexp.MustCompile(`(?m)(?:^|[ \t])#.*$`)

// document makes the i-th document read as a.
func (e *editor) document(i int, before []*yaml.Node, a *yaml.Node, w way) {
	e.way = w
	s := slot{document: i, path: ".", indent: -1}
	if len(before) == 0 { // no document at all, perhaps comments
		if !empty(a) {
			e.splices = append(e.splices, splice{len(e.src), len(e.src), e.emit(a, s) + e.nl})
			e.record(s, ".", "", summary(a))
		}
		return
	}
	b := before[i]
	if e.same(b, a) {
		return
	}
	s.after = e.offset(b)
	if w != anew {
		undo := e.checkpoint()
		if e.edit(b, a, s) == nil {
			return
		}
		undo()
	}
	e.anew(b, a, s)
}

// anew writes a document anew.
func (e *editor) anew(b, a *yaml.Node, s slot) {
	e.record(s, s.path, summary(b), summary(a))
	start, end := s.after, len(e.src)
	for _, at := range e.lines {
		if at > start && documentMark.Match(e.src[at:e.lineEnd(at)]) {
			end = at
			break
		}
	}
	if first := firstComment(a); first == firstComment(b) {
		a = withoutFirstComment(a) // it stands above already
	} else if isBlock(b) {
		start = e.above(start)
	}
	e.splices = append(e.splices, splice{start, end, e.emit(a, s) + e.nl})
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
	splices, edits, warnings := len(e.splices), len(e.edits), len(e.warnings)
	return func() { e.splices, e.edits, e.warnings = e.splices[:splices], e.edits[:edits], e.warnings[:warnings] }
}

// edit makes b, which is in s, read as a. It fails where the layout of b is not understood.
func (e *editor) edit(b, a *yaml.Node, s slot) error {
	if e.same(b, a) {
		return nil
	}
	if e.comments && !sameComments(b, a) {
		if err := e.lineComment(b, a, s); err != nil {
			return err
		}
		if (&editor{layoutOptions: layoutOptions{styles: e.styles}}).same(b, a) {
			return nil
		}
		if empty(b) {
			return errComments // both would have to be in the same place
		}
	}
	if !s.inFlow && e.lacksColon(s) { // it gets one, on a line of its own
		at := e.lineEnd(s.after)
		text := e.nl + strings.Repeat(" ", s.indent) + ":" + strings.TrimSuffix(e.value(a, s.indent, false), e.nl)
		e.set(b, a, s, splice{at, at, text})
		return nil
	}
	switch {
	case b.Kind != a.Kind || b.Anchor != a.Anchor || (b.Style|a.Style)&yaml.TaggedStyle != 0 && b.Tag != a.Tag,
		e.styles && b.Kind != yaml.ScalarNode && style(b) != style(a):
		return e.replace(b, a, s)
	case b.Kind == yaml.ScalarNode:
		return e.scalar(b, a, s)
	case b.Kind == yaml.AliasNode, len(a.Content) == 0:
		return e.replace(b, a, s)
	case len(b.Content) == 0 && (e.inJSON || !s.inFlow):
		onLines := *a
		onLines.Style &^= yaml.FlowStyle
		return e.replace(b, &onLines, s)
	}
	l, err := e.layout(b, s.indent)
	if err != nil {
		return err
	}
	mark := len(e.splices)
	order, err := e.entries(b, a, s, l)
	if err != nil {
		return err
	}
	if slices.Equal(order, upTo(len(l.entries))) {
		return nil
	}
	inner := e.splices[mark:]
	slices.SortStableFunc(inner, func(a, b splice) int { return cmp.Compare(a.start, b.start) })
	if !slices.IsSorted(withoutNew(order)) {
		e.record(s, s.path, summary(b), summary(a))
	}
	if b.Style&yaml.FlowStyle != 0 {
		return e.rearrangeFlow(a, s, l, order, inner)
	}
	return e.rearrange(a, s, l, order, inner)
}

var errComments = errors.New("comments that are not at the end of a line")

// lineComment puts the comment behind a in the place of that behind b.
func (e *editor) lineComment(b, a *yaml.Node, s slot) error {
	if b.HeadComment != a.HeadComment || b.FootComment != a.FootComment || s.inFlow || s.indent < 0 || isBlock(b) || isBlock(a) {
		return errComments
	}
	end, err := e.end(b, s.indent)
	if err != nil {
		return err
	}
	if empty(b) {
		end = s.after
	}
	text := ""
	if a.LineComment != "" {
		text = " " + hashed(a.LineComment)
	}
	e.splices = append(e.splices, splice{end, e.lineEnd(end), text})
	e.record(s, s.path, b.LineComment, a.LineComment)
	return nil
}

// withoutNew returns what of order is there already.
func withoutNew(order []int) []int {
	return slices.DeleteFunc(slices.Clone(order), func(k int) bool { return k < 0 })
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// entries makes the entries that b and a share read as they do in a. It returns for each entry of a which entry of b it
// is, or -1.
func (e *editor) entries(b, a *yaml.Node, s slot, l layout) ([]int, error) {
	order := e.match(b, a)
	kept := make([]bool, len(l.entries))
	for i, k := range order {
		at := slot{document: s.document, path: step(s.path, a, i), indent: l.column, inFlow: s.inFlow || b.Style&yaml.FlowStyle != 0, item: b.Kind == yaml.SequenceNode}
		value := entryValue(a, i)
		if k < 0 {
			e.record(s, at.path, "", summary(value))
			continue
		}
		kept[k] = true
		old := l.entries[k]
		at.after = old.after
		if e.comments && (b.Kind == yaml.MappingNode && !sameComments(old.key, a.Content[2*i]) || old.value.HeadComment != value.HeadComment) {
			return nil, errComments
		}
		if b.Kind == yaml.MappingNode && !e.same(old.key, a.Content[2*i]) {
			if err := e.scalar(old.key, a.Content[2*i], at); err != nil {
				return nil, err
			}
		}
		undo := e.checkpoint()
		if e.edit(old.value, value, at) == nil {
			continue
		}
		undo()
		if err := e.replace(old.value, value, at); err != nil {
			return nil, err
		}
		e.warn(at)
	}
	for k, old := range l.entries {
		if kept[k] {
			continue
		}
		path := step(s.path, b, k)
		e.record(s, path, summary(old.value), "")
		if b.Style&yaml.FlowStyle == 0 {
			if line := disabled.Find(e.src[e.head(old.start):old.start]); line != nil {
				e.warnings = append(e.warnings, fmt.Sprintf("%s: %s is deleted with the comments above it, which may be entries of their own: %s", e.name, path, bytes.TrimSpace(line)))
			}
		}
	}
	return order, nil
}

// disabled finds a comment that looks like an entry.
var disabled = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*(?:- |[\w./-]+:(?:[ \t\r]|$)).*`)

func entryValue(n *yaml.Node, i int) *yaml.Node {
	if n.Kind == yaml.MappingNode {
		return n.Content[2*i+1]
	}
	return n.Content[i]
}

// step returns the path of the i-th entry of parent, which is at path.
func step(path string, parent *yaml.Node, i int) string {
	if parent.Kind == yaml.MappingNode {
		i *= 2
	}
	return childPath(path, parent, i)
}

// scalar makes the scalar b read as the scalar a, by its token alone.
func (e *editor) scalar(b, a *yaml.Node, s slot) error {
	if b.Kind != yaml.ScalarNode || a.Kind != yaml.ScalarNode {
		return errors.New("a key that is a collection")
	}
	isKey := e.offset(b) < s.after
	if e.styles && (a.Style&block != 0 || b.Style&block != 0 && !isKey) {
		return e.replace(b, a, s)
	}
	start, end, err := e.span(b)
	if err != nil {
		return err
	}
	text, err := e.token(a, b.Style, s.inFlow || isKey)
	if err != nil {
		return err
	}
	if b.Style&block != 0 {
		inline := splice{start, end, text}
		e.splices = append(e.splices, rewriteBlock(e.src, e.lines, b, inline, a.Value, e.way == withoutBlockScalars)...)
		e.recordText(b, a, s, inline)
		return nil
	}
	if start == end && !isKey && e.lacksColon(s) {
		start, end, text = s.after, s.after, ": "+text
	} else if start == end && start > 0 && !strings.ContainsRune(" \t\r\n", rune(e.src[start-1])) {
		text = " " + text
	}
	e.set(b, a, s, splice{start, end, text})
	return nil
}

// set puts a in the place of b by a splice.
func (e *editor) set(b, a *yaml.Node, s slot, p splice) {
	e.recordText(b, a, s, p)
	e.splices = append(e.splices, p)
}

// lacksColon reports whether s is that of a key alone, as in {a} and "? a".
func (e *editor) lacksColon(s slot) bool {
	return s.indent >= 0 && !s.item && s.after > 0 && e.src[s.after-1] != ':'
}

// replace puts a in the place of b, which is in s, comments within b and all.
func (e *editor) replace(b, a *yaml.Node, s slot) error {
	end, err := e.end(b, s.indent)
	if err != nil {
		return err
	}
	if empty(b) {
		end = max(end, s.after)
	}
	start := max(e.offset(b), s.after)
	bare := *a // the comments beside it are those of the text
	bare.HeadComment, bare.FootComment = "", ""
	if !e.comments {
		bare.LineComment = ""
	}
	a = &bare
	if s.inFlow || e.inJSON {
		line := e.src[e.lines[e.line(start)]:]
		text, err := e.flow(a, len(line)-len(bytes.TrimLeft(line, " \t")))
		if empty(b) && e.lacksColon(s) {
			start, end, text = s.after, s.after, ": "+text
		} else if start > 0 && !strings.ContainsRune(" \t\r\n[{", rune(e.src[start-1])) {
			text = " " + text
		}
		e.recordText(b, a, s, splice{start, end, text})
		e.put(start, end, text)
		return err
	}
	// What comes after the ":" or "-" is: the first line of the new value, the comment that stood on the old line, and
	// the other lines.
	first, rest := e.emit(a, s), ""
	if at := lineBreak.FindStringIndex(first); at != nil {
		first, rest = first[:at[0]], first[at[0]:]
	}
	lineEnd := e.lineEnd(s.after)
	comment := ""
	if from := min(start, lineEnd); s.after <= from {
		comment = strings.TrimRight(string(e.src[s.after:from]), " \t")
	}
	if tail := string(e.src[end:e.lineEnd(end)]); strings.TrimSpace(tail) != "" && !isBlock(b) {
		comment += tail
	}
	if e.comments {
		comment = ""
	}
	if s.indent < 0 {
		if rest != "" && start > e.lines[e.line(start)] {
			first = e.nl + first
		}
	} else if first != "" {
		first = " " + first
	}
	if s.indent < 0 && start == len(e.src) {
		rest += e.nl
	}
	e.recordText(b, a, s, splice{start, end, first + rest})
	e.put(s.after, e.lineEnd(end), first+comment+rest)
	return nil
}

// put replaces what is between two offsets, edited or not.
func (e *editor) put(start, end int, text string) {
	n := len(e.splices)
	for n > 0 && start <= e.splices[n-1].start && e.splices[n-1].end <= end {
		n--
	}
	e.splices = append(e.splices[:n], splice{start, end, text})
}

// verifyTree returns an error unless src, the file of that name, reads as want. Styles and comments may differ: not every
// node can have any.
func verifyTree(name string, src []byte, want []*yaml.Node) error {
	docs, err := parseAs(name, src)
	switch {
	case err != nil:
		return err
	case len(docs) == 0 && len(want) == 1 && want[0].Tag == "!!null":
		return nil
	case len(docs) != len(want):
		return errors.New("there would be more or fewer documents")
	}
	for i, doc := range docs {
		if !(&editor{}).same(doc, want[i]) {
			return fmt.Errorf("document %d would not read as it should", i)
		}
	}
	return nil
}
