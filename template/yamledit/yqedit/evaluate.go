package yqedit

import (
	"bytes"
	"io/fs"
	"unicode/utf8"

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
// changed there in the same way, but {} and [] alone become lines, save in JSON. Where that cannot be done, since
// entries with comments before their commas go or move, or the layout is an unusual one, the node, or at worst the
// document, is written anew, and a warning names the file and tells whether comments are lost. The styles of nodes
// (style=, tag=) and comments (line_comment=) count as changes only in an expression that assigns them.
//
// An expression must yield the document, changed or not; one that computes something else (.a) is refused. One that is
// made of select alone, or has del(select(…)), says which documents stay. Else a document that it does not yield
// (select(.kind == "Service") | .a = 1) stays, with a warning, for yq would delete it.
//
// An assignment that has no place, or with "=" nothing to assign, does nothing; yq would write null. It is an error
// when that is so of the whole expression in all its files, or of an assignment within it wherever it runs, and a
// warning where it is so now and then within one document. That an expression changes nothing is no error, so that it
// can be run twice; nor is it one when |=, += and the like leave what is there as it is.
//
// What was written is read again by yq's own decoder, and compared with what yq makes of the documents. A difference is
// an error or a warning. Three differences are neither: comments stay where yq, which writes the file anew, moves or
// drops them; strings that some parser takes for something else are in quotes; and merge keys are resolved as the YAML
// specification says, as with yq's own --yaml-fix-merge-anchor-to-spec.
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
	x, err := newEvaluation(e)
	if err != nil {
		return nil, err
	}
	for _, k := range matches {
		r.progress(r.names[k], e.Expr)
		if r.files[k] == nil {
			var err error
			if r.files[k], err = yamledit.Parse(r.names[k], r.texts[k]); err != nil {
				return nil, withKey(err, e.Expr)
			}
		}
		if err := x.apply(r.names[k], r.files[k]); err != nil {
			return nil, err
		}
	}
	return x.warnings, x.outcome()
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
