package yamledit_test

import (
	"io/fs"
	"testing/fstest"

	"update-gitops-repo/template/yamledit"
	"update-gitops-repo/template/yamledit/yqedit"
)

// ignore is a yqedit.Progress.
func ignore(string, string) {}

// assign makes assignments in files, and returns those that changed and what changed.
func assign(fsys fs.FS, as []yqedit.Assignment) (map[string][]byte, []yamledit.Change, error) {
	result, err := yqedit.Assign(fsys, as, ignore)
	return result.Files, result.Changes, err
}

// assignOne sets what a path selects in a text.
func assignOne(src, path, value string) (string, []yamledit.Change, error) {
	out, changes, err := assign(fstest.MapFS{"f.yaml": {Data: []byte(src)}},
		[]yqedit.Assignment{{File: "f.yaml", Path: path, Value: value}})
	if text, ok := out["f.yaml"]; ok {
		src = string(text)
	}
	return src, changes, err
}

// evaluateOne runs a yq expression on a text.
func evaluateOne(name, src, expr string) (string, []yamledit.Change, []string, error) {
	result, err := yqedit.Evaluate(fstest.MapFS{name: {Data: []byte(src)}},
		[]yqedit.Expression{{File: name, Expr: expr}}, ignore)
	if text, ok := result.Files[name]; ok {
		src = string(text)
	}
	return src, result.Changes, result.Warnings, err
}
