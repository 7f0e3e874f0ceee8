package yamledit

import (
	"bytes"
	"errors"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// layout is where a collection has its entries.
type layout struct {
	entries     []entry
	column      int // of the entries of a block collection
	open, close int // the offsets within the brackets of a flow collection
}

// entry is an item of a sequence or a pair of a map: where its key, the "?" before that, or "-" starts, where the ":"
// or "-" ends, and where its value ends.
type entry struct {
	start, after, end int
	key, value        *yaml.Node
}

var (
	errLayout = errors.New("a layout that is not understood")
	blanks    = regexp.MustCompile(`^(?:[\s\x{feff}]|#[^\r\n]*)*`)
	comment   = regexp.MustCompile(`^[ \t]*#`)
	// questionMark is what may stand before a key.
	questionMark = regexp.MustCompile(`^\?(?:[\s\x{feff}]|#[^\r\n]*)+`)
	alias        = regexp.MustCompile(`^\*[^\s,\[\]{}]+`)
)

// measure finds the entries of n, which belongs to an entry at the column indent.
func (e *editor) measure(n *yaml.Node, indent int) (layout, error) {
	if found, ok := e.layouts[n]; ok {
		return found, nil
	}
	found, err := layout{}, error(nil)
	if isFlow(n) {
		found, err = e.measureFlow(n, indent)
	} else {
		found, err = e.measureBlock(n)
	}
	if err == nil {
		e.layouts[n] = found
	}
	return found, err
}

// measureBlock does what measure does, for a collection on lines.
func (e *editor) measureBlock(n *yaml.Node) (layout, error) {
	at := e.inner(n)
	found := layout{column: at - e.lineStart(at)}
	for i := range len(n.Content) / entrySize(n) {
		at = e.skipBlanks(at)
		if at-e.lineStart(at) != found.column {
			return layout{}, errLayout
		}
		next, err := e.entryAt(at, n, i, found.column)
		if err != nil {
			return layout{}, err
		}
		at = next.end
		found.entries = append(found.entries, next)
	}
	return found, nil
}

// measureFlow does what measure does, for a collection within brackets.
func (e *editor) measureFlow(n *yaml.Node, indent int) (layout, error) {
	at := e.inner(n)
	if !e.has(at, '{') && !e.has(at, '[') {
		return layout{}, errLayout
	}
	at++
	found := layout{column: indent, open: at}
	for i := range len(n.Content) / entrySize(n) {
		at = e.skipBlanks(at)
		if i > 0 {
			if !e.has(at, ',') {
				return layout{}, errLayout
			}
			at = e.skipBlanks(at + 1)
		}
		next, err := e.entryAt(at, n, i, indent)
		if err != nil {
			return layout{}, err
		}
		at = next.end
		found.entries = append(found.entries, next)
	}
	if at = e.skipBlanks(at); e.has(at, ',') {
		at = e.skipBlanks(at + 1)
	}
	if !e.has(at, '}') && !e.has(at, ']') {
		return layout{}, errLayout
	}
	found.close = at
	return found, nil
}

// entryAt returns the i-th entry of n, which starts at an offset, in a collection at a column.
func (e *editor) entryAt(at int, n *yaml.Node, i, column int) (entry, error) {
	found := entry{start: at, after: at, value: entryValue(n, i)}
	switch {
	case n.Kind == yaml.MappingNode:
		found.key = n.Content[2*i]
		after, err := e.afterKey(n, found, column)
		if err != nil {
			return entry{}, err
		}
		found.after = after
	case !isFlow(n):
		if !e.has(at, '-') {
			return entry{}, errLayout
		}
		found.after = at + 1
	}
	found.end = found.after
	if !isEmpty(found.value) {
		end, err := e.end(found.value, column)
		if err != nil || e.offset(found.value) < found.after {
			return entry{}, errLayout
		}
		found.end = end
	}
	return found, nil
}

// afterKey returns where the ":" behind the key of an entry of n ends, or the key itself, where it is alone.
func (e *editor) afterKey(n *yaml.Node, found entry, column int) (int, error) {
	at := found.start
	explicit := questionMark.Find(e.text[at:])
	at += len(explicit)
	keyEnd, err := e.end(found.key, column)
	if err != nil || e.offset(found.key) != at {
		return 0, errLayout
	}
	colon := e.skipBlanks(keyEnd)
	switch {
	case e.has(colon, ':'):
		return colon + 1, nil
	case (isFlow(n) || explicit != nil) && isEmpty(found.value):
		return keyEnd, nil
	}
	return 0, errLayout
}

// has reports whether the text has a character at an offset.
func (e *editor) has(at int, c byte) bool { return at < len(e.text) && e.text[at] == c }

// skipBlanks returns where blanks, line breaks and comments at an offset end.
func (e *editor) skipBlanks(at int) int { return at + len(blanks.Find(e.text[at:])) }

// end returns the offset at which n ends, which belongs to an entry at the column indent.
func (e *editor) end(n *yaml.Node, indent int) (int, error) {
	switch {
	case n.Kind == yaml.AliasNode:
		at := e.offset(n)
		return at + len(alias.Find(e.text[at:])), nil
	case n.Kind == yaml.ScalarNode && n.Style&block != 0:
		return e.blockEnd(n, indent), nil
	case n.Kind == yaml.ScalarNode:
		_, end, err := e.token(n)
		return end, err
	}
	l, err := e.measure(n, indent)
	switch {
	case err != nil && !isFlow(n):
		return e.linesEnd(n, indent), nil
	case err != nil && len(n.Content) == 2: // a pair without braces, as in [a: 1]
		if !isEmpty(n.Content[1]) {
			return e.end(n.Content[1], indent)
		}
		end, err := e.end(n.Content[0], indent)
		if colon := e.skipBlanks(end); e.has(colon, ':') {
			end = colon + 1
		}
		return end, err
	case err != nil:
		return 0, err
	case isFlow(n):
		return l.close + 1, nil
	}
	return l.entries[len(l.entries)-1].end, nil
}

// blockEnd returns the offset at which the last line of a block scalar ends.
func (e *editor) blockEnd(n *yaml.Node, indent int) int {
	at := e.inner(n)
	header := string(e.text[at:e.lineEnd(at)])
	header, _, _ = strings.Cut(header, " ")
	end := e.lineEnd(at)
	for i := e.line(at) + 1; i < len(e.lines) && e.lines[i] < len(e.text); i++ {
		line := e.text[e.lines[i]:e.lineEnd(e.lines[i])]
		text := bytes.TrimLeft(line, " ")
		switch blank := len(bytes.TrimLeft(text, "\t")) == 0; {
		case blank && !strings.Contains(header, "+"):
			continue
		case !blank && (len(line)-len(text) <= indent || documentMark.Match(line)):
			return end
		}
		end = e.lines[i] + len(line)
	}
	return end
}

// linesEnd returns the end of the last line of a block collection whose layout is not understood.
func (e *editor) linesEnd(n *yaml.Node, indent int) int {
	end := e.lineEnd(e.inner(n))
	for i := e.line(end) + 1; i < len(e.lines) && e.lines[i] < len(e.text); i++ {
		line := e.text[e.lines[i]:e.lineEnd(e.lines[i])]
		text := bytes.TrimLeft(line, " ")
		switch column := len(line) - len(text); {
		case len(bytes.TrimSpace(text)) == 0, comment.Match(text):
		case column > indent || column == indent && n.Kind == yaml.SequenceNode && text[0] == '-':
			end = e.lines[i] + len(line)
		default:
			return end
		}
	}
	return end
}

// head returns where an entry of a block collection starts, with the comments above it that are its own: those at its
// column directly above, unless the document starts with them.
func (e *editor) head(at int) int {
	line := e.lineStart(at)
	if len(bytes.Trim(e.text[line:at], " ")) > 0 {
		return at // behind a "-"
	}
	start := e.above(at)
	if start == line {
		return line
	}
	text := bytes.TrimSpace(e.text[e.lines[0]:start])
	if last := text[bytes.LastIndexAny(text, "\r\n")+1:]; len(last) == 0 || last[0] == '%' || documentMark.Match(last) {
		return line
	}
	return start
}

// above returns the start of the comments directly above the line of an offset that are at its column, or of that line.
func (e *editor) above(at int) int {
	i := e.line(at)
	for column := at - e.lines[i]; e.commentColumn(i-1) == column; {
		i--
	}
	return e.lines[i]
}

// below returns the end of the line at which an entry ends, or of the comments directly below which are deeper than it.
func (e *editor) below(at, to, column int) int {
	i := e.line(at) + 1
	for i < len(e.lines) && e.lines[i] < to && e.commentColumn(i) > column {
		i++
	}
	if i >= len(e.lines) {
		return len(e.text)
	}
	return e.lines[i]
}
