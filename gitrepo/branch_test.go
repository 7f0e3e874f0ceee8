package gitrepo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"update-gitops-repo/gitrepo"
)

func (w way) open(t *testing.T) *gitrepo.Repo {
	t.Helper()
	r, err := gitrepo.Open(t.Context(), w.remote)
	check(t, err)
	return r
}

// at is where a branch is in the bare repository; empty when it is not there.
func (w way) at(t *testing.T, branch string) string {
	t.Helper()
	return strings.TrimSpace(git(t, w.dir, "for-each-ref", "--format=%(objectname)", "refs/heads/"+branch))
}

// costs runs f and compares the number of HTTP requests, where they are counted.
func (w way) costs(t *testing.T, what string, want int, f func()) {
	t.Helper()
	before := len(w.forge.Requests())
	f()
	if got := w.forge.Requests()[before:]; strings.HasPrefix(w.name, "http") && len(got) != want {
		t.Errorf("%s: %d requests, want %d: %+v", what, len(got), want, got)
	}
}

func TestDelete(t *testing.T) {
	eachWay(t, map[string]string{"a": "1"}, func(t *testing.T, w way) {
		main := w.at(t, "main")
		git(t, w.dir, "branch", "packed/only", "main")
		git(t, w.dir, "branch", "packed/too", "main")
		git(t, w.dir, "-c", "core.logAllRefUpdates=always", "branch", "logged/x", "main")
		git(t, w.dir, "tag", "-a", "-m", "kept with its target", "tag", "main")
		git(t, w.dir, "pack-refs", "--all")
		w.seed(t, "packed/too", map[string]string{"a": "2"})
		git(t, w.dir, "branch", "loose", "main")
		git(t, w.dir, "branch", "stays", "main")
		r := w.open(t)
		for _, branch := range []string{"packed/only", "packed/too", "loose", "logged/x"} {
			tip := w.at(t, branch)
			w.costs(t, "delete", 2, func() { check(t, r.Delete(t.Context(), branch, tip)) })
			if now := w.at(t, branch); now != "" {
				t.Errorf("%s is still at %s", branch, now)
			}
			w.costs(t, "delete again", 1, func() { check(t, r.Delete(t.Context(), branch, tip)) })
			if r.Tip(branch) != tip {
				t.Errorf("the references that were read have changed")
			}
		}
		check(t, r.Delete(t.Context(), "never/was", main))
		check(t, r.Delete(t.Context(), "main/never/was", main))
		want := "refs/heads/main refs/heads/stays refs/tags/tag"
		if got := strings.Join(strings.Fields(git(t, w.dir, "for-each-ref", "--format=%(refname)")), " "); got != want {
			t.Errorf("left are %s, want %s", got, want)
		}
		if got := strings.TrimSpace(git(t, w.dir, "rev-parse", "tag^{}")); got != main {
			t.Errorf("the tag is of %s, want %s", got, main)
		}
		// Nothing is left in the way of branches with other names.
		check(t, os.MkdirAll(filepath.Join(w.dir, "refs", "heads", "packed", "empty"), 0o755))
		for _, branch := range []string{"packed", "logged/x/y"} {
			check(t, w.edit(t, "main", branch, map[string]string{"a": "3"}))
		}
		git(t, w.dir, "-c", "core.logAllRefUpdates=always", "branch", "logged/z", "main")
		git(t, w.dir, "fsck", "--strict")
	})
}

