// Package usage is the error of a command line that cannot be carried out, whatever the repository holds.
package usage

import (
	"errors"
	"fmt"
)

// Error is what is wrong with the command line, and what to do about it. The program exits with 2.
type Error struct{ what, hint string }

// Error returns what is wrong, with its flag.
func (e *Error) Error() string { return e.what }

// Errorf returns an [Error] with the hint, an imperative, and what is wrong, as [fmt.Sprintf] formats it.
func Errorf(hint, format string, args ...any) error {
	return &Error{what: fmt.Sprintf(format, args...), hint: hint}
}

// Hint returns the hint of the [Error] that err is or wraps, and whether it is one.
func Hint(err error) (hint string, ok bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return "", false
	}
	return e.hint, true
}
