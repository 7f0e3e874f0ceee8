// Package diff compares files of two trees as git does.
package diff

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// prefetcher is a tree that fetches several files at once faster than one after the other.
type prefetcher interface {
	Prefetch(names []string) error
}

// Unified returns a unified diff of the named files, with git's a/ and b/ before their names, and with git's header
// where something other than their contents changes.
func Unified(before, after fs.FS, names []string) (string, error) {
	if p, ok := before.(prefetcher); ok {
		if err := p.Prefetch(names); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	for _, name := range names {
		old, err := read(before, name)
		if err != nil {
			return "", err
		}
		now, err := read(after, name)
		if err != nil {
			return "", err
		}
		if old.exists() && now.exists() && old.mode.Type() != now.mode.Type() {
			// As git does: the target of a symlink is not a newer text of the file.
			b.WriteString(compare(name, old, file{}))
			old = file{}
		}
		b.WriteString(compare(name, old, now))
	}
	return b.String(), nil
}

// Contents returns what the named file of a tree holds, the target of a symlink; nothing where there is no file.
func Contents(fsys fs.FS, name string) ([]byte, error) {
	f, err := read(fsys, name)
	return f.data, err
}

// file is a file before or after an edit; the zero value is no file.
type file struct {
	mode fs.FileMode
	data []byte
}

func read(fsys fs.FS, name string) (file, error) {
	info, err := fs.Lstat(fsys, name)
	// A folder is not a file, and may take the place of one.
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return file{}, nil
	}
	if err != nil {
		return file{}, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := fs.ReadLink(fsys, name)
		return file{info.Mode(), []byte(target)}, err
	}
	data, err := fs.ReadFile(fsys, name)
	return file{info.Mode(), data}, err
}

func (f file) exists() bool { return f.mode != 0 }

// gitMode returns the mode as git writes it.
func (f file) gitMode() string {
	switch {
	case f.mode&fs.ModeSymlink != 0:
		return "120000"
	case f.mode&0o111 != 0:
		return "100755"
	}
	return "100644"
}

// maxLines is the number of lines of both sides together above which files are not compared line by line: each line
// takes some 130 bytes of memory for that.
const maxLines = 1_000_000

func compare(name string, old, now file) string {
	from, to, header := "a/"+name, "b/"+name, ""
	switch {
	case !now.exists():
		to, header = "/dev/null", "deleted file mode "+old.gitMode()+"\n"
	case !old.exists():
		from = "/dev/null"
		if now.gitMode() != "100644" {
			header = "new file mode " + now.gitMode() + "\n"
		}
	case old.gitMode() != now.gitMode():
		header = "old mode " + old.gitMode() + "\nnew mode " + now.gitMode() + "\n"
	}
	if header != "" {
		header = "diff --git a/" + name + " b/" + name + "\n" + header
	}
	if bytes.IndexByte(old.data, 0) >= 0 || bytes.IndexByte(now.data, 0) >= 0 {
		return header + fmt.Sprintf("Binary files %s and %s differ\n", from, to)
	}
	if bytes.Count(old.data, []byte("\n"))+bytes.Count(now.data, []byte("\n")) > maxLines {
		return header + fmt.Sprintf("Files %s and %s differ; they are too large to be shown\n", from, to)
	}
	text := udiff.Unified(from, to, string(old.data), string(now.data))
	if text == "" && header == "" { // A new file with nothing in it.
		text = fmt.Sprintf("--- %s\n+++ %s\n", from, to)
	}
	return header + text
}