func TestDeleteRefused(t *testing.T) {
	eachWay(t, map[string]string{"a": "1"}, func(t *testing.T, w way) {
		old := w.at(t, "main")
		git(t, w.dir, "branch", "feature", "main")
		w.seed(t, "feature", map[string]string{"a": "2"})
		w.seed(t, "main", map[string]string{"b": "2"})
		r := w.open(t)
		before := git(t, w.dir, "for-each-ref")
		try := func(what string, err, want error, words string) {
			t.Helper()
			if !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), words) {
				t.Errorf("%s: %v, want %v with %q", what, err, want, words)
			}
			if now := git(t, w.dir, "for-each-ref"); now != before {
				t.Errorf("%s: references moved:\n%s\nto\n%s", what, before, now)
			}
		}
		try("moved", r.Delete(t.Context(), "feature", old), gitrepo.ErrMoved, "feature")
		try("HEAD's branch", r.Delete(t.Context(), "main", w.at(t, "main")), gitrepo.ErrRejected, "")
		for _, branch := range []string{"", "../../config", "a b", "HEAD"} {
			if err := r.Delete(t.Context(), branch, old); err == nil {
				t.Errorf("branch %q was taken", branch)
			}
		}
		for _, tip := range []string{"", "main", strings.Repeat("0", 40), old[:39]} {
			if err := r.Delete(t.Context(), "feature", tip); err == nil {
				t.Errorf("tip %q was taken", tip)
			}
			if err := r.Move(t.Context(), "feature", old, tip); err == nil {
				t.Errorf("move to %q was taken", tip)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		try("canceled", r.Delete(ctx, "feature", w.at(t, "feature")), context.Canceled, "")
		try("canceled", r.Move(ctx, "feature", w.at(t, "feature"), old), context.Canceled, "")
		git(t, w.dir, "config", "receive.denyDeletes", "true")
		try("denyDeletes", w.open(t).Delete(t.Context(), "feature", w.at(t, "feature")), gitrepo.ErrRejected, "")
		git(t, w.dir, "config", "--unset", "receive.denyDeletes")
		check(t, os.WriteFile(filepath.Join(w.dir, "hooks", "update"), []byte("#!/bin/sh\necho hook says no >&2\nexit 1\n"), 0o755))
		try("hook", r.Delete(t.Context(), "feature", w.at(t, "feature")), gitrepo.ErrRejected, "hook")
		try("hook", r.Move(t.Context(), "feature", w.at(t, "feature"), old), gitrepo.ErrRejected, "hook")
	})
}

func TestMove(t *testing.T) {
	eachWay(t, map[string]string{"a": "1"}, func(t *testing.T, w way) {
		old := w.at(t, "main")
		git(t, w.dir, "branch", "feature", "main")
		w.seed(t, "main", map[string]string{"a": "2"})
		now := w.at(t, "main")
		objects := git(t, w.dir, "count-objects")
		r := w.open(t)
		w.costs(t, "move", 2, func() { check(t, r.Move(t.Context(), "feature", old, now)) })
		w.costs(t, "create", 2, func() { check(t, r.Move(t.Context(), "new/x", "", old)) })
		check(t, r.Move(t.Context(), "feature", now, now))
		check(t, r.Move(t.Context(), "feature", now, old)) // Back: no fast-forward.
		check(t, r.Move(t.Context(), "feature", old, now))
		before := git(t, w.dir, "for-each-ref")
		for what, test := range map[string]struct {
			branch, from, to string
			want             error
		}{
			"moved since":    {"feature", old, old, gitrepo.ErrMoved},
			"there already":  {"feature", "", now, gitrepo.ErrMoved},
			"not there":      {"nosuch", old, now, gitrepo.ErrMoved},
			"no such commit": {"feature", now, strings.Repeat("12", 20), gitrepo.ErrRejected},
			"no room":        {"main/x", "", old, gitrepo.ErrRejected},
		} {
			if err := w.open(t).Move(t.Context(), test.branch, test.from, test.to); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", what, err, test.want)
			}
		}
		if got := git(t, w.dir, "for-each-ref"); got != before || w.at(t, "feature") != now || w.at(t, "new/x") != old {
			t.Errorf("references moved:\n%s\nto\n%s", before, got)
		}
		if got := git(t, w.dir, "count-objects"); got != objects {
			t.Errorf("objects were written: %s", got)
		}
		git(t, w.dir, "fsck", "--strict")
	})
}

