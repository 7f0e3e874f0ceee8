package checkout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
)

// clean returns a file's contents as git would store them (https://git-scm.com/docs/gitattributes).
func (w *worktree) clean(ctx context.Context, name string, data []byte, head Entry) ([]byte, error) {
	a, err := w.attributesOf(name)
	if err != nil {
		return nil, err
	}
	if filter, ok := a.value("filter"); ok {
		pointer, err := w.blob(ctx, head.Hash)
		if err != nil {
			return nil, err
		}
		if filter == "lfs" && isPointer(pointer, data) {
			return pointer, nil
		}
		return nil, fmt.Errorf("%w: only git can run the filter %q for it", ErrFiltered, filter)
	}
	if encoding, ok := a.value("working-tree-encoding"); ok && !strings.EqualFold(encoding, "UTF-8") {
		return nil, fmt.Errorf("%w: only git can convert it from %s (working-tree-encoding)", ErrFiltered, encoding)
	}
	normalizes, err := w.normalizes(ctx, name, a, data)
	if err != nil {
		return nil, err
	}
	if normalizes {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	if a["ident"] == isSet {
		data = ident.ReplaceAll(data, []byte("$$Id$$"))
	}
	return data, nil
}

var ident = regexp.MustCompile(`\$Id:[^$\n]*\$`)

// isPointer reports whether a pointer of Git LFS is that of the contents
// (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
func isPointer(pointer, contents []byte) bool {
	lines := fmt.Appendf(nil, "\noid sha256:%x\nsize %d\n", sha256.Sum256(contents), len(contents))
	return bytes.Contains(pointer, lines)
}

// normalizes reports whether git would store CRLF as LF.
func (w *worktree) normalizes(ctx context.Context, name string, a attributes, data []byte) (bool, error) {
	text := a["text"]
	if text == "" {
		text = a["crlf"] // the old name
	}
	switch {
	case text == isUnset:
		return false, nil
	case text == isSet, text == "input":
		return true, nil
	case text == "auto":
	case a["eol"] == "lf", a["eol"] == "crlf":
		return true, nil
	case !w.autoCRLF():
		return false, nil
	}
	// Git guesses: what looks binary stays as it is, and so does what has CRLF in the index already.
	if e := w.index.entries[name]; e != nil {
		stored, err := w.blob(ctx, e.Hash)
		if err != nil || bytes.Contains(stored, []byte("\r\n")) && !looksBinary(stored) {
			return false, err
		}
	}
	return !looksBinary(data), nil
}

// autoCRLF reports whether core.autocrlf asks for LF in the repository.
func (w *worktree) autoCRLF() bool {
	return strings.EqualFold(w.settings.Get("core.autocrlf"), "input") || w.settings.BoolOr("core.autocrlf", false)
}

// looksBinary guesses as git does: by a NUL, a CR without LF, or too many control characters.
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
