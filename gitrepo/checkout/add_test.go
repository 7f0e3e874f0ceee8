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
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

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
			w := repotest.Open(t, "http", seed)
			git(t, w.Dir, "config", "uploadpack.allowFilter", "true")
			dir := test.make(t, w.Dir)
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
			w.Remote.Checkout = c
			s, err := w.Snapshot(t, "main").Add(t.Context(), files)
			check(t, err)
			if want := []string{"a.yaml", "d/new", "d/x"}; !slices.Equal(s.Changed(), want) {
				t.Errorf("changed %q, want %q", s.Changed(), want)
			}
			commit, err := s.Commit(repotest.Message("Add\n"))
			check(t, err)
			check(t, s.Push(t.Context(), commit, "main"))
			if got := git(t, w.Dir, "ls-tree", "-r", "--name-only", "main"); got != "a.yaml\nd/new\ne/y\n" {
				t.Errorf("main has %q", got)
			}
			git(t, w.Dir, "fsck", "--strict")
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

// What random working trees are made of.
var (
	randomNames = []string{
		"a", "a.b", "a/b", "a/b/c", "b.txt", "b/x.log", "b/keep/x.log", "c/d/e", "c/d.txt", "link", "x.log", "build/x",
		"c/build/y", "ü/ï", "sp ace", "x[1]",
	}
	randomIgnores = []string{
		"*.log\n", "build/\n", "/build\n", "*.log\n!keep/*.log\n", "b/**\n!b/keep\n", "**/e\n", "a/**/c\n", "x[[]*\n",
		"[!a-c]*\n!.git*\n", "*\n!*/\n!*.txt\n", "\\!x\nsp\\ ace\n", "c/d\n", "ü/\n", "a*b\n",
	}
	randomAttributes = []string{
		"* text=auto\n", "*.txt text\n", "*.txt -text\n* text=auto\n", "*.log eol=crlf\n", "a/** text\n",
		"b binary\n* text=auto\n", "* text=auto eol=lf\n", "[attr]lines text\n*.txt lines\n", "* crlf\n",
	}
	randomContents = []string{
		"1\n", "2\n", "a\r\nb\r\n", "a\r\nb\n", "x\x00\r\n", "lone\rcr\r\n", "", "\x01\x02\r\n",
	}
)

// randomTree is a working tree that random changes are made to.
type randomTree struct {
	dir string
	*rand.Rand
}

func (r randomTree) pick(s []string) string { return s[r.IntN(len(s))] }

// scribble makes n changes: it deletes files, and makes symlinks, modes and contents.
func (r randomTree) scribble(t *testing.T, n int) {
	t.Helper()
	for range n {
		name := filepath.Join(r.dir, r.pick(randomNames))
		switch r.IntN(8) {
		case 0:
			_ = os.RemoveAll(name) // fails below a file
		case 1:
			if _, err := os.Lstat(filepath.Dir(name)); err == nil && os.RemoveAll(name) == nil {
				_ = os.Symlink(r.pick(randomNames), name) // fails below a file
			}
		case 2:
			if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
				check(t, os.Chmod(name, []os.FileMode{0o644, 0o755, 0o600, 0o711}[r.IntN(4)]))
			}
		default:
			r.write(t, name)
		}
	}
}

// write writes a file, also where another one is in its way.
func (r randomTree) write(t *testing.T, name string) {
	t.Helper()
	for dir := filepath.Dir(name); dir != r.dir; dir = filepath.Dir(dir) {
		if info, err := os.Lstat(dir); err == nil && !info.IsDir() {
			check(t, os.Remove(dir))
		}
	}
	check(t, os.MkdirAll(filepath.Dir(name), 0o755))
	check(t, os.RemoveAll(name))
	check(t, os.WriteFile(name, []byte(r.pick(randomContents)), 0o644))
}

