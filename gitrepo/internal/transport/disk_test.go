package transport_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

// TestLockOfTheMoment: a lock that somebody has for a moment, as git has to pack a reference, is no lost race.
func TestLockOfTheMoment(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "disk", map[string]string{"a": "1"})
	s, c := w.Commit(t, "main", map[string]string{"a": "2"})
	lock := gittest.Write(t, filepath.Join(w.Dir, "refs", "heads", "main.lock"), "")
	time.AfterFunc(30*time.Millisecond, func() {
		if err := os.Remove(lock); err != nil {
			t.Error(err)
		}
	})
	gittest.Check(t, s.Push(t.Context(), c, "main"))
	gittest.Git(t, w.Dir, "fsck", "--strict")
}

// replace has main lead to another commit, and removes all of what it led to.
func replace(t *testing.T, w repotest.Way) {
	t.Helper()
	other, _ := gittest.TryGit(t, w.Dir, "other", "hash-object", "-w", "--stdin")
	tree, _ := gittest.TryGit(t, w.Dir, "100644 blob "+strings.TrimSpace(other)+"\ta\n", "mktree")
	commit := gittest.Git(t, w.Dir, "commit-tree", "-m", "other", strings.TrimSpace(tree))
	gittest.Git(t, w.Dir, "update-ref", "refs/heads/main", strings.TrimSpace(commit))
	gittest.Git(t, w.Dir, "reflog", "expire", "--all", "--expire=now")
	gittest.Git(t, w.Dir, "gc", "--quiet", "--prune=now")
}

// TestPruned: a branch that was replaced while it was read has moved, even if git has removed what it led to. Nothing
// is made that leads to what is gone.
func TestPruned(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "disk", map[string]string{"a": "1"})
	read, late := w.Snapshot(t, "main"), w.Repo(t)
	s, c := w.Commit(t, "main", map[string]string{"a": "2"})
	replace(t, w)
	if _, err := late.Snapshot(t.Context(), "main"); !errors.Is(err, gitrepo.ErrMoved) {
		t.Errorf("the tip is gone: %v", err)
	}
	if _, err := fs.ReadFile(read.Files(t.Context()), "a"); !errors.Is(err, gitrepo.ErrMoved) {
		t.Errorf("a file is gone: %v", err)
	}
	if _, err := read.Log(t.Context(), 5); err != nil {
		t.Errorf("the snapshot has the only commit: %v", err)
	}
	for _, branch := range []string{"main", "new"} {
		if err := s.Push(t.Context(), c, branch); !errors.Is(err, gitrepo.ErrMoved) {
			t.Errorf("push to %s: %v", branch, err)
		}
	}
	if tip := w.Tip(t, "new"); tip != "" {
		t.Errorf("new leads to %s", tip)
	}
	gittest.Check(t, w.Edit(t, "main", "new", map[string]string{"a": "2"}))
	gittest.Git(t, w.Dir, "fsck", "--strict", "--connectivity-only")
	unmarked(t, w)
}

// unmarked: no pack is left that git would keep for ever.
func unmarked(t *testing.T, w repotest.Way) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(w.Dir, "objects", "pack", "*.keep"))
	if err != nil || len(left) > 0 {
		t.Errorf("%q are left, %v", left, err)
	}
}

// TestLostHistory: commits that are missing without a reason might be somebody's. A shallow repository has a reason.
func TestLostHistory(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "disk", map[string]string{"a": "1"})
	gittest.Check(t, w.Edit(t, "main", "feature", map[string]string{"a": "2"}))
	theirs := w.Tip(t, "feature")
	gittest.Check(t, w.Edit(t, "feature", "feature", map[string]string{"a": "3"}))
	gittest.Git(t, w.Dir, "gc", "--quiet")
	pack, err := filepath.Glob(filepath.Join(w.Dir, "objects", "pack", "*.pack"))
	gittest.Check(t, err)
	data, err := os.ReadFile(pack[0])
	gittest.Check(t, err)
	gittest.Check(t, os.RemoveAll(filepath.Join(w.Dir, "objects", "pack")))
	gittest.Check(t, os.Mkdir(filepath.Join(w.Dir, "objects", "pack"), 0o755))
	if _, ok := gittest.TryGit(t, w.Dir, string(data), "unpack-objects", "-q"); !ok {
		t.Fatal("git unpack-objects failed")
	}
	gittest.Check(t, os.Remove(filepath.Join(w.Dir, "objects", theirs[:2], theirs[2:])))
	if logs, err := w.Snapshot(t, "main").Ahead(t.Context(), "feature"); err == nil {
		t.Errorf("a commit is missing, and these are ahead: %s", repotest.FormatLogs(logs))
	}
	if logs, err := w.Snapshot(t, "feature").Log(t.Context(), 5); err == nil {
		t.Errorf("a commit is missing, and these are the last: %s", repotest.FormatLogs(logs))
	}
	gittest.Write(t, filepath.Join(w.Dir, "shallow"), w.Tip(t, "feature")+"\n")
	logs, err := w.Snapshot(t, "main").Ahead(t.Context(), "feature")
	if err != nil || len(logs) != 1 {
		t.Errorf("shallow: %s, %v", repotest.FormatLogs(logs), err)
	}
	logs, err = w.Snapshot(t, "feature").Log(t.Context(), 5)
	if err != nil || len(logs) != 1 {
		t.Errorf("shallow: %s, %v", repotest.FormatLogs(logs), err)
	}
}

// TestUnreadable: what cannot be read is not taken for what is not there.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"hooks": "push refused", "worktrees": "push refused", "hooks/pre-receive": "push refused",
		"packed-refs": "read references", "refs/heads/other": "read references", "HEAD": "repository not found",
		"shallow": "shallow", "objects/info/alternates": "alternates",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := repotest.Open(t, "disk", map[string]string{"a": "1"})
			file := filepath.Join(w.Dir, filepath.FromSlash(name))
			gittest.Check(t, os.RemoveAll(file))
			gittest.Check(t, os.Symlink(filepath.Base(file), file)) // It leads to itself.
			err := func() error {
				s, err := repotest.TrySnapshot(t.Context(), w.Remote)
				if err != nil {
					return err
				}
				if s, err = s.With(t.Context(), repotest.Contents(map[string]string{"a": "2"})); err != nil {
					return err
				}
				c, err := s.Commit(repotest.Message("Edit\n"))
				if err != nil {
					return err
				}
				return s.Push(t.Context(), c, "main")
			}()
			if name == "objects/info/alternates" {
				gittest.Check(t, err) // What is elsewhere suffices, unless something is missing there.
				gittest.Check(t, os.RemoveAll(filepath.Join(w.Dir, "objects", "pack")))
				_, err = repotest.TrySnapshot(t.Context(), w.Remote)
			}
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "too many levels") {
				t.Errorf("%v, want %q in it", err, want)
			}
		})
	}
}
