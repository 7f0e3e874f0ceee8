package template

import (
	"bytes"
	"errors"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

func isBlock(n *yaml.Node) bool {
	return n.Style&block != 0 || len(n.Content) > 0 && n.Style&yaml.FlowStyle == 0
}

// layout is where a collection has its entries.
type layout struct {
	entries     []entry
	column      int // of the entries of a block collection
	open, close int // the offsets within the brackets of a flow collection
}

// entry is an item of a sequence or a pair of a map: where its key, the "?" before that, or "-" starts, where the ":" or
// "-" ends, and where its value ends.
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

// layout finds the entries of n, which belongs to an entry at the column indent.
func (e *editor) layout(n *yaml.Node, indent int) (layout, error) {
	if l, ok := e.layouts[n]; ok {
		return l, nil
	}
	flow := n.Style&yaml.FlowStyle != 0
	at := e.inner(n)
	l := layout{column: at - e.lines[e.line(at)]}
	if flow {
		if at >= len(e.src) || e.src[at] != '{' && e.src[at] != '[' {
			return layout{}, errLayout
		}
		at++
		l.open = at
		l.column = indent
	}
	size := 1
	if n.Kind == yaml.MappingNode {
		size = 2
	}
	for i := 0; i < len(n.Content); i += size {
		at += len(blanks.Find(e.src[at:]))
		if flow && i > 0 {
			if at >= len(e.src) || e.src[at] != ',' {
				return layout{}, errLayout
			}
			at++
			at += len(blanks.Find(e.src[at:]))
		}
		entry := entry{start: at, after: at, value: n.Content[i+size-1]}
		switch {
		case !flow && at-e.lines[e.line(at)] != l.column:
			return layout{}, errLayout
		case n.Kind == yaml.MappingNode:
			entry.key = n.Content[i]
			explicit := questionMark.Find(e.src[at:])
			at += len(explicit)
			keyEnd, err := e.end(entry.key, l.column)
			if err != nil || e.offset(entry.key) != at {
				return layout{}, errLayout
			}
			colon := keyEnd + len(blanks.Find(e.src[keyEnd:]))
			switch {
			case colon < len(e.src) && e.src[colon] == ':':
				entry.after = colon + 1
			case (flow || explicit != nil) && empty(entry.value):
				entry.after = keyEnd
			default:
				return layout{}, errLayout
			}
		case !flow:
			if at >= len(e.src) || e.src[at] != '-' {
				return layout{}, errLayout
			}
			entry.after = at + 1
		}
		entry.end = entry.after
		if !empty(entry.value) {
			end, err := e.end(entry.value, l.column)
			if err != nil || e.offset(entry.value) < entry.after {
				return layout{}, errLayout
			}
			entry.end = end
		}
		at = entry.end
		l.entries = append(l.entries, entry)
	}
	if flow {
		at += len(blanks.Find(e.src[at:]))
		if at < len(e.src) && e.src[at] == ',' {
			at++
			at += len(blanks.Find(e.src[at:]))
		}
		if at >= len(e.src) || e.src[at] != '}' && e.src[at] != ']' {
			return layout{}, errLayout
		}
		l.close = at
	}
	e.layouts[n] = l
	return l, nil
}

// empty reports whether n is a value of no characters at all.
func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&(quoted|yaml.TaggedStyle) == 0 && n.Anchor == ""
}

// end returns the offset at which n ends, which belongs to an entry at the column indent.
func (e *editor) end(n *yaml.Node, indent int) (int, error) {
	switch {
	case n.Kind == yaml.AliasNode:
		at := e.offset(n)
		return at + len(alias.Find(e.src[at:])), nil
	case n.Kind == yaml.ScalarNode && n.Style&block != 0:
		return e.blockEnd(n, indent), nil
	case n.Kind == yaml.ScalarNode:
		_, end, err := e.span(n)
		return end, err
	}
	l, err := e.layout(n, indent)
	switch {
	case err != nil && n.Style&yaml.FlowStyle == 0:
		return e.linesEnd(n, indent), nil
	case err != nil && len(n.Content) == 2: // a pair without braces, as in [a: 1]
		if !empty(n.Content[1]) {
			return e.end(n.Content[1], indent)
		}
		end, err := e.end(n.Content[0], indent)
		if colon := end + len(blanks.Find(e.src[end:])); bytes.HasPrefix(e.src[colon:], []byte(":")) {
			end = colon + 1
		}
		return end, err
	case err != nil:
		return 0, err
	case n.Style&yaml.FlowStyle != 0:
		return l.close + 1, nil
	}
	return l.entries[len(l.entries)-1].end, nil
}

