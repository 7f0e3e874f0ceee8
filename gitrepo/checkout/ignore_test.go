package checkout

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/internal/gittest"
)

// TestIgnoreLikeGit: of random patterns, POSIX classes, escapes and odd brackets among them, the same files and folders
// are ignored as git check-ignore says.
func TestIgnoreLikeGit(t *testing.T) {
	gittest.Home(t)
	dir := t.TempDir()
	gittest.Git(t, dir, "init", "--quiet")
	files := map[string]string{}
	for _, name := range []string{
		"a", "b", "ab", "A", "1", "7", "-", "]", "[", "**", "\\", "!a", "#a", "a ", "a\\", "a b", "a]",
		"a\\b", "é", "\xe9", "_",
		"d/a", "d/b", "d/1", "d/]", "d/a b", "d/e/a", "d/e/b1", "d/e/f/a", "d1/a", "e/a",
		"x/d/e/a", "team1/a", "teamx/1",
	} {
		files[name] = ""
	}
	gittest.Put(t, dir, files)
	var names []string
	folders := map[string]bool{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, name)
		if rel == ".git" {
			return fs.SkipDir
		}
		if rel != "." {
			names, folders[rel] = append(names, rel), d.IsDir()
		}
		return err
	})
	gittest.Check(t, err)
	r := rand.New(rand.NewPCG(9, 10))
	pieces := []string{
		"a", "b", "d", "e", "1", "/", "/", "*", "*", "**", "**/", "/**", "?", "[ab]", "[!a]", "[^a]",
		"[[:alpha:]]", "[[:digit:]]",
		"[![:digit:]]", "[[:nosuch:]]", "[]]", "[]a]", "[!]]", "[a-", "[\\]]", "\\", "\\a", "\\[", "\\*", "team",
		" ", "\\ ", "é", "!", "#",
	}
	found, wrong := 0, 0
	texts := []string{"a\\ \n", "a\\\\ \n", "a \\ \n", "a\\  \n", "a  ", "\\ \n", "a \r\n", "#a\n",
		"\\#a\n", "!#a\n", "!!a\n"}
	for range 250 {
		var lines strings.Builder
		for range 1 + r.IntN(3) {
			lines.WriteString([]string{"", "", "", "!", "/"}[r.IntN(5)])
			for range 1 + r.IntN(4) {
				lines.WriteString(pieces[r.IntN(len(pieces))])
			}
			lines.WriteString([]string{"", "", "", "/", " ", "\r"}[r.IntN(6)] + "\n")
		}
		texts = append(texts, lines.String())
	}
	for _, text := range texts {
		gittest.Check(t, os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(text), 0o600))
		out, _ := gittest.TryGit(t, dir, strings.Join(names, "\x00"), "check-ignore", "--no-index", "--stdin", "-z")
		want := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
		patterns := ignorePatterns([]byte(text), "")
		for _, name := range names {
			got := false
			for at := name; at != "." && !got; at = path.Dir(at) {
				got = ignored(patterns, at, folders[at])
			}
			// An ignored folder ignores all below it; the outermost decides, and it is among those asked.
			if got != slices.Contains(want, name) {
				if wrong++; wrong < 20 {
					t.Errorf("%q: %q is ignored: %t, git says otherwise", text, name, got)
				}
			}
			if got {
				found++
			}
		}
	}
	if found < 500 {
		t.Errorf("only %d were ignored", found)
	}
}
