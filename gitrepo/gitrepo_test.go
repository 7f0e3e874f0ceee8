package gitrepo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	seed := map[string]string{
		"a.yaml": "a: 1\n", "d/b.yaml": "b: 1\r\n", "d/e/c.sh*": "#!/bin/sh\n", "d.yaml": "", "Ünïcode name": "x",
	}
	repotest.Each(t, seed, func(t *testing.T, w repotest.Way) {
		files := w.Snapshot(t, "main").Files(t.Context())
		gittest.Check(t, fstest.TestFS(files, "a.yaml", "d/b.yaml", "d/e/c.sh", "d.yaml", "Ünïcode name"))
		got, err := fs.ReadFile(files, "d/b.yaml")
		gittest.Check(t, err)
		if string(got) != "b: 1\r\n" {
			t.Errorf("d/b.yaml is %q", got)
		}
		for _, name := range []string{"nosuch", "d/nosuch", "a.yaml/x", "nosuch/x"} {
			if _, err := fs.ReadFile(files, name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("read %s: %v, want not exist", name, err)
			}
			if _, err := fs.Stat(files, name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("stat %s: %v, want not exist", name, err)
			}
		}
		if _, err := files.Open("../x"); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("open ../x: %v, want invalid", err)
		}
		if _, err := fs.ReadDir(files, "a.yaml"); err == nil {
			t.Error("a file was listed as a folder")
		}
	})
}

// TestOddNames: names that only git accepts can be read, and names that lead out of their folder are not followed.
func TestOddNames(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a.yaml": "a: 1\n"}, func(t *testing.T, w repotest.Way) {
		script := "commit refs/heads/main\ncommitter C <c@example.com> 1700000000 +0000\n" +
			"data 0\nfrom refs/heads/main^0\n" +
			"M 100644 inline \"caf\\351/x.yaml\"\ndata 2\nx\n\n"
		cmd := exec.Command("git", "-C", w.Dir, "fast-import", "--quiet")
		cmd.Stdin = strings.NewReader(script)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		root := strings.TrimSpace(gittest.Git(t, w.Dir, "rev-parse", "main^{tree}"))
		hash := func(entries string) string {
			cmd := exec.Command("git", "-C", w.Dir, "mktree")
			cmd.Stdin = strings.NewReader(entries)
			out, err := cmd.Output()
			gittest.Check(t, err)
			return strings.TrimSpace(string(out))
		}
		inner := hash(fmt.Sprintf("040000 tree %s\t.\n040000 tree %[1]s\t..\n", root))
		outer := hash(gittest.Git(t, w.Dir, "ls-tree", "main") + fmt.Sprintf("040000 tree %s\tup\n", inner))
		gittest.Git(t, w.Dir, "update-ref", "refs/heads/main",
			strings.TrimSpace(gittest.Git(t, w.Dir, "commit-tree", "-p", "main", "-m", "x", outer)))

		var names []string
		files := w.Snapshot(t, "main").Files(t.Context())
		gittest.Check(t, fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if names = append(names, name); len(names) > 10 {
				return fs.SkipAll
			}
			return err
		}))
		if want := []string{".", "a.yaml", "caf\xe9", "caf\xe9/x.yaml", "up"}; !slices.Equal(names, want) {
			t.Errorf("%q, want %q", names, want)
		}
		if got, err := fs.ReadFile(files, "caf\xe9/x.yaml"); err != nil || string(got) != "x\n" {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := fs.ReadDir(files, strings.Repeat("a/", 1<<12)+"a"); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("a path that is too long: %v", err)
		}
	})
}