// configure adds some of: ignore and attribute files, and a setting for line ends.
func (r randomTree) configure(t *testing.T) {
	t.Helper()
	if r.IntN(2) == 0 {
		gittest.Put(t, r.dir, map[string]string{".gitignore": r.pick(randomIgnores)})
	}
	if r.IntN(3) == 0 {
		gittest.Put(t, r.dir, map[string]string{
			"c/.gitignore": r.pick(randomIgnores), ".git/info/exclude": r.pick(randomIgnores),
		})
	}
	if r.IntN(2) == 0 {
		gittest.Put(t, r.dir, map[string]string{".gitattributes": r.pick(randomAttributes)})
	}
	if r.IntN(4) == 0 {
		git(t, r.dir, "config", "core.autocrlf", r.pick([]string{"true", "input"}))
	}
}

// gitTree returns the tree that git makes of the working tree's files of a pathspec.
func (r randomTree) gitTree(t *testing.T, spec string) string {
	t.Helper()
	if spec == "." || git(t, r.dir, "ls-files", "--cached", "--others", "--exclude-standard", "--", spec) != "" {
		git(t, r.dir, "add", "--all", "--", spec)
	}
	// Git stores a file that was written again with other line ends, even if the bytes are those of HEAD, but not one
	// that looks unchanged. For this package, a file with HEAD's bytes is not changed.
	for line := range strings.Lines(git(t, r.dir, "diff", "--cached", "--raw", "--no-abbrev", "-z",
		"--diff-filter=M", "--line-prefix=\n")) {
		was, name, ok := strings.Cut(strings.TrimRight(line, "\n\x00"), "\x00")
		f := strings.Fields(was)
		if ok && f[1] != "120000" && strings.TrimSpace(git(t, r.dir, "hash-object", "--no-filters", name)) == f[2] {
			git(t, r.dir, "update-index", "--cacheinfo", f[1]+","+f[2]+","+name)
		}
	}
	return strings.TrimSpace(git(t, r.dir, "write-tree"))
}

// addTo adds the files to the branch main of a bare repository, as a branch of their own, and returns the tree.
func addTo(t *testing.T, bare string, files []checkout.File) string {
	t.Helper()
	url, _, err := giturl.Parse(bare)
	check(t, err)
	w := repotest.Way{Remote: gitrepo.Remote{URL: url}}
	s, err := w.Snapshot(t, "main").Add(t.Context(), files)
	check(t, err)
	c, err := s.Commit(repotest.Message("x"))
	if errors.Is(err, gitrepo.ErrNoChange) {
		return strings.TrimSpace(git(t, bare, "rev-parse", "main^{tree}"))
	}
	check(t, err)
	check(t, s.Push(t.Context(), c, "new"))
	git(t, bare, "fsck", "--strict")
	return c.Tree
}

// TestAddRandom compares random working trees with what git makes of them.
func TestAddRandom(t *testing.T) {
	gittest.Home(t)
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := randomTree{t.TempDir(), rand.New(rand.NewPCG(seed, 4))}
			git(t, r.dir, "init", "--quiet", "--initial-branch=main")
			r.scribble(t, 25)
			gittest.Put(t, r.dir, map[string]string{"always": "a"})
			git(t, r.dir, "add", "--all", "--force")
			git(t, r.dir, "commit", "--quiet", "-m", "1")
			bare := filepath.Join(t.TempDir(), "bare.git")
			git(t, ".", "clone", "--quiet", "--bare", r.dir, bare)
			r.configure(t)
			r.scribble(t, 12)
			spec, match := ".", anything
			if r.IntN(3) == 0 {
				spec, match = "b*", below("b")
			}
			files, err := edited(t, r.dir, match)
			if err != nil && !errors.Is(err, checkout.ErrNoFile) {
				t.Fatal(err)
			}
			ours := addTo(t, bare, files)
			if theirs := r.gitTree(t, spec); ours != theirs {
				t.Errorf("tree %s, git makes %s of\n%s\nwe of\n%s", ours, theirs,
					git(t, r.dir, "diff", "--cached", "--raw"), strings.Join(list(files), "\n"))
			}
		})
	}
}
