package yamledit

import (
	"bytes"
	"cmp"
	"errors"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// lineBreaks are the characters that end a line for the YAML parser, those of YAML 1.1, section 5.4.
const lineBreaks = "\r\n\u0085\u2028\u2029"

var lineBreak = regexp.MustCompile("\r\n|[" + lineBreaks + "]")

const byteOrderMark = "\uFEFF"

// source is the text of a file, and where in it lines, nodes and tokens are.
type source struct {
	name    string
	text    []byte
	lines   []int         // the offset of every line
	newline string        // the line break that the text uses
	json    bool          // it has to stay JSON
	marks   map[int][]int // by line: the offset of every markEvery-th character, see offset
}

func newSource(name string, text []byte, json bool) *source {
	s := &source{name: name, text: text, lines: lineStarts(text), newline: "\n", json: json, marks: map[int][]int{}}
	if at := lineBreak.FindIndex(text); at != nil && bytes.HasPrefix(text[at[0]:], []byte("\r\n")) {
		s.newline = "\r\n"
	}
	return s
}

// lineStarts returns the offset of every line of text: of what follows each lineBreak.
func lineStarts(text []byte) []int {
	starts := make([]int, 1, 1+bytes.Count(text, []byte("\n")))
	if bytes.HasPrefix(text, []byte(byteOrderMark)) {
		starts[0] = len(byteOrderMark) // it counts for no column
	}
	for i, c := range text {
		switch {
		case c == '\n', c == '\r' && !bytes.HasPrefix(text[i:], []byte("\r\n")):
			starts = append(starts, i+1)
		case c == 0x85 && bytes.HasSuffix(text[:i], []byte{0xC2}): // U+0085
			starts = append(starts, i+1)
		case (c == 0xA8 || c == 0xA9) && bytes.HasSuffix(text[:i], []byte{0xE2, 0x80}): // U+2028, U+2029
			starts = append(starts, i+1)
		}
	}
	return starts
}

// line returns the index of the line that holds the offset.
func (s *source) line(at int) int {
	return max(0, sort.SearchInts(s.lines, at+1)-1)
}

// lineStart returns the offset at which the line of an offset starts.
func (s *source) lineStart(at int) int { return s.lines[s.line(at)] }

// lineEnd returns the offset of the break that ends the line of an offset.
func (s *source) lineEnd(at int) int {
	next := s.line(at) + 1
	if next >= len(s.lines) {
		return len(s.text)
	}
	end := s.lines[next]
	for _, b := range []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if bytes.HasSuffix(s.text[:end], []byte(b)) {
			return max(at, end-len(b))
		}
	}
	return end
}

// commentColumn returns the column of the comment that the i-th line is, or -1 when it is none.
func (s *source) commentColumn(i int) int {
	if i < 0 {
		return -1
	}
	line := s.text[s.lines[i]:]
	text := bytes.TrimLeft(line, " \t")
	if !bytes.HasPrefix(text, []byte("#")) {
		return -1
	}
	return len(line) - len(text)
}

// markEvery is how many characters of a long line are between two whose offsets are kept. Columns count characters, and
// JSON may well be one line.
const markEvery = 64

// offset returns where n starts, with its anchor and tag.
func (s *source) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(s.lines) {
		return len(s.text)
	}
	at, column := s.lines[n.Line-1], 1
	if n.Column > markEvery {
		marks := s.marksOf(n.Line)
		if i := min((n.Column-1)/markEvery, len(marks)-1); i > 0 {
			at, column = marks[i], i*markEvery+1
		}
	}
	for range n.Column - column {
		_, size := utf8.DecodeRune(s.text[at:])
		at += size
	}
	return at
}

// marksOf returns the offset of every markEvery-th character of a line, which is counted from 1.
func (s *source) marksOf(number int) []int {
	marks, ok := s.marks[number]
	if !ok {
		at := s.lines[number-1]
		end := s.lineEnd(at)
		for i := 0; at < end; i++ {
			if i%markEvery == 0 {
				marks = append(marks, at)
			}
			_, size := utf8.DecodeRune(s.text[at:])
			at += size
		}
		s.marks[number] = marks
	}
	return marks
}

// properties are the anchor and the tag of a node, and gap is what separates them from its value.
var (
	gap        = regexp.MustCompile(`^` + gapText)
	properties = regexp.MustCompile(`^(?:` + anchorText + `(?:` + gapText + tagText + `)?|` +
		tagText + `(?:` + gapText + anchorText + `)?)`)
)

