package checkout_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/integration/forge"
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

// server serves the files over http, and returns also the bare repository that it serves from.
func server(t *testing.T, files map[string]string) (r gitrepo.Remote, bare string) {
	t.Helper()
	const repo, token = "acme/gitops", "token"
	f, err := forge.Start(forge.Config{Kind: forge.GitHub, Partial: true, Token: token, Dir: t.TempDir()})
	check(t, err)
	t.Cleanup(func() { check(t, f.Close()) })
	check(t, f.CreateRepo(repo, "main"))
	work := t.TempDir()
	gittest.Put(t, work, files)
	check(t, f.Seed(repo, "main", work))
	u, _, err := giturl.Parse(f.CloneURL(repo))
	check(t, err)
	return gitrepo.Remote{URL: u, Credentials: giturl.Login("git", token)}, f.GitDir(repo)
}

// snapshot opens the branch main.
func snapshot(t *testing.T, r gitrepo.Remote) *gitrepo.Snapshot {
	t.Helper()
	opened, err := gitrepo.Open(t.Context(), r)
	check(t, err)
	s, err := opened.Snapshot(t.Context(), "main")
	check(t, err)
	return s
}

func message(text string) gitrepo.Message {
	return gitrepo.Message{
		Text:   text,
		Author: gitrepo.Signature{Name: "Robot", Email: "robot@example.com", When: time.Unix(1700000000, 0).UTC()},
	}
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

// TestEditedCheckouts runs over the kinds of checkout that pipelines make.
func TestEditedCheckouts(t *testing.T) {
	seed := map[string]string{"a.yaml": "a: 1\n", "d/x": "x\n", "e/y": "y\n"}
	for _, test := range []struct {
		name string
		make func(t *testing.T, from string) string
	}{
		{"clone", func(t *testing.T, from string) string { return clone(t, from) }},
		{"shallow", func(t *testing.T, from string) string { return clone(t, from, "--depth=1") }},
		{"without blobs", func(t *testing.T, from string) string { return clone(t, from, "--filter=blob:none") }},
		{"shared", func(t *testing.T, from string) string {
			dir := filepath.Join(t.TempDir(), "clone")
			git(t, ".", "clone", "--quiet", "--shared", from, dir)
			return dir
		}},
		{"relative alternates", func(t *testing.T, from string) string {
			dir := clone(t, from)
			check(t, os.Rename(filepath.Join(dir, ".git", "objects"), filepath.Join(dir, "..", "objects")))
			gittest.Put(t, filepath.Join(dir, ".git", "objects"),
				map[string]string{"info/alternates": "/nosuch/objects\n../../../objects\n"})
			return dir
		}},
		{"packed", func(t *testing.T, from string) string {
			dir := clone(t, from)
			git(t, dir, "gc", "--quiet")
			return dir
		}},
		{"detached", func(t *testing.T, from string) string {
			dir := clone(t, from)
			git(t, dir, "checkout", "--quiet", "--detach")
			return dir
		}},
		{"linked worktree", func(t *testing.T, from string) string {
			dir := filepath.Join(t.TempDir(), "linked")
			git(t, clone(t, from), "worktree", "add", "--quiet", dir)
			return dir
		}},
		{"linked worktree of a bare repository", func(t *testing.T, from string) string {
			dir := t.TempDir()
			git(t, dir, "clone", "--quiet", "--bare", from, "bare")
			git(t, filepath.Join(dir, "bare"), "worktree", "add", "--quiet", filepath.Join(dir, "linked"))
			return filepath.Join(dir, "linked")
		}},
		{"submodule", func(t *testing.T, from string) string {
			super := t.TempDir()
			git(t, super, "init", "--quiet")
			git(t, super, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", from, "sub")
			return filepath.Join(super, "sub")
		}},
		{"index version 4", func(t *testing.T, from string) string {
			dir := clone(t, from)
			git(t, dir, "update-index", "--index-version=4")
			return dir
		}},
		{"chowned", func(t *testing.T, from string) string {
			if os.Getuid() != 0 {
				t.Skip("only root can give files away")
			}
			dir := clone(t, from)
			check(t, filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
				return errors.Join(err, os.Lchown(name, 12345, 12345))
			}))
			return dir
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			gittest.Home(t)
			r, bare := server(t, seed)
			git(t, bare, "config", "uploadpack.allowFilter", "true")
			dir := test.make(t, bare)
			gittest.Put(t, dir, map[string]string{"a.yaml": "a: 2\n", "d/new": "n"})
			check(t, os.Remove(filepath.Join(dir, "d", "x")))
			before := digest(t, filepath.Dir(dir))
			c, err := checkout.Open(filepath.Join(dir, "d"))
			check(t, err)
			if c.Root() != dir {
				t.Errorf("root %s, want %s", c.Root(), dir)
			}
			files, err := c.Edited(t.Context(), read(t, c), anything)
			check(t, err)
			want := []string{`-rw-r--r-- a.yaml "a: 2\n"`, `-rw-r--r-- d/new "n"`, "deleted d/x"}
			if got := list(files); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			// All the way to the branch.
			r.Checkout = c
			s, err := snapshot(t, r).Add(t.Context(), files)
			check(t, err)
			if want := []string{"a.yaml", "d/new", "d/x"}; !slices.Equal(s.Changed(), want) {
				t.Errorf("changed %q, want %q", s.Changed(), want)
			}
			commit, err := s.Commit(message("Add\n"))
			check(t, err)
			check(t, s.Push(t.Context(), commit, "main"))
			if got := git(t, bare, "ls-tree", "-r", "--name-only", "main"); got != "a.yaml\nd/new\ne/y\n" {
				t.Errorf("main has %q", got)
			}
			git(t, bare, "fsck", "--strict")
			if after := digest(t, filepath.Dir(dir)); !maps.Equal(before, after) {
				t.Error("the checkout was written to")
			}
		})
	}
}

