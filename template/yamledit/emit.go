package yamledit

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// hashed returns a line of a comment, which yq takes with and without its "#".
func hashed(line string) string {
	if line == "" || strings.HasPrefix(line, "#") {
		return line
	}
	return "# " + line
}

// scalar returns n on one line, in the old style where that can be.
func (e *editor) scalar(n *yaml.Node, old yaml.Style, inFlow bool) (string, error) {
	if e.styles {
		old = n.Style
	}
	tagged := n.Style&yaml.TaggedStyle != 0
	plain := plainTag(n.Value, inFlow)
	isPlain := plain != "" && (tagged || plain == "!!str" && !ambiguous.MatchString(n.Value))
	switch {
	case n.Tag == "!!null" && (e.json || n.Value == ""):
		return "null", nil
	case n.Tag == "!!merge" && n.Value == "<<":
		return n.Value, nil
	case n.Tag != "!!str" && !tagged:
		if plain != n.Tag {
			return "", fmt.Errorf("%q is no %s", n.Value, n.Tag)
		}
		return n.Value, nil
	case e.json:
		return doubleQuote(n.Value), nil
	case old&quoted == 0 && isPlain:
		return n.Value, nil
	}
	return quoteLike(old, n.Value), nil
}

// emit returns n as it stands in s, after the ":" or "-", without the last line break.
func (e *editor) emit(n *yaml.Node, s slot) string {
	if s.indent < 0 && isBlock(n) && !e.json {
		return strings.TrimSuffix(e.block(n, 0), e.newline)
	}
	return strings.TrimSuffix(strings.TrimPrefix(e.value(n, s.indent, s.item), " "), e.newline)
}

// entry returns the i-th entry of n at a column, with its line break.
func (e *editor) entry(n *yaml.Node, i, column int) string {
	pad := strings.Repeat(" ", column)
	value := entryValue(n, i)
	if n.Kind == yaml.SequenceNode {
		line := pad + "-" + e.value(value, column, true)
		return e.commentLines(pad, value.HeadComment) + line + e.commentLines(pad, value.FootComment)
	}
	key := n.Content[2*i]
	text, _ := e.flow(key, column)
	line := e.value(value, column, false)
	if key.LineComment != "" && strings.HasPrefix(line, e.newline) {
		line = " " + hashed(key.LineComment) + line
	}
	head := key.HeadComment
	if head == "" {
		head = value.HeadComment
	}
	return e.commentLines(pad, head) + pad + text + ":" + line + e.commentLines(pad, key.FootComment)
}

// commentLines returns the lines of a comment.
func (e *editor) commentLines(pad, text string) string {
	if text == "" {
		return ""
	}
	var out strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			out.WriteString(pad + hashed(strings.TrimRight(line, "\r")))
		}
		out.WriteString(e.newline)
	}
	return out.String()
}

// block returns the entries of a block collection at a column.
func (e *editor) block(n *yaml.Node, column int) string {
	var out strings.Builder
	for i := range len(n.Content) / entrySize(n) {
		out.WriteString(e.entry(n, i, column))
	}
	return out.String()
}

// value returns what stands after the ":" or "-" of an entry at a column, with the line break.
func (e *editor) value(n *yaml.Node, column int, item bool) string {
	tail := e.newline
	if n.LineComment != "" {
		tail = " " + hashed(n.LineComment) + e.newline
	}
	props := ""
	if n.Anchor != "" {
		props = " &" + n.Anchor
	}
	if n.Style&yaml.TaggedStyle != 0 {
		props += " " + n.Tag
	}
	text, literal := e.literal(n, column)
	switch {
	case literal:
		return props + " " + text
	case e.json || !isBlock(n) || n.Kind == yaml.ScalarNode:
		text, err := e.flow(n, column)
		if err != nil {
			return props + " " + n.Tag + " " + doubleQuote(n.Value) + tail
		}
		return " " + text + tail
	case item && props == "": // the first entry starts on the line of the "-"
		if text := e.block(n, column+2); !comment.MatchString(text) {
			return " " + strings.TrimLeft(text, " ")
		}
		return e.newline + e.block(n, column+2)
	case n.Kind == yaml.SequenceNode && e.compact && !item:
		return props + e.newline + e.block(n, column)
	}
	return props + e.newline + e.block(n, column+e.step)
}

// literal returns a string of several lines as a block scalar, where it can be one.
func (e *editor) literal(n *yaml.Node, column int) (string, bool) {
	lines := strings.Split(strings.TrimRight(n.Value, "\n"), "\n")
	asked := e.styles && n.Style&block != 0 && len(lines) == 1 // of one line, as style="literal" makes it
	isString := n.Kind == yaml.ScalarNode && n.Tag == "!!str"
	inQuotes := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	if !isString || inQuotes || e.json || e.way == withoutBlockScalars ||
		!asked && !strings.Contains(n.Value, "\n") || lines[0] == "" || strings.HasPrefix(lines[0], " ") {
		return "", false
	}
	sign := "|"
	if asked && n.Style&yaml.FoldedStyle != 0 {
		sign = ">"
	}
	header := sign
	switch newlines := len(n.Value) - len(strings.TrimRight(n.Value, "\n")); {
	case newlines == 0:
		header = sign + "-"
	case newlines > 1:
		header = sign + "+"
	}
	pad := strings.Repeat(" ", max(0, column+e.step))
	for i, line := range lines {
		if !printable(line) {
			return "", false
		}
		if line != "" {
			lines[i] = pad + line
		}
	}
	end := e.newline
	if strings.HasSuffix(header, "+") {
		end = strings.Repeat(e.newline, len(n.Value)-len(strings.TrimRight(n.Value, "\n")))
	}
	return header + e.newline + strings.Join(lines, e.newline) + end, true
}
