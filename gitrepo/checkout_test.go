package gitrepo_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/settings"
)

// TestReuse counts what a run asks the server for when it has a checkout: up to date, behind, with objects missing.
func TestReuse(t *testing.T) {
	big := strings.Repeat("unwanted ", 1<<16)
	seed := map[string]string{"big": big, "d/e/x.yaml": "x: 1\n", "y.yaml": "y: 1\n"}
	for _, name := range []string{"http", "http without filter", "http filter refused"} {
		for _, test := range []struct {
			name     string
			make     func(t *testing.T, w way) string
			requests map[string]int // packs asked for, by way
		}{
			{"up to date", func(t *testing.T, w way) string { return w.clone(t, "--depth=1") }, map[string]int{}},
			{"alternates", func(t *testing.T, w way) string {
				dir := filepath.Join(t.TempDir(), "clone")
				git(t, ".", "clone", "--quiet", "--shared", w.dir, dir)
				return dir
			}, map[string]int{}},
			{"linked worktree", func(t *testing.T, w way) string {
				dir := filepath.Join(t.TempDir(), "linked")
				git(t, w.clone(t), "worktree", "add", "--quiet", dir)
				return dir
			}, map[string]int{}},
			{"behind", func(t *testing.T, w way) string {
				dir := w.clone(t, "--depth=1")
				w.seed(t, "main", map[string]string{"new": "new\n"})
				return dir
			}, map[string]int{"http": 1, "http without filter": 1, "http filter refused": 2}},
			{"behind in what is asked for", func(t *testing.T, w way) string {
				dir := w.clone(t, "--depth=1")
				w.seed(t, "main", map[string]string{"y.yaml": "y: 1\n\n"})
				return dir
			}, map[string]int{"http": 2, "http without filter": 1, "http filter refused": 2}},
			{"damaged", func(t *testing.T, w way) string {
				dir := w.clone(t)
				packs, err := filepath.Glob(filepath.Join(dir, ".git", "objects", "pack", "*.pack"))
				check(t, err)
				for _, pack := range packs {
					data, err := os.ReadFile(pack)
					check(t, err)
					for i := range data[12:] {
						data[12+i] ^= 0x55
					}
					check(t, os.Chmod(pack, 0o600))
					check(t, os.WriteFile(pack, data, 0o600))
				}
				return dir
			}, map[string]int{"http": 2, "http without filter": 1, "http filter refused": 2}},
			{"gone", func(t *testing.T, w way) string {
				dir := w.clone(t)
				check(t, os.RemoveAll(filepath.Join(dir, ".git", "objects", "pack")))
				return dir
			}, map[string]int{"http": 2, "http without filter": 1, "http filter refused": 2}},
		} {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				alone(t)
				w := open(t, name, seed)
				c, err := checkout.Open(test.make(t, w))
				check(t, err)
				w.remote.Checkout = c
				before := len(w.forge.Requests())
				s := w.snapshot(t, "main")
				files := s.Files(t.Context())
				check(t, files.(interface{ Prefetch([]string) error }).Prefetch([]string{"d/e/x.yaml", "y.yaml"}))
				for _, name := range []string{"d/e/x.yaml", "y.yaml"} {
					_, err := fs.ReadFile(files, name)
					check(t, err)
				}
				packs, received := 0, int64(0)
				for _, r := range w.forge.Requests()[before:] {
					if strings.HasSuffix(r.Path, "/git-upload-pack") {
						packs++
						received += r.Out
					}
				}
				if packs != test.requests[name] {
					t.Errorf("%d packs were asked for, want %d", packs, test.requests[name])
				}
				if name == "http" && received > 2000 {
					t.Errorf("%d bytes were sent", received)
				}
				s, err = s.With(t.Context(), contents(map[string]string{"d/e/x.yaml": "x: 2\n"}))
				check(t, err)
				commit, err := s.Commit(message("x"))
				check(t, err)
				check(t, s.Push(t.Context(), commit, "new"))
				git(t, w.dir, "fsck", "--strict")
			})
		}
	}
}