// digest gives all files below a folder, with their contents, modes and times.
func digest(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	check(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out[name] = fmt.Sprint(info.Mode(), info.ModTime())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			out[name] += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		return nil
	}))
	return out
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
	from := remote(t,
		map[string]string{".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\nutf16 working-tree-encoding=UTF-16\nid ident\n", "a.bin": pointer(content), "id": "$Id$\n"})
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

// TestAddRandom compares with what git itself makes of the same working tree.
//
//gocognit:ignore
func TestAddRandom(t *testing.T) {
	gittest.Home(t)
	names := []string{"a", "a.b", "a/b", "a/b/c", "b.txt", "b/x.log", "b/keep/x.log", "c/d/e", "c/d.txt", "link",
		"x.log", "build/x", "c/build/y", "ü/ï", "sp ace", "x[1]"}
	ignores := []string{"*.log\n", "build/\n", "/build\n", "*.log\n!keep/*.log\n", "b/**\n!b/keep\n", "**/e\n",
		"a/**/c\n", "x[[]*\n", "[!a-c]*\n!.git*\n", "*\n!*/\n!*.txt\n", "\\!x\nsp\\ ace\n", "c/d\n", "ü/\n", "a*b\n"}
	attributes := []string{"* text=auto\n", "*.txt text\n", "*.txt -text\n* text=auto\n", "*.log eol=crlf\n",
		"a/** text\n", "b binary\n* text=auto\n", "* text=auto eol=lf\n", "[attr]lines text\n*.txt lines\n", "* crlf\n"}
	contents := []string{"1\n", "2\n", "a\r\nb\r\n", "a\r\nb\n", "x\x00\r\n", "lone\rcr\r\n", "", "\x01\x02\r\n"}
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 4))
			pick := func(s []string) string { return s[r.IntN(len(s))] }
			dir := t.TempDir()
			scribble := func(n int) {
				for range n {
					name := filepath.Join(dir, pick(names))
					switch r.IntN(8) {
					case 0:
						_ = os.RemoveAll(name) // Below a file it fails; never mind.
					case 1:
						if _, err := os.Lstat(filepath.Dir(name)); err == nil && os.RemoveAll(name) == nil {
							_ = os.Symlink(pick(names), name) // Below a file that is no folder; never mind.
						}
					case 2:
						if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
							check(t, os.Chmod(name, []os.FileMode{0o644, 0o755, 0o600, 0o711}[r.IntN(4)]))
						}
					default:
						for d := filepath.Dir(name); d != dir; d = filepath.Dir(d) {
							if info, err := os.Lstat(d); err == nil && !info.IsDir() {
								check(t, os.Remove(d))
							}
						}
						check(t, os.MkdirAll(filepath.Dir(name), 0o755))
						check(t, os.RemoveAll(name))
						check(t, os.WriteFile(name, []byte(pick(contents)), 0o644))
					}
				}
			}
			git(t, dir, "init", "--quiet", "--initial-branch=main")
			scribble(25)
			gittest.Put(t, dir, map[string]string{"always": "a"})
			git(t, dir, "add", "--all", "--force")
			git(t, dir, "commit", "--quiet", "-m", "1")
			bare := filepath.Join(t.TempDir(), "bare.git")
			git(t, ".", "clone", "--quiet", "--bare", dir, bare)
			if r.IntN(2) == 0 {
				gittest.Put(t, dir, map[string]string{".gitignore": pick(ignores)})
			}
			if r.IntN(3) == 0 {
				gittest.Put(t, dir,
					map[string]string{"c/.gitignore": pick(ignores), ".git/info/exclude": pick(ignores)})
			}
			if r.IntN(2) == 0 {
				gittest.Put(t, dir, map[string]string{".gitattributes": pick(attributes)})
			}
			if r.IntN(4) == 0 {
				git(t, dir, "config", "core.autocrlf", []string{"true", "input"}[r.IntN(2)])
			}
			scribble(12)
			spec, match := ".", anything
			if r.IntN(3) == 0 {
				spec, match = "b*", below("b")
			}
			files, err := edited(t, dir, match)
			if err != nil && !errors.Is(err, checkout.ErrNoFile) {
				t.Fatal(err)
			}
			url, _, err := giturl.Parse(bare)
			check(t, err)
			s, err := snapshot(t, gitrepo.Remote{URL: url}).Add(t.Context(), files)
			check(t, err)
			tree := strings.TrimSpace(git(t, bare, "rev-parse", "main^{tree}"))
			c, err := s.Commit(message("x"))
			if err == nil {
				tree = c.Tree
				check(t, s.Push(t.Context(), c, "new"))
				git(t, bare, "fsck", "--strict")
			} else if !errors.Is(err, gitrepo.ErrNoChange) {
				t.Fatal(err)
			}
			if spec == "." || git(t, dir, "ls-files", "--cached", "--others", "--exclude-standard", "--", spec) != "" {
				git(t, dir, "add", "--all", "--", spec)
			}
			// Git stores what was written again with other line ends, even where the bytes are those that HEAD has, and
			// does not where it looks unchanged. Here a file with HEAD's bytes is not changed.
			for line := range strings.Lines(git(t, dir, "diff", "--cached", "--raw", "--no-abbrev", "-z",
				"--diff-filter=M", "--line-prefix=\n")) {
				was, name, ok := strings.Cut(strings.TrimRight(line, "\n\x00"), "\x00")
				if f := strings.Fields(was); ok && f[1] != "120000" &&
					strings.TrimSpace(git(t, dir, "hash-object", "--no-filters", name)) == f[2] {
					git(t, dir, "update-index", "--cacheinfo", f[1]+","+f[2]+","+name)
				}
			}
			if want := strings.TrimSpace(git(t, dir, "write-tree")); tree != want {
				t.Errorf("tree %s, git makes %s of\n%s\nwe of\n%s", tree, want,
					git(t, dir, "diff", "--cached", "--raw"), strings.Join(list(files), "\n"))
			}
		})
	}
}

