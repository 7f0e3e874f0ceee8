package yqedit

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// create adds a value at a path that selects nothing in the file yet: a chain of keys and indices, of which the first
// may be there. What is on the way and empty, null or {}, becomes a map or a sequence.
func create(f *yamledit.File, sel selector, value string) error {
	steps, ok := simplePath(sel.expr)
	if !ok {
		return errors.New("selects nothing, and only a path of keys and indices can be created")
	}
	docs := f.Documents()
	if len(docs) > 1 {
		return errors.New("selects nothing, and there are several documents in which it could be created")
	}
	warned := len(f.Warnings())
	if err := add(f, docs, steps, value); err != nil {
		return fmt.Errorf("cannot be created, since %s", reason(err))
	}
	if _, _, err := f.Bytes(); err != nil {
		return fmt.Errorf("cannot be created: %s", reason(err))
	}
	if len(f.Warnings()) > warned {
		return errors.New("cannot be created without writing what is around it anew")
	}
	return nil
}

// add adds the value to the only document of the file.
func add(f *yamledit.File, docs []*yaml.Node, steps []pathStep, value string) error {
	if len(docs) == 0 {
		tree, err := chain(".", steps, value)
		if err != nil {
			return err
		}
		return f.Become(tree)
	}
	n := docs[0]
	for i, s := range steps {
		next := yamledit.Lookup(n, s.at())
		if next == nil {
			tree, err := chain(s.path(f.Path(n)), steps[i+1:], value)
			if err != nil {
				return err
			}
			return f.Insert(n, s.at(), tree)
		}
		n = next
	}
	return f.Set(n, yamledit.Untyped(value))
}

// chain returns the tree that has a value at the end of the steps, at a path where there is nothing yet.
func chain(path string, steps []pathStep, value string) (*yaml.Node, error) {
	if len(steps) == 0 {
		return yamledit.NewNode(yamledit.Untyped(value))
	}
	s := steps[0]
	if s.isIndex && s.index != 0 {
		return nil, errors.New(path + " has 0 items")
	}
	inner, err := chain(s.path(path), steps[1:], value)
	if err != nil {
		return nil, err
	}
	if s.isIndex {
		return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{inner}}, nil
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s.key}
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{key, inner}}, nil
}

// simplePathKey is a key that yq takes as it is, without wildcards and interpolation.
var simplePathKey = regexp.MustCompile(`^[^*?\\]*$`)

// pathStep is one key or index of a path.
type pathStep struct {
	key     string
	index   int
	isIndex bool
}

// at returns the step as yamledit.Lookup takes it.
func (s pathStep) at() any {
	if s.isIndex {
		return s.index
	}
	return s.key
}

// path returns the path that the step leads to from another one.
func (s pathStep) path(from string) string {
	if s.isIndex {
		return fmt.Sprintf("%s[%d]", from, s.index)
	}
	return yamledit.KeyPath(from, s.key)
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
