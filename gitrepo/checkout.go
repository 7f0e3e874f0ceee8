package gitrepo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/config"
)

// Origin gives the URL of the remote "origin" of the checkout that holds dir: the folder itself or one above it, a
// linked worktree or a submodule too (https://git-scm.com/docs/gitrepository-layout). Only files are read, whoever owns
// them, and no configuration beside the repository's own. Errors: ErrNoCheckout.
func Origin(dir string) (string, error) {
	gitDir, err := findGitDir(dir)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", dir, ErrNoCheckout, err)
	}
	f, err := os.Open(filepath.Join(gitDir, "config"))
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", dir, ErrNoCheckout, err)
	}
	defer f.Close() //nolint:errcheck // It was only read.
	c, err := config.ReadConfig(f)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", f.Name(), ErrNoCheckout, err)
	}
	origin, ok := c.Remotes["origin"]
	if !ok || len(origin.URLs) == 0 {
		return "", fmt.Errorf("%s: %w: it has no remote named origin", dir, ErrNoCheckout)
	}
	return origin.URLs[0], nil
}

// findGitDir gives the folder that holds a checkout's config.
func findGitDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		dotGit := filepath.Join(dir, ".git")
		info, err := os.Stat(dotGit)
		switch {
		case err == nil && info.IsDir():
			return dotGit, nil
		case err == nil:
			return linkedGitDir(dotGit)
		case !errors.Is(err, os.ErrNotExist):
			return "", err
		case dir == filepath.Dir(dir):
			return "", errors.New("no .git in it or above it")
		}
	}
}

// linkedGitDir follows the .git file of a linked worktree or a submodule.
func linkedGitDir(dotGit string) (string, error) {
	data, err := os.ReadFile(dotGit)
	if err != nil {
		return "", err
	}
	target, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "gitdir: ")
	if !ok {
		return "", fmt.Errorf("%s does not name a git folder", dotGit)
	}
	gitDir := relativeTo(filepath.Dir(dotGit), target)
	common, err := os.ReadFile(filepath.Join(gitDir, "commondir"))
	if errors.Is(err, os.ErrNotExist) {
		return gitDir, nil
	}
	if err != nil {
		return "", err
	}
	return relativeTo(gitDir, strings.TrimSpace(string(common))), nil
}

func relativeTo(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
