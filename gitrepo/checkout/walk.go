package checkout

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"update-gitops-repo/gitrepo/internal/layout"
	"update-gitops-repo/gitrepo/internal/paths"
)

// visitor is called for each untracked file and symlink.
type visitor func(name string, ignored bool) error

// walk visits untracked files, except those in ignored folders: no pattern can include these again.
func (w *worktree) walk(ctx context.Context, visit visitor) error {
	return walker{worktree: w, visit: visit}.walk(ctx)
}

// walkIgnored visits untracked files, also those in ignored folders.
func (w *worktree) walkIgnored(ctx context.Context, visit visitor) error {
	return walker{worktree: w, visit: visit, intoIgnored: true}.walk(ctx)
}

type walker struct {
	*worktree
	visit       visitor
	intoIgnored bool
}

// walk reads the patterns for the whole working tree, which yield to those of any .gitignore.
func (w walker) walk(ctx context.Context) error {
	user, err := w.readConfigured("core.excludesfile", "ignore")
	if err != nil {
		return err
	}
	own, err := w.readInfo("exclude")
	if err != nil {
		return err
	}
	return w.folder(ctx, "", append(ignorePatterns(user, ""), ignorePatterns(own, "")...))
}

// folder visits the files below dir, "" or "a/b/". The patterns are those of the folders above it.
func (w walker) folder(ctx context.Context, dir string, patterns []pattern) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(w.path(dir))
	if errors.Is(err, fs.ErrPermission) && dir != "" && !w.folders[path.Clean(dir)] {
		return nil // such as a volume's lost+found; git skips it, too
	}
	if paths.Absent(err) && dir != "" {
		return nil // It has just gone.
	}
	if err != nil {
		return err
	}
	own, err := w.readOwn(dir, ".gitignore")
	if err != nil {
		return err
	}
	patterns = append(slices.Clip(patterns), ignorePatterns(own, dir)...)
	for _, e := range entries {
		if strings.EqualFold(e.Name(), ".git") {
			continue
		}
		if err := w.entry(ctx, dir+e.Name(), e.Type(), patterns); err != nil {
			return err
		}
	}
	return nil
}

// entry visits a file, or what is below a folder.
func (w walker) entry(ctx context.Context, name string, kind fs.FileMode, patterns []pattern) error {
	switch {
	case kind == 0, kind == fs.ModeSymlink:
		if w.tracked[name] {
			return nil
		}
		return w.visit(name, ignored(patterns, name, false))
	case kind != fs.ModeDir, w.foreign(name):
		return nil
	case !ignored(patterns, name, true):
		return w.folder(ctx, name+"/", patterns)
	case w.intoIgnored:
		return w.folder(ctx, name+"/", []pattern{matchAll})
	}
	return nil
}

// foreign reports whether a folder belongs to another repository.
func (w *worktree) foreign(dir string) bool {
	e := w.index.entries[dir]
	if w.head[dir].Mode == filemode.Submodule || e != nil && e.Mode == filemode.Submodule {
		return true
	}
	dotGit := filepath.Join(w.path(dir), ".git")
	info, err := os.Stat(dotGit)
	return err == nil && !w.folders[dir] && (!info.IsDir() || layout.IsGitDir(dotGit, dotGit))
}