// TestIgnored asks git what it makes of the same patterns.
func TestIgnored(t *testing.T) {
	home := gittest.Home(t)
	dir := t.TempDir()
	git(t, dir, "init", "--quiet")
	files := map[string]string{}
	for _, name := range []string{
		"a", "b", "ab", "a b", "a ", "#a", "!a", "a.log", "A", "1", "a]", "a-", "a^b", "a*b", `a\b`, "a/b", "d/a",
		"d/a.log", "d/e/a", "d/e/f/a", "d/e/b",
		"x/d/e/a", "foo/bar", "fooXbar", "fooX/bar", "é", "ab\xffc", "keep/a.log", "n/keep", "n/o/keep", "z/a", "z/y/a",
	} {
		if name == "a/b" || name == "d" {
			name = "ad/b"
		}
		files[name] = ""
	}
	gittest.Put(t, dir, files)
	for _, ignore := range []string{
		"a", "/a", "d/a", "/d/a", "d/", "d", "*/a", "**/a", "d/**", "d/**/a", "**/e/**", "**", "*", "***", "d/*",
		"d/***", "d**/a", "foo**bar", "foo*bar",
		"?", "[ab]", "[!ab]", "[^ab]", "[a-c]*", "[[:alpha:]]", "[![:alpha:]]", "[[:nosuch:]]", "a[]]", "a[]-]", "[a",
		"a[", `a\*b`, `a\\b`, `\a`, `a\`, `\#a`, `\!a`, "!a",
		"#a", "a\\ ", "a ", "a b", "a\\^b", "a[\\^]b", "a[^^]b", "é", "?\n", "[é]", "d/e/", "e/", "e", "/e", "x/d",
		"x/**/a", "/**/a", "a/", "/", "//", "!", "",
		"*\n!a", "*\n!*/\n!a", "d/*\n!d/e/", "d/\n!d/a", "*.log\n!keep", "*.log\n!keep/", "*.log\n!keep/*",
		"*.log\r\n!a.log\r\n", "\ufeffa", "a.log\n\n#x\n  \nb",
		"n/*\n!n/keep\n", "z/**\n!z/y/\n!z/y/a\n", "[a-", "[[", "[[:alpha:]", "[a\\]]", "d/[!/]", "[A-Z]", "a?b", "a.*",
		"(a|b)", "a+", "$", "^a",
	} {
		gittest.Put(t, dir, map[string]string{".gitignore": ignore})
		want := strings.Split(strings.TrimSuffix(git(t, dir, "ls-files", "--others", "--exclude-standard",
			"-z"), "\x00"), "\x00")
		files, err := edited(t, dir, anything)
		if len(want) == 1 && want[0] == "" && errors.Is(err, checkout.ErrNoFile) {
			continue
		}
		check(t, err)
		got := []string{}
		for _, f := range files {
			got = append(got, f.Path)
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q leaves\n%q, git\n%q", ignore, got, want)
		}
	}

	check(t, os.Remove(filepath.Join(dir, ".gitignore")))
	ignores := func(want int) {
		t.Helper()
		if files, err := edited(t, dir, below("1")); want == 0 && !errors.Is(err, checkout.ErrNoFile) ||
			want > 0 && (err != nil || len(files) != want) {
			t.Errorf("%q, %v, want %d", list(files), err, want)
		}
	}
	ignores(1)
	gittest.Put(t, home, map[string]string{".config/git/ignore": "1\n"})
	ignores(0)
	gittest.Put(t, dir, map[string]string{"d/.gitignore": "1\n", ".git/info/exclude": "!1\n"})
	ignores(1)
	gittest.Put(t, dir, map[string]string{".git/info/exclude": ""})
	gittest.Put(t, home, map[string]string{".gitconfig": "[core]\n\texcludesFile = ~/mine\n", "mine": ""})
	ignores(1)
	gittest.Put(t, home, map[string]string{"mine": "1\n"})
	ignores(0)
	git(t, dir, "config", "core.excludesFile", filepath.Join(home, "nosuch"))
	ignores(1)
	git(t, dir, "config", "extensions.worktreeConfig", "true")
	git(t, dir, "config", "--worktree", "core.excludesFile", "~/mine")
	ignores(0)
	// A symlink is no .gitignore.
	git(t, dir, "config", "--worktree", "--unset", "core.excludesFile")
	gittest.Put(t, dir, map[string]string{".gitignore": "-> " + filepath.Join(home, "mine")})
	ignores(1)
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