// TestPrefetch asserts what a run costs: one request for references, one for the commit and its trees, one for all
// blobs.
func TestPrefetch(t *testing.T) {
	t.Parallel()
	seed := map[string]string{"big/unwanted": strings.Repeat("unwanted ", 1<<16)}
	names := []string{}
	for i := range 40 {
		name := fmt.Sprintf("apps/a%d/values.yaml", i)
		seed[name] = fmt.Sprintf("tag: %d\n", i)
		names = append(names, name)
	}
	repotest.Each(t, seed, func(t *testing.T, w repotest.Way) {
		before := len(w.Forge.Requests())
		files := w.Snapshot(t, "main").Files(t.Context())
		p := files.(interface{ Prefetch([]string) error })
		gittest.Check(t, p.Prefetch(append(names, "nosuch")))
		for i, name := range names {
			got, err := fs.ReadFile(files, name)
			gittest.Check(t, err)
			if want := fmt.Sprintf("tag: %d\n", i); string(got) != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		requests := w.Forge.Requests()[before:]
		want, http := map[string]int{"http": 3, "http without filter": 2, "http filter refused": 3}[w.Name]
		if http && len(requests) != want {
			t.Errorf("%d requests, want %d: %+v", len(requests), want, requests)
		}
	})
}

// TestCommit compares a commit with the one that git makes of the same change.
func TestCommit(t *testing.T) {
	t.Parallel()
	seed := map[string]string{
		"a.yaml": "a: 1\n", "run.sh*": "#!/bin/sh\n", "link": "-> a.yaml", "d/x": "x", "d.yaml": "d\n",
		"d-e/y":        "crlf\r\n",
		"deep/1/2/3/f": "f", "deep/1/2/g": "g",
	}
	edits := map[string]string{
		"a.yaml": "a: 2\n", "run.sh": "#!/bin/sh\necho\n", "deep/1/2/3/f": "ff", "d/new/file": "n", "new": "top\n",
		"d.yaml": "d\n",
	}
	repotest.Each(t, seed, func(t *testing.T, w repotest.Way) {
		s, c := w.Commit(t, "main", edits)
		if want := []string{"a.yaml", "d/new/file", "deep/1/2/3/f", "new", "run.sh"}; !slices.Equal(s.Changed(), want) {
			t.Errorf("changed %q, want %q", s.Changed(), want)
		}
		clone := filepath.Join(t.TempDir(), "clone")
		gittest.Git(t, ".", "clone", "--quiet", w.Dir, clone)
		for name, content := range edits {
			file := filepath.Join(clone, name)
			gittest.Check(t, os.MkdirAll(filepath.Dir(file), 0o755))
			gittest.Check(t, os.WriteFile(file, []byte(content), 0o644)) // Keeps the mode of a file that is there.
		}
		gittest.Git(t, clone, "add", "--all")
		if want := strings.TrimSpace(gittest.Git(t, clone, "write-tree")); c.Tree != want {
			t.Errorf("tree %s, git makes %s", c.Tree, want)
		}

		before := strings.TrimSpace(gittest.Git(t, w.Dir, "rev-parse", "main"))
		gittest.Check(t, s.Push(t.Context(), c, "feature"))
		if got := strings.TrimSpace(gittest.Git(t, w.Dir, "rev-parse", "feature")); got != c.Hash {
			t.Errorf("feature is at %s, want %s", got, c.Hash)
		}
		if got := strings.TrimSpace(gittest.Git(t, w.Dir, "rev-parse", "feature~", "main")); got != before+"\n"+before {
			t.Errorf("parent and main are %s, want twice %s", got, before)
		}
		want := "Robot <robot@example.com>|Robot <robot@example.com>|2023-11-14T22:13:20+00:00|Edit\n"
		if got := gittest.Git(t, w.Dir, "log", "-1", "--format=%an <%ae>|%cn <%ce>|%aI|%s", "feature"); got != want {
			t.Errorf("log %q, want %q", got, want)
		}
		gittest.Git(t, w.Dir, "fsck", "--strict")
	})
}

// TestCommitSubmodule: an entry whose object the repository lacks is kept.
func TestCommitSubmodule(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1"}, func(t *testing.T, w repotest.Way) {
		clone := filepath.Join(t.TempDir(), "clone")
		gittest.Git(t, ".", "clone", "--quiet", w.Dir, clone)
		gittest.Git(t, clone, "update-index", "--add", "--cacheinfo",
			"160000,0123456789012345678901234567890123456789,sub")
		gittest.Git(t, clone, "commit", "--quiet", "-m", "submodule")
		gittest.Git(t, clone, "push", "--quiet", "origin", "main")
		gittest.Check(t, w.Edit(t, "main", "main", map[string]string{"b": "2"}))
		got := gittest.Git(t, w.Dir, "ls-tree", "main", "sub")
		if !strings.HasPrefix(got, "160000 commit 0123456789012345678901234567890123456789") {
			t.Errorf("submodule became %q", got)
		}
		_, err := w.Snapshot(t, "main").With(t.Context(), repotest.Contents(map[string]string{"sub/x": ""}))
		if !errors.Is(err, gitrepo.ErrPath) {
			t.Errorf("write into a submodule: %v", err)
		}
	})
}

