// Package layout finds the folders of a git repository on this machine
// (https://git-scm.com/docs/gitrepository-layout).
package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"update-gitops-repo/gitrepo/internal/paths"
)

// Layout is where a checkout's files are, all paths absolute.
type Layout struct {
	Root      string // of the working tree
	GitDir    string // with HEAD and index
	CommonDir string // with config, objects and branches, which linked worktrees share; else GitDir
}

// Find looks for a .git in dir and in the folders above it. The error says whether there is none, a bare repository, or one
// that is broken.
func Find(dir string) (Layout, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return Layout{}, err
	}
	var broken error
	for ; ; dir = filepath.Dir(dir) {
		dotGit := filepath.Join(dir, ".git")
		info, err := os.Stat(dotGit)
		switch {
		case err == nil && !info.IsDir():
			l := Layout{Root: dir}
			l.GitDir, l.CommonDir, err = FollowLink(dotGit)
			return l, err
		case err == nil && IsGitDir(dotGit, dotGit):
			return Layout{Root: dir, GitDir: dotGit, CommonDir: dotGit}, nil
		case err == nil && broken == nil: // Git passes over such a folder too.
			broken = fmt.Errorf("%s is no git folder, and there is none above it", dotGit)
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return Layout{}, err
		case err != nil && filepath.Base(dir) == ".git" && IsGitDir(dir, dir):
			return Layout{}, errors.New("it is the inside of a git folder, not the checkout beside it")
		case err != nil && IsGitDir(dir, dir):
			return Layout{}, fmt.Errorf("%s is a bare repository, which has no working tree", dir)
		}
		if dir == filepath.Dir(dir) {
			if broken == nil {
				broken = errors.New("no .git in it or above it")
			}
			return Layout{}, broken
		}
	}
}

// IsGitDir reports whether git would take the folder for a repository. A commonDir other than gitDir is that of a linked
// worktree.
func IsGitDir(gitDir, commonDir string) bool {
	_, head := os.Lstat(filepath.Join(gitDir, "HEAD")) // A symlink to a branch without commits leads nowhere.
	_, objects := os.Stat(filepath.Join(commonDir, "objects"))
	_, refs := os.Stat(filepath.Join(commonDir, "refs"))
	return errors.Join(head, objects, refs) == nil
}

// FollowLink follows the .git file of a linked worktree or a submodule to its git folder, and to the one that it
// shares config, objects and branches with.
func FollowLink(dotGit string) (gitDir, commonDir string, err error) {
	data, err := os.ReadFile(dotGit)
	if err != nil {
		return "", "", err
	}
	target, ok := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), "gitdir: ")
	if !ok {
		return "", "", fmt.Errorf("%s does not name a git folder", dotGit)
	}
	gitDir = paths.Resolve(filepath.Dir(dotGit), target)
	commonDir = gitDir
	common, err := os.ReadFile(filepath.Join(gitDir, "commondir"))
	if err == nil {
		commonDir = paths.Resolve(gitDir, strings.TrimRight(string(common), "\r\n"))
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", "", err
	}
	if !IsGitDir(gitDir, commonDir) {
		return "", "", fmt.Errorf("%s names %s, which is no git folder", dotGit, target)
	}
	return gitDir, commonDir, nil
}
