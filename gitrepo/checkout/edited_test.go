package checkout_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/settings"
)

// remote makes a bare repository whose branch main has the files.
func remote(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	work, bare := filepath.Join(dir, "work"), filepath.Join(dir, "gitops.git")
	git(t, dir, "init", "--quiet", "--initial-branch=main", work)
	gittest.Put(t, work, files)
	git(t, work, "add", "--force", ".")
	git(t, work, "commit", "--quiet", "--message=seed")
	git(t, dir, "clone", "--quiet", "--bare", work, bare)
	return bare
}

// clone clones a repository from disk.
func clone(t *testing.T, from string, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	git(t, ".", append([]string{"clone", "--quiet", "file://" + from, dir}, args...)...)
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return gittest.Git(t, dir, args...)
}

func check(t *testing.T, err error) {
	t.Helper()
	gittest.Check(t, err)
}

func read(t *testing.T, c *checkout.Checkout) *settings.Settings {
	t.Helper()
	s, err := settings.Read(c.Root(), os.Getenv)
	check(t, err)
	return s
}

func anything(string) bool { return true }

func below(prefix string) func(string) bool {
	return func(name string) bool { return strings.HasPrefix(name, prefix) }
}

func edited(t *testing.T, dir string, match func(string) bool) ([]checkout.File, error) {
	t.Helper()
	c, err := checkout.Open(dir)
	check(t, err)
	return c.Edited(t.Context(), read(t, c), match)
}

// list gives files as one line each: what happened, the mode, the path, the contents.
func list(files []checkout.File) []string {
	out := []string{}
	for _, f := range files {
		if f.Deleted {
			out = append(out, "deleted "+f.Path)
		} else {
			out = append(out, fmt.Sprintf("%s %s %q", f.Mode, f.Path, f.Contents))
		}
	}
	return out
}

