package yqedit

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// What an expression has in it that assigns styles, or comments.
var (
	assignsStyle   = regexp.MustCompile(`^ASSIGN_(STYLE|TAG|ATTRIBUTES)$`)
	assignsComment = regexp.MustCompile(`^ASSIGN_(COMMENT|ATTRIBUTES)$`)
)

// evaluation is one expression on its files.
type evaluation struct {
	Expression
	parsed   *yqlib.ExpressionNode
	guard    *guard
	styles   bool            // it assigns styles
	comments bool            // it assigns comments
	found    bool            // it selects something in one of the files
	keeps    bool            // nothing of the file at hand is written anew
	gone     map[string]bool // the comments that go with what is deleted there
	emptied  error
	left     []string // the files with documents that it does not yield
	warnings []string
}

func newEvaluation(e Expression) (*evaluation, error) {
	parsed, err := parse(e.Expr)
	if err != nil {
		return nil, err
	}
	return &evaluation{Expression: e, parsed: parsed, guard: newGuard(parsed),
		styles:   findOperator(parsed, assignsStyle) != "",
		comments: findOperator(parsed, assignsComment) != ""}, nil
}

// fail returns an error of the expression in a file.
func (x *evaluation) fail(name, reason string) error {
	return &yamledit.Error{File: name, Key: x.Expr, Reason: reason, Err: yamledit.ErrUneditable}
}

// failWith returns what fail does, with a hint.
func (x *evaluation) failWith(name, reason, hint string) error {
	return &yamledit.Error{File: name, Key: x.Expr, Reason: reason, Hint: hint, Err: yamledit.ErrUneditable}
}

// The hints of what yq can do and this package cannot.
const (
	hintSplit  = "split the expression into several -yq to see which part it is, and do that part by hand"
	hintOnKey  = `assign the comment to the key, as in (.a | key) line_comment = "x"`
	hintRemove = "delete the file itself if it is to go, or choose the documents that stay"
	hintJSON   = "leave the comment out; JSON has none"
)

// warn takes note of a warning about a file.
func (x *evaluation) warn(name, format string, args ...any) {
	x.warnings = append(x.warnings, name+": "+fmt.Sprintf(format, args...))
}

// apply runs the expression on one file.
func (x *evaluation) apply(name string, f *yamledit.File) error {
	text, _, err := f.Bytes()
	if err != nil {
		return err
	}
	if f.IsJSON() && x.comments {
		return x.failWith(name, x.Expr+" assigns comments in a JSON file", hintJSON)
	}
	nodes := f.Documents()
	roots, err := documents(name, text, nodes)
	if err != nil {
		return x.fail(name, x.Expr+" "+err.Error())
	}
	if len(nodes) == 0 {
		nodes = []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!null", HeadComment: headOf(roots[0])}}
	}
	skipped := x.skipped()
	all, err := x.transformAll(name, roots, nodes)
	if err != nil {
		return err
	}
	if x.skipped() > skipped {
		x.compareNulls(name, text, nodes, all)
	}
	if !slices.ContainsFunc(all, func(m made) bool { return m.root != nil }) {
		x.emptied = x.failWith(name, x.Expr+" deletes all documents", hintRemove)
		if len(x.guard.deleted) > 0 {
			return x.emptied
		}
		return nil
	}
	return x.write(name, f, nodes, all)
}

// skipped returns how many runs of assignments that yq would have write null were left out. Where all of the expression
// is one assignment, and its left side selects nothing in a document, that is none: it is for others.
func (x *evaluation) skipped() int {
	n := 0
	for _, a := range x.guard.assigns {
		n += a.withoutSources
		if a.expr != x.parsed {
			n += a.nothing
		}
	}
	return n
}

