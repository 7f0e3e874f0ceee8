package template

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// rewrite returns the splices that make the scalar at p read value, and the tag that it then has. lines are the starts of
// src's lines. With strict, a string is in double quotes whatever there was.
func rewrite(src []byte, lines []int, p place, value string, inJSON, strict bool) ([]splice, string, error) {
	start, end, err := spanFrom(src, lines, p.node, cmp.Or(p.near, new(mark)))
	if err != nil {
		return nil, "", fmt.Errorf("%s is %w", p.path, err)
	}
	token, tag, err := encode(p, value, inJSON)
	if err != nil {
		return nil, "", err
	}
	if strict && !typed.MatchString(tag) {
		token = doubleQuote(value)
	}
	if p.node.Style&block != 0 {
		return rewriteBlock(src, lines, p.node, splice{start, end, token}, value, strict), tag, nil
	}
	if start == end && !isTagged(p.node) && p.node.Anchor == "" {
		// Nothing is there yet. It goes right after the colon or dash, or, in {a}, after the key and a colon.
		if bytes.HasPrefix(src[start:], []byte(":")) { // where the parser sees what is missing in [a: ]
			start, end = start+1, start+1
		}
		before := bytes.TrimRight(src[:start], " \t\r\n")
		switch afterMark := bytes.HasSuffix(before, []byte(":")) || bytes.HasSuffix(before, []byte("-")); {
		case afterMark && !bytes.ContainsAny(src[len(before):start], "\r\n"):
		case afterMark && p.inFlow:
			start, end = len(before), len(before)
		case p.inFlow && strict: // a comment may be before it
		case p.inFlow:
			start, end, token = len(before), len(before), ": "+token
		default:
			return nil, "", fmt.Errorf("%s has no place for a value; write one by hand", p.path)
		}
	}
	if start == end && start > 0 && !strings.ContainsRune(" \t\r\n", rune(src[start-1])) && token[0] != ':' {
		token = " " + token
	}
	return []splice{{start, end, token}}, tag, nil
}

// rewriteBlock returns the splices that give a block scalar another value: in a block again where that can hold the
// value, or else by inline, which puts a token in place of the header; the comment beside the header stays.
func rewriteBlock(src []byte, lines []int, n *yaml.Node, inline splice, value string, strict bool) []splice {
	b := bodyOf(src, lines, n, inline.end)
	header := string(src[inline.start:inline.end])
	rest := src[inline.end:b.start]
	lineEnd := inline.end + len(bytes.TrimRight(rest, lineBreaks))
	lineBreak := string(src[lineEnd:b.start])

	text, holds := blockText(value, n.Style&yaml.FoldedStyle != 0, strings.ContainsAny(header, "123456789"))
	if strict || !holds || inline.text != doubleQuote(value) || b.start == b.end || lineBreak == "" {
		if b.start == b.end {
			return []splice{inline}
		}
		last := b.start + len(bytes.TrimRight(src[b.start:b.end], lineBreaks))
		return []splice{inline, {lineEnd, last, ""}}
	}
	// What becomes of the line breaks at the end: all but one go, all go (-), or all stay (+).
	end, old, chomping := b.end, strings.Trim(header, "|>123456789"), ""
	trailing := len(value) - len(strings.TrimRight(value, "\n"))
	switch {
	case trailing == 0:
		chomping = "-"
	case trailing > 1 || old == "+":
		end, chomping = b.blanks, "+"
	}
	if old != chomping {
		header = strings.NewReplacer("-", "", "+", "").Replace(header) + chomping
	}
	for i, line := range text {
		if line != "" {
			text[i] = b.indent + line
		}
	}
	lower := strings.Join(text, lineBreak) + strings.Repeat(lineBreak, max(1, trailing))
	if trailing == 0 && end == len(src) && !bytes.HasSuffix(src, []byte(lineBreak)) {
		lower = strings.TrimSuffix(lower, lineBreak)
	}
	return []splice{{inline.start, inline.end, header}, {b.start, end, lower}}
}

// blockText returns the lines, without indentation and without line breaks at the end, that make a literal or a folded
// block scalar read as value. It is false for what a block cannot hold, or not without an indicator of its indentation,
// and for lines that end in a space, which some parsers, and editors, take away.
func blockText(value string, folded, indented bool) ([]string, bool) {
	text := strings.TrimRight(value, "\n")
	first := strings.TrimLeft(text, "\n")
	if first == "" || !indented && strings.ContainsRune(" \t", rune(first[0])) || spaceAtEnd.MatchString(text) || !printable(strings.NewReplacer("\n", "", "\t", "").Replace(text)) {
		return nil, false
	}
	lines := strings.Split(text, "\n")
	if !folded {
		return lines, true
	}
	// A single break between two lines reads as a space, unless one of them is indented.
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
	return out, true
}

// isTagged reports whether a node has a tag of its own in the file.
func isTagged(n *yaml.Node) bool { return n.Style&yaml.TaggedStyle != 0 || n.Tag == "!" }

