// Package diff compares files of two trees as git does.
package diff

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"
)

// prefetcher is a tree that fetches several files at once faster than one after the other.
type prefetcher interface {
	Prefetch(names []string) error
}

// Diff is what differs between two trees, in a form for people and in one for git.
type Diff struct{ files []fileDiff }

// fileDiff is what differs in one file.
type fileDiff struct {
	header string   // git's
	plain  bool     // git reads the text rightly without the header
	text   string   // for people; empty where the header says it all
	sides  *[2]file // before and after; nil where git reads the text
}

// Unified compares the named files of two trees.
func Unified(before, after fs.FS, names []string) (Diff, error) {
	if p, ok := before.(prefetcher); ok {
		if err := p.Prefetch(names); err != nil {
			return Diff{}, err
		}
	}
	var d Diff
	for _, name := range names {
		old, err := read(before, name)
		if err != nil {
			return Diff{}, err
		}
		now, err := read(after, name)
		if err != nil {
			return Diff{}, err
		}
		if old.exists() && now.exists() && old.mode.Type() != now.mode.Type() {
			// As git does: the target of a symlink is not a newer text of the file.
			d.files = append(d.files, compare(name, old, file{}))
			old = file{}
		}
		d.files = append(d.files, compare(name, old, now))
	}
	return d, nil
}

// Text returns a unified diff for people, with git's a/ and b/ before the names. It has git's header for what needs
// one: a file that goes, or changes something other than its contents. Of binary and of very large files it says only
// that they differ.
func (d Diff) Text() string {
	return d.join(func(f fileDiff) string { return f.text })
}

// Patch returns what "git apply" makes the second tree of the first with, byte for byte. It is Text, but for files of
// which that says only that they differ, or which are not in UTF-8, so that no JSON can hold them: those are binary
// patches. Nobody finds a secret in these, so files that hold one stay as in Text, which git refuses.
func (d Diff) Patch(holdsSecret func([]byte) bool) string {
	return d.join(func(f fileDiff) string {
		if f.sides == nil || holdsSecret(f.sides[0].data) || holdsSecret(f.sides[1].data) {
			return f.text
		}
		return binaryPatch(f.sides[0], f.sides[1])
	})
}

// join returns the diffs of all files. After a header alone, git would take the names of a diff without one for those
// of the header's file.
func (d Diff) join(body func(fileDiff) string) string {
	var b strings.Builder
	alone := false
	for _, f := range d.files {
		text := body(f)
		if !f.plain || alone || text != f.text {
			b.WriteString(f.header)
		}
		b.WriteString(text)
		alone = text == ""
	}
	return b.String()
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

func (f file) isBinary() bool { return bytes.IndexByte(f.data, 0) >= 0 }

// maxLines is the number of lines of both sides together above which files are not compared line by line: each line
// takes some 130 bytes of memory for that.
const maxLines = 1_000_000

// compare returns what differs in one file, in one of whose trees at least it is.
func compare(name string, old, now file) fileDiff {
	from, to := "/dev/null", "/dev/null"
	if old.exists() {
		from = quote("a/" + name)
	}
	if now.exists() {
		to = quote("b/" + name)
	}
	d := fileDiff{
		header: header(name, old, now), plain: isPlain(name, old, now),
		sides: &[2]file{old, now},
	}
	switch {
	case bytes.Equal(old.data, now.data):
		d.plain, d.sides = false, nil
	case old.isBinary() || now.isBinary():
		d.text = fmt.Sprintf("Binary files %s and %s differ\n", from, to)
	case bytes.Count(old.data, []byte("\n"))+bytes.Count(now.data, []byte("\n")) > maxLines:
		d.text = fmt.Sprintf("Files %s and %s differ; they are too large to be shown\n", from, to)
	default:
		d.text = "--- " + ended(from) + "\n+++ " + ended(to) + "\n" + hunks(string(old.data), string(now.data))
		if utf8.Valid(old.data) && utf8.Valid(now.data) {
			d.sides = nil
		}
	}
	return d
}

// isPlain reports whether git reads a diff of contents rightly without its own header. Without one, it takes every new
// file for a regular one, a file that becomes empty for one that is deleted, one that was empty for a new one, and a
// date at the end of a name for the time of the file.
func isPlain(name string, old, now file) bool {
	switch {
	case strings.Contains(name, " ") || quote(name) != name:
		return false
	case !old.exists():
		return now.gitMode() == "100644"
	}
	return now.exists() && old.gitMode() == now.gitMode() && len(old.data) > 0 && len(now.data) > 0
}

// header returns git's header of a file.
func header(name string, old, now file) string {
	mode := ""
	switch {
	case !now.exists():
		mode = "deleted file mode " + old.gitMode() + "\n"
	case !old.exists():
		mode = "new file mode " + now.gitMode() + "\n"
	case old.gitMode() != now.gitMode():
		mode = "old mode " + old.gitMode() + "\nnew mode " + now.gitMode() + "\n"
	}
	return "diff --git " + quote("a/"+name) + " " + quote("b/"+name) + "\n" + mode
}