// transformAll returns what the expression makes of the documents.
func (x *evaluation) transformAll(name string, roots []*yqlib.CandidateNode, nodes []*yaml.Node) ([]made, error) {
	var all []made
	for i, root := range roots {
		if aliasesTooMany(nodes[i]) {
			reason := fmt.Sprintf("%s meets aliases that make more than %d nodes", x.Expr, maxReached)
			return nil, x.fail(name, reason)
		}
		done := x.guard.done(x.parsed)
		m, err := transform(root, nodes[i], x.parsed, x.guard)
		if err != nil {
			return nil, x.fail(name, x.Expr+" "+err.Error())
		}
		if assigning.MatchString(x.parsed.Operation.OperationType.Type) && x.guard.done(x.parsed) == done {
			m.selects = false
		}
		if m.left {
			x.left = append(x.left, name)
		}
		x.found = x.found || m.selects
		all = append(all, m)
	}
	return all, nil
}

// compareNulls warns where yq would write null for what an assignment does not find.
func (x *evaluation) compareNulls(name string, text []byte, nodes []*yaml.Node, all []made) {
	roots, err := documents(name, text, nodes)
	if err != nil {
		return
	}
	for i, root := range roots {
		plain, err := navigate((&yqlib.Context{}).SingleChildContext(root), x.parsed)
		if m := all[i]; err != nil || len(plain) != 1 || m.root == nil || m.left || sameValues(plain[0], m.root) {
			continue
		}
		x.warn(name, "%s finds nothing to assign in a place, which stays as it is; yq would write null there", x.Expr)
		return
	}
}

// write makes the documents of the file what the expression makes of them.
func (x *evaluation) write(name string, f *yamledit.File, nodes []*yaml.Node, all []made) error {
	warned := len(f.Warnings())
	styles := make([]map[[2]int]yqlib.Style, len(nodes))
	stripped := make([]bool, len(nodes))
	trees := make([]*yaml.Node, len(nodes))
	for i, m := range all {
		styles[i], trees[i] = stylesOf(nodes[i]), m.tree
		if m.root == nil {
			trees[i] = nodes[i]
			continue
		}
		if x.comments && !hasComments(m.tree) && hasComments(nodes[i]) {
			stripped[i] = true
			trees[i] = withComments(m.tree, nodes[i])
		}
	}
	text, _, _ := f.Bytes()
	if err := x.become(name, f, trees); err != nil {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		var err error
		if all[i].root == nil {
			err = f.DeleteDocument(i)
			all, styles = slices.Delete(all, i, i+1), slices.Delete(styles, i, i+1)
		} else if stripped[i] {
			err = f.StripComments(i)
		}
		if err != nil {
			return x.failWith(name, x.Expr+" cannot be done: "+reason(err), hintSplit)
		}
	}
	x.keeps = len(f.Warnings()) == warned // what is written anew has a warning of its own
	x.gone = commentsAbove(text, trees)
	if err := x.verify(name, f, all, styles); err != nil {
		return err
	}
	x.warnings = append(x.warnings, f.Warnings()[warned:]...)
	return nil
}

// become makes the file read as the trees.
func (x *evaluation) become(name string, f *yamledit.File, trees []*yaml.Node) error {
	var counts yamledit.Counted
	if x.styles {
		counts |= yamledit.CountStyles
	}
	if x.comments {
		counts |= yamledit.CountComments
	}
	if err := f.BecomeWith(counts, trees...); err != nil {
		return withKey(err, x.Expr)
	}
	_, _, err := f.Bytes()
	if twice, ok := errors.AsType[*yamledit.Error](err); ok && errors.Is(err, yamledit.ErrDuplicateKey) {
		out := *twice
		out.File, out.Key, out.Reason = name, x.Expr, x.Expr+" changes a map in which "+twice.Reason
		out.Err = yamledit.ErrUneditable
		return &out
	}
	if err != nil {
		return x.failWith(name, "what "+x.Expr+" makes of it cannot be written: "+reason(err), hintSplit)
	}
	return nil
}