func TestNoChange(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "http", map[string]string{"a": "1"})
	s, err := w.Snapshot(t, "main").With(t.Context(), repotest.Contents(map[string]string{"a": "2", "b": "3"}))
	gittest.Check(t, err)
	// Back to what it was: With starts from the tip, not from what was written before.
	s, err = s.With(t.Context(), repotest.Contents(map[string]string{"a": "1"}))
	gittest.Check(t, err)
	if want := []string{"b"}; !slices.Equal(s.Changed(), want) {
		t.Errorf("changed %q, want %q", s.Changed(), want)
	}
	s, err = w.Snapshot(t, "main").With(t.Context(), repotest.Contents(map[string]string{"a": "1"}))
	gittest.Check(t, err)
	if _, err := s.Commit(repotest.Message("")); !errors.Is(err, gitrepo.ErrNoChange) {
		t.Errorf("commit: %v, want no change", err)
	}
}

func TestRefusedPaths(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "http", map[string]string{"file": "1", "dir/file": "2", "link": "-> dir"})
	s := w.Snapshot(t, "main")
	for _, name := range []string{
		"", ".", "/etc/passwd", "../x", "dir/../x", "./x", "dir//x", "dir/", ".git/config", "dir/.GIT/hooks/x",
		"a\x00b",
		"link", "link/x", "dir", "file/x",
	} {
		if _, err := s.With(t.Context(), map[string][]byte{name: nil}); !errors.Is(err, gitrepo.ErrPath) {
			t.Errorf("%q: %v, want a refused path", name, err)
		}
	}
	for _, names := range [][]string{{"x", "x/y"}, {"new/a", "new/a/b"}} {
		files := map[string][]byte{}
		for _, name := range names {
			files[name] = nil
		}
		if _, err := s.With(t.Context(), files); !errors.Is(err, gitrepo.ErrPath) {
			t.Errorf("%q together: %v, want a refused path", names, err)
		}
	}
	edited, err := s.With(t.Context(), repotest.Contents(map[string]string{"x": ""}))
	gittest.Check(t, err)
	for _, bad := range []string{"a\nb", "a<b", "a>b", "a\x00"} {
		m := repotest.Message("x")
		m.Author.Name = bad
		if _, err := edited.Commit(m); err == nil {
			t.Errorf("author %q was taken", bad)
		}
	}
}

// TestConcurrent: writers of one branch race, and each retries until its commit is on it.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	const writers, tries = 8, 200
	repotest.Each(t, map[string]string{"values.yaml": "x"}, func(t *testing.T, w repotest.Way) {
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				name := fmt.Sprint("writer", i)
				if err := repotest.Retry(tries, func() error { return land(t.Context(), w, name) }); err != nil {
					t.Errorf("%s did not land: %v", name, err)
				}
			})
		}
		wg.Wait()
		if got := strings.Count(gittest.Git(t, w.Dir, "ls-tree", "--name-only", "main"), "writer"); got != writers {
			t.Errorf("%d writers landed, want %d", got, writers)
		}
		got := strings.TrimSpace(gittest.Git(t, w.Dir, "rev-list", "--count", "main"))
		if got != fmt.Sprint(writers+1) {
			t.Errorf("%s commits, want %d", got, writers+1)
		}
		gittest.Git(t, w.Dir, "fsck", "--strict")
	})
}

// land commits a file on main and pushes it.
func land(ctx context.Context, w repotest.Way, name string) error {
	s, err := repotest.TrySnapshot(ctx, w.Remote)
	if err == nil {
		s, err = s.With(ctx, map[string][]byte{name: nil})
	}
	if err != nil {
		return err
	}
	c, err := s.Commit(repotest.Message(name))
	if err != nil {
		return err
	}
	return s.Push(ctx, c, "main")
}

