package gitrepo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/objectdb"
)

// Checkout is a working tree on this machine and the repository that it belongs to. Only files are read, whoever owns
// them; nothing in it is ever written. It is not safe for concurrent use.
type Checkout struct {
	root      string       // of the working tree
	gitDir    string       // HEAD and index
	commonDir string       // config, objects and branches, which linked worktrees share
	config    *Settings    // of the repository alone
	objects   *objectdb.DB // nil: in a format that this package cannot read
}

// OpenCheckout finds the checkout that holds dir: the folder itself or one above it, a linked worktree or a submodule
// too (https://git-scm.com/docs/gitrepository-layout). Errors: ErrNoCheckout, which says whether there is none, a bare
// repository, or one that is broken.
func OpenCheckout(dir string) (*Checkout, error) {
	c, err := findCheckout(dir)
	if err == nil {
		err = c.open()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", dir, ErrNoCheckout, err)
	}
	return c, nil
}

func (c *Checkout) open() (err error) {
	if c.config, err = readConfig(c.commonDir); err != nil {
		return err
	}
	if c.gitDir == c.commonDir && c.config.bool("core.bare", false) {
		return fmt.Errorf("%s is a bare repository, which has no working tree", c.gitDir)
	}
	if tree := c.config.get("core.worktree"); tree != "" && c.gitDir == c.commonDir {
		if tree = relativeTo(c.gitDir, tree); !sameFile(tree, c.root) {
			return fmt.Errorf("its files are in %s (core.worktree)", tree)
		}
	}
	if format := c.config.get("extensions.objectformat"); format == "" || format == "sha1" {
		c.objects = objectdb.Open(filepath.Join(c.commonDir, "objects"))
	}
	return nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, yerr := os.Stat(b)
	return err == nil && yerr == nil && os.SameFile(x, y)
}

// Root is the folder at the top of the working tree.
func (c *Checkout) Root() string { return c.root }

// Origin gives the URL of the remote "origin", the first where there are several. A relative path comes back joined with
// the checkout's own. No configuration beside the repository's own is read. Errors: ErrNoCheckout.
func (c *Checkout) Origin() (string, error) {
	url := c.config.origin()
	if url == "" {
		return "", fmt.Errorf("%s: %w: it has no remote named origin", c.root, ErrNoCheckout)
	}
	if u, _, err := giturl.Parse(url); err == nil && u.Scheme == "file" && !strings.HasPrefix(url, "file:") {
		return relativeTo(c.root, url), nil
	}
	return url, nil
}

// findCheckout looks for a .git in dir and the folders above it.
func findCheckout(dir string) (*Checkout, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, err
	}
	var broken error
	for ; ; dir = filepath.Dir(dir) {
		dotGit := filepath.Join(dir, ".git")
		info, err := os.Stat(dotGit)
		switch {
		case err == nil && !info.IsDir():
			c := &Checkout{root: dir}
			c.gitDir, c.commonDir, err = linkedGitDir(dotGit)
			return c, err
		case err == nil && isGitDir(dotGit, dotGit):
			return &Checkout{root: dir, gitDir: dotGit, commonDir: dotGit}, nil
		case err == nil && broken == nil: // Git passes over such a folder too.
			broken = fmt.Errorf("%s is no git folder, and there is none above it", dotGit)
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return nil, err
		case err != nil && filepath.Base(dir) == ".git" && isGitDir(dir, dir):
			return nil, errors.New("it is the inside of a git folder, not the checkout beside it")
		case err != nil && isGitDir(dir, dir):
			return nil, fmt.Errorf("%s is a bare repository, which has no working tree", dir)
		}
		if dir == filepath.Dir(dir) {
			if broken == nil {
				broken = errors.New("no .git in it or above it")
			}
			return nil, broken
		}
	}
}

// isGitDir tells a repository by what git itself looks for.
func isGitDir(gitDir, commonDir string) bool {
	_, head := os.Lstat(filepath.Join(gitDir, "HEAD")) // A symlink to a branch without commits leads nowhere.
	_, objects := os.Stat(filepath.Join(commonDir, "objects"))
	_, refs := os.Stat(filepath.Join(commonDir, "refs"))
	return errors.Join(head, objects, refs) == nil
}

// linkedGitDir follows the .git file of a linked worktree or a submodule to its git folder, and to the one that it
// shares config, objects and branches with.
func linkedGitDir(dotGit string) (gitDir, commonDir string, err error) {
	data, err := os.ReadFile(dotGit)
	if err != nil {
		return "", "", err
	}
	target, ok := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), "gitdir: ")
	if !ok {
		return "", "", fmt.Errorf("%s does not name a git folder", dotGit)
	}
	gitDir = relativeTo(filepath.Dir(dotGit), target)
	commonDir = gitDir
	common, err := os.ReadFile(filepath.Join(gitDir, "commondir"))
	if err == nil {
		commonDir = relativeTo(gitDir, strings.TrimRight(string(common), "\r\n"))
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", "", err
	}
	if !isGitDir(gitDir, commonDir) {
		return "", "", fmt.Errorf("%s names %s, which is no git folder", dotGit, target)
	}
	return gitDir, commonDir, nil
}

func relativeTo(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
