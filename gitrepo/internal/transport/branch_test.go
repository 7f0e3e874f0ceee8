package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1"}, func(t *testing.T, w repotest.Way) {
		main := w.Tip(t, "main")
		gittest.Git(t, w.Dir, "branch", "packed/only", "main")
		gittest.Git(t, w.Dir, "branch", "packed/too", "main")
		gittest.Git(t, w.Dir, "-c", "core.logAllRefUpdates=always", "branch", "logged/x", "main")
		gittest.Git(t, w.Dir, "tag", "-a", "-m", "kept with its target", "tag", "main")
		gittest.Git(t, w.Dir, "pack-refs", "--all")
		w.Seed(t, "packed/too", map[string]string{"a": "2"})
		gittest.Git(t, w.Dir, "branch", "loose", "main")
		gittest.Git(t, w.Dir, "branch", "stays", "main")
		r := w.Repo(t)
		for _, branch := range []string{"packed/only", "packed/too", "loose", "logged/x"} {
			tip := w.Tip(t, branch)
			w.Costs(t, "delete", 2, func() { gittest.Check(t, r.Delete(t.Context(), branch, tip)) })
			if now := w.Tip(t, branch); now != "" {
				t.Errorf("%s is still at %s", branch, now)
			}
			w.Costs(t, "delete again", 1, func() { gittest.Check(t, r.Delete(t.Context(), branch, tip)) })
			if r.Tip(branch) != tip {
				t.Errorf("the references that were read have changed")
			}
		}
		gittest.Check(t, r.Delete(t.Context(), "never/was", main))
		gittest.Check(t, r.Delete(t.Context(), "main/never/was", main))
		want := "refs/heads/main refs/heads/stays refs/tags/tag"
		got := strings.Join(strings.Fields(gittest.Git(t, w.Dir, "for-each-ref", "--format=%(refname)")), " ")
		if got != want {
			t.Errorf("left are %s, want %s", got, want)
		}
		if got := strings.TrimSpace(gittest.Git(t, w.Dir, "rev-parse", "tag^{}")); got != main {
			t.Errorf("the tag is of %s, want %s", got, main)
		}
		// No leftover blocks branches with other names.
		gittest.Check(t, os.MkdirAll(filepath.Join(w.Dir, "refs", "heads", "packed", "empty"), 0o755))
		for _, branch := range []string{"packed", "logged/x/y"} {
			gittest.Check(t, w.Edit(t, "main", branch, map[string]string{"a": "3"}))
		}
		gittest.Git(t, w.Dir, "-c", "core.logAllRefUpdates=always", "branch", "logged/z", "main")
		gittest.Git(t, w.Dir, "fsck", "--strict")
	})
}

func TestDeleteRefused(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1"}, func(t *testing.T, w repotest.Way) {
		old := w.Tip(t, "main")
		gittest.Git(t, w.Dir, "branch", "feature", "main")
		w.Seed(t, "feature", map[string]string{"a": "2"})
		w.Seed(t, "main", map[string]string{"b": "2"})
		r := w.Repo(t)
		before := gittest.Git(t, w.Dir, "for-each-ref")
		try := func(what string, err, want error, words string) {
			t.Helper()
			if !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), words) {
				t.Errorf("%s: %v, want %v with %q", what, err, want, words)
			}
			if now := gittest.Git(t, w.Dir, "for-each-ref"); now != before {
				t.Errorf("%s: references moved:\n%s\nto\n%s", what, before, now)
			}
		}
		try("moved", r.Delete(t.Context(), "feature", old), gitrepo.ErrMoved, "feature")
		try("HEAD's branch", r.Delete(t.Context(), "main", w.Tip(t, "main")), gitrepo.ErrRejected, "")
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
		try("canceled", r.Delete(ctx, "feature", w.Tip(t, "feature")), context.Canceled, "")
		try("canceled", r.Move(ctx, "feature", w.Tip(t, "feature"), old), context.Canceled, "")
		gittest.Git(t, w.Dir, "config", "receive.denyDeletes", "true")
		try("denyDeletes", w.Repo(t).Delete(t.Context(), "feature", w.Tip(t, "feature")), gitrepo.ErrRejected, "")
		gittest.Git(t, w.Dir, "config", "--unset", "receive.denyDeletes")
		w.Hook(t, "update", "echo hook says no >&2; exit 1")
		try("hook", r.Delete(t.Context(), "feature", w.Tip(t, "feature")), gitrepo.ErrRejected, "hook")
		try("hook", r.Move(t.Context(), "feature", w.Tip(t, "feature"), old), gitrepo.ErrRejected, "hook")
	})
}

