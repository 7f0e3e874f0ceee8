package template

import (
	"bytes"
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
	if !utf8.Valid(src) {
		return nil, errors.New("not in UTF-8") // the parser reads UTF-16 too, but there its columns are of no use
	}
	var docs []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(src)); ; {
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

// lineBreak is what the YAML parser counts as the end of a line: those of YAML 1.1, section 5.4, line break characters.
var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

const byteOrderMark = "\uFEFF"

// lineStarts returns the offset of every line of src.
func lineStarts(src []byte) []int {
	starts := []int{0}
	if bytes.HasPrefix(src, []byte(byteOrderMark)) {
		starts[0] = len(byteOrderMark) // it counts for no column
	}
	for _, at := range lineBreak.FindAllIndex(src, -1) {
		starts = append(starts, at[1])
	}
	return starts
}

// properties are the anchor and the tag of a scalar, and gap is what separates them from its value.
var (
	property   = `(?:!<[^>]*>|[&!][^\s,\[\]{}]*)`
	gap        = regexp.MustCompile(`^\s+(?:#[^\r\n]*\s+)*`)
	properties = regexp.MustCompile(`^` + property + `(?:\s+(?:#[^\r\n]*\s+)*` + property + `)?`)
)

// span returns the offsets in src of the token of a scalar: with its quotes, without its anchor and tag. lines are the
// starts of src's lines.
func span(src []byte, lines []int, n *yaml.Node) (start, end int, err error) {
	errNotFound := errors.New("a scalar that was not found where the parser saw it")
	if n.Line < 1 || n.Line > len(lines) {
		return 0, 0, errNotFound
	}
	start = lines[n.Line-1]
	for range n.Column - 1 { // columns count characters
		_, size := utf8.DecodeRune(src[start:])
		start += size
	}
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
		return 0, 0, errors.New("a block scalar (| or >), which cannot be set")
	}
	if length < 0 {
		return 0, 0, errNotFound
	}
	return start, start + length, nil
}

const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

var (
	singleQuoted = regexp.MustCompile(`^'(?:[^']|'')*'`)
	doubleQuoted = regexp.MustCompile(`(?s)^"(?:[^"\\]|\\.)*"`)
	fold         = regexp.MustCompile("^[ \t]*(?:(?:\r\n|[\r\n\u0085\u2028\u2029])[ \t]*)+")
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
		if at := fold.Find(token[n:]); at != nil {
			n += len(at)
			value = strings.TrimLeft(value, " \n")
			continue
		}
		if n == len(token) || token[n] != value[0] {
			return -1
		}
		n, value = n+1, value[1:]
	}
	return n
}

// splice puts text in place of the bytes from start to end.
type splice struct {
	start, end int
	text       string
}

func apply(src []byte, splices []splice) []byte {
	slices.SortFunc(splices, func(a, b splice) int { return b.start - a.start })
	out := bytes.Clone(src)
	for _, s := range splices {
		out = slices.Replace(out, s.start, s.end, []byte(s.text)...)
	}
	return out
}

// scalar is what a node shall read.
type scalar struct{ tag, value string }

// verify parses src and returns an error unless it equals the documents before but for the nodes in want.
func verify(before []*yaml.Node, src []byte, want map[*yaml.Node]scalar) error {
	after, err := parse(src)
	if err != nil {
		return err
	}
	return equal(before, after, want)
}

func equal(before, after []*yaml.Node, want map[*yaml.Node]scalar) error {
	if len(before) != len(after) {
		return errors.New("there would be more or fewer nodes")
	}
	for i, b := range before {
		a := after[i]
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
