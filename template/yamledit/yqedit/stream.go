package yqedit

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"
)

// decode returns the documents of a text as yq's own decoder reads them.
func decode(text []byte) ([]*yqlib.CandidateNode, error) {
	decoder := yqlib.NewYamlDecoder(yqlib.NewDefaultYamlPreferences())
	if err := decoder.Init(bytes.NewReader(text)); err != nil {
		return nil, err
	}
	var out []*yqlib.CandidateNode
	for {
		switch doc, err := decoder.Decode(); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		default:
			out = append(out, doc)
		}
	}
}

// documents returns the documents of a text as yq reads them, with the places that the nodes have in the file; and
// gives the nodes the comments that yq sees there. Where yq does not read the text, as some JSON, they are the nodes.
func documents(name string, text []byte, nodes []*yaml.Node) ([]*yqlib.CandidateNode, error) {
	out, err := decode(text)
	if err != nil || !placeAll(out, nodes) {
		out = nil
		for _, n := range nodes {
			root := &yqlib.CandidateNode{}
			if err := root.UnmarshalYAML(n, map[string]*yqlib.CandidateNode{}); err != nil {
				return nil, err
			}
			out = append(out, root)
		}
	}
	if len(out) == 0 {
		out = []*yqlib.CandidateNode{{Kind: yqlib.ScalarNode, Tag: "!!null"}}
	}
	for i, root := range out {
		root.SetDocument(uint(i))
		root.SetFilename(name)
	}
	return out, nil
}

// placeAll places the roots of all documents, unless there are others than the nodes.
func placeAll(roots []*yqlib.CandidateNode, nodes []*yaml.Node) bool {
	if len(nodes) == 0 && len(roots) == 1 { // comments alone
		return roots[0].Kind == yqlib.ScalarNode && roots[0].Value == ""
	}
	if len(roots) != len(nodes) {
		return false
	}
	for i, root := range roots {
		if !alike(root, nodes[i]) {
			return false
		}
	}
	for i, root := range roots {
		place(root, nodes[i])
		nodes[i].HeadComment = headOf(root)
	}
	return true
}

// alike reports whether a candidate is the node.
func alike(c *yqlib.CandidateNode, n *yaml.Node) bool {
	kinds := map[yqlib.Kind]yaml.Kind{yqlib.ScalarNode: yaml.ScalarNode, yqlib.MappingNode: yaml.MappingNode,
		yqlib.SequenceNode: yaml.SequenceNode, yqlib.AliasNode: yaml.AliasNode}
	if kinds[c.Kind] != n.Kind || c.Value != n.Value || c.Tag != n.Tag || len(c.Content) != len(n.Content) {
		return false
	}
	for i := range c.Content {
		if !alike(c.Content[i], n.Content[i]) {
			return false
		}
	}
	return true
}

// place gives a candidate the place of the node, and the node the comments of the candidate.
func place(c *yqlib.CandidateNode, n *yaml.Node) {
	c.Line, c.Column = n.Line, n.Column
	n.HeadComment, n.LineComment, n.FootComment = c.HeadComment, c.LineComment, c.FootComment
	for i := range c.Content {
		place(c.Content[i], n.Content[i])
	}
}

// headOf returns the comment that a document starts with: for the first of a file that is what yq keeps beside it, as
// long as no other is assigned.
func headOf(root *yqlib.CandidateNode) string {
	if root.LeadingContent == "" {
		return root.HeadComment
	}
	var out []string
	for line := range strings.Lines(root.LeadingContent) {
		line = strings.TrimSpace(line)
		if line != "" && line != separator && !strings.HasPrefix(line, "%") {
			out = append(out, line)
		}
	}
	if root.HeadComment != "" {
		out = append(out, root.HeadComment)
	}
	return strings.Join(out, "\n")
}

// separator is what yq keeps in place of the mark of a document.
const separator = "$yqDocSeparator$"
