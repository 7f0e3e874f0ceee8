package template

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// parse returns the root nodes of the documents of src. Lines and columns of the nodes are those of src.
func parse(src []byte) ([]*yaml.Node, error) {
	if !utf8.Valid(src) { // the parser reads UTF-16 too, but there its columns are of no use
		return nil, &yaml.LoadError{Message: "not in UTF-8", Mark: yaml.Mark{Line: 1 + bytes.Count(validPrefix(src), []byte("\n"))}}
	}
	if i := bytes.IndexByte(src, 0); i >= 0 { // of which the parser says no line
		return nil, &yaml.LoadError{Message: "it is binary: there is a NUL byte", Mark: yaml.Mark{Line: lineOf(src, i)}}
	}
	var docs []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(hideVersions(src))); ; {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		}
		docs = append(docs, doc.Content...)
	}
}

// validPrefix returns src up to the first byte that is not UTF-8.
func validPrefix(src []byte) []byte {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size == 1 {
			return src[:i]
		}
		i += size
	}
	return src
}

// version is a directive that says that a document is in YAML 1.2. All others are the parser's to judge.
var version = regexp.MustCompile(`^%YAML[ \t]+1\.[02-9]\b`)

// hideVersions returns src with the directives "%YAML 1.2" made into comments of the same length: the parser, which
// does read YAML 1.2, refuses all but 1.1 by name. Directives stand before the first document, and after a line "...".
func hideVersions(src []byte) []byte {
	if !bytes.Contains(src, []byte("%YAML")) {
		return src
	}
	out := bytes.Clone(src)
	expected := true
	for _, start := range lineStarts(src) {
		line := src[start:]
		switch {
		case expected && version.Match(line):
			out[start] = '#'
		case bytes.HasPrefix(line, []byte("...")):
			expected = true
		case !blank.Match(line) && !bytes.HasPrefix(line, []byte("%")):
			expected = false
		}
	}
	return out
}

// blank matches at the start of a line without content.
var blank = regexp.MustCompile("^[ \t]*(?:#|[" + lineBreaks + "]|$)")

// lineBreaks are the characters of which the YAML parser makes the end of a line, those of YAML 1.1, section 5.4.
const lineBreaks = "\r\n\u0085\u2028\u2029"

var lineBreak = regexp.MustCompile("\r\n|[" + lineBreaks + "]")

const byteOrderMark = "\uFEFF"

// lineStarts returns the offset of every line of src: of what follows each lineBreak.
func lineStarts(src []byte) []int {
	starts := make([]int, 1, 1+bytes.Count(src, []byte("\n")))
	if bytes.HasPrefix(src, []byte(byteOrderMark)) {
		starts[0] = len(byteOrderMark) // it counts for no column
	}
	for i, c := range src {
		switch {
		case c == '\n', c == '\r' && !bytes.HasPrefix(src[i:], []byte("\r\n")):
			starts = append(starts, i+1)
		case c == 0x85 && bytes.HasSuffix(src[:i], []byte{0xC2}): // U+0085
			starts = append(starts, i+1)
		case (c == 0xA8 || c == 0xA9) && bytes.HasSuffix(src[:i], []byte{0xE2, 0x80}): // U+2028, U+2029
			starts = append(starts, i+1)
		}
	}
	return starts
}

// properties are the anchor and the tag of a scalar, and gap is what separates them from its value.
var (
	gap        = regexp.MustCompile(`^` + gapText)
	properties = regexp.MustCompile(`^(?:` + anchorText + `(?:` + gapText + tagText + `)?|` + tagText + `(?:` + gapText + anchorText + `)?)`)
)

const (
	gapText    = `\s+(?:#[^\r\n]*\s+)*`
	anchorText = `&[^\s,\[\]{}]*`
	tagText    = `!(?:<[^>]*>|[^\s,\[\]{}]*)`
)

var errNotFound = errors.New("a scalar that was not found where the parser saw it")

// mark is where the last of several nodes was found. As only characters can be counted, and JSON may well be one line,
// each is looked for from there on.
type mark struct{ line, column, offset int }

// span returns the offsets in src of the token of a scalar: with its quotes, without its anchor and tag; of a block
// scalar, only its header ("|-"). lines are the starts of src's lines.
func span(src []byte, lines []int, n *yaml.Node) (start, end int, err error) {
	return spanFrom(src, lines, n, new(mark))
}

