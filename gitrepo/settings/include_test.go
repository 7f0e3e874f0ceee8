package settings_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/internal/gittest"
)

// TestIncludeIfLikeGit: of random conditions on the git folder, git includes the same files. A token or a
// url.*.insteadOf may come with one.
func TestIncludeIfLikeGit(t *testing.T) {
	home := gittest.Home(t)
	r := rand.New(rand.NewPCG(13, 14))
	of := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	// Also a folder with wildcards in its name, and a configuration that is a symlink to one elsewhere.
	odd := filepath.Join(home, "o[d]d")
	checkouts := []string{"team1/shop", "teamx/Shop", "o[d]d/team1/é", "team]/a b", "O[D]D/shop", "team1/moved"}
	for _, dir := range checkouts {
		gittest.Check(t, os.MkdirAll(filepath.Join(home, dir), 0o700))
		gittest.Git(t, filepath.Join(home, dir), "init", "--quiet")
	}
	// One has a symlink for its git folder.
	gittest.Check(t, os.Rename(filepath.Join(home, "team1/moved/.git"), filepath.Join(home, "moved.git")))
	gittest.Check(t, os.Symlink(filepath.Join(home, "moved.git"), filepath.Join(home, "team1/moved/.git")))
	gittest.Check(t, os.Symlink(filepath.Join(home, "team1"), filepath.Join(home, "link")))
	gittest.Check(t, os.Symlink(filepath.Join(odd, "config"), filepath.Join(home, ".gitconfig")))
	conditions := []string{
		home + "/team[[:digit:]]/", home + "/team[[:alpha:]]/", home + "/team1[!a]shop/.git", home + "/team1[^a]shop/",
		"team[]]/", "team[!]]/",
		"~/team?/**", "./team1/", "../team1/", "./TEAM1/", "~/TEAM[1]/", "É/", "o\\[d\\]d/", "o[d]d/", "team1/*",
		"~/link/", home + "/link/shop/.git", "~/moved.git", "moved.*/", "moved.git", "~/team1/moved/",
	}
	for range 600 {
		var b strings.Builder
		b.WriteString(of(home+"/", home+"/", "~/", "./", "", "", "**/", "/"))
		for range 1 + r.IntN(4) {
			b.WriteString(of("team", "team1", "shop", "Shop", "o[d]d", "/", "/", "/", "*", "**", "**/", "/**", "?",
				"[[:digit:]]", "[[:alpha:]]", "[[:nosuch:]]",
				"[!a]", "[^1]", "[]]", "[!]]", "[a-z]", "[", "\\", "\\t", "\\[", ".git", "/.git", "é", "a b"))
		}
		conditions = append(conditions, b.String())
	}
	var config strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for i, condition := range conditions {
		file := gittest.Write(t, filepath.Join(home, "met", fmt.Sprint(i)),
			fmt.Sprintf("[met]\n\tn = %s\n", escape.Replace(condition)))
		for _, kind := range []string{"gitdir:", "gitdir/i:"} {
			fmt.Fprintf(&config, "[includeIf \"%s\"]\n\tpath = %s\n", kind+escape.Replace(condition), file)
		}
	}
	gittest.Write(t, filepath.Join(odd, "config"), config.String())
	for _, dir := range checkouts {
		dir := filepath.Join(home, dir)
		want, ok := gittest.TryGit(t, dir, "", "config", "--list", "-z")
		got := list(read(t, dir))
		if !ok || got != want {
			wrong := 0
			theirs := strings.Split(want, "\x00")
			for i, line := range strings.Split(got, "\x00") {
				if wrong < 3 && (i >= len(theirs) || line != theirs[i]) {
					t.Errorf("in %s: %q, git has %q", dir, line, theirs[min(i, len(theirs)-1)])
					wrong++
				}
			}
			t.Errorf("in %s other files are included than by git", dir)
		}
		if n := strings.Count(got, "met.n"); n < 60 {
			t.Errorf("in %s only %d conditions hold", dir, n)
		}
	}
}