var spaceAtEnd = regexp.MustCompile(`(?m)[ \t]$`)

// typed are the tags whose scalars cannot hold just any string.
var typed = regexp.MustCompile(`^!!(int|float|bool|null|timestamp|merge)$`)

// encode returns the token that makes the scalar at p read as value, in its style where that can be, and the tag that it
// then has. The token is one line: in place of a block scalar it is in double quotes. In JSON, all strings are.
func encode(p place, value string, inJSON bool) (token, tag string, err error) {
	old := p.node
	style := old.Style & quoted
	tagged := isTagged(old)
	plain := ""
	if style == 0 || tagged { // quotes need no such look
		plain = plainTag(value, p.inFlow)
	}
	if tagged && typed.MatchString(old.Tag) {
		if !fitsTag(old.Tag, plain, value) {
			return "", "", fmt.Errorf("%q is no %s, as the tag of the node says", value, old.Tag)
		}
		if style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
			return value, old.Tag, nil
		}
	}
	if style == 0 && !tagged && keepsType(old, plain, value) {
		return value, plain, nil
	}
	tag = "!!str"
	if tagged {
		tag = old.Tag
	}
	switch {
	case style == 0 && !inJSON && plain == "!!str" && !ambiguous.MatchString(value):
		return value, tag, nil
	case style == yaml.SingleQuotedStyle && printable(value):
		return "'" + strings.ReplaceAll(value, "'", "''") + "'", tag, nil
	}
	return doubleQuote(value), tag, nil
}

// fitsTag reports whether a scalar that would have the tag plain by itself may have the tag of a type in the file.
func fitsTag(tag, plain, value string) bool {
	return plain == tag || tag == "!!float" && plain == "!!int" || tag == "!!bool" && bool11.MatchString(value)
}

// keepsType reports whether the plain scalar old may become the plain scalar value, which has the tag plain: they are of
// one type, and nothing of value is lost when a program reads it as that type and writes it.
func keepsType(old *yaml.Node, plain, value string) bool {
	switch old.Tag {
	case "!!int", "!!float":
		return canonicalNumber(value)
	case "!!bool":
		return value == "true" || value == "false"
	case "!!null":
		return value == "true" || value == "false" || value == "null" || smallInt.MatchString(value)
	case "!!timestamp":
		return plain == old.Tag
	case "!!str":
		// yes and no are booleans to a reader of YAML 1.1.
		return bool11.MatchString(old.Value) && (bool11.MatchString(value) || value == "true" || value == "false")
	}
	return false
}

// smallInt matches the numbers that take the place of null: a count or a port, but neither a date nor a commit that
// happens to have no letter, which are as good as always longer.
var smallInt = regexp.MustCompile(`^(?:0|-?[1-9][0-9]{0,4})$`)

func canonicalNumber(s string) bool {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return strconv.FormatInt(i, 10) == s
	}
	f, err := strconv.ParseFloat(s, 64)
	return err == nil && strings.Contains(s, ".") && strconv.FormatFloat(f, 'f', -1, 64) == s
}

// plainTag returns the tag of value where it stands as a plain scalar, or "" when it cannot stand as one.
func plainTag(value string, inFlow bool) string {
	if !printable(value) {
		return ""
	}
	text := "k: " + value + "\n"
	if inFlow {
		// Parsers differ on indicators there, as in [-, a?b, :c].
		if strings.HasPrefix(value, ":") || strings.Contains(value, "?") || strings.HasPrefix(value, "-") && !canonicalNumber(value) {
			return ""
		}
		text = "k: [" + value + "]\n"
	}
	docs, err := parse([]byte(text))
	if err != nil || len(docs) != 1 || len(docs[0].Content) != 2 {
		return ""
	}
	n := docs[0].Content[1]
	if inFlow {
		if len(n.Content) != 1 {
			return ""
		}
		n = n.Content[0]
	}
	if n.Kind != yaml.ScalarNode || n.Style != 0 || n.Value != value {
		return ""
	}
	return n.Tag
}

// The types that YAML 1.1 (yaml.org/type) and the core schema of YAML 1.2.2 (section 10.3) find in plain scalars, and
// that the parser does not.
var (
	bool11    = regexp.MustCompile(`^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$`)
	ambiguous = regexp.MustCompile(bool11.String() +
		`|^[-+]?(?:0b[01_]+|0o[0-7]+|0x[0-9a-fA-F_]+)$` +
		`|^[-+]?(?:[0-9][0-9_,]*(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?$` +
		`|^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$` +
		`|^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}` +
		`|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$|^[=~]?$`)
)

// printable reports whether s is one line that needs no escapes.
func printable(s string) bool {
	return !slices.ContainsFunc([]rune(s), func(r rune) bool { return !unicode.IsPrint(r) })
}

// doubleQuote returns s as a double-quoted scalar that is a JSON string too.
func doubleQuote(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\r':
			out.WriteString(`\r`)
		case !unicode.IsPrint(r) && r <= 0xFFFF:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