// spanFrom does what span does, and sets last to where n is.
func spanFrom(src []byte, lines []int, n *yaml.Node, last *mark) (start, end int, err error) {
	if n.Line == len(lines)+1 && n.Value == "" { // below a last line that does not end
		return len(src), len(src), nil
	}
	if n.Line < 1 || n.Line > len(lines) {
		return 0, 0, errNotFound
	}
	if last.line != n.Line || last.column > n.Column {
		*last = mark{n.Line, 1, lines[n.Line-1]}
	}
	for ; last.column < n.Column; last.column++ { // columns count characters
		_, size := utf8.DecodeRune(src[last.offset:])
		last.offset += size
	}
	start = last.offset
	if props := properties.Find(src[start:]); props != nil {
		start += len(props)
		if n.Value != "" || n.Style&quoted != 0 {
			start += len(gap.Find(src[start:]))
		}
	}
	var length int
	switch token := src[start:]; n.Style & quoted {
	case 0:
		length = plainLen(token, n.Value)
	case yaml.SingleQuotedStyle:
		length = tokenLen(singleQuoted, token)
	case yaml.DoubleQuotedStyle:
		length = tokenLen(doubleQuoted, token)
	default:
		length = tokenLen(blockHeader, token)
	}
	if length < 0 {
		return 0, 0, errNotFound
	}
	return start, start + length, nil
}

const (
	quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | block
	block  = yaml.LiteralStyle | yaml.FoldedStyle
)

// body is what stands below the header of a block scalar: whole lines, with their breaks.
type body struct {
	start, end int    // of the lines with text; the same when there are none
	blanks     int    // where the blank lines that follow these end
	indent     string // of the text
}

// bodyOf returns the body of the block scalar n, whose header ends at offset header.
func bodyOf(src []byte, lines []int, n *yaml.Node, header int) body {
	next, _ := slices.BinarySearch(lines, header+1)
	at := func(i int) int {
		if i < len(lines) {
			return lines[i]
		}
		return len(src)
	}
	b := body{start: at(next), end: at(next), blanks: at(next)}
	text := strings.TrimLeft(n.Value, "\n")
	if strings.Trim(text, " ") == "" {
		return b
	}
	found := false
	for i := next; i < len(lines); i++ {
		line := bytes.TrimRight(src[lines[i]:at(i+1)], lineBreaks)
		content := bytes.TrimLeft(line, " ")
		indent := len(line) - len(content)
		switch {
		case !found && len(content) > 0:
			// The first line tells, as long as its text does not start with spaces itself.
			own := len(text) - len(strings.TrimLeft(text, " "))
			if indent < own {
				return b
			}
			found, b.indent = true, strings.Repeat(" ", indent-own)
		case !found, len(content) == 0 && indent <= len(b.indent):
			b.blanks = at(i + 1)
			continue
		case indent < len(b.indent):
			return b
		}
		b.end, b.blanks = at(i+1), at(i+1)
	}
	return b
}

var (
	singleQuoted = regexp.MustCompile(`^'(?:[^']|'')*'`)
	doubleQuoted = regexp.MustCompile(`(?s)^"(?:[^"\\]|\\.)*"`)
	blockHeader  = regexp.MustCompile(`^[|>](?:[1-9][-+]?|[-+][1-9]?)?`)
	fold         = regexp.MustCompile("^[ \t]*(?:[" + lineBreaks + "][ \t]*)+")
)

// tokenLen returns the length of what re finds at the start of token, or -1.
func tokenLen(re *regexp.Regexp, token []byte) int {
	if at := re.FindIndex(token); at != nil {
		return at[1]
	}
	return -1
}

// plainLen returns the length of the plain scalar at the start of token that reads as value, or -1. The two differ
// only where the scalar goes over more than one line, each break of which reads as a space or as a line break.
func plainLen(token []byte, value string) int {
	n := 0
	for value != "" {
		run := strings.IndexAny(value, " \t\n")
		switch {
		case run < 0:
			run = len(value)
		case run == 0:
			if at := fold.Find(token[n:]); at != nil {
				n += len(at)
				value = strings.TrimLeft(value, " \n")
				continue
			}
			run = len(value) - len(strings.TrimLeft(value, " \t"))
		}
		if run == 0 || !bytes.HasPrefix(token[n:], []byte(value[:run])) {
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

// apply makes the splices, of which no two overlap.
func apply(src []byte, splices []splice) []byte {
	slices.SortStableFunc(splices, func(a, b splice) int { return cmp.Compare(a.start, b.start) })
	out := make([]byte, 0, len(src)+1024)
	done := 0
	for _, s := range splices {
		out = append(append(out, src[done:s.start]...), s.text...)
		done = s.end
	}
	return append(out, src[done:]...)
}

// scalar is what a node shall read.
type scalar struct{ tag, value string }

// equal returns an error unless after reads as before but for the nodes in want.
func equal(before, after []*yaml.Node, want map[*yaml.Node]scalar) error {
	if len(before) != len(after) {
		return errors.New("there would be more or fewer nodes")
	}
	for i, b := range before {
		a := after[i]
		if a == b { // of a piece that was not even parsed again
			continue
		}
		w, ok := want[b]
		if !ok {
			w = scalar{b.Tag, b.Value}
		}
		if a.Kind != b.Kind || a.Tag != w.tag || a.Value != w.value || a.Anchor != b.Anchor {
			return fmt.Errorf("line %d would read %q", b.Line, a.Value)
		}
		if err := equal(b.Content, a.Content, want); err != nil {
			return err
		}
	}
	return nil
}
