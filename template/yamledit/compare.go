package yamledit

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// counted says what of nodes counts besides what they read as.
type counted struct{ styles, comments bool }

// same reports whether two nodes read the same, and have the same styles and comments where those count.
func (c counted) same(before, after *yaml.Node) bool {
	switch {
	case before.Kind != after.Kind || before.Anchor != after.Anchor || len(before.Content) != len(after.Content):
		return false
	case before.Kind != yaml.AliasNode && before.Tag != after.Tag:
		return false
	case before.Value != after.Value && before.Tag != "!!null":
		return false
	case c.styles && style(before) != style(after), c.comments && !sameComments(before, after):
		return false
	}
	for i := range before.Content {
		if !c.same(before.Content[i], after.Content[i]) {
			return false
		}
	}
	return true
}

// style returns the style of n as far as it counts.
func style(n *yaml.Node) yaml.Style {
	switch {
	case n.Kind == yaml.ScalarNode:
		return n.Style & quoted
	case len(n.Content) == 0: // an alias, too
		return 0
	}
	return n.Style & yaml.FlowStyle
}

func sameComments(before, after *yaml.Node) bool {
	return before.HeadComment == after.HeadComment && before.LineComment == after.LineComment &&
		before.FootComment == after.FootComment
}

// verify parses text, the file of that name, and returns its documents, or an error unless they read as want. Styles
// and comments may differ: not every node can have any.
func verify(name string, text []byte, want []*yaml.Node) ([]*yaml.Node, error) {
	docs, err := parseAs(name, text)
	switch {
	case err != nil:
		return nil, err
	case len(docs) == 0 && len(want) == 1 && want[0].Tag == "!!null":
		return docs, nil
	case len(docs) != len(want):
		return nil, errors.New("there would be more or fewer documents")
	}
	for i, doc := range docs {
		if !(counted{}).same(doc, want[i]) {
			return nil, fmt.Errorf("document %d would not read as it should", i)
		}
	}
	return docs, nil
}

// equal returns an error unless after reads just as before, null included.
func equal(before, after []*yaml.Node) error {
	if len(before) != len(after) {
		return errors.New("there would be more or fewer nodes")
	}
	for i, want := range before {
		got := after[i]
		if got == want { // of a piece that was not even parsed again
			continue
		}
		if got.Kind != want.Kind || got.Tag != want.Tag || got.Value != want.Value || got.Anchor != want.Anchor {
			return fmt.Errorf("line %d would read %q", want.Line, got.Value)
		}
		if err := equal(want.Content, got.Content); err != nil {
			return err
		}
	}
	return nil
}
