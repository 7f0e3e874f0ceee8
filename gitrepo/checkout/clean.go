package checkout

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// clean makes of a file's contents what git would store (https://git-scm.com/docs/gitattributes).
func (w *worktree) clean(name string, data []byte, head Entry) ([]byte, error) {
	a, err := w.attributesOf(name)
	if err != nil {
		return nil, err
	}
	if filter := a["filter"]; filter != "" && filter != isSet && filter != isUnset {
		if pointer, ok := w.blob(head.Hash); ok && filter == "lfs" && points(pointer, data) {
			return pointer, nil
		}
		return nil, fmt.Errorf("%w: it is kept by git's filter %q, which only git can run", ErrFiltered, filter)
	}
	if encoding := a["working-tree-encoding"]; encoding != "" && encoding != isSet && encoding != isUnset &&
		!strings.EqualFold(encoding, "UTF-8") {
		return nil,
			fmt.Errorf("%w: git keeps it in another encoding than %s (working-tree-encoding)", ErrFiltered, encoding)
	}
	if w.unixLines(name, a, data) {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	if a["ident"] == isSet {
		data = ident.ReplaceAll(data, []byte("$$Id$$"))
	}
	return data, nil
}

var ident = regexp.MustCompile(`\$Id:[^$\n]*\$`)

func (w *worktree) blob(hash plumbing.Hash) ([]byte, bool) {
	if hash == plumbing.ZeroHash || !w.c.objects.Copy(w.store, hash) {
		return nil, false
	}
	b, err := object.GetBlob(w.store, hash)
	if err != nil {
		return nil, false
	}
	r, err := b.Reader()
	if err != nil {
		return nil, false
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close()) == nil
}

// points tells whether a pointer of Git LFS is that of the contents
// (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
func points(pointer, contents []byte) bool {
	return bytes.Contains(pointer,
		fmt.Appendf(nil, "\noid sha256:%x\nsize %d\n", sha256.Sum256(contents), len(contents)))
}

// unixLines tells whether git would store CRLF as LF.
func (w *worktree) unixLines(name string, attributes map[string]string, data []byte) bool {
	text := attributes["text"]
	if text == "" {
		text = attributes["crlf"] // Its old name.
	}
	switch {
	case text == isUnset:
		return false
	case text == isSet, text == "input":
		return true
	case text == "auto":
	case attributes["eol"] == "lf", attributes["eol"] == "crlf":
		return true
	case !strings.EqualFold(w.settings.Get("core.autocrlf"), "input") && !w.settings.BoolOr("core.autocrlf", false):
		return false
	}
	// Git guesses. It leaves alone what looks binary, and what has CRLF in the repository already.
	if e := w.index[name]; e != nil {
		if stored, ok := w.blob(e.Hash); ok && bytes.Contains(stored, []byte("\r\n")) && !looksBinary(stored) {
			return false
		}
	}
	return !looksBinary(data)
}

// looksBinary is git's guess: a NUL, a CR without LF, or too many control characters.
func looksBinary(data []byte) bool {
	data = bytes.TrimSuffix(data, []byte{0x1a})
	printable, control := 0, 0
	for i, c := range data {
		switch {
		case c == 0, c == '\r' && (i+1 == len(data) || data[i+1] != '\n'):
			return true
		case c == '\r', c == '\n':
		case c == 0x7f, c < ' ' && !bytes.ContainsRune([]byte("\b\t\f\x1b"), rune(c)):
			control++
		default:
			printable++
		}
	}
	return printable>>7 < control
}
