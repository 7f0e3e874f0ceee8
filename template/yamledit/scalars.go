package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// content is what a scalar shall read. Without a tag, its type depends on the scalar that it replaces.
type content struct{ tag, text string }

// scalarEdit is a scalar of the tree that gets a new value.
type scalarEdit struct {
	place
	node   *yaml.Node // in the tree, where it has the new value
	before *yaml.Node // a copy of what it was
	value  content
	json   bool   // of the file
	token  string // of the value, as encode returns it with its tag
	tag    string

	carried bool  // what is the same keeps its bytes, see carry
	inner   *File // the document that it holds, where that alone made the edit
}

// is reports whether n reads so.
func (c content) is(n *yaml.Node) bool {
	switch {
	case c.tag == "" || c.tag == "!!null" && n.Tag == "!!null":
		return c.text == Text(n)
	case c.tag == "!!str" && n.Style&(quoted|yaml.TaggedStyle) == 0 && ambiguous.MatchString(n.Value):
		return false // a string to some parsers only
	}
	return c.tag == n.Tag && c.text == n.Value
}

// isNothing reports whether the scalar has got back what it was.
func (e *scalarEdit) isNothing() bool { return e.value.is(e.before) }

// splices returns the splices that give the scalar its new value. They are another try where inQuotes is set: strings
// are in double quotes, whatever there was.
func (e *scalarEdit) splices(s *source, inQuotes bool) ([]splice, error) {
	start, end, err := s.token(e.before)
	if err != nil {
		return nil, fmt.Errorf("it is %w", err)
	}
	if e.carried {
		if out, err := s.carry(e.before, e.value.text); err != nil || out != nil {
			return out, err
		}
	}
	token := e.token
	if inQuotes && !typed.MatchString(e.tag) {
		token = doubleQuote(e.value.text)
	}
	if e.before.Style&block != 0 {
		inline := splice{start, end, token}
		if inQuotes {
			return s.endBlock(e.before, inline), nil
		}
		return s.rewriteBlock(e.before, inline, e.value.text), nil
	}
	put := splice{start, end, token}
	if start == end && !isTagged(e.before) && e.before.Anchor == "" {
		if put, err = e.fill(s, put, inQuotes); err != nil {
			return nil, err
		}
	}
	at := put.start
	if at == put.end && at > 0 && !strings.ContainsRune(" \t\r\n", rune(s.text[at-1])) && put.text[0] != ':' {
		put.text = " " + put.text
	}
	return []splice{put}, nil
}

// fill returns where a value goes of which there is nothing yet: right after the colon or dash, or, in {a}, after the
// key and a colon.
func (e *scalarEdit) fill(s *source, put splice, inQuotes bool) (splice, error) {
	if bytes.HasPrefix(s.text[put.start:], []byte(":")) { // where the parser sees what is missing in [a: ]
		put.start, put.end = put.start+1, put.start+1
	}
	before := bytes.TrimRight(s.text[:put.start], " \t\r\n")
	afterMark := bytes.HasSuffix(before, []byte(":")) || bytes.HasSuffix(before, []byte("-"))
	switch {
	case afterMark && !bytes.ContainsAny(s.text[len(before):put.start], "\r\n"):
	case afterMark && e.inFlow:
		put.start, put.end = len(before), len(before)
	case e.inFlow && inQuotes: // a comment may be before it
	case e.inFlow:
		put = splice{len(before), len(before), ": " + put.text}
	default:
		return splice{}, errors.New("there is no place for a value; write one by hand")
	}
	return put, nil
}

// body is what stands below the header of a block scalar: lines, with their breaks.
type body struct {
	start, end int    // of the lines with text; the same when there are none
	blanks     int    // where the blank lines that follow these end
	indent     string // of the text
}

// bodyOf returns the body of the block scalar n, whose header ends at the offset header.
func (s *source) bodyOf(n *yaml.Node, header int) body {
	next, _ := slices.BinarySearch(s.lines, header+1)
	at := func(i int) int {
		if i < len(s.lines) {
			return s.lines[i]
		}
		return len(s.text)
	}
	out := body{start: at(next), end: at(next), blanks: at(next)}
	text := strings.TrimPrefix(n.Value, spaceLines.FindString(n.Value))
	if strings.Trim(text, " ") == "" {
		return out
	}
	found := false
	for i := next; i < len(s.lines); i++ {
		line := bytes.TrimRight(s.text[s.lines[i]:at(i+1)], lineBreaks)
		inner := bytes.TrimLeft(line, " ")
		indent := len(line) - len(inner)
		switch {
		case !found && len(inner) > 0:
			// The first line tells, as long as its text does not start with spaces itself.
			own := len(text) - len(strings.TrimLeft(text, " "))
			if indent < own {
				return out
			}
			found, out.indent = true, strings.Repeat(" ", indent-own)
		case !found, len(inner) == 0 && indent <= len(out.indent):
			out.blanks = at(i + 1)
			continue
		case indent < len(out.indent):
			return out
		}
		out.end, out.blanks = at(i+1), at(i+1)
	}
	return out
}

