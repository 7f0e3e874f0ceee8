package gitrepo_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"update-gitops-repo/gitrepo"
)

// judge asks git about names.
type judge struct{ dir, blob string }

func newJudge(t testing.TB) judge {
	t.Helper()
	j := judge{dir: t.TempDir()}
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "."}, {"config", "core.protectNTFS", "true"},
		{"config", "core.protectHFS", "true"},
	} {
		if out, err := j.git(args...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	empty := filepath.Join(j.dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := j.git("hash-object", "-w", "empty")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	j.blob = strings.TrimSpace(out)
	return j
}

func (j judge) git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = j.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "HOME="+j.dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// takes reports whether git puts a file or a symlink of that name into its index, and its fsck accepts the tree.
func (j judge) takes(t testing.TB, name string) error {
	t.Helper()
	if strings.ContainsRune(name, 0) || name == "" {
		return errors.New("not to be had on a command line")
	}
	for _, mode := range []string{"100644", "120000"} {
		if err := os.RemoveAll(filepath.Join(j.dir, "index")); err != nil {
			t.Fatal(err)
		}
		if out, err := j.git("update-index", "--add", "--cacheinfo", mode, j.blob, name); err != nil {
			return fmt.Errorf("%s: %s", mode, out)
		}
		tree, err := j.git("write-tree")
		if err != nil {
			t.Fatalf("%v: %s", err, tree)
		}
		// A tree that was checked before need not be checked again.
		if out, err := j.git("fsck", "--strict", "--no-dangling", strings.TrimSpace(tree)); err != nil {
			return fmt.Errorf("%s: %s", mode, out)
		}
	}
	return nil
}

// TestPathsLikeGit: a path that git refuses is refused, and one that is merely odd is not.
func TestPathsLikeGit(t *testing.T) {
	t.Parallel()
	j := newJudge(t)
	for name, ok := range map[string]bool{
		"a.yaml": true, "a/b/c.yaml": true, ".github/workflows/x.yml": true, ".gitignore": true, ".gitattributes": true,
		".gitlab-ci.yml":      true,
		"with space/a b.yaml": true, "dots.in.it/v1.2.3": true, "..a": true, "a..b": true, ".git-hooks/x": true,
		"git/x": true, "a.git/x": true,
		"Ünïcøde/日本語.yaml": true, "emoji-👩‍🚀.yaml": true, "aux.yaml": true, "con": true, "nul.json": true,
		"system:node.yaml": true, "a~1": true, "git~2": true,
		"gitmodules": true, "-x": true, "@": true, "$(x)": true, "'": true, "a\"b": true, "x.": true, "*.yaml": true,
		"[a].yaml": true, "::notice::x": true,
		"git ~1": true, ".gitx": true, "x.git": true, "gi7ebb~1": true, strings.Repeat("a", 255): true,

		"": false, ".": false, "..": false, "/a": false, "a/": false, "a//b": false, "./a": false, "a/./b": false,
		"a/../b": false, "../a": false,
		".git": false, ".git/config": false, "a/.git/x": false, "a/.GIT": false, ".gIt/x": false,
		".git.": false, ".git ": false, ".git . ./x": false, ".git...": false, "git~1": false, "a/GIT~1/x": false,
		"git~1. ": false,
		".git:x":  false, ".git::$INDEX_ALLOCATION": false, ".git::$INDEX_ALLOCATION/config": false, "git~1:x": false,
		".git :x": false,
		`.git\x`:  false, `a\.git\x`: false, `a\b`: false, `..\x`: false, `a\..\..\x`: false, `git~1\x`: false,
		`C:\x`:       false,
		".g\u200cit": false, "\u200d.git": false, ".git\u200e": false, "\ufeff.git/x": false, ".\u202agit": false,
		".g\u206fit": false, ".GI\u200fT": false, "\u200c": false,
		"..\u200c": false, ".\u200d": false,
		".gitmodules": false, ".GitModules": false, ".gitmodules ": false, ".gitmodules.": false,
		".gitmodules:$DATA": false, ".git\u200cmodules": false,
		"gitmod~1": false, "GITMOD~4": false, "gi7eba~1": false, "gi7eb~10": false, "~1000000": false,
		"a/.gitmodules": false,
		"...":           false, ".. ": false, ". .": false, " ": false, "a/ /b": false, ".. /x": false, "...:x": false,
		"a\x00b": false, "a\nb": false, "a\rb": false, "a\x1b[31mb": false, "a\u0085b": false, "a\u2028b": false,
		"a\u2029b": false, "a\u202eb": false, "a\u2066b": false,
		"a\xffb": false, ".git\xff": false, "\x7f": false,
		strings.Repeat("a", 256): false, strings.Repeat(strings.Repeat("a", 200)+"/", 21) + "a": false,
	} {
		err := gitrepo.CheckPath(name)
		if (err == nil) != ok || err != nil && !errors.Is(err, gitrepo.ErrPath) {
			t.Errorf("%q: %v, want ok %t", name, err, ok)
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: the error prints it as it is: %q", name, err)
		}
		if err == nil {
			if err := j.takes(t, name); err != nil {
				t.Errorf("%q: git refuses it: %v", name, err)
			}
		}
	}
}

// FuzzCheckPath: git accepts every name that CheckPath accepts.
func FuzzCheckPath(f *testing.F) {
	for _, name := range []string{
		"a/b.yaml", ".git", "a/.GIT/x", "git~1 .", ".g\u200cit", ".git::$INDEX_ALLOCATION", `a\.git`, "gi7eba~1",
		".gitmodules.", "...", "a\u202eb", "\xff",
	} {
		f.Add(name)
	}
	j := newJudge(f)
	f.Fuzz(func(t *testing.T, name string) {
		if gitrepo.CheckPath(name) != nil {
			return
		}
		if err := j.takes(t, name); err != nil {
			t.Errorf("%q: git refuses it: %v", name, err)
		}
	})
}

// unseen are the characters that branches must not have in addition to git's own rules.
func unseen(name string) bool {
	return !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	})
}

func (j judge) takesBranch(name string) bool {
	if strings.ContainsRune(name, 0) {
		return false
	}
	_, ref := j.git("check-ref-format", "refs/heads/"+name)
	branch, err := j.git("check-ref-format", "--branch", name) // Prints another one where it is short for that.
	return ref == nil && err == nil && branch == name+"\n"
}

// FuzzCheckBranch: a name is accepted if and only if git accepts it and it has no invisible characters.
func FuzzCheckBranch(f *testing.F) {
	for _, name := range []string{
		"main", "a/b-c.d_e", "Ünïcode", "a@b", "@", "a/@", "HEAD", "a/HEAD", "-x", "a/-x",
		"a..b", "a.lock/b", "a.", "a./b", ".a", "a/.b", "@{-1}", "a\u202eb", "\xff",
		"a\nb", "a b", "a\\b", "refs/heads/x", "a//b", "/a", "a/", "a\x7f", "a`b", "a$(b)", "::x", "@team",
		"a\u0085", "a\u00a0b",
	} {
		f.Add(name)
	}
	j := newJudge(f)
	f.Fuzz(func(t *testing.T, name string) {
		want := j.takesBranch(name) && !unseen(name)
		if err := gitrepo.CheckBranch(name); (err == nil) != want {
			t.Errorf("%q: %v, want ok %t", name, err, want)
		}
	})
}
