package yamledit

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

var errComments = errors.New("comments that are not at the end of a line")

// turn makes before, which is in s, read as after. It fails where the layout of before is not understood.
func (e *editor) turn(before, after *yaml.Node, s slot) error {
	if e.same(before, after) {
		return nil
	}
	if e.comments && !sameComments(before, after) {
		if err := e.lineComment(before, after, s); err != nil {
			return err
		}
		if (counted{styles: e.styles}).same(before, after) {
			return nil
		}
		if isEmpty(before) {
			return errComments // both would have to be in the same place
		}
	}
	if !s.inFlow && e.lacksColon(s) { // it gets one, on a line of its own
		at := e.lineEnd(s.after)
		value := strings.TrimSuffix(e.value(after, s.indent, false), e.newline)
		put := splice{at, at, e.newline + strings.Repeat(" ", s.indent) + ":" + value}
		e.recordText(before, after, s, put)
		e.splices = append(e.splices, put)
		return nil
	}
	switch {
	case e.isOther(before, after):
		return e.replace(before, after, s)
	case before.Kind == yaml.ScalarNode:
		return e.turnScalar(before, after, s)
	case before.Kind == yaml.AliasNode, len(after.Content) == 0:
		return e.replace(before, after, s)
	case len(before.Content) == 0 && (e.json || !s.inFlow) && !e.holdsComment(before):
		onLines := *after
		onLines.Style &^= yaml.FlowStyle
		return e.replace(before, &onLines, s)
	}
	return e.turnCollection(before, after, s)
}

// holdsComment reports whether there is a comment between the brackets of an empty collection, which stay for it then.
func (e *editor) holdsComment(n *yaml.Node) bool {
	at := e.inner(n) + 1
	return at <= len(e.text) && anyComment.Match(e.text[at:e.skipBlanks(at)])
}

// isOther reports whether after is of another kind than before, so that nothing of that can stay.
func (e *editor) isOther(before, after *yaml.Node) bool {
	if before.Kind != after.Kind || before.Anchor != after.Anchor {
		return true
	}
	tagged := (before.Style|after.Style)&yaml.TaggedStyle != 0
	return tagged && before.Tag != after.Tag ||
		e.styles && before.Kind != yaml.ScalarNode && style(before) != style(after)
}

// turnCollection does what turn does, for collections of one kind with entries.
func (e *editor) turnCollection(before, after *yaml.Node, s slot) error {
	l, err := e.measure(before, s.indent)
	if err != nil {
		return err
	}
	mark := len(e.splices)
	order, err := e.turnEntries(before, after, s, l)
	if err != nil {
		return err
	}
	if slices.Equal(order, upTo(len(l.entries))) {
		return nil
	}
	inner := e.splices[mark:]
	slices.SortStableFunc(inner, func(x, y splice) int { return cmp.Compare(x.start, y.start) })
	if !slices.IsSorted(withoutNew(order)) {
		e.record(s, s.path, summary(before), summary(after))
	}
	r := rearrangement{editor: e, layout: l, after: after, order: order, inner: inner}
	if isFlow(before) {
		return r.inFlow(s.indent)
	}
	return r.inBlock()
}

