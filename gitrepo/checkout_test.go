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
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

// TestAdd: the branch moves after the checkout was made.
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
		{"elsewhere", func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"a": "2\n"}) },
			func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"b": "2\n"}) },
			"a b d/x d/y link run", []string{"a"}, ""},
		{"the same", func(t *testing.T, dir string) {
			gittest.Put(t, dir, map[string]string{"a": "2\n", "new": "n"})
			gittest.Check(t, os.Remove(filepath.Join(dir, "b")))
		}, func(t *testing.T, dir string) {
			gittest.Put(t, dir, map[string]string{"a": "2\n", "new": "n"})
			gittest.Check(t, os.Remove(filepath.Join(dir, "b")))
		}, "a d/x d/y link new run", nil, ""},
		{"both", func(t *testing.T, dir string) {
			gittest.Put(t, dir, map[string]string{"a": "2\n", "b": "2\n", "new": "1"})
		},
			func(t *testing.T,
				dir string) {
				gittest.Put(t, dir, map[string]string{"a": "3\n", "new": "2"})
			}, "", nil, "a, new"},
		{"mode here, contents there",
			func(t *testing.T, dir string) { gittest.Check(t, os.Chmod(filepath.Join(dir, "a"), 0o755)) },
			func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"a": "3\n"}) }, "", nil, "a"},
		{"changed here, deleted there",
			func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"a": "2\n"}) },
			func(t *testing.T, dir string) { gittest.Check(t, os.Remove(filepath.Join(dir, "a"))) }, "", nil, "a"},
		{"deleted here, changed there",
			func(t *testing.T, dir string) { gittest.Check(t, os.Remove(filepath.Join(dir, "a"))) },
			func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"a": "3\n"}) }, "", nil, "a"},
		{"deleted here, a folder there",
			func(t *testing.T, dir string) { gittest.Check(t, os.Remove(filepath.Join(dir, "a"))) },
			func(t *testing.T, dir string) {
				gittest.Check(t, os.Remove(filepath.Join(dir, "a")))
				gittest.Put(t, dir, map[string]string{"a/x": ""})
			}, "a/x b d/x d/y link run", nil, ""},
		{"a file here, a folder there",
			func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"n": "1"}) },
			func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"n/x": "1"}) }, "", nil, "n"},
		{"a folder here, a file there",
			func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"n/x": "1"}) },
			func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"n": "1"}) }, "", nil, "n/x"},
		{"a file for a folder that grew", func(t *testing.T, dir string) {
			gittest.Check(t, os.RemoveAll(filepath.Join(dir, "d")))
			gittest.Put(t, dir, map[string]string{"d": "1"})
		}, func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"d/z": "1"}) }, "", nil, "d"},
		{"a file for a folder that went", func(t *testing.T, dir string) {
			gittest.Check(t, os.RemoveAll(filepath.Join(dir, "d")))
			gittest.Put(t, dir, map[string]string{"d": "1"})
		}, func(t *testing.T, dir string) { gittest.Check(t, os.RemoveAll(filepath.Join(dir, "d"))) },
			"a b d link run", []string{"d"}, ""},
		{"a folder that went for a file",
			func(t *testing.T, dir string) { gittest.Check(t, os.RemoveAll(filepath.Join(dir, "d"))) },
			func(t *testing.T, dir string) {
				gittest.Check(t, os.RemoveAll(filepath.Join(dir, "d")))
				gittest.Put(t, dir, map[string]string{"d": "1"})
			}, "a b d link run", nil, ""},
		{"everything goes", removeAll,
			func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"other": "1"}) }, "other",
			[]string{"a", "b", "d/x", "d/y", "link", "run"}, ""},
		{"the last file", removeAll, func(*testing.T, string) {}, "",
			[]string{"a", "b", "d/x", "d/y", "link", "run"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			gittest.Home(t)
			w := repotest.Open(t, "disk", seed)
			dir, other := w.Clone(t), w.Clone(t)
			test.checkout(t, dir)
			test.branch(t, other)
			gittest.Git(t, other, "add", "--all")
			gittest.Git(t, other, "commit", "--quiet", "--allow-empty", "-m", "other")
			gittest.Git(t, other, "push", "--quiet")
			files, err := edited(t, dir, anything)
			gittest.Check(t, err)
			s, err := w.Snapshot(t, "main").Add(t.Context(), files)
			if test.conflict != "" {
				if !errors.Is(err, gitrepo.ErrConflict) || !strings.HasPrefix(err.Error(), test.conflict+": ") {
					t.Errorf("%v, want a conflict over %s", err, test.conflict)
				}
				return
			}
			gittest.Check(t, err)
			if !slices.Equal(s.Changed(), test.changed) {
				t.Errorf("changed %q, want %q", s.Changed(), test.changed)
			}
			tree := "main"
			c, err := s.Commit(repotest.Message("x"))
			if len(test.changed) > 0 {
				gittest.Check(t, err)
				gittest.Check(t, s.Push(t.Context(), c, "new"))
				gittest.Git(t, w.Dir, "fsck", "--strict")
				tree = c.Tree
			} else if !errors.Is(err, gitrepo.ErrNoChange) {
				t.Errorf("commit: %v, want no change", err)
			}
			names := strings.Fields(gittest.Git(t, w.Dir, "ls-tree", "-r", "--name-only", tree))
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("files %s, want %s", got, test.want)
			}
		})
	}
}

