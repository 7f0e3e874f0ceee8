package checkout

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"update-gitops-repo/gitrepo/settings"
)

// File is a file of a working tree that differs from HEAD.
type File struct {
	Path     string      // relative to the checkout's root, with slashes
	Contents []byte      // as git would store it; a symlink's target
	Mode     fs.FileMode // 0o644, 0o755 or fs.ModeSymlink
	Deleted  bool        // there are no Contents and no Mode then

	Head Entry // what HEAD has
}

// Entry returns what a tree says of the file.
func (f File) Entry() Entry {
	if f.Deleted {
		return Entry{}
	}
	e := Entry{Mode: filemode.Regular, Hash: plumbing.ComputeHash(plumbing.BlobObject, f.Contents)}
	if f.Mode&fs.ModeSymlink != 0 {
		e.Mode = filemode.Symlink
	} else if f.Mode&0o111 != 0 {
		e.Mode = filemode.Executable
	}
	return e
}

// Edited lists the files of the working tree that differ from HEAD, among those whose paths match: new, changed and
// deleted ones, sorted. It takes files as "git add --all" would: ignored ones only where they are tracked, symlinks as
// such, nothing in submodules and other repositories, line ends and modes as the checkout's settings say. What a sparse
// checkout leaves out is not deleted. Without a commit, every file is new. The settings are those that settings.Read
// gives for the checkout.
//
// match is asked for every file that counts, changed or not. Errors: ErrNoFile when it takes none; ErrFiltered.
func (c *Checkout) Edited(ctx context.Context, settings *settings.Settings,
	match func(path string) bool) ([]File, error) {
	w, err := c.openWorktree(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.at.Root, err)
	}
	var out []File
	matched := false
	add := func(name string) error {
		matched = true
		f, err := w.file(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if f != nil && f.Entry() != f.Head {
			out = append(out, *f)
		}
		return ctx.Err()
	}
	for name := range w.tracked {
		if match(name) {
			if err := add(name); err != nil {
				return nil, err
			}
		}
	}
	excludes, err := w.excludes()
	if err != nil {
		return nil, err
	}
	if err := w.walk("", excludes, func(name string, ignored bool) error {
		if ignored || !match(name) {
			return nil
		}
		return add(name)
	}); err != nil {
		return nil, err
	}
	if !matched {
		return nil, w.noFile(excludes, match)
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// noFile says why there is nothing: it may be that all that matches is ignored.
func (w *worktree) noFile(excludes []pattern, match func(string) bool) error {
	w.everything = true
	err := w.walk("", excludes, func(name string, ignored bool) error {
		if ignored && match(name) {
			return fmt.Errorf("%w, but for ignored ones such as %s", ErrNoFile, name)
		}
		return nil
	})
	if err == nil {
		err = ErrNoFile
	}
	return fmt.Errorf("%s: %w", w.c.at.Root, err)
}

// Entry is what a tree says of a file. The zero value is no file.
type Entry struct {
	Mode filemode.FileMode
	Hash plumbing.Hash
}

// NewEntry returns an entry of a tree. A mode that early versions of git wrote becomes that of a regular file.
func NewEntry(e object.TreeEntry) Entry {
	if e.Mode == filemode.Deprecated {
		e.Mode = filemode.Regular
	}
	return Entry{e.Mode, e.Hash}
}