const (
	gapText    = `\s+(?:#[^\r\n]*\s+)*`
	anchorText = `&[^\s,\[\]{}]*`
	tagText    = `!(?:<[^>]*>|[^\s,\[\]{}]*)`
)

// inner returns where n starts, without its anchor and tag.
func (s *source) inner(n *yaml.Node) int {
	at := s.offset(n)
	if n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		at += len(properties.Find(s.text[at:]))
		at += len(blanks.Find(s.text[at:]))
	}
	return at
}

// The styles of scalars: all that are not plain, and block scalars.
const (
	quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | block
	block  = yaml.LiteralStyle | yaml.FoldedStyle
)

var errNotFound = errors.New("a scalar that was not found where the parser saw it")

// token returns the offsets of the token of a scalar: with its quotes, without its anchor and tag; of a block scalar,
// only its header ("|-").
func (s *source) token(n *yaml.Node) (start, end int, err error) {
	if n.Line == len(s.lines)+1 && n.Value == "" { // below a last line that does not end
		return len(s.text), len(s.text), nil
	}
	if n.Line < 1 || n.Line > len(s.lines) {
		return 0, 0, errNotFound
	}
	start = s.offset(n)
	if props := properties.Find(s.text[start:]); props != nil {
		start += len(props)
		if n.Value != "" || n.Style&quoted != 0 {
			start += len(gap.Find(s.text[start:]))
		}
	}
	var length int
	switch rest := s.text[start:]; n.Style & quoted {
	case 0:
		length = plainLen(rest, n.Value)
	case yaml.SingleQuotedStyle:
		length = matchLen(singleQuoted, rest)
	case yaml.DoubleQuotedStyle:
		length = matchLen(doubleQuoted, rest)
	default:
		length = matchLen(blockHeader, rest)
	}
	if length < 0 {
		return 0, 0, errNotFound
	}
	return start, start + length, nil
}

// tokenText returns the token of a scalar as it stands in the text, or what the scalar reads where there is none.
func (s *source) tokenText(n *yaml.Node) string {
	start, end, err := s.token(n)
	if err != nil {
		return Text(n)
	}
	return string(s.text[start:end])
}

var (
	singleQuoted = regexp.MustCompile(`^'(?:[^']|'')*'`)
	doubleQuoted = regexp.MustCompile(`(?s)^"(?:[^"\\]|\\.)*"`)
	blockHeader  = regexp.MustCompile(`^[|>](?:[1-9][-+]?|[-+][1-9]?)?`)
	fold         = regexp.MustCompile("^[ \t]*(?:[" + lineBreaks + "][ \t]*)+")
)

// matchLen returns the length of what re matches at the start of text, or -1.
func matchLen(re *regexp.Regexp, text []byte) int {
	if at := re.FindIndex(text); at != nil {
		return at[1]
	}
	return -1
}

// plainLen returns the length of the plain scalar at the start of text that reads as value, or -1. The two differ
// only where the scalar spans lines, each break of which reads as a space or as a line break.
func plainLen(text []byte, value string) int {
	n := 0
	for value != "" {
		run := strings.IndexAny(value, " \t\n")
		switch {
		case run < 0:
			run = len(value)
		case run == 0:
			if at := fold.Find(text[n:]); at != nil {
				n += len(at)
				value = strings.TrimLeft(value, " \n")
				continue
			}
			run = len(value) - len(strings.TrimLeft(value, " \t"))
		}
		if run == 0 || !bytes.HasPrefix(text[n:], []byte(value[:run])) {
			return -1
		}
		n, value = n+run, value[run:]
	}
	return n
}

// splice puts text in place of the bytes from start to end.
type splice struct {
	start, end int
	text       string
}

// apply makes the splices, which it sorts. Of two that overlap it makes the first: the text is compared with what was
// asked for, and does not read so.
func apply(text []byte, splices []splice) []byte {
	slices.SortStableFunc(splices, func(x, y splice) int { return cmp.Compare(x.start, y.start) })
	out := make([]byte, 0, len(text)+1024)
	done := 0
	for _, s := range splices {
		if s.start < done {
			continue
		}
		out = append(append(out, text[done:s.start]...), s.text...)
		done = s.end
	}
	return append(out, text[done:]...)
}
