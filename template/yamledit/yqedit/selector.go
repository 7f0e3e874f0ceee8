package yqedit

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// CheckPath returns an error when expr is not a yq expression, or not one that merely selects nodes: it changes them,
// or looks at the environment, the clock or other files.
func CheckPath(expr string) error {
	_, err := parseSelector(expr)
	return err
}

// selector is a yq expression that selects nodes.
type selector struct {
	expr  *yqlib.ExpressionNode
	steps []pathStep // the same, where it is made of keys and indices alone
	// descends says that it looks everywhere (..), so that it tells nothing where nothing is found.
	descends bool
	next     *selector // what selects in the documents that the selected strings hold, if anything does
	decoder  string    // that reads them: from_yaml
}

func parseSelector(expr string) (selector, error) {
	setUpYq()
	parsed, err := yqlib.ExpressionParser.ParseExpression(expr)
	if err == nil {
		err = checkRefusals(parsed)
	}
	if err == nil {
		err = checkOperators(parsed)
	}
	if err == nil && parsed == nil {
		return selector{}, errors.New("the path is empty")
	}
	if err == nil && computes(parsed) {
		err = errors.New("yields something computed, which is no node of the file")
	}
	switch {
	case err != nil && undotted.MatchString(expr):
		return selector{}, fmt.Errorf("path %q: %w; a path starts with a dot: .%s", expr, err, expr)
	case err != nil:
		return selector{}, fmt.Errorf("path %q: %w", expr, err)
	}
	return newSelector(stages(parsed))
}

// descents are the operators of yq, by the name it gives them, that look at all nodes below one.
var descents = regexp.MustCompile(`^RECURSIVE_DESCENT$`)

