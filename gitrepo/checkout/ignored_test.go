package checkout_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/internal/gittest"
)

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
