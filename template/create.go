package template

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"
)

// create returns src with value at a path that selects nothing in it yet: a chain of keys and indices, of which the
// first may be there. What is on the way and empty, null or {}, becomes a map or a sequence.
func create(name string, src []byte, docs []*yaml.Node, sel selector, value string) ([]byte, []edit, error) {
	steps, ok := simplePath(sel.expr)
	if !ok {
		return nil, nil, errors.New("selects nothing, and only a path of keys and indices can be created")
	}
	var root *yaml.Node
	switch len(docs) {
	case 0:
		root = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	case 1:
		root = clone(docs[0])
	default:
		return nil, nil, errors.New("selects nothing, and there are several documents in which it could be created")
	}
	n, path := root, "."
	for _, s := range steps {
		next, err := s.under(n)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot be created, since %s %w", path, err)
		}
		if n, path = next, path+s.key; s.isIndex {
			path += fmt.Sprintf("[%d]", s.index)
		}
	}
	n.Tag, n.Value = createdTag(value), value
	if !printable(value) {
		n.Style = yaml.DoubleQuotedStyle // escaped, as Assign does it
	}
	out, edits, warnings, err := restructure(name, src, docs, []*yaml.Node{root}, layoutOptions{})
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("cannot be created: %w", err)
	case len(warnings) > 0:
		return nil, nil, errors.New("cannot be created without writing what is around it anew")
	}
	return out, edits, nil
}

// createdTag returns the type of a value where there is none yet: what it would be in the place of null, see Assign.
func createdTag(value string) string {
	if keepsType(&yaml.Node{Tag: "!!null"}, "", value) {
		return plainTag(value, false)
	}
	return "!!str"
}

// simplePathKey is a key that yq takes as it is, without wildcards and interpolation.
var simplePathKey = regexp.MustCompile(`^[^*?\\]*$`)

// pathStep is one key or index of a path.
type pathStep struct {
	key     string
	index   int
	isIndex bool
}

// under returns the node that the step leads to from n, and adds it as null when it is not there.
func (s pathStep) under(n *yaml.Node) (*yaml.Node, error) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		n.Kind, n.Tag, n.Value, n.Style = yaml.MappingNode, "!!map", "", 0
		if s.isIndex {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
	}
	fresh := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	switch {
	case n.Kind == yaml.AliasNode:
		return nil, errors.New("is an alias")
	case n.Kind == yaml.ScalarNode:
		return nil, errors.New("is a value")
	case n.Kind == yaml.MappingNode && s.isIndex:
		return nil, errors.New("is a map")
	case n.Kind == yaml.SequenceNode && !s.isIndex:
		return nil, errors.New("is a sequence")
	case n.Kind == yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if k := n.Content[i]; k.Kind == yaml.ScalarNode && k.Value == s.key {
				return n.Content[i+1], nil
			}
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s.key}, fresh)
	case s.index >= 0 && s.index < len(n.Content):
		return n.Content[s.index], nil
	case s.index != len(n.Content):
		return nil, fmt.Errorf("has %d items", len(n.Content))
	default:
		n.Content = append(n.Content, fresh)
	}
	return fresh, nil
}

// simplePath returns the steps of an expression that is made of keys and indices alone.
func simplePath(e *yqlib.ExpressionNode) ([]pathStep, bool) {
	if e == nil {
		return nil, false
	}
	switch op := e.Operation; op.OperationType.Type {
	case "SELF":
		return nil, true
	case "TRAVERSE_PATH":
		key, ok := op.Value.(string)
		return []pathStep{{key: key}}, ok && simplePathKey.MatchString(key)
	case "SHORT_PIPE", "PIPE":
		left, ok := simplePath(e.LHS)
		right, also := simplePath(e.RHS)
		return append(left, right...), ok && also
	case "TRAVERSE_ARRAY":
		left, ok := simplePath(e.LHS)
		if !ok || e.RHS == nil || e.RHS.Operation.OperationType.Type != "COLLECT" || e.RHS.RHS == nil {
			return nil, false
		}
		switch op := e.RHS.RHS.Operation; op.OperationType.Type {
		case "STRING_INT":
			key, ok := op.Value.(string)
			return append(left, pathStep{key: key}), ok && simplePathKey.MatchString(key)
		case "VALUE":
			i, err := strconv.Atoi(op.StringValue)
			return append(left, pathStep{index: i, isIndex: true}), err == nil
		}
	}
	return nil, false
}

// clone returns a copy of the tree at n.
func clone(n *yaml.Node) *yaml.Node {
	out := *n
	out.Content = nil
	for _, c := range n.Content {
		out.Content = append(out.Content, clone(c))
	}
	return &out
}