// undotted is what looks like a path, but for the dot at its start.
var undotted = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(?:[.\[].*)?$`)

// computed are the operators of yq, by the name it gives them, that never yield a node of the file.
var computed = regexp.MustCompile(`^(VALUE|STRING_INT|LENGTH|LINE|KEYS|NOT|TO_.*|HAS|JOIN|SUBSTR|TEST|MATCH|SPLIT|` +
	`GET_(STYLE|TAG|KIND|COMMENT|ANCHOR|ALIAS|DOCUMENT_INDEX|FILENAME|FILE_INDEX|PATH))$`)

// computes reports whether what an expression yields can be no node of the file.
func computes(node *yqlib.ExpressionNode) bool {
	switch t := node.Operation.OperationType.Type; t {
	case "PIPE", "SHORT_PIPE":
		return node.RHS != nil && computes(node.RHS)
	default:
		return computed.MatchString(t)
	}
}

// checkOperators returns an error when an expression does more than select.
func checkOperators(node *yqlib.ExpressionNode) error {
	if node == nil {
		return nil
	}
	if op := node.Operation; changing.MatchString(op.OperationType.Type) {
		return fmt.Errorf("%q does more than select nodes", op.StringValue)
	}
	if err := checkOperators(node.LHS); err != nil {
		return err
	}
	return checkOperators(node.RHS)
}

// selected is a node that an expression selects.
type selected struct {
	node     *yaml.Node
	document *yaml.Node // that it is in
	isKey    bool
	aliased  bool    // it was reached by way of an alias or a merge key alone
	detour   *detour // by which one, where the path tells
}

// selects returns the nodes that the expression selects in docs, in the order of the file. A node that yq makes up, for
// a key that is not there, is none; without are the paths of those in documents in which others are found. With an
// errFails, they are those of the documents that the expression fits.
func (s selector) selects(docs []*yaml.Node) (out []selected, without []string, err error) {
	for i, doc := range docs {
		if n, ok := s.follow(doc); ok {
			if n != nil {
				out = append(out, selected{node: n, document: doc})
			}
			continue
		}
		found, lacks, failed := s.query(doc, i)
		switch {
		case errors.Is(failed, errFails):
			err = cmp.Or(err, failed)
			continue
		case failed != nil:
			return nil, nil, failed
		}
		if len(found) > 0 {
			without = append(without, lacks...)
		}
		for _, one := range found {
			one.document = doc
			if one.aliased {
				one.detour = s.detour(doc)
			}
			out = append(out, one)
		}
	}
	return out, without, err
}

// follow returns the node that keys and indices lead to, along nothing but maps and lists of the file itself, as most
// do, in a fraction of the time of query. It is nil where nothing is there, and false for all else.
func (s selector) follow(doc *yaml.Node) (n *yaml.Node, ok bool) {
	if s.steps == nil {
		return nil, false
	}
	n = doc
	for _, step := range s.steps {
		switch {
		case n.Kind == yaml.MappingNode && !step.isIndex:
			n, ok = lastUnder(n, step.key)
		case n.Kind == yaml.SequenceNode && step.isIndex && step.index >= 0:
			n, ok = yamledit.Lookup(n, step.index), true
		default:
			return nil, false
		}
		if n == nil || !ok {
			return nil, ok
		}
	}
	return n, true
}

// lastUnder returns what a map has under a key, the last one if it is there twice, as yq does. It is false where a
// merge key, or a key that is a collection, may be it.
func lastUnder(m *yaml.Node, key string) (n *yaml.Node, ok bool) {
	for i := 0; i < len(m.Content); i += 2 {
		switch k := m.Content[i]; {
		case k.Kind != yaml.ScalarNode || k.Tag == "!!merge":
			return nil, false
		case k.Value == key:
			n = m.Content[i+1]
		}
	}
	return n, true
}

// query returns the nodes that the expression selects in the index-th document, and where it selects nothing beside
// them, unless it looks everywhere.
func (s selector) query(doc *yaml.Node, index int) (out []selected, without []string, err error) {
	// Aliases of aliases can make a small file a huge one. Such a one is read without them.
	tooMany := aliasesTooMany(doc)
	found, err := s.visit(doc, index, tooMany)
	if err != nil {
		return nil, nil, err
	}
	isAnchored := func(v *visited) bool { return v.anchored }
	direct := map[*yaml.Node]bool{}
	if !tooMany && slices.ContainsFunc(found, isAnchored) {
		reached, err := s.visit(doc, index, true)
		if err != nil {
			return nil, nil, err
		}
		for _, v := range reached {
			direct[v.node] = true
		}
	}
	for _, v := range found {
		out = append(out, selected{node: v.node, isKey: v.isKey, aliased: !tooMany && v.anchored && !direct[v.node]})
	}
	if len(out) > 0 && s.steps == nil && !s.descends && !tooMany {
		without, err = s.madeUp(doc, index)
	}
	return out, without, err
}

// madeUp returns the paths of the nodes that yq would add to the index-th document to set what the expression selects.
func (s selector) madeUp(doc *yaml.Node, index int) ([]string, error) {
	root := &yqlib.CandidateNode{}
	root.SetDocument(uint(index))
	if err := root.UnmarshalYAML(doc, map[string]*yqlib.CandidateNode{}); err != nil {
		return nil, err
	}
	known := map[*yqlib.CandidateNode]bool{}
	var visit func(c *yqlib.CandidateNode)
	visit = func(c *yqlib.CandidateNode) {
		known[c] = true
		for _, child := range c.Content {
			visit(child)
		}
	}
	visit(root)
	result, err := navigate((&yqlib.Context{}).SingleChildContext(root), s.expr)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range result {
		if !known[c] && c.Tag == "!!null" {
			out = append(out, pathOf(c))
		}
	}
	return out, nil
}

// visited is a node on the way of visit.
type visited struct {
	node     *yaml.Node
	isKey    bool
	anchored bool // it, or a node that it is within, has an anchor
	selected bool
}

// visit returns the nodes that the expression selects in one document. Aliases are not followed when they are opaque.
func (s selector) visit(doc *yaml.Node, index int, opaque bool) ([]*visited, error) {
	root := &yqlib.CandidateNode{}
	root.SetDocument(uint(index))
	if err := root.UnmarshalYAML(doc, map[string]*yqlib.CandidateNode{}); err != nil {
		return nil, err
	}
	var order []*visited
	known := map[*yqlib.CandidateNode]*visited{}
	var visit func(c *yqlib.CandidateNode, v visited)
	visit = func(c *yqlib.CandidateNode, v visited) {
		v.anchored = v.anchored || v.node.Anchor != ""
		order, known[c] = append(order, &v), &v
		if opaque && c.Kind == yqlib.AliasNode {
			c.Kind, c.Alias = yqlib.ScalarNode, nil
		}
		for i, child := range c.Content {
			isKey := v.node.Kind == yaml.MappingNode && i%2 == 0
			visit(child, visited{node: v.node.Content[i], isKey: isKey, anchored: v.anchored})
		}
	}
	visit(root, visited{node: doc})

	// Read-only, since yq adds what it does not find.
	context := (&yqlib.Context{}).SingleReadonlyChildContext(root)
	result, err := navigate(context, s.expr)
	if err != nil {
		return nil, err
	}
	for _, c := range result {
		v := known[c]
		switch {
		case v != nil:
			v.selected = true
		case c.Tag != "!!null":
			return nil, errors.New("yields something computed, which is no node of the file")
		}
	}
	return slices.DeleteFunc(order, func(v *visited) bool { return !v.selected }), nil
}

// pathOf returns the path of a node of yq.
func pathOf(c *yqlib.CandidateNode) string {
	path := "."
	for _, step := range c.GetPath() {
		if index, ok := step.(int); ok {
			path = pathStep{index: index, isIndex: true}.path(path)
		} else {
			path = yamledit.KeyPath(path, fmt.Sprint(step))
		}
	}
	return path
}
