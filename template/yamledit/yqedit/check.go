package yqedit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"
)

// remark is a line of a comment, and where in its document it stands: behind how many nodes, and whether on a line of
// its own.
type remark struct {
	after int
	own   bool
	text  string
}

// remarks returns the comments of a document in their order.
func remarks(root *yqlib.CandidateNode) []remark {
	r := reader{}
	r.add(true, headOf(root))
	r.read(root, true)
	r.add(true, root.FootComment)
	return r.found
}

// reader collects remarks.
type reader struct {
	nodes int
	found []remark
}

func (r *reader) add(own bool, comment string) {
	for line := range strings.Lines(comment) {
		if line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "#")); line != "" {
			r.found = append(r.found, remark{r.nodes, own, line})
		}
	}
}

// read collects what is within and behind a node; its head is read already.
func (r *reader) read(n *yqlib.CandidateNode, isRoot bool) {
	r.nodes++
	if n.IsMapKey || n.Parent == nil || n.Parent.Kind != yqlib.MappingNode || n.Kind == yqlib.ScalarNode ||
		n.Style&yqlib.FlowStyle != 0 {
		r.add(false, n.LineComment)
	}
	for i := 0; i < len(n.Content); i++ {
		child := n.Content[i]
		r.add(true, child.HeadComment)
		if n.Kind == yqlib.MappingNode && i+1 < len(n.Content) {
			// A comment above a value stands above its key.
			value := n.Content[i+1]
			r.add(true, value.HeadComment)
			r.read(child, true)
			if value.Kind != yqlib.ScalarNode && value.Style&yqlib.FlowStyle == 0 {
				r.add(false, value.LineComment) // and behind the ":"
			}
			r.read(value, false)
			r.add(true, child.FootComment)
			i++
			continue
		}
		r.read(child, false)
	}
	if !isRoot {
		r.add(true, n.FootComment)
	}
}

// missing returns the lines of comments that are not among others, wherever they stand.
func missing(want, got []remark) []string {
	var left, out []string
	for _, r := range got {
		left = append(left, r.text)
	}
	for _, r := range want {
		if i := slices.Index(left, r.text); i >= 0 {
			left = slices.Delete(left, i, i+1)
			continue
		}
		out = append(out, r.text)
	}
	return out
}

// encode returns a document as yq writes it, with the comments and the mark that the file starts with.
func encode(root *yqlib.CandidateNode) (string, error) {
	prefs := yqlib.NewDefaultYamlPreferences()
	prefs.UnwrapScalar = false
	encoder := yqlib.NewYamlEncoder(prefs)
	var out bytes.Buffer
	if err := encoder.PrintLeadingContent(&out, root.LeadingContent); err != nil {
		return "", err
	}
	err := encoder.Encode(&out, root)
	return out.String(), err
}

// checked compares a document that was written with what yq makes of it.
type checked struct {
	want    *yqlib.CandidateNode // what yq makes of it
	written *yqlib.CandidateNode // the same, as yq writes it
	got     *yqlib.CandidateNode
	styles  map[[2]int]yqlib.Style // of the nodes before the expression, by line and column
	gone    map[string]bool        // the comments directly above what is deleted
	doubled bool                   // a string is in double quotes that ought to be in single ones
}

// differences between what was written and what yq makes of it.
var (
	errRewrite   = errors.New("yq's layout is needed")
	errMisplaced = errors.New("assigns comments that yq itself writes elsewhere or not at all")
)

// comments returns an error where the comments are others than the ones that an expression assigns, and a warning where
// yq itself would write them elsewhere.
func (c checked) comments() (warning string, err error) {
	want, written, got := remarks(c.want), remarks(c.written), remarks(c.got)
	switch {
	case slices.Equal(got, written) && len(missing(want, got)) == 0:
		return "", nil
	case slices.Equal(got, want):
		return "comments stand where the expression puts them; yq itself would write some of them elsewhere", nil
	case slices.Equal(want, written):
		return "", errRewrite
	}
	return "", errMisplaced
}

// lost returns a warning of comments that yq keeps, but that were lost, or "". Those of the first entry, which yq takes
// for comments of the file, go with it.
func (c checked) lost() string {
	got := remarks(c.got)
	isExpected := func(comment string) bool {
		return c.gone[comment] && strings.Contains(c.want.LeadingContent, comment)
	}
	gone := slices.DeleteFunc(missing(remarks(c.want), got), isExpected)
	if len(gone) == 0 || len(missing(remarks(c.written), got)) == 0 {
		return ""
	}
	return fmt.Sprintf("a comment is lost that yq keeps: # %s", gone[0])
}

// sameStyles reports whether the nodes have the styles that an expression gives them.
func (c *checked) sameStyles() bool {
	return c.sameStyle(c.want, c.written, c.got)
}

func (c *checked) sameStyle(want, written, got *yqlib.CandidateNode) bool {
	before, known := c.styles[[2]int{want.Line, want.Column}]
	isAssigned := !known || before != want.Style
	if isAssigned && len(got.Content) == 0 && got.Kind != yqlib.ScalarNode {
		isAssigned = false // {} and [] have one style
	}
	inQuotes := written.Style == 0 && got.Kind == yqlib.ScalarNode && got.Tag == "!!str" // to be safe
	if isAssigned && written.Style == yqlib.SingleQuotedStyle && got.Style == yqlib.DoubleQuotedStyle {
		c.doubled, inQuotes = true, true
	}
	if isAssigned && written.Style != got.Style && !inQuotes {
		return false
	}
	if len(want.Content) != len(got.Content) || len(written.Content) != len(got.Content) {
		return false
	}
	for i := range got.Content {
		if !c.sameStyle(want.Content[i], written.Content[i], got.Content[i]) {
			return false
		}
	}
	return true
}

// stylesOf returns the styles of the nodes of a document by line and column.
func stylesOf(root *yaml.Node) map[[2]int]yqlib.Style {
	out := map[[2]int]yqlib.Style{}
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		out[[2]int{n.Line, n.Column}] = yqlib.MapYamlStyle(n.Style)
		for _, child := range n.Content {
			visit(child)
		}
	}
	visit(root)
	return out
}

// sameValues reports whether two documents hold the same.
func sameValues(x, y *yqlib.CandidateNode) bool {
	switch {
	case x.Kind != y.Kind || x.Anchor != y.Anchor || len(x.Content) != len(y.Content):
		return false
	case x.Kind == yqlib.ScalarNode && (x.Tag != y.Tag || x.Tag != "!!null" && x.Value != y.Value):
		return false
	}
	for i := range x.Content {
		if !sameValues(x.Content[i], y.Content[i]) {
			return false
		}
	}
	return true
}

// commentsAbove returns the comments in a text that are directly above a line on which no node of the trees starts.
func commentsAbove(text []byte, trees []*yaml.Node) map[string]bool {
	starts := map[int]bool{}
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		if len(n.Content) == 0 {
			starts[n.Line] = true
		}
		for _, child := range n.Content {
			visit(child)
		}
	}
	for _, tree := range trees {
		visit(tree)
	}
	out := map[string]bool{}
	var above []string
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			above = append(above, strings.TrimSpace(strings.TrimLeft(line, "#")))
			continue
		}
		for _, comment := range above {
			out[comment] = out[comment] || line != "" && !starts[number]
		}
		above = nil
	}
	return out
}
