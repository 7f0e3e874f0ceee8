package transport_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/integration/forge"
)

// checkouts make a checkout of a repository, each in another state. packs are how many packs a run asks for, by way.
var checkouts = []struct {
	name  string
	make  func(t *testing.T, w repotest.Way) (dir string)
	packs map[string]int
}{
	{"up to date", upToDate, nil},
	{"alternates", withAlternates, nil},
	{"linked worktree", linked, nil},
	{"behind", behind("new", "new\n"),
		map[string]int{"http": 1, "http without filter": 1, "http filter refused": 2}},
	{"behind in what is asked for", behind("y.yaml", "y: 1\n\n"),
		map[string]int{"http": 2, "http without filter": 1, "http filter refused": 2}},
	{"damaged", damaged, map[string]int{"http": 2, "http without filter": 1, "http filter refused": 2}},
	{"gone", gone, map[string]int{"http": 2, "http without filter": 1, "http filter refused": 2}},
}

func upToDate(t *testing.T, w repotest.Way) string { return w.Clone(t, "--depth=1") }

func withAlternates(t *testing.T, w repotest.Way) string {
	dir := filepath.Join(t.TempDir(), "clone")
	gittest.Git(t, ".", "clone", "--quiet", "--shared", w.Dir, dir)
	return dir
}

func linked(t *testing.T, w repotest.Way) string {
	dir := filepath.Join(t.TempDir(), "linked")
	gittest.Git(t, w.Clone(t), "worktree", "add", "--quiet", dir)
	return dir
}

// behind returns a function that makes a checkout, and after that changes a file of the branch.
func behind(file, contents string) func(*testing.T, repotest.Way) string {
	return func(t *testing.T, w repotest.Way) string {
		dir := w.Clone(t, "--depth=1")
		w.Seed(t, "main", map[string]string{file: contents})
		return dir
	}
}

func damaged(t *testing.T, w repotest.Way) string {
	dir := w.Clone(t)
	packs, err := filepath.Glob(filepath.Join(dir, ".git", "objects", "pack", "*.pack"))
	gittest.Check(t, err)
	for _, pack := range packs {
		data, err := os.ReadFile(pack)
		gittest.Check(t, err)
		for i := range data[12:] {
			data[12+i] ^= 0x55
		}
		gittest.Check(t, os.Chmod(pack, 0o600))
		gittest.Check(t, os.WriteFile(pack, data, 0o600))
	}
	return dir
}

func gone(t *testing.T, w repotest.Way) string {
	dir := w.Clone(t)
	gittest.Check(t, os.RemoveAll(filepath.Join(dir, ".git", "objects", "pack")))
	return dir
}

// TestReuse counts what a run asks the server for when it has a checkout: up to date, behind, with objects missing.
func TestReuse(t *testing.T) {
	big := strings.Repeat("unwanted ", 1<<16)
	seed := map[string]string{"big": big, "d/e/x.yaml": "x: 1\n", "y.yaml": "y: 1\n"}
	for _, name := range []string{"http", "http without filter", "http filter refused"} {
		for _, test := range checkouts {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				gittest.Home(t)
				w := repotest.Open(t, name, seed)
				c, err := checkout.Open(test.make(t, w))
				gittest.Check(t, err)
				w.Remote.Checkout = c
				before := len(w.Forge.Requests())
				s := w.Snapshot(t, "main")
				readAll(t, s.Files(t.Context()), "d/e/x.yaml", "y.yaml")
				packs, received := packsOf(w.Forge.Requests()[before:])
				if packs != test.packs[name] {
					t.Errorf("%d packs were asked for, want %d", packs, test.packs[name])
				}
				if name == "http" && received > 2000 {
					t.Errorf("%d bytes were sent", received)
				}
				s, err = s.With(t.Context(), repotest.Contents(map[string]string{"d/e/x.yaml": "x: 2\n"}))
				gittest.Check(t, err)
				commit, err := s.Commit(repotest.Message("x"))
				gittest.Check(t, err)
				gittest.Check(t, s.Push(t.Context(), commit, "new"))
				gittest.Git(t, w.Dir, "fsck", "--strict")
			})
		}
	}
}

// readAll loads files together, and reads them.
func readAll(t *testing.T, files fs.FS, names ...string) {
	t.Helper()
	gittest.Check(t, files.(interface{ Prefetch([]string) error }).Prefetch(names))
	for _, name := range names {
		_, err := fs.ReadFile(files, name)
		gittest.Check(t, err)
	}
}

// packsOf returns how many of the requests were for packs, and the bytes that the server sent for them.
func packsOf(requests []forge.Request) (packs int, received int64) {
	for _, r := range requests {
		if strings.HasSuffix(r.Path, "/git-upload-pack") {
			packs++
			received += r.Out
		}
	}
	return packs, received
}

// TestReusePartial: what a checkout lacks that was cloned without blobs or trees is fetched.
func TestReusePartial(t *testing.T) {
	for filter, want := range map[string]int{"blob:none": 2, "tree:0": 2} {
		t.Run(filter, func(t *testing.T) {
			gittest.Home(t)
			w := repotest.Open(t, "http", map[string]string{"d/e/x.yaml": "x: 1\n", "y.yaml": "y: 1\n"})
			c, err := checkout.Open(w.Clone(t, "--filter="+filter, "--no-checkout"))
			gittest.Check(t, err)
			w.Remote.Checkout = c
			before := len(w.Forge.Requests())
			got, err := fs.ReadFile(w.Snapshot(t, "main").Files(t.Context()), "d/e/x.yaml")
			if err != nil || string(got) != "x: 1\n" {
				t.Errorf("%q, %v", got, err)
			}
			if got := len(w.Forge.Requests()) - before; got != want+1 {
				t.Errorf("%d requests, want %d", got, want+1)
			}
		})
	}
}

// TestReuseRepacked: git packs the repository between two reads.
func TestReuseRepacked(t *testing.T) {
	gittest.Home(t)
	w := repotest.Open(t, "http", map[string]string{"a": "1", "b": "2"})
	dir := w.Clone(t)
	gittest.Put(t, dir, map[string]string{"a": "changed"})
	c, err := checkout.Open(dir)
	gittest.Check(t, err)
	w.Remote.Checkout = c
	before := len(w.Forge.Requests())
	files := w.Snapshot(t, "main").Files(t.Context())
	_, err = fs.ReadFile(files, "a")
	gittest.Check(t, err)
	gittest.Put(t, dir, map[string]string{"c": "3"})
	gittest.Git(t, dir, "add", "c")
	gittest.Git(t, dir, "repack", "-A", "-d", "--quiet")
	_, err = fs.ReadFile(files, "b")
	gittest.Check(t, err)
	if got := len(w.Forge.Requests()) - before; got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
	s, err := settings.Read(c.Root(), os.Getenv)
	gittest.Check(t, err)
	if files, err := c.Edited(t.Context(), s, func(string) bool { return true }); err != nil || len(files) != 2 {
		t.Errorf("%d files, %v", len(files), err)
	}
}
