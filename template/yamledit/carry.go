package yamledit

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"go.yaml.in/yaml/v4"
)

var errFolded = errors.New(
	"it is in a folded block (>), where lines can neither come nor go; make it a literal one (|)")

// carry returns the splices that make the string n read as value, where what is the same keeps its bytes, and its
// style: a block its indentation, quotes their escapes and line breaks. It returns none for a string that has to be
// written as a whole.
func (s *source) carry(n *yaml.Node, value string) ([]splice, error) {
	start, end, err := s.token(n)
	if err != nil {
		return nil, err
	}
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		return s.carryLines(n, splice{start: start, end: end}, value)
	case n.Style&yaml.FoldedStyle != 0:
		return s.carryFolded(n, end, value)
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && n.Value != "":
		return carryQuoted(string(s.text[start:end]), start, n.Value, value), nil
	}
	return nil, nil
}

// cutEnd returns the lines of a text, and how many line breaks are at its end.
func cutEnd(text string) (lines []string, breaks int) {
	bare := strings.TrimRight(text, "\n")
	return strings.Split(bare, "\n"), len(text) - len(bare)
}

// carryLines does what carry does in a literal block with a header. Of its lines, those that differ are replaced.
func (s *source) carryLines(n *yaml.Node, header splice, value string) ([]splice, error) {
	below := s.bodyOf(n, header.end)
	old, oldBreaks := cutEnd(n.Value)
	now, breaks := cutEnd(value)
	first := s.line(header.end) + 1
	if below.start == below.end || strings.Join(now, "") == "" {
		return nil, nil
	}
	if first+len(old) > len(s.lines) {
		return nil, errNotFound
	}
	b := blockLines{source: s, first: first, indent: below.indent}
	for i, line := range old {
		got := string(s.text[b.at(i):s.lineEnd(b.at(i))])
		if got != below.indent+line && (line != "" || strings.Trim(got, " ") != "") {
			return nil, errNotFound
		}
	}
	var out []splice
	for _, h := range hunks(old, now) {
		out = append(out, b.splice(h, len(old)))
	}
	if breaks != oldBreaks {
		out = append(out, s.rechomp(header, below, breaks)...)
	}
	return out, nil
}

// blockLines are the lines of a literal block, of which the first has that index.
type blockLines struct {
	*source
	first  int
	indent string
}

// at returns where the i-th line starts.
func (b blockLines) at(i int) int {
	if b.first+i < len(b.lines) {
		return b.lines[b.first+i]
	}
	return len(b.text)
}

// splice returns the splice for a hunk of a block of so many lines.
func (b blockLines) splice(h hunk, count int) splice {
	text := ""
	for k, line := range h.lines {
		newline := b.newline
		if i := h.start + k; len(h.lines) == h.end-h.start {
			newline = string(b.text[b.lineEnd(b.at(i)):b.at(i+1)])
		}
		if line != "" {
			text += b.indent + line
		}
		text += newline
	}
	p := splice{b.at(h.start), b.at(h.end), text}
	if p.end < len(b.text) || strings.HasSuffix(string(b.text), b.newline) {
		return p
	}
	switch { // The last line of the file does not end.
	case p.start == p.end:
		p.text = b.newline + strings.TrimSuffix(text, b.newline)
	case h.end == count && text == "":
		p.start = b.lineEnd(b.at(h.start - 1))
	default:
		p.text = strings.TrimSuffix(text, b.newline)
	}
	return p
}

// rechomp returns the splices that give a block scalar another number of line breaks at its end.
func (s *source) rechomp(header splice, below body, breaks int) []splice {
	sign := withoutChomping.Replace(string(s.text[header.start:header.end]))
	switch {
	case breaks == 0:
		sign += "-"
	case breaks > 1:
		sign += "+"
	}
	out := []splice{{header.start, header.end, sign}}
	if breaks > 1 {
		out = append(out, splice{below.end, below.blanks, strings.Repeat(s.newline, breaks-1)})
	}
	return out
}

// hunk is what the lines from start to end become.
type hunk struct {
	start, end int
	lines      []string
}

// hunks returns what differs between lines.
func hunks(before, after []string) []hunk {
	text := strings.Join(before, "\n") + "\n"
	var out []hunk
	line, done := 0, 0
	lineAt := func(at int) int {
		line, done = line+strings.Count(text[done:at], "\n"), at
		return line
	}
	for _, e := range udiff.Lines(text, strings.Join(after, "\n")+"\n") {
		h := hunk{start: lineAt(e.Start), end: lineAt(e.End)}
		if e.New != "" {
			h.lines = strings.Split(strings.TrimSuffix(e.New, "\n"), "\n")
		}
		out = append(out, h)
	}
	return out
}

// alignment says where the bytes of what a scalar reads are in its text.
type alignment struct {
	base  int // an offset that counts for all
	value []byte
	chars []span // of each byte of the value: of the character that it is a part of
	open  int    // where the first begins
}

// span is a part of a text. One that is a line break, or a fold, stands for more than one line.
type span struct {
	start, end int
	isBreak    bool
}

func (a *alignment) add(s string, start, end int, isBreak bool) {
	a.value = append(a.value, s...)
	for range len(s) {
		a.chars = append(a.chars, span{start, end, isBreak})
	}
}

// replace returns the range of the text that is between two offsets of the value.
func (a *alignment) replace(start, end int) (from, to int) {
	from = a.open
	if start > 0 {
		from = a.chars[start-1].end
	}
	to = from
	if end > start {
		from, to = a.chars[start].start, a.chars[end-1].end
	}
	return a.base + from, a.base + to
}

