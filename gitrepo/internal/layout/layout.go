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

// Find looks for a .git in dir and in the folders above it. The error says whether there is none, only a bare
// repository, or a broken one.
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
		case err == nil && broken == nil: // Git skips such a folder too.
			broken = fmt.Errorf("%s is not a git folder, and there is none above it", dotGit)
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return Layout{}, err
		case err != nil && filepath.Base(dir) == ".git" && IsGitDir(dir, dir):
			return Layout{}, errors.New("it is inside a git folder; give the checkout")
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

// IsGitDir reports whether git would take gitDir for a repository. commonDir differs from it for a linked worktree.
func IsGitDir(gitDir, commonDir string) bool {
	_, head := os.Lstat(filepath.Join(gitDir, "HEAD")) // A symlink to a branch without commits leads nowhere.
	_, objects := os.Stat(filepath.Join(commonDir, "objects"))
	_, refs := os.Stat(filepath.Join(commonDir, "refs"))
	return errors.Join(head, objects, refs) == nil
}

// FollowLink reads the .git file of a linked worktree or a submodule. It returns the git folder that the file names,
// and the folder with the config, objects and branches that this one shares.
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
		return "", "", fmt.Errorf("%s names %s, which is not a git folder", dotGit, target)
	}
	return gitDir, commonDir, nil
}