// TestDeleteRace deletes and makes branches on disk beside git, which packs references all the time: the branches that
// are not deleted stay, those that are do not come back, and folders that come and go are in nobody's way.
func TestDeleteRace(t *testing.T) {
	w := open(t, "disk", map[string]string{"a": "1"})
	tip := w.at(t, "main")
	for i := range 20 {
		git(t, w.dir, "branch", fmt.Sprint("kept/", i), "main")
	}
	done := make(chan struct{})
	var packer, writers sync.WaitGroup
	packer.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if out, err := exec.Command("git", "-C", w.dir, "-c", "core.packedRefsTimeout=5000", "pack-refs", "--all").CombinedOutput(); err != nil {
				t.Errorf("pack-refs: %v\n%s", err, out)
				return
			}
		}
	})
	for i := range 4 {
		writers.Go(func() {
			for n := range 40 {
				branch := fmt.Sprintf("gone/deep/%d-%d", i, n)
				r, err := gitrepo.Open(t.Context(), w.remote)
				for err == nil {
					if len(r.Tip("kept/7")) != 40 {
						t.Error("a branch that stays was not seen")
					}
					if err = r.Move(t.Context(), branch, "", tip); !errors.Is(err, gitrepo.ErrMoved) {
						break
					}
					err = nil
				}
				for err == nil {
					if err = r.Delete(t.Context(), branch, tip); !errors.Is(err, gitrepo.ErrMoved) {
						break
					}
					err = nil
				}
				if err != nil {
					t.Errorf("%s: %v", branch, err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	packer.Wait()
	if got := strings.Fields(git(t, w.dir, "for-each-ref", "--format=%(refname)")); len(got) != 21 {
		t.Errorf("left are %q, want main and 20 of kept", got)
	}
	check(t, w.open(t).Move(t.Context(), "gone", "", tip))
	for _, left := range []string{"packed-refs.lock", "packed-refs.new"} {
		if _, err := os.Lstat(filepath.Join(w.dir, left)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", left, err)
		}
	}
}

// TestDeleteLocal is what only a repository on disk has.
func TestDeleteLocal(t *testing.T) {
	w := open(t, "disk", map[string]string{"a": "1"})
	tip := w.at(t, "main")
	git(t, w.dir, "branch", "feature", "main")
	git(t, w.dir, "branch", "linked", "main")
	git(t, w.dir, "symbolic-ref", "refs/heads/alias", "refs/heads/feature")
	git(t, w.dir, "worktree", "add", "--quiet", filepath.Join(t.TempDir(), "linked"), "linked")
	r := w.open(t)
	refused := func(ctx context.Context, branch string, want error, words string) {
		t.Helper()
		if err := r.Delete(ctx, branch, tip); !errors.Is(err, want) || !strings.Contains(err.Error(), words) {
			t.Errorf("delete %s: %v, want %v with %q", branch, err, want, words)
		}
		if w.at(t, branch) != tip {
			t.Errorf("%s is gone", branch)
		}
	}
	refused(t.Context(), "linked", gitrepo.ErrRejected, "checked out")
	refused(t.Context(), "alias", gitrepo.ErrRejected, "another name")

	lock := filepath.Join(w.dir, "packed-refs.lock")
	check(t, os.WriteFile(lock, nil, 0o600))
	refused(t.Context(), "feature", gitrepo.ErrMoved, "packed-refs.lock")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	refused(ctx, "feature", context.Canceled, "")
	if _, err := os.Lstat(filepath.Join(w.dir, "refs/heads/feature.lock")); err == nil {
		t.Error("a lock is left")
	}
	time.AfterFunc(50*time.Millisecond, func() {
		if err := os.Remove(lock); err != nil {
			t.Error(err)
		}
	})
	check(t, r.Delete(t.Context(), "feature", tip))
}
