package yqedit

import (
	"errors"
	"fmt"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// The styles of scalars that are block scalars, and of all that are not plain.
const (
	block  = yaml.LiteralStyle | yaml.FoldedStyle
	styled = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | block
)

// made is what an expression makes of a document.
type made struct {
	root    *yqlib.CandidateNode // as yq returns it; nil where the document is to go
	tree    *yaml.Node           // the same, with the tags that it has once it is written
	selects bool                 // the expression selects something there
	left    bool                 // the expression does not yield the document, which stays all the same
}

const mustYield = "it must be an assignment, such as .a = 1, or del(.a)"

// transform returns what the expression makes of a document, which reads as doc.
func transform(root *yqlib.CandidateNode, doc *yaml.Node, expr *yqlib.ExpressionNode, g *guard) (made, error) {
	kind := root.Kind
	nodes, err := navigate((&yqlib.Context{}).SingleChildContext(root), g.expr)
	switch {
	case err != nil:
		return made{}, err
	case len(nodes) == 0 && g.deleted[root]:
		return made{selects: true}, nil
	case len(nodes) == 0 && onlySelects(expr):
		return made{}, nil
	case len(nodes) == 0:
		return made{root: root, tree: doc, left: true}, nil
	case len(nodes) > 1:
		return made{}, fmt.Errorf("yields %d results for one document: %s", len(nodes), mustYield)
	case nodes[0] != root && (nodes[0].Kind != kind || len(nodes[0].GetPath()) > 0):
		return made{}, errors.New("does not yield the document: " + mustYield)
	}
	result := nodes[0]
	tree, err := result.MarshalYAML()
	if err != nil {
		return made{}, err
	}
	tree.HeadComment = headOf(result)
	return made{root: result, tree: tree, selects: true}, settleTags(tree)
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