// lineComment puts the comment behind after in the place of that behind before.
func (e *editor) lineComment(before, after *yaml.Node, s slot) error {
	if before.HeadComment != after.HeadComment || before.FootComment != after.FootComment ||
		s.inFlow || s.indent < 0 || isBlock(before) || isBlock(after) {
		return errComments
	}
	end, err := e.end(before, s.indent)
	if err != nil {
		return err
	}
	if isEmpty(before) {
		end = s.after
	}
	text := ""
	if after.LineComment != "" {
		text = " " + hashed(after.LineComment)
	}
	e.splices = append(e.splices, splice{end, e.lineEnd(end), text})
	e.record(s, s.path, before.LineComment, after.LineComment)
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

// turnEntries makes the entries that before and after share read as they do in after. It returns for each entry of
// after which entry of before it is, or -1.
func (e *editor) turnEntries(before, after *yaml.Node, s slot, l layout) ([]int, error) {
	order := e.match(before, after)
	kept := make([]bool, len(l.entries))
	for i, k := range order {
		at := slot{document: s.document, path: entryPath(s.path, after, i), indent: l.column,
			inFlow: s.inFlow || isFlow(before), item: before.Kind == yaml.SequenceNode}
		if k < 0 {
			e.record(s, at.path, "", summary(entryValue(after, i)))
			continue
		}
		kept[k] = true
		at.after = l.entries[k].after
		if err := e.turnEntry(l.entries[k], after, i, at); err != nil {
			return nil, err
		}
	}
	for k, old := range l.entries {
		if !kept[k] {
			path := entryPath(s.path, before, k)
			e.record(s, path, summary(old.value), "")
			e.warnDisabled(before, old, path)
		}
	}
	return order, nil
}

// turnEntry makes an entry, whose value is at s, read as the i-th of after.
func (e *editor) turnEntry(old entry, after *yaml.Node, i int, s slot) error {
	become := entry{value: entryValue(after, i)}
	if old.key != nil {
		become.key = after.Content[2*i]
	}
	if e.comments {
		var err error
		if become, err = e.besides(old, become, s); err != nil {
			return err
		}
	}
	value := become.value
	if key := become.key; key != nil {
		if e.comments && !sameComments(old.key, key) {
			return errComments
		}
		if !e.same(old.key, key) {
			if err := e.turnScalar(old.key, key, s); err != nil {
				return err
			}
		}
	}
	undo := e.checkpoint()
	if e.turn(old.value, value, s) == nil {
		return nil
	}
	undo()
	if err := e.replace(old.value, value, s); err != nil {
		return err
	}
	e.warn(s)
	return nil
}

// warnDisabled tells that comments which look like entries go with an entry of the collection n.
func (e *editor) warnDisabled(n *yaml.Node, gone entry, path string) {
	if isFlow(n) {
		return
	}
	if line := disabled.Find(e.text[e.head(gone.start):gone.start]); line != nil {
		e.warnings = append(e.warnings,
			fmt.Sprintf("%s: %s is deleted with the comments above it, which may be entries of their own: %s",
				e.name, path, bytes.TrimSpace(line)))
	}
}

// disabled finds a comment that looks like an entry.
var disabled = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*(?:- |[\w./-]+:(?:[ \t\r]|$)).*`)

// turnScalar makes a scalar, a value or a key, read as after, by its token alone.
func (e *editor) turnScalar(before, after *yaml.Node, s slot) error {
	if before.Kind != yaml.ScalarNode || after.Kind != yaml.ScalarNode {
		return errors.New("a key that is a collection")
	}
	isKey := e.offset(before) < s.after
	if e.styles && (after.Style&block != 0 || before.Style&block != 0 && !isKey) {
		return e.replace(before, after, s)
	}
	start, end, err := e.token(before)
	if err != nil {
		return err
	}
	text, err := e.scalar(after, before.Style, s.inFlow || isKey)
	if err != nil {
		return err
	}
	put := splice{start, end, text}
	if before.Style&block != 0 {
		e.recordText(before, after, s, put)
		if e.way == withoutBlockScalars {
			e.splices = append(e.splices, e.endBlock(before, put)...)
		} else {
			e.splices = append(e.splices, e.rewriteBlock(before, put, after.Value)...)
		}
		return nil
	}
	if start == end && !isKey && e.lacksColon(s) {
		put = splice{s.after, s.after, ": " + text}
	} else if start == end && start > 0 && !strings.ContainsRune(" \t\r\n", rune(e.text[start-1])) {
		put.text = " " + text
	}
	e.recordText(before, after, s, put)
	e.splices = append(e.splices, put)
	return nil
}

// lacksColon reports whether s is that of a key alone, as in {a} and "? a".
func (e *editor) lacksColon(s slot) bool {
	return s.indent >= 0 && !s.item && s.after > 0 && e.text[s.after-1] != ':'
}

// replace puts after in the place of before, which is in s, comments within before and all.
func (e *editor) replace(before, after *yaml.Node, s slot) error {
	end, err := e.end(before, s.indent)
	if err != nil {
		return err
	}
	if isEmpty(before) {
		end = max(end, s.after)
	}
	old := splice{start: max(e.offset(before), s.after), end: end}
	bare := *after // the comments beside it are those of the text
	bare.HeadComment, bare.FootComment = "", ""
	if !e.comments {
		bare.LineComment = ""
	}
	if s.inFlow || e.json {
		return e.replaceInFlow(before, &bare, s, old)
	}
	e.replaceOnLines(before, &bare, s, old)
	return nil
}

// replaceInFlow does what replace does within brackets, for the text at old.
func (e *editor) replaceInFlow(before, after *yaml.Node, s slot, old splice) error {
	line := e.text[e.lineStart(old.start):]
	text, err := e.flow(after, len(line)-len(bytes.TrimLeft(line, " \t")))
	put := splice{old.start, old.end, text}
	if isEmpty(before) && e.lacksColon(s) {
		put = splice{s.after, s.after, ": " + text}
	} else if old.start > 0 && !strings.ContainsRune(" \t\r\n[{", rune(e.text[old.start-1])) {
		put.text = " " + text
	}
	e.recordText(before, after, s, put)
	e.put(put.start, put.end, put.text)
	return err
}

// replaceOnLines does what replace does outside of brackets, for the text at old. What comes after the ":" or "-" is:
// the first line of the new value, the comment that stood on the old line, and the other lines.
func (e *editor) replaceOnLines(before, after *yaml.Node, s slot, old splice) {
	first, rest := e.emit(after, s), ""
	if at := lineBreak.FindStringIndex(first); at != nil {
		first, rest = first[:at[0]], first[at[0]:]
	}
	comment := ""
	if !e.comments {
		comment = e.commentBeside(before, s, old)
	}
	from := s.after
	if s.indent < 0 {
		onLines := rest != "" || isBlock(after) // which may not start on the line of a "---"
		line := e.lineStart(old.start)
		switch isIndented := len(bytes.TrimLeft(e.text[line:old.start], " ")) == 0; {
		case onLines && isIndented:
			from = line
		case onLines:
			first = e.newline + first
		}
	} else if first != "" {
		first = " " + first
	}
	if s.indent < 0 && old.start == len(e.text) {
		rest += e.newline
	}
	e.recordText(before, after, s, splice{old.start, old.end, first + rest})
	e.put(from, e.lineEnd(old.end), first+comment+rest)
}

// commentBeside returns the comments on the lines at which the value at old, which is in s, starts and ends, and which
// are not within it.
func (e *editor) commentBeside(before *yaml.Node, s slot, old splice) string {
	comment := ""
	if from := min(old.start, e.lineEnd(s.after)); s.after <= from {
		comment = strings.TrimRight(string(e.text[s.after:from]), " \t")
	}
	if tail := string(e.text[old.end:e.lineEnd(old.end)]); strings.TrimSpace(tail) != "" && !isBlock(before) {
		comment += tail
	}
	return comment
}
