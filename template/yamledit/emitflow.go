package yamledit

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// flow returns n as it stands within brackets: on one line, but for the collections of a JSON file that is not.
func (e *editor) flow(n *yaml.Node, column int) (string, error) {
	var out strings.Builder
	if n.Anchor != "" {
		out.WriteString("&" + n.Anchor + " ")
	}
	if n.Style&yaml.TaggedStyle != 0 {
		out.WriteString(n.Tag + " ")
	}
	switch n.Kind {
	case yaml.AliasNode:
		return "*" + n.Value + " ", nil
	case yaml.ScalarNode:
		text, err := e.scalar(n, n.Style, true)
		return out.String() + text, err
	}
	open, closing := "[", "]"
	if n.Kind == yaml.MappingNode {
		open, closing = "{", "}"
	}
	between, last := ", ", ""
	if e.json && len(e.lines) > 2 && len(n.Content) > 0 {
		unit := e.jsonIndent()
		last = e.newline + strings.Repeat(unit, max(0, column)/len(unit))
		open, between = open+last+unit, ","+last+unit
		column += len(unit)
	}
	out.WriteString(open)
	for i := range len(n.Content) / entrySize(n) {
		text, err := e.flowEntry(n, i, column)
		if err != nil {
			return "", err
		}
		if i > 0 {
			out.WriteString(between)
		}
		out.WriteString(text)
	}
	return out.String() + last + closing, nil
}

// flowEntry returns the i-th entry of n as it stands within brackets.
func (e *editor) flowEntry(n *yaml.Node, i, column int) (string, error) {
	value, err := e.flow(entryValue(n, i), column)
	if err != nil || n.Kind == yaml.SequenceNode {
		return value, err
	}
	key, err := e.flow(n.Content[2*i], column)
	return key + ": " + value, err
}
