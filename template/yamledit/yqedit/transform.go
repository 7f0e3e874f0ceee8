package yqedit

import (
	"errors"
	"strings"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// The styles of scalars that are block scalars, and of all that are not plain.
const (
	block  = yaml.LiteralStyle | yaml.FoldedStyle
	styled = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | block
)

// transform returns what the expression makes of one document, and whether it selects anything there.
func transform(name string, doc *yaml.Node, index int, expr *yqlib.ExpressionNode) (*yaml.Node, bool, error) {
	candidate := func() (*yqlib.CandidateNode, error) {
		root := &yqlib.CandidateNode{}
		root.SetDocument(uint(index))
		root.SetFilename(name)
		return root, root.UnmarshalYAML(doc, map[string]*yqlib.CandidateNode{})
	}
	root, err := candidate()
	if err != nil {
		return nil, false, err
	}
	if expr.LHS != nil && strings.HasSuffix(expr.Operation.OperationType.Type, "ASSIGN") {
		if found, err := assigns(root, expr); err != nil || !found {
			return doc, false, err // where yq would add the path up to where it ends, with null
		}
		if root, err = candidate(); err != nil {
			return nil, false, err
		}
	}
	kind := root.Kind
	nodes, err := navigate((&yqlib.Context{}).SingleChildContext(root), expr)
	switch {
	case err != nil:
		return nil, false, err
	case len(nodes) == 0:
		return doc, false, nil
	case len(nodes) != 1, nodes[0] != root && (nodes[0].Kind != kind || len(nodes[0].GetPath()) > 0):
		return nil, false, errors.New("does not yield the document: " +
			"it must be an assignment, such as .a = 1, or del(.a)")
	}
	result, err := nodes[0].MarshalYAML()
	if err != nil {
		return nil, false, err
	}
	return result, true, settleTags(result)
}

// assigns reports whether both sides of an assignment select something. It may change the document.
func assigns(root *yqlib.CandidateNode, expr *yqlib.ExpressionNode) (bool, error) {
	if op := expr.Operation; op.OperationType.Type == "ASSIGN" && !op.UpdateAssign { // "="
		nodes, err := navigate((&yqlib.Context{}).SingleReadonlyChildContext(root), expr.RHS)
		if err != nil || len(nodes) == 0 {
			return false, err
		}
	}
	// Not read-only, so that yq makes up the nodes that the assignment would.
	nodes, err := navigate((&yqlib.Context{}).SingleChildContext(root), expr.LHS)
	return len(nodes) > 0, err
}

// settleTags gives the scalars below n the tags that they have once they are written, which is not always what yq says
// while it computes. It fails if n reads otherwise once it is written.
func settleTags(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	errWrite := errors.New("makes something that YAML cannot hold")
	text, err := yaml.Dump(bare(n), yaml.WithV3Defaults(), yaml.WithLineWidth(-1))
	if err != nil {
		return errWrite
	}
	again, err := yamledit.Parse("", text)
	if err != nil || len(again.Documents()) != 1 {
		return errWrite
	}
	var copyTags func(to, from *yaml.Node) error
	copyTags = func(to, from *yaml.Node) error {
		reads := to.Value == from.Value || from.Kind != yaml.ScalarNode || from.Tag == "!!null"
		if to.Kind != from.Kind || len(to.Content) != len(from.Content) || !reads {
			return errWrite
		}
		if to.Kind == yaml.ScalarNode && to.Tag == "!!null" && to.Value == "" && to.Style&styled == 0 {
			return nil // which the encoder writes as '' within [] and {}
		}
		to.Tag, to.Value = from.Tag, from.Value
		if to.Style&block == 0 {
			to.Style = from.Style
		}
		for i := range to.Content {
			if err := copyTags(to.Content[i], from.Content[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return copyTags(n, again.Documents()[0])
}

// bare returns a copy of n without comments and block scalars, which the encoder does not always get right.
func bare(n *yaml.Node) *yaml.Node {
	out := *n
	out.HeadComment, out.LineComment, out.FootComment = "", "", ""
	if out.Style&block != 0 {
		out.Style = out.Style&^block | yaml.DoubleQuotedStyle
	}
	out.Content = nil
	for _, c := range n.Content {
		out.Content = append(out.Content, bare(c))
	}
	return &out
}
