package refs

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"update-gitops-repo/gitrepo/internal/gittest"
)

// repository makes a bare repository with a commit on main, and returns its references and the commit.
func repository(t *testing.T) (Store, plumbing.Hash) {
	t.Helper()
	dir := t.TempDir()
	gittest.Git(t, dir, "init", "--quiet", "--bare", "--initial-branch=main")
	return Store{dir, dir}, commit(t, dir, "first", "refs/heads/main")
}

// commit makes a commit, and has the references lead to it.
func commit(t *testing.T, dir, text string, names ...string) plumbing.Hash {
	t.Helper()
	tree, ok := gittest.TryGit(t, dir, "", "mktree")
	if !ok {
		t.Fatal("git mktree failed")
	}
	hash := strings.TrimSpace(gittest.Git(t, dir, "commit-tree", "-m", text, strings.TrimSpace(tree)))
	for _, name := range names {
		gittest.Git(t, dir, "update-ref", name, hash)
	}
	return plumbing.NewHash(hash)
}

// TestLikeGit: wherever references are, the branches are those that git has.
func TestLikeGit(t *testing.T) {
	gittest.Home(t)
	for name, do := range map[string]func(t *testing.T, s Store){
		"files":  func(*testing.T, Store) {},
		"packed": func(t *testing.T, s Store) { gittest.Git(t, s.GitDir, "pack-refs", "--all") },
		"packed, and moved since": func(t *testing.T, s Store) {
			gittest.Git(t, s.GitDir, "pack-refs", "--all")
			commit(t, s.GitDir, "second", "refs/heads/main", "refs/heads/a/b")
		},
		"packed without pruning": func(t *testing.T, s Store) {
			gittest.Git(t, s.GitDir, "pack-refs", "--all", "--no-prune")
			commit(t, s.GitDir, "second", "refs/heads/a/b")
		},
		"an annotated tag": func(t *testing.T, s Store) {
			gittest.Git(t, s.GitDir, "tag", "-a", "-m", "x", "v1", "main")
			gittest.Git(t, s.GitDir, "pack-refs", "--all")
		},
		"a folder, then a branch of its name": func(t *testing.T, s Store) {
			gittest.Git(t, s.GitDir, "pack-refs", "--all")
			gittest.Git(t, s.GitDir, "update-ref", "-d", "refs/heads/a/b")
			gittest.Git(t, s.GitDir, "update-ref", "-d", "refs/heads/a/c")
			commit(t, s.GitDir, "second", "refs/heads/a")
		},
		"an empty folder in place of a packed branch": func(t *testing.T, s Store) {
			gittest.Git(t, s.GitDir, "pack-refs", "--all")
			gittest.Check(t, os.MkdirAll(filepath.Join(s.GitDir, "refs", "heads", "main", "x"), 0o755))
		},
		"a lock": func(t *testing.T, s Store) {
			gittest.Write(t, filepath.Join(s.GitDir, "refs", "heads", "a", "b.lock"), "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := repository(t)
			commit(t, s.GitDir, "other", "refs/heads/a/b", "refs/heads/a/c", "refs/tags/t")
			do(t, s)
			want := map[string]plumbing.Hash{}
			list := gittest.Git(t, s.GitDir, "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads")
			for line := range strings.Lines(list) {
				hash, name, _ := strings.Cut(strings.TrimSpace(line), " ")
				want[name] = plumbing.NewHash(hash)
			}
			got, err := s.Branches()
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("%v, %v, git has %v", got, err, want)
			}
			for short, hash := range want {
				ref, err := s.Read(plumbing.NewBranchReferenceName(short))
				if err != nil || ref.Hash() != hash {
					t.Errorf("%s: %v, %v, git has %s", short, ref, err, hash)
				}
			}
			if hash, err := s.Resolve(); err != nil || hash != want["main"] {
				t.Errorf("HEAD: %s, %v, git has %s", hash, err, want["main"])
			}
		})
	}
}