// blockEnd returns the offset at which the last line of a block scalar ends.
func (e *editor) blockEnd(n *yaml.Node, indent int) int {
	at := e.inner(n)
	header := string(e.src[at:e.lineEnd(at)])
	header, _, _ = strings.Cut(header, " ")
	end := e.lineEnd(at)
	for i := e.line(at) + 1; i < len(e.lines) && e.lines[i] < len(e.src); i++ {
		line := e.src[e.lines[i]:e.lineEnd(e.lines[i])]
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
	for i := e.line(end) + 1; i < len(e.lines) && e.lines[i] < len(e.src); i++ {
		line := e.src[e.lines[i]:e.lineEnd(e.lines[i])]
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

// offset returns where n starts, with its anchor and tag.
func (e *editor) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(e.lines) {
		return len(e.src)
	}
	at, column := e.lines[n.Line-1], 1
	if n.Column > markEvery {
		marks := e.marks[n.Line]
		if marks == nil {
			line := e.src[:e.lineEnd(at)]
			for i, next := 0, at; next < len(line); i++ {
				if i%markEvery == 0 {
					marks = append(marks, next)
				}
				_, size := utf8.DecodeRune(line[next:])
				next += size
			}
			e.marks[n.Line] = marks
		}
		if i := min((n.Column-1)/markEvery, len(marks)-1); i > 0 {
			at, column = marks[i], i*markEvery+1
		}
	}
	for range n.Column - column {
		_, size := utf8.DecodeRune(e.src[at:])
		at += size
	}
	return at
}

// markEvery is how many characters of a long line are between two whose offsets are known, since columns count characters.
const markEvery = 64

// span does what the function does, whatever the length of the line.
func (e *editor) span(n *yaml.Node) (start, end int, err error) {
	first := *n
	first.Line, first.Column = 1, 1
	return span(e.src, []int{e.offset(n)}, &first)
}

// inner returns where n starts, without its anchor and tag.
func (e *editor) inner(n *yaml.Node) int {
	at := e.offset(n)
	if n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		at += len(properties.Find(e.src[at:]))
		at += len(blanks.Find(e.src[at:]))
	}
	return at
}

// line returns the index of the line that holds the offset.
func (e *editor) line(at int) int {
	return max(0, sort.SearchInts(e.lines, at+1)-1)
}

// lineEnd returns the offset of the break that ends the line of an offset.
func (e *editor) lineEnd(at int) int {
	next := e.line(at) + 1
	if next >= len(e.lines) {
		return len(e.src)
	}
	end := e.lines[next]
	for _, b := range []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if bytes.HasSuffix(e.src[:end], []byte(b)) {
			return max(at, end-len(b))
		}
	}
	return end
}

// head returns where an entry of a block collection starts, with the comments above it that are its own: those at its
// column directly above, unless the document starts with them.
func (e *editor) head(at int) int {
	line := e.lines[e.line(at)]
	if len(bytes.Trim(e.src[line:at], " ")) > 0 {
		return at // behind a "-"
	}
	start := e.above(at)
	if start == line {
		return line
	}
	text := bytes.TrimSpace(e.src[e.lines[0]:start])
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
		return len(e.src)
	}
	return e.lines[i]
}

// commentColumn returns the column of the comment that the i-th line is, or -1 when it is none.
func (e *editor) commentColumn(i int) int {
	if i < 0 {
		return -1
	}
	line := e.src[e.lines[i]:]
	text := bytes.TrimLeft(line, " \t")
	if !bytes.HasPrefix(text, []byte("#")) {
		return -1
	}
	return len(line) - len(text)
}