func TestMove(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1"}, func(t *testing.T, w repotest.Way) {
		old := w.Tip(t, "main")
		gittest.Git(t, w.Dir, "branch", "feature", "main")
		w.Seed(t, "main", map[string]string{"a": "2"})
		now := w.Tip(t, "main")
		objects := gittest.Git(t, w.Dir, "count-objects")
		r := w.Repo(t)
		w.Costs(t, "move", 2, func() { gittest.Check(t, r.Move(t.Context(), "feature", old, now)) })
		w.Costs(t, "create", 2, func() { gittest.Check(t, r.Move(t.Context(), "new/x", "", old)) })
		gittest.Check(t, r.Move(t.Context(), "feature", now, now))
		gittest.Check(t, r.Move(t.Context(), "feature", now, old)) // Back: no fast-forward.
		gittest.Check(t, r.Move(t.Context(), "feature", old, now))
		before := gittest.Git(t, w.Dir, "for-each-ref")
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
			if err := w.Repo(t).Move(t.Context(), test.branch, test.from, test.to); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", what, err, test.want)
			}
		}
		got := gittest.Git(t, w.Dir, "for-each-ref")
		if got != before || w.Tip(t, "feature") != now || w.Tip(t, "new/x") != old {
			t.Errorf("references moved:\n%s\nto\n%s", before, got)
		}
		if got := gittest.Git(t, w.Dir, "count-objects"); got != objects {
			t.Errorf("objects were written: %s", got)
		}
		gittest.Git(t, w.Dir, "fsck", "--strict")
	})
}

// TestDeleteRace deletes and makes branches on disk while git packs references: the branches that are not deleted
// stay, the deleted ones do not come back, and folders that come and go block no branch.
func TestDeleteRace(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "disk", map[string]string{"a": "1"})
	tip := w.Tip(t, "main")
	for i := range 20 {
		gittest.Git(t, w.Dir, "branch", fmt.Sprint("kept/", i), "main")
	}
	done := make(chan struct{})
	var packer, writers sync.WaitGroup
	packer.Go(func() {
		for !closed(done) {
			cmd := exec.Command("git", "-C", w.Dir, "-c", "core.packedRefsTimeout=5000", "pack-refs", "--all")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("pack-refs: %v\n%s", err, out)
				return
			}
		}
	})
	for i := range 4 {
		writers.Go(func() {
			for n := range 40 {
				branch := fmt.Sprintf("gone/deep/%d-%d", i, n)
				if err := moveAndDelete(t.Context(), w.Remote, branch, tip); err != nil {
					t.Errorf("%s: %v", branch, err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	packer.Wait()
	if got := strings.Fields(gittest.Git(t, w.Dir, "for-each-ref", "--format=%(refname)")); len(got) != 21 {
		t.Errorf("left are %q, want main and 20 of kept", got)
	}
	gittest.Check(t, w.Repo(t).Move(t.Context(), "gone", "", tip))
	for _, left := range []string{"packed-refs.lock", "packed-refs.new"} {
		if _, err := os.Lstat(filepath.Join(w.Dir, left)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", left, err)
		}
	}
}

// moveAndDelete makes a branch and deletes it, both however often somebody holds a lock.
func moveAndDelete(ctx context.Context, remote gitrepo.Remote, branch, tip string) error {
	r, err := gitrepo.Open(ctx, remote)
	if err != nil {
		return err
	}
	if len(r.Tip("kept/7")) != 40 {
		return errors.New("a branch that stays was not seen")
	}
	err = repotest.Retry(math.MaxInt, func() error { return r.Move(ctx, branch, "", tip) })
	if err != nil {
		return err
	}
	return repotest.Retry(math.MaxInt, func() error { return r.Delete(ctx, branch, tip) })
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestDeleteLocal: what only a repository on disk has.
func TestDeleteLocal(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "disk", map[string]string{"a": "1"})
	tip := w.Tip(t, "main")
	gittest.Git(t, w.Dir, "branch", "feature", "main")
	gittest.Git(t, w.Dir, "branch", "linked", "main")
	gittest.Git(t, w.Dir, "symbolic-ref", "refs/heads/alias", "refs/heads/feature")
	gittest.Git(t, w.Dir, "worktree", "add", "--quiet", filepath.Join(t.TempDir(), "linked"), "linked")
	r := w.Repo(t)
	refused := func(ctx context.Context, branch string, want error, words string) {
		t.Helper()
		if err := r.Delete(ctx, branch, tip); !errors.Is(err, want) || !strings.Contains(err.Error(), words) {
			t.Errorf("delete %s: %v, want %v with %q", branch, err, want, words)
		}
		if w.Tip(t, branch) != tip {
			t.Errorf("%s is gone", branch)
		}
	}
	refused(t.Context(), "linked", gitrepo.ErrRejected, "checked out")
	refused(t.Context(), "alias", gitrepo.ErrRejected, "another name")

	lock := filepath.Join(w.Dir, "packed-refs.lock")
	gittest.Check(t, os.WriteFile(lock, nil, 0o600))
	refused(t.Context(), "feature", gitrepo.ErrMoved, "packed-refs.lock")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	refused(ctx, "feature", context.Canceled, "")
	if _, err := os.Lstat(filepath.Join(w.Dir, "refs/heads/feature.lock")); err == nil {
		t.Error("a lock is left")
	}
	time.AfterFunc(50*time.Millisecond, func() {
		if err := os.Remove(lock); err != nil {
			t.Error(err)
		}
	})
	gittest.Check(t, r.Delete(t.Context(), "feature", tip))
}
