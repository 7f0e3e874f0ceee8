// Package checkout reads working trees that others made: which one holds a folder, and which of its files differ from
// HEAD. It writes nothing and does not run git.
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

// Checkout is a working tree on this machine, with its repository. Files are only read, whoever owns them. It is not
// safe for concurrent use.
type Checkout struct {
	at      layout.Layout
	config  *settings.Settings // of the repository only
	objects *objectdb.DB       // nil if the object format is not supported
}

// Open finds the checkout that holds dir: the folder itself or one above it, also a linked worktree or a submodule
// (https://git-scm.com/docs/gitrepository-layout). Errors: ErrNoCheckout, which says whether there is none, only a bare
// repository, or a broken one.
func Open(dir string) (*Checkout, error) {
	c, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", dir, ErrNoCheckout, err)
	}
	return c, nil
}

func open(dir string) (*Checkout, error) {
	at, err := layout.Find(dir)
	if err != nil {
		return nil, err
	}
	config, err := settings.ReadRepository(at.CommonDir)
	if err != nil {
		return nil, err
	}
	if linked := at.GitDir != at.CommonDir; !linked {
		if config.BoolOr("core.bare", false) {
			return nil, fmt.Errorf("%s is a bare repository, which has no working tree", at.GitDir)
		}
		tree := config.Get("core.worktree")
		if tree != "" && !sameFile(paths.Resolve(at.GitDir, tree), at.Root) {
			return nil, fmt.Errorf("its files are in %s (core.worktree)", paths.Resolve(at.GitDir, tree))
		}
	}
	c := &Checkout{at: at, config: config}
	if format := config.Get("extensions.objectformat"); format == "" || format == "sha1" {
		c.objects = objectdb.Open(filepath.Join(at.CommonDir, "objects"))
	}
	return c, nil
}

// sameFile reports whether both names lead to the same file; false if one leads nowhere.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// Root returns the top folder of the working tree.
func (c *Checkout) Root() string { return c.at.Root }

// Origin returns the URL of the remote "origin", the first if there are several. A relative path is joined with the
// checkout's own. Only the repository's own configuration counts. Errors: ErrNoCheckout.
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

// Objects returns the object database, or nil if the object format is not supported.
func (c *Checkout) Objects() *objectdb.DB { return c.objects }
