package yamledit

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Untyped is a value that comes without a type, such as one from a command line. As the value of Set it takes the type
// of the plain scalar that it replaces, number, boolean or date, when it then reads back as just the same characters (3
// becomes 5, but 1.9 becomes "1.10"); any other is a string, and quoted where YAML 1.1 or 1.2 would read it as anything
// else. Null, and a place where there is nothing yet, have no type to keep: there true, false, null, and whole numbers
// of up to six digits stay what they look like, as counts and ports need to; a longer number or one with a point is a
// string, as a commit or a version needs to be. A tag in the file (!!int) stays, and one of a type refuses what is not of that type.
type Untyped string

// NewNode returns the tree for a value, as Set and Insert make it: a copy of a *yaml.Node, an Untyped, or anything that
// package yaml can encode. It returns an error for what that cannot, and for text that is not UTF-8. The copy of a
// yaml.DocumentNode is that of its root, and nodes without a tag get the one that they read as.
func NewNode(value any) (*yaml.Node, error) {
	switch v := value.(type) {
	case *yaml.Node:
		root, err := rootOf(v)
		if err != nil {
			return nil, err
		}
		out := clone(root)
		return out, complete(out)
	case Untyped:
		out := &yaml.Node{Kind: yaml.ScalarNode, Tag: untypedTag(string(v)), Value: string(v)}
		if !printable(string(v)) {
			out.Style = yaml.DoubleQuotedStyle // escaped, as Set does it
		}
		return out, complete(out)
	case string:
		out := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v}
		return out, complete(out)
	}
	out := new(yaml.Node)
	if err := out.Encode(value); err != nil {
		return nil, fmt.Errorf("a %T is no value for YAML: %w", value, err)
	}
	return out, nil
}

// rootOf returns n, or what is in it when it is a document, as package yaml unmarshals to a yaml.Node.
func rootOf(n *yaml.Node) (*yaml.Node, error) {
	if n != nil && n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	if n == nil || n.Kind == 0 || n.Kind == yaml.DocumentNode {
		return nil, errors.New("an empty *yaml.Node is no value for YAML")
	}
	return n, nil
}

// complete gives the nodes at and below n that have no tag the one that they read as. It returns an error for text that
// is not UTF-8.
func complete(n *yaml.Node) error {
	if !utf8.ValidString(n.Value) {
		return fmt.Errorf("%q is not UTF-8", n.Value)
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "" && n.Style&quoted == 0 {
		n.Tag = plainTag(n.Value, false)
	}
	if n.Tag == "" && n.Kind != yaml.AliasNode {
		n.Tag = n.ShortTag() // of a collection, or a string
	}
	for _, child := range n.Content {
		if err := complete(child); err != nil {
			return err
		}
	}
	return nil
}

// clone returns a copy of the tree at n.
func clone(n *yaml.Node) *yaml.Node {
	out := *n
	out.Content = cloneAll(n.Content)
	return &out
}

func cloneAll(nodes []*yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for _, n := range nodes {
		out = append(out, clone(n))
	}
	return out
}
