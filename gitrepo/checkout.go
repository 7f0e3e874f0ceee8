package gitrepo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/config"
)

// Origin gives the URL of the remote "origin" of the checkout that holds dir: the folder itself or one above it, a
// linked worktree or a submodule too (https://git-scm.com/docs/gitrepository-layout). A relative path comes back
// joined with the checkout's own. Only files are read, whoever owns them, and no configuration beside the
// repository's own. Errors: ErrNoCheckout.
func Origin(dir string) (string, error) {
	root, gitDir, err := findGitDir(dir)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", dir, ErrNoCheckout, err)
	}
	c, err := readConfig(gitDir)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", dir, ErrNoCheckout, err)
	}
	url := c.Section("remote").Subsection("origin").Option("url")
	if url == "" {
		return "", fmt.Errorf("%s: %w: it has no remote named origin", dir, ErrNoCheckout)
	}
	if u, _, err := ParseURL(url); err == nil && u.Scheme == "file" && !strings.HasPrefix(url, "file:") {
		return relativeTo(root, url), nil
	}
	return url, nil
}

// readConfig reads a repository's own configuration as it stands: what the program does not use may be anything that
// some version of git takes.
func readConfig(gitDir string) (_ *config.Config, err error) {
	f, err := os.Open(filepath.Join(gitDir, "config"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	c := config.New()
	if err := config.NewDecoder(f).Decode(c); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return c, nil
}

// findGitDir gives the root of a checkout, and the folder that holds its config.
func findGitDir(dir string) (root, gitDir string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return "", "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		dotGit := filepath.Join(dir, ".git")
		info, err := os.Stat(dotGit)
		switch {
		case err == nil && info.IsDir():
			return dir, dotGit, nil
		case err == nil:
			gitDir, err := linkedGitDir(dotGit)
			return dir, gitDir, err
		case !errors.Is(err, os.ErrNotExist):
			return "", "", err
		case dir == filepath.Dir(dir):
			return "", "", errors.New("no .git in it or above it")
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
