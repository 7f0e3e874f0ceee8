package checkout

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/settings"
)

// TestAttributesLikeGit: of random .gitattributes, the same attributes hold as git check-attr says.
func TestAttributesLikeGit(t *testing.T) {
	gittest.Home(t)
	dir := t.TempDir()
	gittest.Git(t, dir, "init", "--quiet")
	names := []string{
		"a", "b", "ab", "A", "1", "-", "]", "[", "*", "\\", "!a", "#a", "a b", "a]", "é", "\xe9", "\"a",
		"d/a", "d/b", "d/1", "d/e/a", "d/e/b1", "d/e/f/a", "d1/a", "e/a", "x/d/e/a", "team1/a", "teamx/1",
	}
	r := rand.New(rand.NewPCG(11, 12))
	of := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	set, wrong := 0, 0
	for range 150 {
		var text strings.Builder
		for range 1 + r.IntN(4) {
			var glob strings.Builder
			for range 1 + r.IntN(4) {
				glob.WriteString(of("a", "b", "d", "e", "1", "/", "/", "*", "*", "**", "**/", "/**", "?", "[ab]",
					"[!a]", "[[:alpha:]]",
					"[[:digit:]]", "[![:digit:]]", "[]]", "[]a]", "[a-", "\\", "\\a", "\\[", "\\*",
					"team", "é", "!", "#"))
			}
			text.WriteString(of("", "", "", "", "/", "!") + glob.String() + of("", "", "", "/") +
				of(" ", " ", "\t", "  ") +
				of("text", "-text", "!text", "text=auto", "eol=lf", "binary", "text eol=crlf", "-text !eol") + "\n")
		}
		gittest.Write(t, filepath.Join(dir, ".gitattributes"), text.String())
		out, _ := gittest.TryGit(t, dir, strings.Join(names, "\x00"), "check-attr", "-z", "--stdin", "text", "eol")
		want := map[[2]string]string{}
		for fields := strings.Split(out, "\x00"); len(fields) > 3; fields = fields[3:] {
			want[[2]string{fields[0], fields[1]}] = fields[2]
		}
		s, err := settings.Read("", os.Getenv)
		gittest.Check(t, err)
		w := &worktree{
			root: dir, commonDir: filepath.Join(dir, ".git"), settings: s, attributes: map[string][]attribute{},
		}
		for _, name := range names {
			values, err := w.attributesOf(name)
			gittest.Check(t, err)
			for _, key := range []string{"text", "eol"} {
				got := values[key]
				switch got {
				case "":
					got = "unspecified"
				case isSet:
					got = "set"
				case isUnset:
					got = "unset"
				}
				if got != "unspecified" {
					set++
				}
				if got != want[[2]string{name, key}] {
					if wrong++; wrong < 20 {
						t.Errorf("%q: %s of %q is %s, git says %s", text.String(), key, name, got,
							want[[2]string{name, key}])
					}
				}
			}
		}
	}
	if set < 300 {
		t.Errorf("only %d attributes were set", set)
	}
}