// spaceLines matches the lines before the first that has text.
var spaceLines = regexp.MustCompile(`^(?: *\n)*`)

// endBlock returns the splices that put a token in place of a block scalar; the comment beside its header stays.
func (s *source) endBlock(n *yaml.Node, inline splice) []splice {
	below := s.bodyOf(n, inline.end)
	if below.start == below.end {
		return []splice{inline}
	}
	header := inline.end + len(bytes.TrimRight(s.text[inline.end:below.start], lineBreaks))
	last := below.start + len(bytes.TrimRight(s.text[below.start:below.end], lineBreaks))
	return []splice{inline, {header, last, ""}}
}

// rewriteBlock returns the splices that give a block scalar another value: in a block again where that can hold the
// value, or else by inline, as endBlock does.
func (s *source) rewriteBlock(n *yaml.Node, inline splice, value string) []splice {
	below := s.bodyOf(n, inline.end)
	header := string(s.text[inline.start:inline.end])
	rest := s.text[inline.end:below.start]
	newline := string(rest[len(bytes.TrimRight(rest, lineBreaks)):])

	folded, indented := n.Style&yaml.FoldedStyle != 0, strings.ContainsAny(header, "123456789")
	text, holds := blockText(value, indented)
	if !holds || inline.text != doubleQuote(value) || below.start == below.end || newline == "" {
		return s.endBlock(n, inline)
	}
	if folded {
		text = foldLines(text)
	}
	// What becomes of the line breaks at the end: all but one go, all go (-), or all stay (+).
	end, old, chomping := below.end, strings.Trim(header, "|>123456789"), ""
	trailing := len(value) - len(strings.TrimRight(value, "\n"))
	switch {
	case trailing == 0:
		chomping = "-"
	case trailing > 1 || old == "+":
		end, chomping = below.blanks, "+"
	}
	if old != chomping {
		header = withoutChomping.Replace(header) + chomping
	}
	for i, line := range text {
		if line != "" {
			text[i] = below.indent + line
		}
	}
	lower := strings.Join(text, newline) + strings.Repeat(newline, max(1, trailing))
	if trailing == 0 && end == len(s.text) && !bytes.HasSuffix(s.text, []byte(newline)) {
		lower = strings.TrimSuffix(lower, newline)
	}
	return []splice{{inline.start, inline.end, header}, {below.start, end, lower}}
}

// withoutChomping takes the sign for the line breaks at the end from the header of a block scalar.
var withoutChomping = strings.NewReplacer("-", "", "+", "")

// blockText returns the lines, without indentation and without line breaks at the end, that make a literal block scalar
// read as value. It is false for what a block cannot hold, or not without an indicator of its indentation, and for
// lines that end in a space, which some parsers, and editors, take away.
func blockText(value string, indented bool) ([]string, bool) {
	text := strings.TrimRight(value, "\n")
	first := strings.TrimLeft(text, "\n")
	if first == "" || !indented && strings.ContainsRune(" \t", rune(first[0])) || spaceAtEnd.MatchString(text) ||
		!printable(strings.NewReplacer("\n", "", "\t", "").Replace(text)) {
		return nil, false
	}
	return strings.Split(text, "\n"), true
}

var spaceAtEnd = regexp.MustCompile(`(?m)[ \t]$`)

// foldLines returns the lines of a folded block scalar that reads as the lines of a literal one: a single break between
// two lines reads as a space, unless one of them is indented.
func foldLines(lines []string) []string {
	var out []string
	flush := false
	for _, line := range lines {
		isFlush := line != "" && line[0] != ' ' && line[0] != '\t'
		if flush && isFlush {
			out = append(out, "")
		}
		out = append(out, line)
		if line != "" {
			flush = isFlush
		}
	}
	return out
}
