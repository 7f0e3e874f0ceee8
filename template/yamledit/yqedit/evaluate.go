package yqedit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"unicode/utf8"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// Expression is a yq expression that changes every document of every file that File matches.
type Expression struct {
	File string // a pattern as glob.Find takes it
	Expr string // a yq expression that yields the document itself: .image.tag = "1.7.0"
}

// ParseExpression reads "FILE:EXPRESSION", FILE as ParseAssignment does. EXPRESSION must be one that yq parses, and may
// not look at the environment, the clock, chance or other files.
func ParseExpression(s string) (Expression, error) {
	file, expr, err := cutFile(s, "FILE:EXPRESSION")
	if err != nil {
		return Expression{}, err
	}
	if _, err := parse(expr); err != nil {
		if open := checkBalance(expr, utf8.RuneCountInString(file)+1); open != nil {
			return Expression{}, open
		}
		return Expression{}, err
	}
	return Expression{File: file, Expr: expr}, nil
}

// Result is what expressions make of files.
type Result struct {
	Files    map[string][]byte // that changed, by path
	Changes  []yamledit.Change // in them, by file
	Warnings []string          // for a person to read
}

// Evaluate runs the expressions in their order, each on every document of its files, and returns the files whose bytes
// changed, by path, what changed in them, by file, and warnings for a person to read.
//
// The files keep their layout. A scalar that an expression changes is replaced by its bytes, in its own style where
// that can be, but in the type that yq gives it: .a = 5 makes a number and .a = "5" a string, where Assign would keep
// the old one's. An entry of a map or a sequence that is added is put in as lines at the indentation of its neighbours,
// and one that is removed is cut out with its comments: the lines directly above it, up to a blank line, and what is
// behind it. An entry that moves takes them along. Comments that a document starts with stay where they are, and a
// warning tells of those that are cut and look like an entry that is commented out. Entries within [] and {} are
// changed there in the same way, but {} and [] alone become lines, save in JSON. Where that cannot be done, since a
// comment is assigned, entries with comments before their commas go or move, or the layout is an unusual one, the node
// is written anew, and a warning names the file and the path and tells whether comments are lost. The styles of nodes
// (style=) and comments (line_comment=) count as changes only in an expression that assigns them.
//
// An expression must yield the document, changed or not; one that just selects or computes (.a) is refused. A document
// in which it selects nothing stays as it is: one for which it yields nothing (select(.kind == "Service") | .a = 1),
// and if all of it is an assignment, one in which its left side selects nothing ((.c[] | select(.name == "x") | .image)
// = "y") or, with "=", its right side (.a = (.c[] | select(.name == "x") | .image)). It is an error when that is so in
// all documents of all its files. That an expression changes nothing is none, so that it can be run twice; nor is it
// one when |=, += and the like find nothing on their right.
//
// A *yamledit.Error tells of a file that is not YAML (ErrSyntax), of an expression that selects nothing at all
// (ErrNoNode), and of one that fails, does not yield the document, or whose result cannot be written, or that changes a
// map in which a key is there twice or would be (ErrUneditable). Its Key is the expression. Other errors are those of
// an expression that ParseExpression refuses, of a File that matches nothing, and of the file system. See Assign for
// progress.
func Evaluate(fsys fs.FS, expressions []Expression, progress Progress) (Result, error) {
	patterns := make([]string, len(expressions))
	for i, e := range expressions {
		if _, err := parse(e.Expr); err != nil {
			return Result{}, err
		}
		patterns[i] = e.File
	}
	sources, err := read(fsys, patterns)
	if err != nil {
		return Result{}, err
	}
	r := run{sources: sources, files: make([]*yamledit.File, len(sources.names)), progress: progress}
	var warnings []string
	for i, e := range expressions {
		more, err := r.evaluate(e, sources.matches[i])
		if err != nil {
			return Result{}, err
		}
		warnings = append(warnings, more...)
	}
	out, err := r.result()
	out.Warnings = warnings
	return out, err
}

// run is the files that expressions are evaluated on.
type run struct {
	sources
	files    []*yamledit.File // of each name; nil until it is needed
	progress Progress
}

// evaluate runs an expression on some of the files, and returns warnings.
func (r *run) evaluate(e Expression, matches []int) ([]string, error) {
	var warnings []string
	found := false
	for _, k := range matches {
		r.progress(r.names[k], e.Expr)
		if r.files[k] == nil {
			var err error
			if r.files[k], err = yamledit.Parse(r.names[k], r.texts[k]); err != nil {
				return nil, withKey(err, e.Expr)
			}
		}
		warned := len(r.files[k].Warnings())
		selects, err := apply(r.names[k], r.files[k], e.Expr)
		if err != nil {
			return nil, err
		}
		found = found || selects
		warnings = append(warnings, r.files[k].Warnings()[warned:]...)
	}
	if !found {
		reason := e.Expr + " selects nothing"
		return nil, &yamledit.Error{File: e.File, Key: e.Expr, Reason: reason, Err: yamledit.ErrNoNode}
	}
	return warnings, nil
}

// result returns what the files have become.
func (r *run) result() (Result, error) {
	out := Result{Files: map[string][]byte{}}
	for k, f := range r.files {
		text, changes, err := f.Bytes()
		if err != nil {
			return Result{}, err
		}
		if !bytes.Equal(text, r.texts[k]) {
			out.Files[r.names[k]] = text
		}
		out.Changes = append(out.Changes, changes...)
	}
	return out, nil
}

// What an expression has in it that assigns styles, or comments.
var (
	assignsStyle   = regexp.MustCompile(`^ASSIGN_(STYLE|ATTRIBUTES)$`)
	assignsComment = regexp.MustCompile(`^ASSIGN_(COMMENT|ATTRIBUTES)$`)
)

// apply runs an expression on one file, and returns whether it selects anything there.
func apply(name string, f *yamledit.File, expr string) (selects bool, err error) {
	fail := func(line int, reason string) (bool, error) {
		return false, &yamledit.Error{File: name, Line: line, Key: expr, Reason: reason, Err: yamledit.ErrUneditable}
	}
	parsed, err := parse(expr)
	if err != nil {
		return false, err
	}
	docs := f.Documents()
	if len(docs) == 0 {
		docs = []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!null"}}
	}
	var after []*yaml.Node
	for i, doc := range docs {
		if aliasesTooMany(doc) {
			return fail(0, fmt.Sprintf("%s meets aliases that make more than %d nodes", expr, maxReached))
		}
		result, found, err := transform(name, doc, i, parsed)
		if err != nil {
			return fail(0, expr+" "+err.Error())
		}
		selects = selects || found
		after = append(after, result)
	}
	if err := f.BecomeWith(counted(parsed), after...); err != nil {
		return false, withKey(err, expr)
	}
	_, _, err = f.Bytes()
	if twice, ok := errors.AsType[*yamledit.Error](err); ok && errors.Is(err, yamledit.ErrDuplicateKey) {
		return fail(twice.Line, expr+" changes a map in which "+twice.Reason)
	}
	if err != nil {
		return fail(0, "what "+expr+" makes of it cannot be written: "+reason(err))
	}
	return selects, nil
}

// counted returns what an expression assigns besides what nodes read as.
func counted(expr *yqlib.ExpressionNode) (out yamledit.Counted) {
	if findOperator(expr, assignsStyle) != "" {
		out |= yamledit.CountStyles
	}
	if findOperator(expr, assignsComment) != "" {
		out |= yamledit.CountComments
	}
	return out
}