// TestReusePartial reads a checkout that was cloned without blobs, or without trees, from where it can be had.
func TestReusePartial(t *testing.T) {
	for filter, want := range map[string]int{"blob:none": 2, "tree:0": 2} {
		t.Run(filter, func(t *testing.T) {
			alone(t)
			w := open(t, "http", map[string]string{"d/e/x.yaml": "x: 1\n", "y.yaml": "y: 1\n"})
			c, err := checkout.Open(w.clone(t, "--filter="+filter, "--no-checkout"))
			check(t, err)
			w.remote.Checkout = c
			before := len(w.forge.Requests())
			got, err := fs.ReadFile(w.snapshot(t, "main").Files(t.Context()), "d/e/x.yaml")
			if err != nil || string(got) != "x: 1\n" {
				t.Errorf("%q, %v", got, err)
			}
			if got := len(w.forge.Requests()) - before; got != want+1 {
				t.Errorf("%d requests, want %d", got, want+1)
			}
		})
	}
}

// TestReuseRepacked: git may pack the repository between two reads.
func TestReuseRepacked(t *testing.T) {
	alone(t)
	w := open(t, "http", map[string]string{"a": "1", "b": "2"})
	dir := w.clone(t)
	put(t, dir, map[string]string{"a": "changed"})
	c, err := checkout.Open(dir)
	check(t, err)
	w.remote.Checkout = c
	before := len(w.forge.Requests())
	files := w.snapshot(t, "main").Files(t.Context())
	_, err = fs.ReadFile(files, "a")
	check(t, err)
	put(t, dir, map[string]string{"c": "3"})
	git(t, dir, "add", "c")
	git(t, dir, "repack", "-A", "-d", "--quiet")
	_, err = fs.ReadFile(files, "b")
	check(t, err)
	if got := len(w.forge.Requests()) - before; got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
	s, err := settings.Read(c.Root(), os.Getenv)
	check(t, err)
	if files, err := c.Edited(t.Context(), s, anything); err != nil || len(files) != 2 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

// TestAdd lets the branch move away from the checkout.
func TestAdd(t *testing.T) {
	seed := map[string]string{"a": "1\n", "b": "1\n", "run*": "#!\n", "link": "-> a", "d/x": "x\n", "d/y": "y\n"}
	for _, test := range []struct {
		name     string
		checkout func(t *testing.T, dir string)
		branch   func(t *testing.T, dir string) // a clone whose commit is pushed
		want     string                         // of git ls-tree: mode and path
		changed  []string
		conflict string
	}{
		{"elsewhere", func(t *testing.T, dir string) { put(t, dir, map[string]string{"a": "2\n"}) }, func(t *testing.T, dir string) { put(t, dir, map[string]string{"b": "2\n"}) },
			"a b d/x d/y link run", []string{"a"}, ""},
		{"the same", func(t *testing.T, dir string) {
			put(t, dir, map[string]string{"a": "2\n", "new": "n"})
			check(t, os.Remove(filepath.Join(dir, "b")))
		}, func(t *testing.T, dir string) {
			put(t, dir, map[string]string{"a": "2\n", "new": "n"})
			check(t, os.Remove(filepath.Join(dir, "b")))
		}, "a d/x d/y link new run", nil, ""},
		{"both", func(t *testing.T, dir string) { put(t, dir, map[string]string{"a": "2\n", "b": "2\n", "new": "1"}) },
			func(t *testing.T, dir string) { put(t, dir, map[string]string{"a": "3\n", "new": "2"}) }, "", nil, "a, new"},
		{"mode here, contents there", func(t *testing.T, dir string) { check(t, os.Chmod(filepath.Join(dir, "a"), 0o755)) },
			func(t *testing.T, dir string) { put(t, dir, map[string]string{"a": "3\n"}) }, "", nil, "a"},
		{"changed here, deleted there", func(t *testing.T, dir string) { put(t, dir, map[string]string{"a": "2\n"}) },
			func(t *testing.T, dir string) { check(t, os.Remove(filepath.Join(dir, "a"))) }, "", nil, "a"},
		{"deleted here, changed there", func(t *testing.T, dir string) { check(t, os.Remove(filepath.Join(dir, "a"))) },
			func(t *testing.T, dir string) { put(t, dir, map[string]string{"a": "3\n"}) }, "", nil, "a"},
		{"deleted here, a folder there", func(t *testing.T, dir string) { check(t, os.Remove(filepath.Join(dir, "a"))) },
			func(t *testing.T, dir string) {
				check(t, os.Remove(filepath.Join(dir, "a")))
				put(t, dir, map[string]string{"a/x": ""})
			}, "a/x b d/x d/y link run", nil, ""},
		{"a file here, a folder there", func(t *testing.T, dir string) { put(t, dir, map[string]string{"n": "1"}) },
			func(t *testing.T, dir string) { put(t, dir, map[string]string{"n/x": "1"}) }, "", nil, "n"},
		{"a folder here, a file there", func(t *testing.T, dir string) { put(t, dir, map[string]string{"n/x": "1"}) },
			func(t *testing.T, dir string) { put(t, dir, map[string]string{"n": "1"}) }, "", nil, "n/x"},
		{"a file for a folder that grew", func(t *testing.T, dir string) {
			check(t, os.RemoveAll(filepath.Join(dir, "d")))
			put(t, dir, map[string]string{"d": "1"})
		}, func(t *testing.T, dir string) { put(t, dir, map[string]string{"d/z": "1"}) }, "", nil, "d"},
		{"a file for a folder that went", func(t *testing.T, dir string) {
			check(t, os.RemoveAll(filepath.Join(dir, "d")))
			put(t, dir, map[string]string{"d": "1"})
		}, func(t *testing.T, dir string) { check(t, os.RemoveAll(filepath.Join(dir, "d"))) }, "a b d link run", []string{"d"}, ""},
		{"a folder that went for a file", func(t *testing.T, dir string) { check(t, os.RemoveAll(filepath.Join(dir, "d"))) },
			func(t *testing.T, dir string) {
				check(t, os.RemoveAll(filepath.Join(dir, "d")))
				put(t, dir, map[string]string{"d": "1"})
			}, "a b d link run", nil, ""},
		{"everything goes", func(t *testing.T, dir string) {
			for name := range map[string]bool{"a": true, "b": true, "run": true, "link": true, "d": true} {
				check(t, os.RemoveAll(filepath.Join(dir, name)))
			}
		}, func(t *testing.T, dir string) { put(t, dir, map[string]string{"other": "1"}) }, "other", []string{"a", "b", "d/x", "d/y", "link", "run"}, ""},
		{"the last file", func(t *testing.T, dir string) {
			for name := range map[string]bool{"a": true, "b": true, "run": true, "link": true, "d": true} {
				check(t, os.RemoveAll(filepath.Join(dir, name)))
			}
		}, func(*testing.T, string) {}, "", []string{"a", "b", "d/x", "d/y", "link", "run"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			alone(t)
			w := open(t, "disk", seed)
			dir, other := w.clone(t), w.clone(t)
			test.checkout(t, dir)
			test.branch(t, other)
			git(t, other, "add", "--all")
			git(t, other, "commit", "--quiet", "--allow-empty", "-m", "other")
			git(t, other, "push", "--quiet")
			files, err := edited(t, dir, anything)
			check(t, err)
			s, err := w.snapshot(t, "main").Add(t.Context(), files)
			if test.conflict != "" {
				if !errors.Is(err, gitrepo.ErrConflict) || !strings.HasPrefix(err.Error(), test.conflict+": ") {
					t.Errorf("%v, want a conflict over %s", err, test.conflict)
				}
				return
			}
			check(t, err)
			if !slices.Equal(s.Changed(), test.changed) {
				t.Errorf("changed %q, want %q", s.Changed(), test.changed)
			}
			c, err := s.Commit(message("x"))
			if len(test.changed) == 0 {
				if !errors.Is(err, gitrepo.ErrNoChange) {
					t.Errorf("commit: %v, want no change", err)
				}
				c.Tree = "main"
			} else {
				check(t, err)
				check(t, s.Push(t.Context(), c, "new"))
				git(t, w.dir, "fsck", "--strict")
			}
			if got := strings.Join(strings.Fields(git(t, w.dir, "ls-tree", "-r", "--name-only", c.Tree)), " "); got != test.want {
				t.Errorf("files %s, want %s", got, test.want)
			}
		})
	}
}

// TestAddAndWith mixes the two kinds of edit.
func TestAddAndWith(t *testing.T) {
	alone(t)
	w := open(t, "disk", map[string]string{"a": "1\n", "gone*": "1\n", "old*": "1\n", "f": "1\n"})
	dir := w.clone(t)
	put(t, dir, map[string]string{"a*": "2\n", "new*": "n\n", "link": "-> a", "last": "l"})
	check(t, os.Remove(filepath.Join(dir, "gone")))
	check(t, os.Remove(filepath.Join(dir, "f")))
	put(t, dir, map[string]string{"f/x": "x"})
	files, err := edited(t, dir, anything)
	check(t, err)

	before, err := w.snapshot(t, "main").With(t.Context(), contents(map[string]string{"old": "2\n", "last": "l"}))
	check(t, err)
	s, err := before.Add(t.Context(), files)
	check(t, err)
	fsys := s.Files(t.Context())
	for name, want := range map[string]string{"a": "2\n", "new": "n\n", "old": "2\n", "f/x": "x", "last": "l"} {
		if got, err := fs.ReadFile(fsys, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := fs.Stat(fsys, "gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
	if target, err := fs.ReadLink(fsys, "link"); err != nil || target != "a" {
		t.Errorf("link: %q, %v", target, err)
	}
	for _, name := range []string{"a", "nosuch"} {
		if _, err := fs.ReadLink(fsys, name); err == nil {
			t.Errorf("%s is a symlink", name)
		}
	}
	if _, err := s.With(t.Context(), contents(map[string]string{"link": "x"})); !errors.Is(err, gitrepo.ErrPath) {
		t.Errorf("write to an added symlink: %v", err)
	}
	if _, err := s.With(t.Context(), contents(map[string]string{"f": "x"})); !errors.Is(err, gitrepo.ErrPath) {
		t.Errorf("write to an added folder: %v", err)
	}
	s, err = s.With(t.Context(), contents(map[string]string{"a": "3\n", "new": "m\n", "gone": "again\n"}))
	check(t, err)
	c, err := s.Commit(message("x"))
	check(t, err)
	check(t, s.Push(t.Context(), c, "new"))
	git(t, w.dir, "fsck", "--strict")
	got := git(t, w.dir, "ls-tree", "-r", "--format=%(objectmode) %(path)", "new")
	if want := "100755 a\n100644 f/x\n100644 gone\n100644 last\n120000 link\n100755 new\n100755 old\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := git(t, w.dir, "show", "new:a", "new:new", "new:gone"); got != "3\nm\nagain\n" {
		t.Errorf("contents %q", got)
	}

	// An edit is undone no more than somebody's commit.
	before, err = w.snapshot(t, "main").With(t.Context(), contents(map[string]string{"a": "5\n"}))
	check(t, err)
	if _, err := before.Add(t.Context(), files); !errors.Is(err, gitrepo.ErrConflict) {
		t.Errorf("add over an edit: %v", err)
	}
	if _, err := before.Add(t.Context(), []checkout.File{{Path: "../x"}}); !errors.Is(err, gitrepo.ErrPath) {
		t.Errorf("add ../x: %v", err)
	}
}
