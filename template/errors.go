// Package template renders Go templates. Bytes come in through an fs.FS and go out as a map from path to content;
// nothing is written anywhere, and the same inputs always give the same bytes.
package template

import (
	"errors"
	"strconv"
)

// What can go wrong. Every error that Render and Text return for bad input is an *Error that wraps one of these, or a
// *glob.Error; any other error comes from the file system that was read.
var (
	// ErrMissingKey: a template asks for a value that was not given. Error.Key holds the key.
	ErrMissingKey = errors.New("no such value")
	// ErrSyntax: a template cannot be parsed. Error.Delims holds the opening delimiter.
	ErrSyntax = errors.New("syntax error")
	// ErrExecute: a template parses, but one of its functions fails.
	ErrExecute = errors.New("template failed")
	// ErrLimit: a template takes more memory or time than it may.
	ErrLimit = errors.New("too much")
	// ErrInvalid: what a template was rendered to does not parse.
	ErrInvalid = errors.New("invalid result")
	// ErrDelims: a file holds actions in both of the default pairs of delimiters.
	ErrDelims = errors.New("ambiguous delimiters")
	// ErrNoAction: none of the templates has an action, so nothing would be substituted.
	ErrNoAction = errors.New("no action")
)

// Error is an error in one file. Its text is "FILE:LINE: REASON", or "FILE: REASON" where no line is known.
type Error struct {
	File   string // the template, its result, or the glob
	Line   int    // counted from 1; 0 when unknown
	Key    string // the missing key (".image.tag"); empty when it is none
	Delims string // the opening delimiter in effect ("$(<"); empty outside templates
	Reason string // what is wrong
	Err    error  // one of the errors above
}

func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s += ":" + strconv.Itoa(e.Line)
	}
	return s + ": " + e.Reason
}

// Unwrap returns the kind of the error, one of the errors above.
func (e *Error) Unwrap() error { return e.Err }
