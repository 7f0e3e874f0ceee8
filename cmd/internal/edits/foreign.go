package edits

import (
	"errors"
	"io/fs"

	"update-gitops-repo/template/image"
	"update-gitops-repo/template/yamledit"
)

// hintForeign is what to do about a file that is not YAML because it is to become it.
const hintForeign = "it is a template of another language, such as Helm's; leave it out of the glob, " +
	"and set the values that it is rendered with"

// explained returns an error about a file that does not parse with a hint, where the file is a template of another
// language: that is not to be corrected. Any other error is returned as it is.
func explained(fsys fs.FS, err error) error {
	e, ok := errors.AsType[*yamledit.Error](err)
	if !ok || e.Err != yamledit.ErrSyntax || e.Hint != "" {
		return err
	}
	text, unread := fs.ReadFile(fsys, e.File)
	if unread != nil || !image.IsForeign(e.File, text) {
		return err
	}
	out := *e
	out.Hint = hintForeign
	return &out
}
