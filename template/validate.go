package template

import (
	"bytes"
	"path"
	"regexp"
	"strings"
	parsetree "text/template/parse"

	"update-gitops-repo/template/yamledit"
)

// What is parsed at most. The nodes of a text can take more than a hundred times as much memory, and where they are in
// [] and {} two KiB each; nobody deploys a manifest of that size.
const (
	maxChecked = 2 << 20  // bytes of a result
	maxCommas  = 100_000  // in YAML
	maxAtOnce  = 16 << 10 // bytes of one that may be parsed together with others
)

// foreign finds what templates of other languages hold (Helm, Jinja, ERB; Levant; envsubst and Terraform; Maven), and
// comments of what is more than JSON.
var foreign = regexp.MustCompile(`\{\{|\{%|\{#|<%|\[\[|\$\{|@[\w.]+@|%[\w.]+%|(?m:^|[\s,{\[])(?://|/\*)`)

// check returns an error when out, which a template was rendered to, is to be YAML or JSON by the name of its file, and
// does not parse. Text that is a template for another program, such as a Helm chart's, need not: that is one which
// holds actions of another language, and whose template would not parse either with its own actions left out. Nor has
// JSON to be more than YAML where that can be said of its template, too.
func (r Renderer) check(name, dest string, src, out []byte) error {
	ext := path.Ext(strings.ToLower(dest))
	if ext != ".yaml" && ext != ".yml" && ext != ".json" || len(out) > maxChecked {
		return nil
	}
	e := &Error{File: dest, Err: ErrInvalid}
	if ext == ".json" {
		line, err := yamledit.CheckJSON(out)
		if err == nil {
			return nil
		}
		if _, no := yamledit.CheckJSON(r.skeleton(name, src)); no == nil {
			e.Line, e.Reason = line, "is no JSON once "+name+" is rendered: "+err.Error()
			return e
		}
	}
	if bytes.Count(out, []byte(",")) > maxCommas {
		return nil
	}
	line, err := yamledit.Check(dest, out)
	if err == nil {
		return nil
	}
	if foreign.Match(out) {
		if _, err := yamledit.Check("", r.skeleton(name, src)); err != nil {
			return nil
		}
	}
	e.Line, e.Reason = line, "is no YAML once "+name+" is rendered: "+err.Error()
	return e
}

// skeleton returns a template's text with all branches and without its actions, with 0 in place of those that print.
func (r Renderer) skeleton(name string, src []byte) []byte {
	delims, err := r.delims(name, src)
	if err != nil {
		return src
	}
	trees, err := parsetree.Parse("t", string(src), delims.Left, delims.Right, library().names)
	if err != nil {
		return src
	}
	var out bytes.Buffer
	var write func(*parsetree.ListNode)
	branches := func(n *parsetree.BranchNode) {
		write(n.List)
		write(n.ElseList)
	}
	write = func(list *parsetree.ListNode) {
		if list == nil {
			return
		}
		for _, n := range list.Nodes {
			switch n := n.(type) {
			case *parsetree.TextNode:
				out.Write(n.Text)
			case *parsetree.ActionNode:
				if len(n.Pipe.Decl) == 0 {
					out.WriteByte('0')
				}
			case *parsetree.IfNode:
				branches(&n.BranchNode)
			case *parsetree.WithNode:
				branches(&n.BranchNode)
			case *parsetree.RangeNode:
				branches(&n.BranchNode)
			}
		}
	}
	write(trees["t"].Root)
	return out.Bytes()
}
