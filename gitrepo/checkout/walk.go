package checkout

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"update-gitops-repo/gitrepo/internal/layout"
)

// excludes are the patterns that hold for the whole working tree and give way to those of any .gitignore.
func (w *worktree) excludes() ([]pattern, error) {
	user, err := w.coreFile("core.excludesfile", "ignore")
	if err != nil {
		return nil, err
	}
	own, err := optional(filepath.Join(w.c.at.CommonDir, "info", "exclude"))
	if err != nil {
		return nil, err
	}
	return append(ignorePatterns(user, ""), ignorePatterns(own, "")...), nil
}

// walk visits the files below dir, "" or "a/b/", that are not tracked. Those in ignored folders, where nothing can be
// taken back, are left out, unless everything is asked for.
func (w *worktree) walk(dir string, patterns []pattern, visit func(name string, ignored bool) error) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(w.path(dir))
	if errors.Is(err, fs.ErrPermission) && dir != "" && !w.folders[path.Clean(dir)] {
		return nil // Such as a volume's lost+found; git passes over it, too.
	}
	if err != nil {
		return err
	}
	own, err := w.own(dir, ".gitignore")
	if err != nil {
		return err
	}
	patterns = append(slices.Clip(patterns), ignorePatterns(own, dir)...)
	for _, e := range entries {
		name := dir + e.Name()
		switch {
		case strings.EqualFold(e.Name(), ".git"):
		case !e.IsDir():
			if !w.tracked[name] && (e.Type() == 0 || e.Type() == fs.ModeSymlink) {
				err = visit(name, ignored(patterns, name, false))
			}
		case w.foreign(name):
		case !ignored(patterns, name, true):
			err = w.walk(name+"/", patterns, visit)
		case w.everything:
			err = w.walk(name+"/", []pattern{matchAll}, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// foreign tells folders that belong to another repository.
func (w *worktree) foreign(dir string) bool {
	if e := w.index[dir]; w.head[dir].Mode == filemode.Submodule || e != nil && e.Mode == filemode.Submodule {
		return true
	}
	dotGit := filepath.Join(w.path(dir), ".git")
	info, err := os.Stat(dotGit)
	return err == nil && !w.folders[dir] && (!info.IsDir() || layout.IsGitDir(dotGit, dotGit))
}
