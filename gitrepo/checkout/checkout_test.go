package checkout_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

func origin(dir string) (string, error) {
	c, err := checkout.Open(dir)
	if err != nil {
		return "", err
	}
	return c.Origin()
}

func TestOrigin(t *testing.T) {
	from := remote(t, map[string]string{"a/b": "1"})
	dir := t.TempDir()
	clone, linked, super := filepath.Join(dir, "clone"), filepath.Join(dir, "linked"), filepath.Join(dir, "super")
	git(t, ".", "clone", "--quiet", from, clone)
	git(t, clone, "worktree", "add", "--quiet", linked, "-b", "linked")
	git(t, ".", "init", "--quiet", super)
	git(t, super, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", from, "sub")
	// What this program has no use for may be anything.
	git(t, clone, "config", "branch.main.merge", "refs/pull/1/head")
	git(t, clone, "config", "--add", "remote.origin.fetch", "^refs/heads/foo")
	for _, dir := range []string{clone, filepath.Join(clone, "a"), linked, filepath.Join(super, "sub", "a")} {
		got, err := origin(dir)
		check(t, err)
		if got != from {
			t.Errorf("origin of %s is %s, want %s", dir, got, from)
		}
	}
	git(t, clone, "remote", "set-url", "origin", "../gitops.git")
	if got, err := origin(filepath.Join(clone, "a")); err != nil || got != filepath.Join(dir, "gitops.git") {
		t.Errorf("a relative origin is %s, %v", got, err)
	}
	git(t, clone, "remote", "set-url", "origin", "git@git.example.com:acme/gitops.git")
	if got, err := origin(clone); err != nil || got != "git@git.example.com:acme/gitops.git" {
		t.Errorf("an ssh origin is %s, %v", got, err)
	}
	stray := t.TempDir()
	check(t, os.WriteFile(filepath.Join(stray, ".git"), []byte("nonsense"), 0o600))
	broken := t.TempDir()
	check(t, os.Mkdir(filepath.Join(broken, ".git"), 0o700))
	for _, dir := range []string{super, t.TempDir(), stray, broken, from, filepath.Join(dir, "nosuch")} {
		if got, err := origin(dir); !errors.Is(err, checkout.ErrNoCheckout) {
			t.Errorf("origin of %s: %q, %v", dir, got, err)
		}
	}
}

func TestOpenCheckoutErrors(t *testing.T) {
	gittest.Home(t)
	from := remote(t, map[string]string{"a": "1"})
	dir := t.TempDir()
	clone := clone(t, from)
	for name, content := range map[string]string{"nonsense": "nonsense\n",
		"nowhere": "gitdir: ../nosuch\n", "empty": ""} {
		gittest.Put(t, filepath.Join(dir, name), map[string]string{".git": content})
	}
	check(t, os.MkdirAll(filepath.Join(dir, "folder", ".git"), 0o700))
	check(t, os.Mkdir(filepath.Join(dir, "plain"), 0o700))
	git(t, dir, "clone", "--quiet", "--mirror", from, "mirror/.git")
	git(t, dir, "clone", "--quiet", from, "elsewhere")
	git(t, filepath.Join(dir, "elsewhere"), "config", "core.worktree", dir)
	git(t, dir, "clone", "--quiet", from, "config")
	gittest.Put(t, filepath.Join(dir, "config"), map[string]string{".git/config": "[core\n"})
	for _, test := range []struct{ dir, want string }{
		{filepath.Join(dir, "plain"), "no .git in it or above it"},
		{filepath.Join(dir, "nosuch"), "no such file"},
		{filepath.Join(dir, "nonsense"), "does not name a git folder"},
		{filepath.Join(dir, "empty"), "does not name a git folder"},
		{filepath.Join(dir, "nowhere"), "names ../nosuch, which is not a git folder"},
		{filepath.Join(dir, "folder"), "folder/.git is not a git folder"},
		{from, from + " is a bare repository"},
		{filepath.Join(from, "objects"), from + " is a bare repository"},
		{filepath.Join(dir, "mirror"), "is a bare repository"},
		{filepath.Join(clone, ".git", "refs"), "inside a git folder"},
		{filepath.Join(dir, "elsewhere"), "core.worktree"},
		{filepath.Join(dir, "config"), ".git/config"},
	} {
		if _, err := checkout.Open(test.dir); !errors.Is(err, checkout.ErrNoCheckout) ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.dir, err, test.want)
		}
	}
	// Like git, pass over a folder .git that is none.
	check(t, os.MkdirAll(filepath.Join(clone, "d", ".git"), 0o700))
	c, err := checkout.Open(filepath.Join(clone, "d"))
	if err != nil || c.Root() != clone {
		t.Errorf("an empty .git: %v", err)
	}
	// What cannot be read is no help, and no harm before it is asked for.
	git(t, dir, "init", "--quiet", "--object-format=sha256", "sha256")
	git(t, dir, "clone", "--quiet", from, "reftable")
	git(t, filepath.Join(dir, "reftable"), "config", "core.repositoryFormatVersion", "1")
	git(t, filepath.Join(dir, "reftable"), "config", "extensions.refStorage", "reftable")
	for _, name := range []string{"sha256", "reftable"} {
		c, err := checkout.Open(filepath.Join(dir, name))
		check(t, err)
		if _, err := c.Edited(t.Context(), read(t, c), anything); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		w := repotest.Open(t, "http", map[string]string{"a": "1"})
		w.Remote.Checkout = c
		check(t, w.Edit(t, "main", "main", map[string]string{"a": "2"}))
	}
}