// alignFolded returns where what the folded block n reads is, in the text below its header.
func (s *source) alignFolded(n *yaml.Node, header int) (alignment, error) {
	below := s.bodyOf(n, header)
	a := alignment{open: below.start}
	rest := n.Value
	from := below.start
	for at := below.start; at < below.end; {
		end := s.lineEnd(at)
		if line, ok := strings.CutPrefix(string(s.text[at:end]), below.indent); ok && line != "" {
			start := end - len(line)
			breaks := len(rest) - len(strings.TrimLeft(rest, "\n"))
			if breaks == 0 && len(a.chars) > 0 && strings.HasPrefix(rest, " ") {
				breaks = 1
			}
			a.add(rest[:breaks], from, start, true)
			rest = rest[breaks:]
			if !strings.HasPrefix(rest, line) {
				return alignment{}, errNotFound
			}
			for i, r := range line {
				a.add(string(r), start+i, start+i+utf8.RuneLen(r), false)
			}
			rest, from = rest[len(line):], end
		}
		next := s.line(at) + 1
		if next >= len(s.lines) {
			break
		}
		at = s.lines[next]
	}
	if strings.Trim(rest, "\n") != "" {
		return alignment{}, errNotFound
	}
	a.add(rest, from, below.end, true)
	return a, nil
}

// carryFolded does what carry does in a folded block, within its lines.
func (s *source) carryFolded(n *yaml.Node, header int, value string) ([]splice, error) {
	a, err := s.alignFolded(n, header)
	if err != nil {
		return nil, err
	}
	var out []splice
	for _, e := range udiff.Strings(n.Value, value) {
		if strings.Contains(e.New, "\n") {
			return nil, errFolded
		}
		for _, c := range a.chars[e.Start:e.End] {
			if c.isBreak {
				return nil, errFolded
			}
		}
		from, to := a.replace(e.Start, e.End)
		out = append(out, splice{from, to, e.New})
	}
	return out, nil
}

// carryQuoted returns the splices for a token in quotes that starts at an offset. It returns none where the token has
// to be written as a whole, as for a line break that single quotes have no room for.
func carryQuoted(token string, offset int, before, after string) []splice {
	a, err := alignQuoted(token, before)
	if err != nil {
		return nil
	}
	var out []splice
	for _, e := range udiff.Strings(before, after) {
		text := doubleQuote(e.New)
		text = text[1 : len(text)-1]
		if token[0] == '\'' {
			if !printable(e.New) {
				return nil
			}
			text = strings.ReplaceAll(e.New, "'", "''")
		}
		from, to := a.replace(e.Start, e.End)
		out = append(out, splice{from, to, text})
	}
	made := string(apply([]byte(token), out))
	if _, err := alignQuoted(made, after); err != nil {
		return nil
	}
	for i := range out {
		out[i].start, out[i].end = out[i].start+offset, out[i].end+offset
	}
	return out
}

// alignQuoted returns where the characters that a token in quotes reads are in it. It fails if they are not the value.
func alignQuoted(token, value string) (alignment, error) {
	a := alignment{open: 1}
	double := token[0] == '"'
	for at := 1; at < len(token)-1; {
		rest := token[at : len(token)-1]
		if broken := matchLen(fold, []byte(rest)); broken > 0 {
			breaks := len(lineBreak.FindAllString(rest[:broken], -1))
			text := strings.Repeat("\n", breaks-1)
			if breaks == 1 {
				text = " "
			}
			a.add(text, at, at+broken, true)
			at += broken
			continue
		}
		text, size := "", 0
		switch {
		case double && rest[0] == '\\':
			text, size = unescape(rest)
		case !double && strings.HasPrefix(rest, "''"):
			text, size = "'", 2
		default:
			_, size = utf8.DecodeRuneInString(rest)
			text = rest[:size]
		}
		if size == 0 {
			return alignment{}, errNotFound
		}
		a.add(text, at, at+size, false)
		at += size
	}
	if string(a.value) != value {
		return alignment{}, errNotFound
	}
	return a, nil
}

// escapes are those of YAML 1.2.2, section 5.7, that are one character.
var escapes = map[byte]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r", 'e': "\x1b",
	' ': " ", '"': `"`, '/': "/", '\\': `\`, 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
}

// unescape returns the character of the escape at the start of text, and its length, 0 if it is none. An escaped line
// break reads as nothing, or as the blank lines that follow.
func unescape(text string) (string, int) {
	if len(text) < 2 {
		return "", 0
	}
	if broken := matchLen(fold, []byte(text[1:])); broken > 0 && strings.ContainsRune(lineBreaks, rune(text[1])) {
		return strings.Repeat("\n", len(lineBreak.FindAllString(text[1:1+broken], -1))-1), 1 + broken
	}
	if one, ok := escapes[text[1]]; ok {
		return one, 2
	}
	size := 2 + map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[1]]
	if size == 2 || len(text) < size {
		return "", 0
	}
	code, err := strconv.ParseUint(text[2:size], 16, 32)
	if err != nil {
		return "", 0
	}
	if 0xD800 <= code && code < 0xDC00 && len(text) >= 12 && strings.HasPrefix(text[6:], `\u`) { // a pair of JSON
		low, err := strconv.ParseUint(text[8:12], 16, 32)
		if err == nil && 0xDC00 <= low && low < 0xE000 {
			return string(rune(0x10000 + (code-0xD800)<<10 + (low - 0xDC00))), 12
		}
	}
	return string(rune(code)), size
}
