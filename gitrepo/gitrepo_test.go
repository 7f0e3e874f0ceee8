package gitrepo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/ssh"
	"update-gitops-repo/integration/forge"
	"update-gitops-repo/secret"
)

const (
	token = "git-token-77aa"
	repo  = "acme/gitops"
)

// way is one way to reach the forge's repository.
type way struct {
	name   string
	forge  *forge.Server
	remote gitrepo.Remote
	dir    string // the bare repository
}

// eachWay runs a test over http with and without partial clone, over http with a server that advertises filters and
// then refuses them, over ssh, and on disk. The repository is seeded with the files.
func eachWay(t *testing.T, files map[string]string, test func(*testing.T, way)) {
	t.Helper()
	for _, name := range []string{"http", "http without filter", "http filter refused", "ssh", "disk"} {
		t.Run(name, func(t *testing.T) { test(t, open(t, name, files)) })
	}
}

func open(t *testing.T, name string, files map[string]string) way {
	t.Helper()
	dir := t.TempDir()
	f, err := forge.Start(forge.Config{Kind: forge.GitHub, Partial: name != "http without filter", Token: token, Dir: dir})
	check(t, err)
	t.Cleanup(func() { check(t, f.Close()) })
	check(t, f.CreateRepo(repo, "main"))
	w := way{name: name, forge: f, dir: f.GitDir(repo)}
	w.seed(t, "main", files)
	raw := f.CloneURL(repo)
	switch name {
	case "http filter refused":
		git(t, w.dir, "config", "uploadpackfilter.blob:none.allow", "false")
		git(t, w.dir, "config", "uploadpackfilter.tree.allow", "false")
	case "ssh":
		ssh, err := f.StartSSH()
		check(t, err)
		home := t.TempDir()
		check(t, os.Mkdir(filepath.Join(home, ".ssh"), 0o700))
		key, err := os.ReadFile(ssh.KeyFile)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(home, ".ssh", "id_ed25519"), key, 0o600))
		t.Setenv("HOME", home)
		t.Setenv("SSH_AUTH_SOCK", "")
		t.Setenv("SSH_KNOWN_HOSTS", ssh.KnownHostsFile)
		raw = "ssh://" + ssh.Addr + "/" + repo + ".git"
	case "disk":
		raw = w.dir
	}
	url, _, err := giturl.Parse(raw)
	check(t, err)
	w.remote = gitrepo.Remote{URL: url}
	if url.Scheme == "http" {
		w.remote.Credentials = giturl.Credentials{Username: secret.New("git"), Password: secret.New(token)}
	}
	return w
}

func (w way) seed(t *testing.T, branch string, files map[string]string) {
	t.Helper()
	check(t, w.forge.Seed(repo, branch, tree(t, files)))
}

// tree writes files into a new folder; a content "-> x" makes a symlink, a name that ends in "*" an executable file.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		mode := os.FileMode(0o644)
		if n, ok := strings.CutSuffix(name, "*"); ok {
			name, mode = n, 0o755
		}
		file := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(file), 0o755))
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			check(t, os.Symlink(target, file))
			continue
		}
		check(t, os.WriteFile(file, []byte(content), mode))
	}
	return dir
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Alex", "GIT_AUTHOR_EMAIL=alex@example.com", "GIT_COMMITTER_NAME=Alex", "GIT_COMMITTER_EMAIL=alex@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (w way) snapshot(t *testing.T, branch string) *gitrepo.Snapshot {
	t.Helper()
	r, err := gitrepo.Open(t.Context(), w.remote)
	check(t, err)
	s, err := r.Snapshot(t.Context(), branch)
	check(t, err)
	return s
}

func message(text string) gitrepo.Message {
	return gitrepo.Message{Text: text, Author: gitrepo.Signature{Name: "Robot", Email: "robot@example.com", When: time.Unix(1700000000, 0).UTC()}}
}

// edit is the whole round: snapshot, edit, commit, push.
func (w way) edit(t *testing.T, base, branch string, files map[string]string) error {
	t.Helper()
	s, c := w.commit(t, base, files)
	return s.Push(t.Context(), c, branch)
}

