// Package checkout reads working trees that others made: which one holds a folder, and which of its files differ from
// HEAD. It writes nothing and runs no git.
package checkout

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/layout"
	"update-gitops-repo/gitrepo/internal/objectdb"
	"update-gitops-repo/gitrepo/internal/paths"
	"update-gitops-repo/gitrepo/settings"
)

// Checkout is a working tree on this machine and the repository that it belongs to. Only files are read, whoever owns
// them; nothing in it is ever written. It is not safe for concurrent use.
type Checkout struct {
	at      layout.Layout
	config  *settings.Settings // of the repository alone
	objects *objectdb.DB       // nil: in a format that this package cannot read
}

// Open finds the checkout that holds dir: the folder itself or one above it, a linked worktree or a submodule
// too (https://git-scm.com/docs/gitrepository-layout). Errors: ErrNoCheckout, which says whether there is none, a bare
// repository, or one that is broken.
func Open(dir string) (*Checkout, error) {
	found, err := layout.Find(dir)
	c := &Checkout{at: found}
	if err == nil {
		err = c.open()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", dir, ErrNoCheckout, err)
	}
	return c, nil
}

func (c *Checkout) open() (err error) {
	if c.config, err = settings.ReadRepository(c.at.CommonDir); err != nil {
		return err
	}
	if c.at.GitDir == c.at.CommonDir && c.config.BoolOr("core.bare", false) {
		return fmt.Errorf("%s is a bare repository, which has no working tree", c.at.GitDir)
	}
	if tree := c.config.Get("core.worktree"); tree != "" && c.at.GitDir == c.at.CommonDir {
		if tree = paths.Resolve(c.at.GitDir, tree); !sameFile(tree, c.at.Root) {
			return fmt.Errorf("its files are in %s (core.worktree)", tree)
		}
	}
	if format := c.config.Get("extensions.objectformat"); format == "" || format == "sha1" {
		c.objects = objectdb.Open(filepath.Join(c.at.CommonDir, "objects"))
	}
	return nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, yerr := os.Stat(b)
	return err == nil && yerr == nil && os.SameFile(x, y)
}

// Root is the folder at the top of the working tree.
func (c *Checkout) Root() string { return c.at.Root }

// Origin gives the URL of the remote "origin", the first where there are several. A relative path comes back joined
// with the checkout's own. No configuration beside the repository's own is read. Errors: ErrNoCheckout.
func (c *Checkout) Origin() (string, error) {
	url := c.config.Origin()
	if url == "" {
		return "", fmt.Errorf("%s: %w: it has no remote named origin", c.at.Root, ErrNoCheckout)
	}
	if u, _, err := giturl.Parse(url); err == nil && u.Scheme == "file" && !strings.HasPrefix(url, "file:") {
		return paths.Resolve(c.at.Root, url), nil
	}
	return url, nil
}

// Objects returns the object database; nil when it is in a format that cannot be read.
func (c *Checkout) Objects() *objectdb.DB { return c.objects }
