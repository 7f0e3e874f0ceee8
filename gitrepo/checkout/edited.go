package checkout

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"update-gitops-repo/gitrepo/settings"
)

// File is a file of a working tree that differs from HEAD.
type File struct {
	Path     string      // relative to the checkout's root, with slashes
	Contents []byte      // as git would store it; for a symlink its target
	Mode     fs.FileMode // 0o644, 0o755 or fs.ModeSymlink
	Deleted  bool        // if so, Contents and Mode are zero

	Head Entry // the file in HEAD
}

// Entry returns what a tree with the file would have for it.
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

// Entry is what a tree has for a file. The zero value is no file.
type Entry struct {
	Mode filemode.FileMode
	Hash plumbing.Hash
}

// NewEntry returns an entry of a tree. The deprecated mode that early versions of git wrote becomes Regular.
func NewEntry(e object.TreeEntry) Entry {
	if e.Mode == filemode.Deprecated {
		e.Mode = filemode.Regular
	}
	return Entry{e.Mode, e.Hash}
}

// Edited returns the files of the working tree that differ from HEAD, among those whose paths match: new, changed and
// deleted ones, sorted by path. It selects files as "git add --all" would: ignored files only if they are tracked,
// symlinks as such, nothing in submodules and other repositories, line ends and modes as the settings say. Files that
// a sparse checkout leaves out are not deleted. Without a commit, every file is new. The settings are those of
// settings.Read for the checkout.
//
// match is called for each file that could be added, changed or not. Errors: ErrNoFile if none matches; ErrFiltered.
func (c *Checkout) Edited(ctx context.Context, s *settings.Settings, match func(path string) bool) ([]File, error) {
	w, err := c.readWorktree(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.at.Root, err)
	}
	names, err := w.names(ctx, match)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, w.noFile(ctx, match)
	}
	var out []File
	for _, name := range names {
		f, err := w.file(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if f != nil && f.Entry() != f.Head {
			out = append(out, *f)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// names returns the paths that match, of tracked files and of untracked ones that are not ignored, sorted.
func (w *worktree) names(ctx context.Context, match func(path string) bool) ([]string, error) {
	var names []string
	for name := range w.tracked {
		if match(name) {
			names = append(names, name)
		}
	}
	err := w.walk(ctx, func(name string, ignored bool) error {
		if !ignored && match(name) {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// noFile returns ErrNoFile. It names an ignored file that matches, if there is one.
func (w *worktree) noFile(ctx context.Context, match func(string) bool) error {
	err := w.walkIgnored(ctx, func(name string, ignored bool) error {
		if ignored && match(name) {
			return fmt.Errorf("%w, except ignored ones such as %s", ErrNoFile, name)
		}
		return nil
	})
	if err == nil {
		err = ErrNoFile
	}
	return fmt.Errorf("%s: %w", w.root, err)
}