// verify compares what was written with what yq makes of the file, by yq's own decoder. A document that differs in
// comments or styles is written as yq writes it, or it is an error.
func (x *evaluation) verify(name string, f *yamledit.File, all []made, styles []map[[2]int]yqlib.Style) error {
	if f.IsJSON() {
		return nil
	}
	text, _, err := f.Bytes()
	if err != nil {
		return x.fail(name, reason(err))
	}
	got, err := documents(name, text, f.Documents())
	if err != nil || len(got) != len(all) {
		return x.failWith(name, x.Expr+" makes other documents than it ought to", hintSplit)
	}
	for i, m := range all {
		if m.left || !x.styles && !x.comments && len(missing(remarks(m.root), remarks(got[i]))) == 0 {
			continue // there is no need to look at how yq writes it
		}
		written, err := encode(m.root)
		if err != nil {
			return x.failWith(name, x.Expr+" makes something that cannot be written: "+err.Error(), hintSplit)
		}
		again, err := decode([]byte(written))
		if err != nil || len(again) != 1 {
			again = []*yqlib.CandidateNode{m.root}
		}
		c := checked{want: m.root, written: again[0], got: got[i], styles: styles[i], gone: x.gone}
		if err := x.check(name, c); errors.Is(err, errRewrite) {
			if err := f.RewriteDocument(i, written, m.tree); err != nil {
				what := " cannot be done: what yq itself writes does not read as it ought to"
				return x.failWith(name, x.Expr+what, hintSplit)
			}
		} else if err != nil {
			return x.failWith(name, x.Expr+" "+err.Error(), hintOnKey)
		}
	}
	return nil
}

// check compares a document that was written with what yq makes of it. It returns errRewrite where yq's own layout is
// the way to have it.
func (x *evaluation) check(name string, c checked) error {
	if x.styles && !c.sameStyles() {
		return errRewrite
	}
	if c.doubled {
		x.warn(name, "a string of several lines, or with characters that need escapes, is in double quotes")
	}
	if !x.comments {
		if warning := c.lost(); warning != "" && x.keeps {
			x.warn(name, "%s", warning)
		}
		return nil
	}
	warning, err := c.comments()
	if warning != "" {
		x.warn(name, "%s", warning)
	}
	return err
}

// outcome returns an error where the expression selects nothing in all of its files.
func (x *evaluation) outcome() error {
	none := func(reason string) error {
		return &yamledit.Error{File: x.File, Key: x.Expr, Reason: x.Expr + " " + reason, Err: yamledit.ErrNoNode}
	}
	if !x.found {
		return none("selects nothing")
	}
	if x.emptied != nil {
		return x.emptied
	}
	if x.guard.assignsNothing() {
		return none("has an assignment whose right side selects nothing")
	}
	if len(x.left) > 0 {
		what := fmt.Sprintf("a document that %s does not yield stays as it is; yq would delete it", x.Expr)
		if n := len(x.left); n > 1 {
			const stay = "%d documents, the first in this file, that %s does not yield stay as they are; " +
				"yq would delete them"
			what = fmt.Sprintf(stay, n, x.Expr)
		}
		x.warn(x.left[0], "%s. Select within the assignment to say so: (select(.a) | .b) = 1", what)
	}
	return nil
}

// hasComments reports whether n or a node below it has a comment.
func hasComments(n *yaml.Node) bool {
	return n.HeadComment != "" || n.LineComment != "" || n.FootComment != "" ||
		slices.ContainsFunc(n.Content, hasComments)
}

// withComments returns a copy of a tree with the comments of the nodes that are in the same place in another.
func withComments(tree, from *yaml.Node) *yaml.Node {
	known := map[[2]int]*yaml.Node{}
	var collect func(n *yaml.Node)
	collect = func(n *yaml.Node) {
		for _, child := range n.Content {
			collect(child)
		}
		known[[2]int{n.Line, n.Column}] = n
	}
	for _, child := range from.Content {
		collect(child)
	}
	var copied func(n *yaml.Node) *yaml.Node
	copied = func(n *yaml.Node) *yaml.Node {
		out := *n
		if old := known[[2]int{n.Line, n.Column}]; old != nil && old.Kind == n.Kind {
			out.HeadComment, out.LineComment, out.FootComment = old.HeadComment, old.LineComment, old.FootComment
		}
		out.Content = nil
		for _, child := range n.Content {
			out.Content = append(out.Content, copied(child))
		}
		return &out
	}
	out := copied(tree)
	out.HeadComment, out.LineComment, out.FootComment = from.HeadComment, from.LineComment, from.FootComment
	return out
}
