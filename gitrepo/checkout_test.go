package gitrepo_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"update-gitops-repo/gitrepo"
)

func origin(dir string) (string, error) {
	c, err := gitrepo.OpenCheckout(dir)
	if err != nil {
		return "", err
	}
	return c.Origin()
}

func TestOrigin(t *testing.T) {
	w := open(t, "disk", map[string]string{"a/b": "1"})
	dir := t.TempDir()
	clone, linked, super := filepath.Join(dir, "clone"), filepath.Join(dir, "linked"), filepath.Join(dir, "super")
	git(t, ".", "clone", "--quiet", w.dir, clone)
	git(t, clone, "worktree", "add", "--quiet", linked, "-b", "linked")
	git(t, ".", "init", "--quiet", super)
	git(t, super, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", w.dir, "sub")
	// What this program has no use for may be anything.
	git(t, clone, "config", "branch.main.merge", "refs/pull/1/head")
	git(t, clone, "config", "--add", "remote.origin.fetch", "^refs/heads/foo")
	for _, dir := range []string{clone, filepath.Join(clone, "a"), linked, filepath.Join(super, "sub", "a")} {
		got, err := origin(dir)
		check(t, err)
		if got != w.dir {
			t.Errorf("origin of %s is %s, want %s", dir, got, w.dir)
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
	for _, dir := range []string{super, t.TempDir(), stray, broken, w.dir, filepath.Join(dir, "nosuch")} {
		if got, err := origin(dir); !errors.Is(err, gitrepo.ErrNoCheckout) {
			t.Errorf("origin of %s: %q, %v", dir, got, err)
		}
	}
}