// removeAll removes the files and folders of TestAdd.
func removeAll(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"a", "b", "run", "link", "d"} {
		gittest.Check(t, os.RemoveAll(filepath.Join(dir, name)))
	}
}

// TestAddAndWith mixes the two kinds of edit.
func TestAddAndWith(t *testing.T) {
	gittest.Home(t)
	w := repotest.Open(t, "disk", map[string]string{"a": "1\n", "gone*": "1\n", "old*": "1\n", "f": "1\n"})
	dir := w.Clone(t)
	gittest.Put(t, dir, map[string]string{"a*": "2\n", "new*": "n\n", "link": "-> a", "last": "l"})
	gittest.Check(t, os.Remove(filepath.Join(dir, "gone")))
	gittest.Check(t, os.Remove(filepath.Join(dir, "f")))
	gittest.Put(t, dir, map[string]string{"f/x": "x"})
	files, err := edited(t, dir, anything)
	gittest.Check(t, err)

	before, err := w.Snapshot(t, "main").
		With(t.Context(), repotest.Contents(map[string]string{"old": "2\n", "last": "l"}))
	gittest.Check(t, err)
	s, err := before.Add(t.Context(), files)
	gittest.Check(t, err)
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
	if _, err := s.With(t.Context(),
		repotest.Contents(map[string]string{"link": "x"})); !errors.Is(err, gitrepo.ErrPath) {
		t.Errorf("write to an added symlink: %v", err)
	}
	if _, err := s.With(t.Context(), repotest.Contents(map[string]string{"f": "x"})); !errors.Is(err, gitrepo.ErrPath) {
		t.Errorf("write to an added folder: %v", err)
	}
	s, err = s.With(t.Context(), repotest.Contents(map[string]string{"a": "3\n", "new": "m\n", "gone": "again\n"}))
	gittest.Check(t, err)
	c, err := s.Commit(repotest.Message("x"))
	gittest.Check(t, err)
	gittest.Check(t, s.Push(t.Context(), c, "new"))
	gittest.Git(t, w.Dir, "fsck", "--strict")
	got := gittest.Git(t, w.Dir, "ls-tree", "-r", "--format=%(objectmode) %(path)", "new")
	if want := "100755 a\n100644 f/x\n100644 gone\n100644 last\n120000 link\n100755 new\n100755 old\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := gittest.Git(t, w.Dir, "show", "new:a", "new:new", "new:gone"); got != "3\nm\nagain\n" {
		t.Errorf("contents %q", got)
	}

	// Neither an edit nor another commit is undone.
	before, err = w.Snapshot(t, "main").With(t.Context(), repotest.Contents(map[string]string{"a": "5\n"}))
	gittest.Check(t, err)
	if _, err := before.Add(t.Context(), files); !errors.Is(err, gitrepo.ErrConflict) {
		t.Errorf("add over an edit: %v", err)
	}
	if _, err := before.Add(t.Context(), []checkout.File{{Path: "../x"}}); !errors.Is(err, gitrepo.ErrPath) {
		t.Errorf("add ../x: %v", err)
	}
}