func (w way) commit(t *testing.T, base string, files map[string]string) (*gitrepo.Snapshot, gitrepo.Commit) {
	t.Helper()
	s, err := w.snapshot(t, base).With(t.Context(), contents(files))
	check(t, err)
	c, err := s.Commit(message("Edit\n"))
	check(t, err)
	return s, c
}

func contents(files map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for name, content := range files {
		out[name] = []byte(content)
	}
	return out
}

func TestFiles(t *testing.T) {
	seed := map[string]string{"a.yaml": "a: 1\n", "d/b.yaml": "b: 1\r\n", "d/e/c.sh*": "#!/bin/sh\n", "d.yaml": "", "Ünïcode name": "x"}
	eachWay(t, seed, func(t *testing.T, w way) {
		files := w.snapshot(t, "main").Files(t.Context())
		check(t, fstest.TestFS(files, "a.yaml", "d/b.yaml", "d/e/c.sh", "d.yaml", "Ünïcode name"))
		got, err := fs.ReadFile(files, "d/b.yaml")
		check(t, err)
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

// TestOddNames: names that git takes and others do not are in nobody's way, and those that lead elsewhere are not followed.
func TestOddNames(t *testing.T) {
	eachWay(t, map[string]string{"a.yaml": "a: 1\n"}, func(t *testing.T, w way) {
		script := "commit refs/heads/main\ncommitter C <c@example.com> 1700000000 +0000\ndata 0\nfrom refs/heads/main^0\n" +
			"M 100644 inline \"caf\\351/x.yaml\"\ndata 2\nx\n\n"
		cmd := exec.Command("git", "-C", w.dir, "fast-import", "--quiet")
		cmd.Stdin = strings.NewReader(script)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		root := strings.TrimSpace(git(t, w.dir, "rev-parse", "main^{tree}"))
		hash := func(entries string) string {
			cmd := exec.Command("git", "-C", w.dir, "mktree")
			cmd.Stdin = strings.NewReader(entries)
			out, err := cmd.Output()
			check(t, err)
			return strings.TrimSpace(string(out))
		}
		inner := hash(fmt.Sprintf("040000 tree %s\t.\n040000 tree %[1]s\t..\n", root))
		outer := hash(git(t, w.dir, "ls-tree", "main") + fmt.Sprintf("040000 tree %s\tup\n", inner))
		git(t, w.dir, "update-ref", "refs/heads/main", strings.TrimSpace(git(t, w.dir, "commit-tree", "-p", "main", "-m", "x", outer)))

		var names []string
		files := w.snapshot(t, "main").Files(t.Context())
		check(t, fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
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

// TestSHA256: a repository whose hashes are longer is refused for that, and not taken for a fault.
func TestSHA256(t *testing.T) {
	for _, name := range []string{"http", "ssh"} {
		w := open(t, name, map[string]string{"a": "1"})
		check(t, os.RemoveAll(w.dir))
		git(t, t.TempDir(), "init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", w.dir)
		tree := strings.TrimSpace(git(t, w.dir, "hash-object", "-w", "-t", "tree", "/dev/null"))
		git(t, w.dir, "update-ref", "refs/heads/main", strings.TrimSpace(git(t, w.dir, "commit-tree", "-m", "x", tree)))
		_, err := gitrepo.Open(t.Context(), w.remote)
		if err == nil || errors.Is(err, gitrepo.ErrFault) || !strings.HasSuffix(err.Error(), `objectFormat "sha256" is not supported`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPrefetch asserts what a run costs: one request for references, one for the commit and its trees, one for all blobs.
func TestPrefetch(t *testing.T) {
	seed := map[string]string{"big/unwanted": strings.Repeat("unwanted ", 1<<16)}
	names := []string{}
	for i := range 40 {
		name := fmt.Sprintf("apps/a%d/values.yaml", i)
		seed[name] = fmt.Sprintf("tag: %d\n", i)
		names = append(names, name)
	}
	eachWay(t, seed, func(t *testing.T, w way) {
		before := len(w.forge.Requests())
		files := w.snapshot(t, "main").Files(t.Context())
		p := files.(interface{ Prefetch([]string) error })
		check(t, p.Prefetch(append(names, "nosuch")))
		for i, name := range names {
			got, err := fs.ReadFile(files, name)
			check(t, err)
			if want := fmt.Sprintf("tag: %d\n", i); string(got) != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		requests := w.forge.Requests()[before:]
		want, http := map[string]int{"http": 3, "http without filter": 2, "http filter refused": 3}[w.name]
		if http && len(requests) != want {
			t.Errorf("%d requests, want %d: %+v", len(requests), want, requests)
		}
	})
}

// TestCommit compares a commit with what git itself makes of the same change.
func TestCommit(t *testing.T) {
	seed := map[string]string{
		"a.yaml": "a: 1\n", "run.sh*": "#!/bin/sh\n", "link": "-> a.yaml", "d/x": "x", "d.yaml": "d\n", "d-e/y": "crlf\r\n",
		"deep/1/2/3/f": "f", "deep/1/2/g": "g",
	}
	edits := map[string]string{"a.yaml": "a: 2\n", "run.sh": "#!/bin/sh\necho\n", "deep/1/2/3/f": "ff", "d/new/file": "n", "new": "top\n", "d.yaml": "d\n"}
	eachWay(t, seed, func(t *testing.T, w way) {
		s, c := w.commit(t, "main", edits)
		if want := []string{"a.yaml", "d/new/file", "deep/1/2/3/f", "new", "run.sh"}; !slices.Equal(s.Changed(), want) {
			t.Errorf("changed %q, want %q", s.Changed(), want)
		}
		clone := filepath.Join(t.TempDir(), "clone")
		git(t, ".", "clone", "--quiet", w.dir, clone)
		for name, content := range edits {
			file := filepath.Join(clone, name)
			check(t, os.MkdirAll(filepath.Dir(file), 0o755))
			check(t, os.WriteFile(file, []byte(content), 0o644)) // Keeps the mode of a file that is there.
		}
		git(t, clone, "add", "--all")
		if want := strings.TrimSpace(git(t, clone, "write-tree")); c.Tree != want {
			t.Errorf("tree %s, git makes %s", c.Tree, want)
		}

		before := strings.TrimSpace(git(t, w.dir, "rev-parse", "main"))
		check(t, s.Push(t.Context(), c, "feature"))
		if got := strings.TrimSpace(git(t, w.dir, "rev-parse", "feature")); got != c.Hash {
			t.Errorf("feature is at %s, want %s", got, c.Hash)
		}
		if got := strings.TrimSpace(git(t, w.dir, "rev-parse", "feature~", "main")); got != before+"\n"+before {
			t.Errorf("parent and main are %s, want twice %s", got, before)
		}
		want := "Robot <robot@example.com>|Robot <robot@example.com>|2023-11-14T22:13:20+00:00|Edit\n"
		if got := git(t, w.dir, "log", "-1", "--format=%an <%ae>|%cn <%ce>|%aI|%s", "feature"); got != want {
			t.Errorf("log %q, want %q", got, want)
		}
		git(t, w.dir, "fsck", "--strict")
	})
}

// TestCommitSubmodule keeps an entry that this program has no object for.
func TestCommitSubmodule(t *testing.T) {
	eachWay(t, map[string]string{"a": "1"}, func(t *testing.T, w way) {
		clone := filepath.Join(t.TempDir(), "clone")
		git(t, ".", "clone", "--quiet", w.dir, clone)
		git(t, clone, "update-index", "--add", "--cacheinfo", "160000,0123456789012345678901234567890123456789,sub")
		git(t, clone, "commit", "--quiet", "-m", "submodule")
		git(t, clone, "push", "--quiet", "origin", "main")
		check(t, w.edit(t, "main", "main", map[string]string{"b": "2"}))
		if got := git(t, w.dir, "ls-tree", "main", "sub"); !strings.HasPrefix(got, "160000 commit 0123456789012345678901234567890123456789") {
			t.Errorf("submodule became %q", got)
		}
		if _, err := w.snapshot(t, "main").With(t.Context(), contents(map[string]string{"sub/x": ""})); !errors.Is(err, gitrepo.ErrPath) {
			t.Errorf("write into a submodule: %v", err)
		}
	})
}

func TestNoChange(t *testing.T) {
	w := open(t, "http", map[string]string{"a": "1"})
	s, err := w.snapshot(t, "main").With(t.Context(), contents(map[string]string{"a": "2", "b": "3"}))
	check(t, err)
	// Back to what it was: With starts from the tip, not from what was written before.
	s, err = s.With(t.Context(), contents(map[string]string{"a": "1"}))
	check(t, err)
	if want := []string{"b"}; !slices.Equal(s.Changed(), want) {
		t.Errorf("changed %q, want %q", s.Changed(), want)
	}
	s, err = w.snapshot(t, "main").With(t.Context(), contents(map[string]string{"a": "1"}))
	check(t, err)
	if _, err := s.Commit(message("")); !errors.Is(err, gitrepo.ErrNoChange) {
		t.Errorf("commit: %v, want no change", err)
	}
}

func TestRefusedPaths(t *testing.T) {
	w := open(t, "http", map[string]string{"file": "1", "dir/file": "2", "link": "-> dir"})
	s := w.snapshot(t, "main")
	for _, name := range []string{
		"", ".", "/etc/passwd", "../x", "dir/../x", "./x", "dir//x", "dir/", ".git/config", "dir/.GIT/hooks/x", "a\x00b",
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
	edited, err := s.With(t.Context(), contents(map[string]string{"x": ""}))
	check(t, err)
	for _, bad := range []string{"a\nb", "a<b", "a>b", "a\x00"} {
		m := message("x")
		m.Author.Name = bad
		if _, err := edited.Commit(m); err == nil {
			t.Errorf("author %q was taken", bad)
		}
	}
}

// TestLostRace is the compare-and-swap: a branch that moved, appeared or went is not touched.
func TestLostRace(t *testing.T) {
	eachWay(t, map[string]string{"a": "1"}, func(t *testing.T, w way) {
		w.seed(t, "old", map[string]string{"a": "0"})
		s, c := w.commit(t, "main", map[string]string{"a": "2"})
		w.seed(t, "main", map[string]string{"b": "other"})
		w.seed(t, "new", map[string]string{"c": "other"})
		git(t, w.dir, "update-ref", "-d", "refs/heads/old")
		before := git(t, w.dir, "for-each-ref")
		for _, branch := range []string{"main", "new", "old"} {
			if err := s.Push(t.Context(), c, branch); !errors.Is(err, gitrepo.ErrMoved) {
				t.Errorf("push to %s: %v, want moved", branch, err)
			}
		}
		if now := git(t, w.dir, "for-each-ref"); now != before {
			t.Errorf("references moved:\n%s\nto\n%s", before, now)
		}
		for _, r := range w.forge.Requests() {
			if r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/git-receive-pack") {
				t.Error("a pack was sent that the server's references already told to be too late")
			}
		}
	})
}

// TestConcurrent lets writers of one branch race: each starts again until it lands.
func TestConcurrent(t *testing.T) {
	const writers, tries = 8, 200
	eachWay(t, map[string]string{"values.yaml": "x"}, func(t *testing.T, w way) {
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for try := 1; ; try++ {
					if try > tries {
						t.Errorf("writer %d did not land", i)
						return
					}
					s, err := tryOpen(t.Context(), w.remote)
					if err == nil {
						s, err = s.With(t.Context(), map[string][]byte{fmt.Sprint("writer", i): nil})
					}
					if err != nil {
						t.Error(err)
						return
					}
					c, err := s.Commit(message(fmt.Sprint("writer ", i)))
					if err == nil {
						err = s.Push(t.Context(), c, "main")
					}
					if errors.Is(err, gitrepo.ErrMoved) {
						continue
					}
					if err != nil {
						t.Error(err)
					}
					return
				}
			})
		}
		wg.Wait()
		if got := strings.Count(git(t, w.dir, "ls-tree", "--name-only", "main"), "writer"); got != writers {
			t.Errorf("%d writers landed, want %d", got, writers)
		}
		if got := strings.TrimSpace(git(t, w.dir, "rev-list", "--count", "main")); got != fmt.Sprint(writers+1) {
			t.Errorf("%s commits, want %d", got, writers+1)
		}
		git(t, w.dir, "fsck", "--strict")
	})
}

func tryOpen(ctx context.Context, r gitrepo.Remote) (*gitrepo.Snapshot, error) {
	opened, err := gitrepo.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	return opened.Snapshot(ctx, "main")
}

func TestAhead(t *testing.T) {
	eachWay(t, map[string]string{"a": "1"}, func(t *testing.T, w way) {
		git(t, w.dir, "branch", "merged", "main")
		w.seed(t, "main", map[string]string{"b": "2"})
		git(t, w.dir, "branch", "feature", "main")
		w.seed(t, "feature", map[string]string{"c": "3"})
		w.seed(t, "feature", map[string]string{"c": "4"})
		w.seed(t, "main", map[string]string{"b": "5"})
		s := w.snapshot(t, "main")
		for branch, want := range map[string]string{"nosuch": "", "main": "", "merged": "", "feature": git(t, w.dir, "log", "--format=%H %T", "main..feature")} {
			logs, err := s.Ahead(t.Context(), branch)
			check(t, err)
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
		check(t, w.edit(t, "main", "feature", map[string]string{"c": "6"}))
		if got := strings.TrimSpace(git(t, w.dir, "rev-list", "--count", "main..feature")); got != "1" {
			t.Errorf("feature is %s commits ahead, want 1", got)
		}
	})
}

func TestErrors(t *testing.T) {
	eachWay(t, map[string]string{"a": "1"}, func(t *testing.T, w way) {
		r, err := gitrepo.Open(t.Context(), w.remote)
		check(t, err)
		if tip := strings.TrimSpace(git(t, w.dir, "rev-parse", "main")); r.DefaultBranch() != "main" || r.Tip("main") != tip || r.Tip("nosuch") != "" {
			t.Errorf("default branch %q, main at %q, nosuch at %q; want main at %s", r.DefaultBranch(), r.Tip("main"), r.Tip("nosuch"), tip)
		}
		if _, err := r.Snapshot(t.Context(), "nosuch"); !errors.Is(err, gitrepo.ErrNoBranch) {
			t.Errorf("snapshot of nosuch: %v", err)
		}

		missing := w.remote
		missing.URL.Path = strings.Replace(missing.URL.Path, "gitops", "nosuch", 1)
		if _, err := gitrepo.Open(t.Context(), missing); !errors.Is(err, gitrepo.ErrNotFound) {
			t.Errorf("missing repository: %v", err)
		}
		check(t, w.forge.CreateRepo("acme/empty", "main"))
		empty := w.remote
		empty.URL.Path = strings.Replace(empty.URL.Path, "gitops", "empty", 1)
		if _, err := gitrepo.Open(t.Context(), empty); !errors.Is(err, gitrepo.ErrEmpty) {
			t.Errorf("empty repository: %v", err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		s, err := w.snapshot(t, "main").With(ctx, contents(map[string]string{"a": "2"}))
		check(t, err)
		c, err := s.Commit(message("x"))
		check(t, err)
		cancel()
		if err := s.Push(ctx, c, "main"); !errors.Is(err, context.Canceled) {
			t.Errorf("push after cancel: %v", err)
		}
		if got := strings.TrimSpace(git(t, w.dir, "rev-list", "--count", "main")); got != "1" {
			t.Errorf("main has %s commits after a cancelled push", got)
		}

		check(t, os.WriteFile(filepath.Join(w.dir, "hooks", "update"), []byte("#!/bin/sh\necho not on Friday >&2\nexit 1\n"), 0o755))
		err = w.edit(t, "main", "main", map[string]string{"a": "3"})
		if !errors.Is(err, gitrepo.ErrRejected) || !strings.Contains(err.Error(), "hook") {
			t.Errorf("hook: %v, want a refusal", err)
		}
		if w.name != "disk" && !strings.Contains(err.Error(), "not on Friday") {
			t.Errorf("the hook's words are missing: %v", err)
		}
	})
}

// TestNameConflict: git cannot have the branches a and a/b at the same time, wherever they are kept.
func TestNameConflict(t *testing.T) {
	eachWay(t, map[string]string{"a": "1"}, func(t *testing.T, w way) {
		git(t, w.dir, "branch", "packed", "main")
		git(t, w.dir, "branch", "deploy/x", "main")
		git(t, w.dir, "pack-refs", "--all")
		git(t, w.dir, "branch", "loose/y", "main")
		before := git(t, w.dir, "for-each-ref")
		for _, branch := range []string{"packed/z", "deploy", "deploy/x/y", "loose"} {
			if err := w.edit(t, "main", branch, map[string]string{"a": "2"}); !errors.Is(err, gitrepo.ErrRejected) {
				t.Errorf("push to %s: %v, want a refusal", branch, err)
			}
		}
		if now := git(t, w.dir, "for-each-ref"); now != before {
			t.Errorf("references moved:\n%s\nto\n%s", before, now)
		}
		check(t, w.edit(t, "main", "deploy/y", map[string]string{"a": "2"}))
		check(t, w.edit(t, "packed", "packed", map[string]string{"a": "2"}))
	})
}

// TestBusyReferences: a reference that is being rewritten all the time is there all the time.
func TestBusyReferences(t *testing.T) {
	w := open(t, "disk", map[string]string{"a": "1"})
	file := filepath.Join(w.dir, "refs", "heads", "main")
	hash, err := os.ReadFile(file)
	check(t, err)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := errors.Join(os.WriteFile(file+".lock", nil, 0o600), os.WriteFile(file+".lock", hash, 0o600), os.Rename(file+".lock", file)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 3000 {
		r, err := gitrepo.Open(t.Context(), w.remote)
		if err != nil || r.Tip("main") == "" {
			t.Errorf("open: %v", err)
			break
		}
	}
	close(done)
	wg.Wait()
}

// TestLocal is what only a repository on disk has.
func TestLocal(t *testing.T) {
	w := open(t, "disk", map[string]string{"a": "1"})
	dir := t.TempDir()
	remote := func(name string) way {
		w := w
		w.dir = filepath.Join(dir, name)
		w.remote.URL.Path = w.dir
		return w
	}
	refused := func(w way, branch, why string) {
		t.Helper()
		before := git(t, w.dir, "for-each-ref")
		if err := w.edit(t, "main", branch, map[string]string{"a": "2"}); !errors.Is(err, gitrepo.ErrRejected) || !strings.Contains(err.Error(), why) {
			t.Errorf("push to %s: %v, want a refusal for %q", branch, err, why)
		}
		if now := git(t, w.dir, "for-each-ref"); now != before {
			t.Errorf("references moved:\n%s\nto\n%s", before, now)
		}
	}

	git(t, dir, "clone", "--quiet", "--shared", "--bare", w.dir, "shared")
	check(t, remote("shared").edit(t, "main", "main", map[string]string{"a": "2"}))
	git(t, filepath.Join(dir, "shared"), "fsck", "--strict")

	git(t, dir, "clone", "--quiet", w.dir, "clone")
	clone := filepath.Join(dir, "clone")
	git(t, clone, "worktree", "add", "--quiet", "-b", "linked", filepath.Join(dir, "linked"))
	refused(remote("clone"), "main", "checked out")
	refused(remote("clone"), "linked", "checked out")
	refused(remote("linked"), "linked", "checked out")
	check(t, remote("linked").edit(t, "main", "other", map[string]string{"a": "2"}))
	git(t, clone, "symbolic-ref", "refs/heads/alias", "refs/heads/other")
	refused(remote("clone"), "alias", "another name")

	lock := filepath.Join(clone, ".git", "refs", "heads", "other.lock")
	check(t, os.WriteFile(lock, nil, 0o600))
	if err := remote("clone").edit(t, "main", "other", map[string]string{"a": "3"}); !errors.Is(err, gitrepo.ErrMoved) {
		t.Errorf("push under somebody's lock: %v", err)
	}
	check(t, os.Remove(lock))

	git(t, clone, "config", "core.hooksPath", "hooks.d")
	refused(remote("clone"), "other", "core.hooksPath")
	git(t, clone, "config", "--unset", "core.hooksPath")
	for _, hook := range []string{"pre-receive", "update", "reference-transaction", "post-receive", "post-update"} {
		file := filepath.Join(clone, ".git", "hooks", hook)
		check(t, os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755))
		refused(remote("clone"), "third", hook)
		check(t, os.Remove(file))
	}

	git(t, dir, "init", "--quiet", "--object-format=sha256", "sha256")
	if _, err := gitrepo.Open(t.Context(), remote("sha256").remote); err == nil || !strings.Contains(err.Error(), `objectFormat "sha256"`) {
		t.Errorf("SHA-256: %v", err)
	}
}

// TestDeaf: a server that accepts a connection and says nothing does not outlive the context.
func TestDeaf(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer func() { check(t, l.Close()) }()
	hosts := filepath.Join(t.TempDir(), "known_hosts")
	check(t, os.WriteFile(hosts, nil, 0o600))
	key := filepath.Join(t.TempDir(), "key")
	gittest.NewKey(t, key, "")
	for _, scheme := range []string{"http", "ssh"} {
		ctx, cancel := context.WithCancel(t.Context())
		u, _, err := giturl.Parse(scheme + "://" + l.Addr().String() + "/acme/gitops.git")
		check(t, err)
		time.AfterFunc(100*time.Millisecond, cancel)
		if _, err := gitrepo.Open(ctx, gitrepo.Remote{URL: u, SSH: ssh.Options{KeyFile: key, KnownHostsFile: hosts}}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want canceled", scheme, err)
		}
	}
}

func TestAuth(t *testing.T) {
	w := open(t, "http", map[string]string{"a": "1"})
	for _, password := range []string{"", "wrong-password"} {
		w.remote.Credentials.Password = secret.New(password)
		_, err := gitrepo.Open(t.Context(), w.remote)
		if !errors.Is(err, gitrepo.ErrAuth) || password != "" && strings.Contains(err.Error(), password) {
			t.Errorf("password %q: %v", password, err)
		}
	}
}

func TestSSHAuth(t *testing.T) {
	w := open(t, "ssh", map[string]string{"a": "1"})
	for name, set := range map[string]map[string]string{
		"no key":   {"HOME": t.TempDir()},
		"no agent": {"HOME": t.TempDir(), "SSH_AUTH_SOCK": filepath.Join(t.TempDir(), "nosuch")},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range set {
				t.Setenv(k, v)
			}
			if _, err := gitrepo.Open(t.Context(), w.remote); !errors.Is(err, gitrepo.ErrAuth) {
				t.Errorf("%v, want an authentication error", err)
			}
		})
	}
	t.Run("stale agent, good key", func(t *testing.T) {
		t.Setenv("SSH_AUTH_SOCK", filepath.Join(t.TempDir(), "nosuch"))
		_, err := gitrepo.Open(t.Context(), w.remote)
		check(t, err)
	})
	t.Run("bad key", func(t *testing.T) {
		home := t.TempDir()
		check(t, os.Mkdir(filepath.Join(home, ".ssh"), 0o700))
		check(t, os.WriteFile(filepath.Join(home, ".ssh", "id_rsa"), []byte("not a key"), 0o600))
		t.Setenv("HOME", home)
		if _, err := gitrepo.Open(t.Context(), w.remote); !errors.Is(err, gitrepo.ErrAuth) || !strings.Contains(err.Error(), "id_rsa") {
			t.Errorf("%v, want an error that names the key", err)
		}
	})
}

func TestCheckBranch(t *testing.T) {
	for name, ok := range map[string]bool{
		"main": true, "a/b-c.d_e": true, "hello-world-1a2b3c4": true, "Ünïcode": true,
		"": false, "HEAD": false, "-x": false, "a..b": false, "a b": false, "a~": false, "a^": false, "a:b": false, "x.lock": false,
		"/a": false, "a/": false, "a//b": false, ".a": false, "a\x01": false, "@{": false, "a@{b": false, "a\\b": false, "a.": false, "a?": false, "a*": false, "a[": false,
	} {
		if err := gitrepo.CheckBranch(name); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %t", name, err, ok)
		}
	}
}

// TestReceived: whoever waits is told what arrives, over http and ssh alike; on disk nothing does.
func TestReceived(t *testing.T) {
	eachWay(t, map[string]string{"a": "1\n"}, func(t *testing.T, w way) {
		received := 0
		w.remote.Received = func(n int) { received += n }
		if w.snapshot(t, "main"); (received > 0) != (w.name != "disk") {
			t.Errorf("%d bytes", received)
		}
	})
}