func TestAhead(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1"}, func(t *testing.T, w repotest.Way) {
		gittest.Git(t, w.Dir, "branch", "merged", "main")
		w.Seed(t, "main", map[string]string{"b": "2"})
		gittest.Git(t, w.Dir, "branch", "feature", "main")
		w.Seed(t, "feature", map[string]string{"c": "3"})
		w.Seed(t, "feature", map[string]string{"c": "4"})
		w.Seed(t, "main", map[string]string{"b": "5"})
		s := w.Snapshot(t, "main")
		for branch, want := range map[string]string{
			"nosuch": "", "main": "", "merged": "",
			"feature": gittest.Git(t, w.Dir, "log", "--format=%H %T", "main..feature"),
		} {
			logs, err := s.Ahead(t.Context(), branch)
			gittest.Check(t, err)
			got := ""
			for _, l := range logs {
				got += l.Hash + " " + l.Tree + "\n"
				if l.Subject() == "" || !strings.Contains(l.Author, "<") {
					t.Errorf("%s: incomplete: %+v", branch, l)
				}
			}
			if got != want {
				t.Errorf("%s is ahead by\n%s\nwant\n%s", branch, got, want)
			}
		}
		// Replacing is a push like any other.
		gittest.Check(t, w.Edit(t, "main", "feature", map[string]string{"c": "6"}))
		if got := strings.TrimSpace(gittest.Git(t, w.Dir, "rev-list", "--count", "main..feature")); got != "1" {
			t.Errorf("feature is %s commits ahead, want 1", got)
		}
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1"}, func(t *testing.T, w repotest.Way) {
		r, err := gitrepo.Open(t.Context(), w.Remote)
		gittest.Check(t, err)
		tip := strings.TrimSpace(gittest.Git(t, w.Dir, "rev-parse", "main"))
		if r.DefaultBranch() != "main" || r.Tip("main") != tip || r.Tip("nosuch") != "" {
			t.Errorf("default branch %q, main at %q, nosuch at %q; want main at %s", r.DefaultBranch(), r.Tip("main"),
				r.Tip("nosuch"), tip)
		}
		if _, err := r.Snapshot(t.Context(), "nosuch"); !errors.Is(err, gitrepo.ErrNoBranch) {
			t.Errorf("snapshot of nosuch: %v", err)
		}

		missing := w.Remote
		missing.URL.Path = strings.Replace(missing.URL.Path, "gitops", "nosuch", 1)
		if _, err := gitrepo.Open(t.Context(), missing); !errors.Is(err, gitrepo.ErrNotFound) {
			t.Errorf("missing repository: %v", err)
		}
		gittest.Check(t, w.Forge.CreateRepo("acme/empty", "main"))
		empty := w.Remote
		empty.URL.Path = strings.Replace(empty.URL.Path, "gitops", "empty", 1)
		if _, err := gitrepo.Open(t.Context(), empty); !errors.Is(err, gitrepo.ErrEmpty) {
			t.Errorf("empty repository: %v", err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		s, err := w.Snapshot(t, "main").With(ctx, repotest.Contents(map[string]string{"a": "2"}))
		gittest.Check(t, err)
		c, err := s.Commit(repotest.Message("x"))
		gittest.Check(t, err)
		cancel()
		if err := s.Push(ctx, c, "main"); !errors.Is(err, context.Canceled) {
			t.Errorf("push after cancel: %v", err)
		}
		if got := strings.TrimSpace(gittest.Git(t, w.Dir, "rev-list", "--count", "main")); got != "1" {
			t.Errorf("main has %s commits after a cancelled push", got)
		}

		w.Hook(t, "update", "echo not on Friday >&2; exit 1")
		err = w.Edit(t, "main", "main", map[string]string{"a": "3"})
		if !errors.Is(err, gitrepo.ErrRejected) || !strings.Contains(err.Error(), "hook") {
			t.Errorf("hook: %v, want a refusal", err)
		}
		if w.Name != "disk" && !strings.Contains(err.Error(), "not on Friday") {
			t.Errorf("the hook's words are missing: %v", err)
		}
	})
}

func TestCheckBranch(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"main": true, "a/b-c.d_e": true, "hello-world-1a2b3c4": true, "Ünïcode": true,
		"": false, "HEAD": false, "-x": false, "a..b": false, "a b": false, "a~": false, "a^": false, "a:b": false,
		"x.lock": false,
		"/a":     false, "a/": false, "a//b": false, ".a": false, "a\x01": false, "@{": false, "a@{b": false,
		"a\\b": false,
		"a.":   false, "a?": false, "a*": false, "a[": false,
	} {
		if err := gitrepo.CheckBranch(name); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %t", name, err, ok)
		}
	}
}