// TestNoReference: what is missing is told apart from what cannot be read.
func TestNoReference(t *testing.T) {
	gittest.Home(t)
	s, _ := repository(t)
	commit(t, s.GitDir, "other", "refs/heads/a/b")
	heads := filepath.Join(s.GitDir, "refs", "heads")
	gittest.Write(t, filepath.Join(heads, "empty"), "")
	gittest.Write(t, filepath.Join(heads, "text"), "text\n")
	gittest.Write(t, filepath.Join(heads, "symbolic"), "ref: refs/heads/main\n")
	gittest.Check(t, os.Symlink("loop", filepath.Join(heads, "loop")))
	for name, want := range map[string]string{
		"refs/heads/nosuch": "not found", "refs/heads/a": "not found", "refs/heads/main/x": "not found",
		"refs/heads/empty": "is not a reference", "refs/heads/text": "is not a reference",
		"refs/heads/loop": "too many levels", "refs/heads/../../config": "not the name", "config": "not the name",
	} {
		_, err := s.Read(plumbing.ReferenceName(name))
		if missing := want == "not found"; errors.Is(err, plumbing.ErrReferenceNotFound) != missing {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", name, err, want)
		}
	}
	if _, err := s.Branches(); err == nil {
		t.Error("a branch that cannot be read is left out")
	}
	gittest.Check(t, os.Remove(filepath.Join(heads, "loop")))
	branches, err := s.Branches()
	if err != nil || len(branches) != 2 {
		t.Errorf("%v, %v, want main and a/b", branches, err)
	}
	gittest.Check(t, os.Remove(filepath.Join(s.GitDir, "HEAD")))
	gittest.Check(t, os.Symlink("HEAD", filepath.Join(s.GitDir, "HEAD")))
	if _, err := s.Resolve(); err == nil || errors.Is(err, plumbing.ErrReferenceNotFound) {
		t.Errorf("HEAD leads to itself: %v", err)
	}
}

// TestPackedMeanwhile reads references that are moved and packed all the time. None is ever missing.
func TestPackedMeanwhile(t *testing.T) {
	gittest.Home(t)
	rounds := 30
	if testing.Short() {
		rounds = 8
	}
	s, first := repository(t)
	second := commit(t, s.GitDir, "second")
	var names []string
	for i := range 20 {
		name := fmt.Sprintf("refs/heads/b%d/x", i)
		gittest.Git(t, s.GitDir, "update-ref", name, first.String())
		names = append(names, name)
	}
	done := make(chan struct{})
	var moving sync.WaitGroup
	moving.Go(func() {
		defer close(done)
		for i := range rounds {
			to := []plumbing.Hash{first, second}[i%2]
			for _, name := range names[:5] {
				gittest.TryGit(t, s.GitDir, "", "update-ref", name, to.String()) // It may lose the lock.
			}
			gittest.TryGit(t, s.GitDir, "", "pack-refs", "--all", "--prune")
		}
	})
	reads := 0
	for running := true; running; reads++ {
		select {
		case <-done:
			running = false
		default:
		}
		branches, err := s.Branches()
		if err != nil || len(branches) != len(names)+1 {
			t.Errorf("%d branches, %v, want %d", len(branches), err, len(names)+1)
			break
		}
		if ref, err := s.Read(plumbing.ReferenceName(names[0])); err != nil || ref.Hash().IsZero() {
			t.Errorf("%s: %v, %v", names[0], ref, err)
			break
		}
	}
	moving.Wait()
	t.Logf("%d reads", reads)
}

// TestWorktree: HEAD is the worktree's own, the branches are shared.
func TestWorktree(t *testing.T) {
	gittest.Home(t)
	s, _ := repository(t)
	second := commit(t, s.GitDir, "second", "refs/heads/other")
	dir := filepath.Join(t.TempDir(), "linked")
	gittest.Git(t, s.GitDir, "worktree", "add", "--quiet", dir, "other")
	linked := Store{GitDir: filepath.Join(s.GitDir, "worktrees", "linked"), CommonDir: s.GitDir}
	if hash, err := linked.Resolve(); err != nil || hash != second {
		t.Errorf("%s, %v, want %s", hash, err, second)
	}
	gittest.Git(t, s.GitDir, "symbolic-ref", "HEAD", "refs/heads/nosuch")
	if _, err := s.Resolve(); !errors.Is(err, plumbing.ErrReferenceNotFound) {
		t.Errorf("%v, want a missing reference", err)
	}
}
