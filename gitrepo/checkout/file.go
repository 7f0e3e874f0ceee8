package checkout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"

	"update-gitops-repo/gitrepo/internal/paths"
)

// file compares a file with HEAD. It returns nil if no difference is known.
func (w *worktree) file(ctx context.Context, name string) (*File, error) {
	info, err := w.lstat(name)
	if err != nil {
		return nil, err
	}
	if info == nil {
		return w.missing(name)
	}
	f, err := w.present(ctx, name, info)
	if paths.Absent(err) { // It has just gone.
		return w.missing(name)
	}
	return f, err
}

// present compares a file that is in the working tree.
func (w *worktree) present(ctx context.Context, name string, info fs.FileInfo) (*File, error) {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(w.path(name))
		return &File{Path: name, Contents: []byte(target), Mode: fs.ModeSymlink, Head: w.head[name]}, err
	case !info.Mode().IsRegular():
		return nil, nil
	}
	return w.regular(ctx, name, info)
}

// missing returns a file that is not in the working tree: deleted, unless a sparse checkout leaves it out.
func (w *worktree) missing(name string) (*File, error) {
	head, inHead := w.head[name]
	indexed := w.index.entries[name]
	switch {
	case !inHead, indexed != nil && indexed.SkipWorktree:
		return nil, nil
	case w.index.err != nil:
		return nil, fmt.Errorf("it is missing, and only the index says whether it was deleted: %w", w.index.err)
	}
	return &File{Path: name, Deleted: true, Head: head}, nil
}

// regular reads a regular file, unless the index says that it is as in HEAD.
func (w *worktree) regular(ctx context.Context, name string, info fs.FileInfo) (*File, error) {
	f := &File{Path: name, Head: w.head[name]}
	indexed := w.index.entries[name]
	f.Mode = w.mode(f.Head, indexed, info)
	if f.Entry().Mode == f.Head.Mode && w.unchanged(f.Head, indexed, info) {
		return nil, nil
	}
	var err error
	if f.Contents, err = os.ReadFile(w.path(name)); err != nil {
		return nil, err
	}
	if f.Entry().Hash == f.Head.Hash || f.Mode == fs.ModeSymlink {
		return f, nil // The same bytes are no change, even if git would store other line ends.
	}
	f.Contents, err = w.clean(ctx, name, f.Contents, f.Head)
	return f, err
}

// unchanged reports whether git saw the file as it is in HEAD, and it was not written since. A file as young as the
// index may have been written again in the same moment (https://git-scm.com/docs/racy-git).
func (w *worktree) unchanged(head Entry, indexed *index.Entry, info fs.FileInfo) bool {
	return indexed != nil && indexed.Hash == head.Hash && indexed.Mode == head.Mode &&
		indexed.Size == uint32(info.Size()) && indexed.ModifiedAt.Equal(info.ModTime()) &&
		info.ModTime().Before(w.index.written)
}

// mode returns the mode of a regular file: 0o644, 0o755, or fs.ModeSymlink on a file system without symlinks.
func (w *worktree) mode(head Entry, indexed *index.Entry, info fs.FileInfo) fs.FileMode {
	known := head.Mode
	if indexed != nil {
		known = indexed.Mode
	}
	executable := info.Mode()&0o100 != 0
	if !w.settings.BoolOr("core.filemode", true) {
		executable = known == filemode.Executable
	}
	switch {
	case known == filemode.Symlink && !w.settings.BoolOr("core.symlinks", true):
		return fs.ModeSymlink
	case executable:
		return 0o755
	}
	return 0o644
}

// lstat returns nil if there is no file of that name, or only behind a symlink.
func (w *worktree) lstat(name string) (fs.FileInfo, error) {
	reachable, err := w.reachable(path.Dir(name))
	if err != nil || !reachable {
		return nil, err
	}
	info, err := os.Lstat(w.path(name))
	if paths.Absent(err) || err == nil && info.IsDir() {
		return nil, nil
	}
	return info, err
}

// reachable reports whether a path leads through folders only, and not through symlinks. A folder that this user may
// not search counts: then the file itself is an error.
func (w *worktree) reachable(dir string) (bool, error) {
	if is, known := w.isFolder[dir]; known {
		return is, nil
	}
	is, err := w.reachable(path.Dir(dir))
	if err != nil {
		return false, err
	}
	info, err := os.Lstat(w.path(dir))
	switch {
	case err == nil:
		is = is && info.IsDir()
	case paths.Absent(err):
		is = false
	case !errors.Is(err, fs.ErrPermission):
		return false, err
	}
	w.isFolder[dir] = is
	return is, nil
}
