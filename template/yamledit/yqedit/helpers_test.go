package yqedit

import (
	"errors"
	"io/fs"
	"testing/fstest"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// ignore is a Progress.
func ignore(string, string) {}

// recorder records what is prefetched.
type recorder struct {
	fstest.MapFS
	prefetched [][]string
}

// Prefetch implements glob.Prefetcher.
func (r *recorder) Prefetch(names []string) error {
	r.prefetched = append(r.prefetched, names)
	return nil
}

// broken is a file system that cannot be read.
type broken struct{}

// Open implements fs.FS.
func (broken) Open(string) (fs.File, error) { return nil, errBroken }

var errBroken = errors.New("broken")

// parsed returns the documents of a text, or nil when it does not parse.
func parsed(src string) []*yaml.Node {
	f, err := yamledit.Parse("f.yaml", []byte(src))
	if err != nil {
		return nil
	}
	return f.Documents()
}

// transformOne returns what an expression makes of a document, and whether it selects anything there.
func transformOne(doc *yaml.Node, index int, expr *yqlib.ExpressionNode) (*yaml.Node, bool, error) {
	root := &yqlib.CandidateNode{}
	root.SetDocument(uint(index))
	root.SetFilename("f.yaml")
	if err := root.UnmarshalYAML(doc, map[string]*yqlib.CandidateNode{}); err != nil {
		return nil, false, err
	}
	g := newGuard(expr)
	m, err := transform(root, doc, expr, g)
	if assigning.MatchString(expr.Operation.OperationType.Type) && g.done(expr) == 0 {
		m.selects = false
	}
	return m.tree, m.selects, err
}

func assignOne(src, path, value string) (string, []yamledit.Change, error) {
	result, err := Assign(fstest.MapFS{"f.yaml": {Data: []byte(src)}},
		[]Assignment{{"f.yaml", path, value, false, 0}}, ignore)
	if text, ok := result.Files["f.yaml"]; ok {
		src = string(text)
	}
	return src, result.Changes, err
}