func TestEdited(t *testing.T) {
	seed := map[string]string{
		"a.yaml": "a: 1\n", "run.sh*": "#!/bin/sh\n", "link": "-> a.yaml", "d/x": "x\n", "d/y": "y\n", "e/z": "z\n",
		"lf.txt": "1\n2\n", "kept.log": "tracked\n", ".gitignore": "*.log\nbuild/\n", "dir.d/a": "1", "dir.d/b": "2",
	}
	for _, test := range []struct {
		name string
		edit func(t *testing.T, dir string)
		want []string
	}{
		{"nothing", func(*testing.T, string) {}, nil},
		{"touched", func(t *testing.T, dir string) {
			check(t, os.Chtimes(filepath.Join(dir, "a.yaml"), time.Now(), time.Now().Add(time.Hour)))
		}, nil},
		{"contents", func(t *testing.T, dir string) {
			gittest.Put(t, dir, map[string]string{"a.yaml": "a: 2\n", "n/new": "n"})
		},
			[]string{`-rw-r--r-- a.yaml "a: 2\n"`, `-rw-r--r-- n/new "n"`}},
		{"staged", func(t *testing.T, dir string) {
			gittest.Put(t, dir, map[string]string{"a.yaml": "a: 2\n", "new": "n", "forced.log": "f"})
			git(t, dir, "add", "--force", ".")
			git(t, dir, "rm", "--quiet", "--cached", "kept.log")
		}, []string{`-rw-r--r-- a.yaml "a: 2\n"`, `-rw-r--r-- forced.log "f"`, `-rw-r--r-- new "n"`}},
		{"staged and taken back", func(t *testing.T, dir string) {
			gittest.Put(t, dir, map[string]string{"a.yaml": "a: 2\n", "new": "n"})
			git(t, dir, "add", ".")
			gittest.Put(t, dir, map[string]string{"a.yaml": "a: 1\n"})
			check(t, os.Remove(filepath.Join(dir, "new")))
		}, nil},
		{"modes", func(t *testing.T, dir string) {
			check(t, os.Chmod(filepath.Join(dir, "a.yaml"), 0o744))
			check(t, os.Chmod(filepath.Join(dir, "run.sh"), 0o600))
		}, []string{`-rwxr-xr-x a.yaml "a: 1\n"`, `-rw-r--r-- run.sh "#!/bin/sh\n"`}},
		{"modes that count not", func(t *testing.T, dir string) {
			git(t, dir, "config", "core.fileMode", "false")
			gittest.Put(t, dir, map[string]string{"new*": "n", "a.yaml*": "a: 1\n"})
			check(t, os.Chmod(filepath.Join(dir, "run.sh"), 0o644))
		}, []string{`-rw-r--r-- new "n"`}},
		{"deleted", func(t *testing.T, dir string) {
			check(t, os.Remove(filepath.Join(dir, "a.yaml")))
			check(t, os.RemoveAll(filepath.Join(dir, "d")))
		}, []string{"deleted a.yaml", "deleted d/x", "deleted d/y"}},
		{"symlinks", func(t *testing.T, dir string) {
			gittest.Put(t, dir,
				map[string]string{"link": "-> d/x", "a.yaml": "-> /etc/passwd", "dangling": "-> nowhere"})
		}, []string{`L--------- a.yaml "/etc/passwd"`, `L--------- dangling "nowhere"`, `L--------- link "d/x"`}},
		{"a file for a symlink",
			func(t *testing.T, dir string) { gittest.Put(t, dir, map[string]string{"link": "a.yaml"}) },
			[]string{`-rw-r--r-- link "a.yaml"`}},
		{"symlinks that cannot be", func(t *testing.T, dir string) {
			git(t, dir, "config", "core.symlinks", "false")
			gittest.Put(t, dir, map[string]string{"link": "a.yaml"})
		}, nil},
		{"a symlink for a folder", func(t *testing.T, dir string) {
			check(t, os.Rename(filepath.Join(dir, "d"), filepath.Join(dir, "d2")))
			gittest.Put(t, dir, map[string]string{"d": "-> d2"})
		},
			[]string{`L--------- d "d2"`, "deleted d/x", "deleted d/y", `-rw-r--r-- d2/x "x\n"`,
				`-rw-r--r-- d2/y "y\n"`}},
		{"a folder for a file", func(t *testing.T, dir string) {
			check(t, os.Remove(filepath.Join(dir, "a.yaml")))
			gittest.Put(t, dir, map[string]string{"a.yaml/b": "b"})
		}, []string{"deleted a.yaml", `-rw-r--r-- a.yaml/b "b"`}},
		{"ignored", func(t *testing.T, dir string) {
			gittest.Put(t, dir,
				map[string]string{"x.log": "", "build/x": "", "n/y.log": "", "kept.log": "more\n",
					"n/.gitignore": "!z.log\n", "n/z.log": "z"})
		}, []string{`-rw-r--r-- kept.log "more\n"`, `-rw-r--r-- n/.gitignore "!z.log\n"`, `-rw-r--r-- n/z.log "z"`}},
		{"pipes", func(t *testing.T, dir string) { check(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600)) }, nil},
		{"other repositories", func(t *testing.T, dir string) {
			git(t, dir, "init", "--quiet", "nested")
			gittest.Put(t, dir, map[string]string{"nested/x": "x"})
			git(t, dir, "worktree", "add", "--quiet", "linked")
		}, nil},
		{"no stat data",
			func(t *testing.T, dir string) { check(t, os.Remove(filepath.Join(dir, ".git", "index"))) }, nil},
		{"conflicted merge", func(t *testing.T, dir string) {
			git(t, dir, "checkout", "--quiet", "-b", "other")
			gittest.Put(t, dir, map[string]string{"a.yaml": "a: 2\n"})
			git(t, dir, "commit", "--quiet", "-am", "2")
			git(t, dir, "checkout", "--quiet", "main")
			gittest.Put(t, dir, map[string]string{"a.yaml": "a: 3\n"})
			git(t, dir, "commit", "--quiet", "-am", "3")
			git(t, dir, "read-tree", "-m", "main~", "main", "other")
		}, nil},
		{"CRLF", func(t *testing.T, dir string) {
			git(t, dir, "config", "core.autocrlf", "true")
			gittest.Put(t, dir, map[string]string{"lf.txt": "1\r\n2\r\n", "a.yaml": "a: 2\r\n", "binary": "\x00\r\n"})
		}, []string{`-rw-r--r-- a.yaml "a: 2\n"`, `-rw-r--r-- binary "\x00\r\n"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			gittest.Home(t)
			from := remote(t, seed)
			dir := clone(t, from)
			test.edit(t, dir)
			files, err := edited(t, dir, anything)
			check(t, err)
			if got := list(files); !slices.Equal(got, test.want) {
				t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestEditedUnborn(t *testing.T) {
	gittest.Home(t)
	dir := t.TempDir()
	git(t, dir, "init", "--quiet")
	gittest.Put(t, dir, map[string]string{"a": "1"})
	files, err := edited(t, dir, anything)
	check(t, err)
	if got := list(files); !slices.Equal(got, []string{`-rw-r--r-- a "1"`}) {
		t.Errorf("%q", got)
	}
}

func TestEditedNoFile(t *testing.T) {
	gittest.Home(t)
	from := remote(t, map[string]string{"a.yaml": "a: 1\n", "gone": "", ".gitignore": "build/\n*.log\n"})
	dir := clone(t, from)
	check(t, os.Remove(filepath.Join(dir, "gone")))
	gittest.Put(t, dir, map[string]string{"build/deep/x": "", "x.log": ""})
	for prefix, ignored := range map[string]string{"nosuch": "", "x.l": "x.log", "build/deep/": "build/deep/x"} {
		_, err := edited(t, dir, below(prefix))
		if !errors.Is(err, checkout.ErrNoFile) || strings.Contains(err.Error(), "ignored") != (ignored != "") ||
			!strings.Contains(err.Error(), ignored) {
			t.Errorf("%s: %v", prefix, err)
		}
	}
	for prefix, want := range map[string]int{"a.": 0, "gone": 1} {
		if files, err := edited(t, dir, below(prefix)); err != nil || len(files) != want {
			t.Errorf("%s: %q, %v", prefix, list(files), err)
		}
	}
}

func TestEditedSparse(t *testing.T) {
	gittest.Home(t)
	from := remote(t, map[string]string{"a": "1", "d/x": "x", "d/y": "y", "e/z": "z"})
	dir := clone(t, from, "--sparse")
	git(t, dir, "sparse-checkout", "set", "d")
	check(t, os.Remove(filepath.Join(dir, "d", "x")))
	gittest.Put(t, dir, map[string]string{"e/z": "there after all"})
	files, err := edited(t, dir, anything)
	check(t, err)
	if got, want := list(files), []string{"deleted d/x", `-rw-r--r-- e/z "there after all"`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Without an index, nobody knows what was left out; that matters only for what is not there.
	check(t, os.WriteFile(filepath.Join(dir, ".git", "index"), []byte("nonsense"), 0o600))
	if _, err := edited(t, dir, below("d/x")); err == nil || !strings.Contains(err.Error(), "index") {
		t.Errorf("without an index: %v", err)
	}
	_, err = edited(t, dir, below("e/"))
	check(t, err)
}

// TestEditedRacy: a file that was written again in the moment when the index was, and kept its size, differs.
func TestEditedRacy(t *testing.T) {
	gittest.Home(t)
	from := remote(t, map[string]string{"a": "1"})
	dir := clone(t, from)
	now := time.Now().Truncate(time.Second).Add(-time.Minute)
	check(t, os.Chtimes(filepath.Join(dir, "a"), now, now))
	git(t, dir, "update-index", "--refresh")
	gittest.Put(t, dir, map[string]string{"a": "2"})
	check(t, os.Chtimes(filepath.Join(dir, "a"), now, now))
	index := filepath.Join(dir, ".git", "index")
	check(t, os.Chtimes(index, now, now))
	if files, err := edited(t, dir, anything); err != nil || len(files) != 1 {
		t.Errorf("written in the same moment: %q, %v", list(files), err)
	}
	// What the index vouches for is not read.
	check(t, os.Chtimes(index, now, now.Add(time.Second)))
	if files, err := edited(t, dir, anything); err != nil || len(files) != 0 {
		t.Errorf("written before the index: %q, %v", list(files), err)
	}
}

func TestEditedFilter(t *testing.T) {
	gittest.Home(t)
	content := "big\n"
	pointer := func(content string) string {
		return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%x\nsize %d\n",
			sha256.Sum256([]byte(content)), len(content))
	}
	attributes := "*.bin filter=lfs diff=lfs merge=lfs -text\nutf16 working-tree-encoding=UTF-16\nid ident\n"
	from := remote(t, map[string]string{
		".gitattributes": attributes, "a.bin": pointer(content), "id": "$Id$\n",
	})
	dir := clone(t, from)
	for content, ok := range map[string]bool{content: true, pointer(content): true, "other": false} {
		gittest.Put(t, dir, map[string]string{"a.bin": content})
		files, err := edited(t, dir, anything)
		if ok && (err != nil || len(files) != 0) {
			t.Errorf("%q: %q, %v", content, list(files), err)
		}
		if !ok &&
			(!errors.Is(err, checkout.ErrFiltered) || !strings.Contains(err.Error(), `a.bin: `) ||
				!strings.Contains(err.Error(), `"lfs"`)) {
			t.Errorf("%q: %v", content, err)
		}
	}
	gittest.Put(t, dir, map[string]string{"utf16": "x", "id": "$Id: 1234 $\n"})
	if _, err := edited(t, dir, below("utf16")); !errors.Is(err, checkout.ErrFiltered) ||
		!strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("another encoding: %v", err)
	}
	if files, err := edited(t, dir, below("id")); err != nil || len(files) != 0 {
		t.Errorf("ident: %q, %v", list(files), err)
	}
}

// TestEditedSubmodule leaves a submodule to itself, there or not.
func TestEditedSubmodule(t *testing.T) {
	gittest.Home(t)
	from := remote(t, map[string]string{"a": "1", "d/x": "x"})
	super := t.TempDir()
	git(t, super, "init", "--quiet")
	git(t, super, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", from, "sub")
	git(t, super, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", from, "other")
	git(t, super, "commit", "--quiet", "-m", "submodules")
	gittest.Put(t, super, map[string]string{"sub/a": "2", "sub/new": "", "top": "t"})
	check(t, os.RemoveAll(filepath.Join(super, "other")))
	for range 2 {
		files, err := edited(t, super, anything)
		check(t, err)
		if got := list(files); !slices.Equal(got, []string{`-rw-r--r-- top "t"`}) {
			t.Errorf("%q", got)
		}
		check(t,
			os.RemoveAll(filepath.Join(super, "sub", ".git"))) // Files without a repository are still the submodule's.
	}
}

func TestEditedUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	gittest.Home(t)
	from := remote(t, map[string]string{"a": "1", "d/x": "x"})
	dir := clone(t, from)
	check(t, os.Mkdir(filepath.Join(dir, "lost+found"), 0))
	if files, err := edited(t, dir, anything); err != nil || len(files) != 0 {
		t.Errorf("%q, %v", list(files), err)
	}
	check(t, os.Chmod(filepath.Join(dir, "d"), 0))
	defer func() { _ = os.Chmod(filepath.Join(dir, "d"), 0o700) }()
	if _, err := edited(t, dir, anything); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a folder with tracked files: %v", err)
	}
}
