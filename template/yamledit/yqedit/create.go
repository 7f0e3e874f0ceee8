package yqedit

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// create adds a value at a path that selects nothing in the file yet: a chain of keys and indices, of which the first
// may be there. What is on the way and empty, null or {}, becomes a map or a sequence.
func create(f *yamledit.File, sel selector, a Assignment) *problem {
	steps, ok := simplePath(sel.expr)
	if !ok {
		return notSimple()
	}
	v, p := sel.made(a)
	if p != nil {
		return p
	}
	docs := f.Documents()
	if len(docs) > 1 {
		return &problem{"selects nothing, and there are several documents in which it could be created",
			"add it to one of them: " + a.expression(f, "select(di == 0) | ", a.Path)}
	}
	if len(docs) > 0 {
		return createIn(f, docs[0], sel, a)
	}
	tree, p := chain(".", steps, v)
	if p != nil {
		return p.because()
	}
	return written(f, len(f.Warnings()), f.Become(tree))
}

func notSimple() *problem {
	return &problem{"selects nothing, and only a path of keys and indices can be created",
		"give keys and indices alone, such as .a.b or .list[0], or add it with -yq"}
}

// createIn does what create does, in one document.
func createIn(f *yamledit.File, doc *yaml.Node, sel selector, a Assignment) *problem {
	steps, _ := simplePath(sel.expr)
	v, p := sel.made(a)
	if p != nil {
		return p
	}
	warned := len(f.Warnings())
	n := doc
	for i, s := range steps {
		next := yamledit.Lookup(n, s.at())
		if next != nil {
			n = next
			continue
		}
		if p := cannotHold(f, n, steps[i:], a); p != nil {
			return p.because()
		}
		tree, p := chain(s.path(f.Path(n)), steps[i+1:], v)
		if p != nil {
			return p.because()
		}
		return written(f, warned, f.Insert(n, s.at(), tree))
	}
	return written(f, warned, f.Set(n, v.instead(f, n)))
}

// override gives a map an entry of its own for a scalar that it has from a merge key, of the type and in the quotes of
// that scalar.
func override(f *yamledit.File, s selected, key string, a Assignment) *problem {
	merged := s.node
	if merged.Kind == yaml.AliasNode {
		merged = merged.Alias
	}
	if merged.Kind != yaml.ScalarNode {
		return selected{node: merged, document: s.document}.problem(f, a)
	}
	warned := len(f.Warnings())
	tree, err := a.value().over(merged, yamledit.KeyPath(f.Path(s.detour.node), key))
	if err != nil {
		return problem{err.Error(), hintFor(merged)}.because()
	}
	return written(f, warned, f.Insert(s.detour.node, key, tree))
}

// because returns the problem of creating something.
func (p problem) because() *problem {
	return &problem{"cannot be created, since " + p.reason, p.hint}
}

// written writes what was created into the text.
func written(f *yamledit.File, warned int, err error) *problem {
	if err != nil {
		return problem{reason(err), hintByHand}.because()
	}
	if _, _, err := f.Bytes(); err != nil {
		return &problem{"cannot be created: " + reason(err), hintByHand}
	}
	if len(f.Warnings()) > warned {
		return &problem{"cannot be created without writing what is around it anew", hintByHand}
	}
	return nil
}

// cannotHold returns why a node cannot get the first of some steps, or nil.
func cannotHold(f *yamledit.File, n *yaml.Node, steps []pathStep, a Assignment) *problem {
	path, step := f.Path(n), steps[0]
	isNull := n.Kind == yaml.ScalarNode && n.Tag == "!!null"
	switch {
	case n.Kind == yaml.AliasNode:
		rest := ""
		for _, s := range steps {
			rest = s.path(rest)
		}
		at := f.Path(n.Alias)
		return &problem{path + " is an alias",
			fmt.Sprintf("create %s%s, which every use of the alias gets; for this one alone, give %s", at, rest,
				a.expression(f, "explode("+path+") | ", a.Path))}
	case n.Kind == yaml.ScalarNode && !isNull:
		return &problem{path + " is a value",
			"give a path that does not lead through " + path + ", or delete it with -yq"}
	case n.Kind == yaml.MappingNode && step.isIndex:
		return &problem{path + " is a map", "give a key of it, such as " + yamledit.KeyPath(path, "key")}
	case n.Kind == yaml.SequenceNode && !step.isIndex:
		return &problem{path + " is a sequence",
			fmt.Sprintf("give an index: %s[0] for the first item, %[1]s[%d] for a new one", path, len(n.Content))}
	case step.isIndex && step.index != len(n.Content):
		return tooFar(path, len(n.Content))
	}
	if value := merged(n, step.key, map[*yaml.Node]bool{}); value != nil && len(steps) > 1 && !step.isIndex {
		return &problem{
			fmt.Sprintf("%s comes from %s by a merge key, and a map of its own would replace all of that",
				yamledit.KeyPath(path, step.key), f.Path(value)),
			fmt.Sprintf("create it in %s, which every use gets; for this one alone, give %s", f.Path(value),
				a.expression(f, "explode("+path+") | ", a.Path)),
		}
	}
	return nil
}

// tooFar returns the problem of an index in a sequence that can get one more item only at its end.
func tooFar(path string, items int) *problem {
	return &problem{fmt.Sprintf("%s has %d items", path, items),
		fmt.Sprintf("a new item is added at the end: give %s[%d]", path, items)}
}

// chain returns the tree that has a value at the end of the steps, at a path where there is nothing yet.
func chain(path string, steps []pathStep, v newValue) (*yaml.Node, *problem) {
	if len(steps) == 0 {
		tree, err := yamledit.NewNode(v.at(path))
		if err != nil {
			return nil, &problem{err.Error(), hintByHand}
		}
		return tree, nil
	}
	s := steps[0]
	if s.isIndex && s.index != 0 {
		return nil, tooFar(path, 0)
	}
	inner, p := chain(s.path(path), steps[1:], v)
	if p != nil {
		return nil, p
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
