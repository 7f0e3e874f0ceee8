package yamledit

import (
	"errors"
	"fmt"
	"strconv"
)

// The kinds of Error.
var (
	// ErrSyntax: a file is not YAML or JSON.
	ErrSyntax = errors.New("syntax error")
	// ErrNoNode: there is no such node in a file.
	ErrNoNode = errors.New("no such node")
	// ErrUneditable: an edit is not possible, or not without changing something else.
	ErrUneditable = errors.New("not editable")
	// ErrDuplicateKey is an ErrUneditable: a map that would change has a key twice, so that nobody knows which one
	// counts.
	ErrDuplicateKey = fmt.Errorf("%w: duplicate key", ErrUneditable)
)

// Error is an error in one file. Its text is "FILE:LINE: REASON", or "FILE: REASON" where no line is known.
type Error struct {
	File   string // the name given to Parse
	Line   int    // counted from 1; 0 when unknown
	Key    string // what a caller was asked for: a path, an expression, the name of an image; empty in this package
	Reason string // what is wrong
	Hint   string // what to do about it, as far as a caller knows; empty in this package
	Err    error  // the kind, one of the errors above
}

// Error returns the text of the error, on one line.
func (e *Error) Error() string {
	where := e.File
	if e.Line > 0 {
		where += ":" + strconv.Itoa(e.Line)
	}
	return where + ": " + e.Reason
}

// Unwrap returns the kind of the error.
func (e *Error) Unwrap() error { return e.Err }

// syntaxError returns the *Error for a text that does not parse.
func syntaxError(name string, err error) error {
	line, cause := position(err)
	return &Error{File: name, Line: line, Reason: "cannot be read as YAML: " + cause.Error(), Err: ErrSyntax}
}
