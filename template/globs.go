package template

import (
	"errors"
	"io/fs"

	"update-gitops-repo/template/glob"
)

// Glob is glob.Find with the errors of this package.
func Glob(fsys fs.FS, pattern string) ([]string, error) {
	names, err := glob.Find(fsys, pattern)
	if e, ok := errors.AsType[*glob.Error](err); ok {
		kind := ErrNoMatch
		if e.Err == glob.ErrLimit {
			kind = ErrLimit
		}
		return nil, &Error{File: e.Pattern, Reason: e.Reason, Err: kind}
	}
	return names, err
}

// CheckGlob is glob.Check.
func CheckGlob(pattern string) error { return glob.Check(pattern) }

func prefetch(fsys fs.FS, names []string) error { return glob.Prefetch(fsys, names) }
