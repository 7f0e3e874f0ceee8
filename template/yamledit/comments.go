package yamledit

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v4"
)

// besides makes the comments above an entry and behind its ":" or "-" those of another one. It returns that one with
// the comments that there were.
func (e *editor) besides(old, after entry, s slot) (entry, error) {
	after, err := e.headComment(old, after.key, after.value, s)
	if err != nil {
		return entry{}, err
	}
	return e.colonComment(old, after, s)
}

// colonComment does what besides does, for the comment behind the ":" or "-" of an entry whose value is on lines below.
func (e *editor) colonComment(old, after entry, s slot) (entry, error) {
	onLines := func(n *yaml.Node) bool { return n.Kind != yaml.ScalarNode && isBlock(n) }
	if !onLines(old.value) || !onLines(after.value) {
		return after, nil
	}
	before, now := old.value.LineComment, after.value.LineComment
	out := entry{key: after.key, value: withLine(after.value, before)}
	if old.key != nil {
		before, now = joinComments(old.key.LineComment, before), joinComments(after.key.LineComment, now)
		out.key = withLine(after.key, old.key.LineComment)
	}
	if before == now {
		return out, nil
	}
	end := e.lineEnd(old.after)
	there := strings.TrimSpace(string(e.text[old.after:end]))
	if s.inFlow || there != strings.TrimSpace(before) || strings.Contains(now, "\n") {
		return entry{}, errComments
	}
	text := ""
	if now != "" {
		text = " " + hashed(now)
	}
	e.splices = append(e.splices, splice{old.after, end, text})
	e.record(s, s.path, before, now)
	return out, nil
}

// withLine returns a copy of n that has the comment behind it.
func withLine(n *yaml.Node, comment string) *yaml.Node {
	out := *n
	out.LineComment = comment
	return &out
}

// headComment puts the comment above an entry, which is to have the key, if it is one of a map, and the value, in place
// of the one that is there, and returns the entry without it.
func (e *editor) headComment(old entry, key, value *yaml.Node, s slot) (entry, error) {
	before, after := old.value.HeadComment, value.HeadComment
	out := entry{key: key, value: withHead(value, before)}
	if key != nil {
		out.key = withHead(key, old.key.HeadComment)
		// A comment of the value stands above the key.
		before, after = joinComments(old.key.HeadComment, before), joinComments(key.HeadComment, after)
	}
	if before == after {
		return out, nil
	}
	if s.inFlow {
		return entry{}, errComments
	}
	put, err := e.replaceComment(old.start, before, after)
	if err != nil {
		return entry{}, err
	}
	e.splices = append(e.splices, put)
	e.record(s, s.path, before, after)
	return out, nil
}

// withHead returns a copy of n that has the comment above it.
func withHead(n *yaml.Node, comment string) *yaml.Node {
	out := *n
	out.HeadComment = comment
	return &out
}

func joinComments(first, second string) string {
	if first == "" || second == "" || first == second {
		return first + strings.TrimPrefix(second, first)
	}
	return first + "\n" + second
}

// replaceComment returns the splice that makes the comment above the line of an offset, where it is the first on its
// line, another one.
func (e *editor) replaceComment(at int, before, after string) (splice, error) {
	line := e.lineStart(at)
	pad := string(e.text[line:at])
	if strings.Trim(pad, " ") != "" {
		return splice{}, errComments // behind a "-"
	}
	start := line
	if before != "" {
		var ok bool
		if start, ok = e.commentAbove(e.line(at), before); !ok {
			return splice{}, errComments
		}
	}
	return splice{start, line, e.commentLines(pad, after)}, nil
}

// commentAbove returns where the lines above the i-th that hold a comment, and blank lines, start.
func (e *editor) commentAbove(i int, text string) (start int, ok bool) {
	want := commentWords(text)
	for len(want) > 0 && i > 0 {
		i--
		line := bytes.TrimSpace(e.text[e.lines[i]:e.lineEnd(e.lines[i])])
		switch {
		case len(line) == 0:
		case line[0] == '#' && string(line) == want[len(want)-1]:
			want = want[:len(want)-1]
		default:
			return 0, false
		}
	}
	return e.lines[i], len(want) == 0
}

// commentWords returns the lines of a comment that are not blank.
func commentWords(text string) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// turnHeader makes the comment that a document starts with the one of after.
func (e *editor) turnHeader(before, after *yaml.Node, s slot) error {
	if before.HeadComment == after.HeadComment {
		return nil
	}
	line, i := e.lineStart(s.after), e.line(s.after)
	if strings.TrimSpace(string(e.text[line:s.after])) != "" || !isBlock(before) {
		return errComments
	}
	end := line // of the header; below are the comments of the first entry
	if first := firstComment(withHead(before, "")); first != "" {
		own, ok := e.commentAbove(i, first)
		if !ok {
			return errComments
		}
		end = own
	}
	start := end
	if before.HeadComment != "" {
		above, ok := e.commentAbove(e.line(end), before.HeadComment)
		if !ok {
			return errComments
		}
		start = above
	}
	e.splices = append(e.splices, splice{start, end, e.commentLines("", after.HeadComment)})
	e.record(s, ".", before.HeadComment, after.HeadComment)
	return nil
}

// turnFooter makes the comment that a document ends with the one of after.
func (e *editor) turnFooter(before, after *yaml.Node, s slot) error {
	if before.FootComment == after.FootComment {
		return nil
	}
	end, err := e.end(before, s.indent)
	if err != nil || !isBlock(before) || e.nextLine(e.line(end)) == len(e.text) && !e.has(len(e.text)-1, '\n') {
		return errComments
	}
	start := e.nextLine(e.line(end))
	stop := start
	if before.FootComment != "" {
		below, ok := e.commentBelow(e.line(start), before.FootComment)
		if !ok {
			return errComments
		}
		stop = below
	}
	e.splices = append(e.splices, splice{start, stop, e.commentLines("", after.FootComment)})
	e.record(s, ".", before.FootComment, after.FootComment)
	return nil
}

// commentBelow returns where the lines from the i-th on that hold a comment, and blank lines above it, end.
func (e *editor) commentBelow(i int, text string) (end int, ok bool) {
	want := commentWords(text)
	for ; len(want) > 0 && i < len(e.lines); i++ {
		line := bytes.TrimSpace(e.text[e.lines[i]:e.lineEnd(e.lines[i])])
		switch {
		case len(line) == 0:
		case string(line) == want[0]:
			want = want[1:]
		default:
			return 0, false
		}
	}
	return e.nextLine(i - 1), len(want) == 0
}
