package giturl_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/giturl"
)

// TestPatternLikeGit: of random patterns, the one that git takes for a random URL is the best fit.
func TestPatternLikeGit(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "config")
	r := rand.New(rand.NewPCG(7, 8))
	of := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	found := 0
	for range 25 {
		var patterns []string
		var text strings.Builder
		for i := range 40 {
			pattern := of("https", "https", "http", "HTTPS", "ftp") + "://" +
				of("", "", "", "", "", "alex@", "alex@", "robot@", "@", "a:b@", "%zz@", "%61lex@") +
				of("h", "H", "a.h", "*.h", "*", "*.*", "x*", "[::1]") +
				of("", "", "", "", "", "", ":443", ":80", ":8443", ":0443", ":x", ":", ":0", ":65536") +
				of("", "", "", "/", "/", "/a", "/a", "/a/", "/a/b", "/A", "/a/b.git", "/%61", "/a/../a", "/a/./b",
					"/a?x", "//a", "/%zz")
			pattern = of(pattern, pattern, pattern, pattern, "h", "https://", "")
			patterns = append(patterns, pattern)
			fmt.Fprintf(&text, "[http %q]\n\tx = %d\n", pattern, i)
		}
		if err := os.WriteFile(config, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			raw := of("https", "http") + "://" + of("", "", "alex@") + of("h", "a.h", "b.c", "[::1]") +
				of("", "", ":443", ":8443") + of("/a/b", "/a", "/a/b.git", "/b/a", "/ab")
			got := bestFit(t, patterns, raw)
			out, err := exec.Command("git", "config", "--file", config, "--get-urlmatch", "http.x", raw).Output()
			if want := strings.TrimSuffix(string(out), "\n"); got != want {
				t.Errorf("%s: %q, want %q (%v), of\n%s", raw, got, want, err, text.String())
			}
			if got != "" {
				found++
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d URLs had a pattern that fits", found)
	}
}

// bestFit returns the number of the pattern that fits best, of equal ones the last, or "" when none fits.
func bestFit(t *testing.T, patterns []string, raw string) string {
	t.Helper()
	u, login, err := giturl.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	u.User = login.Username.Reveal()
	found := ""
	var best giturl.Fit
	for i, text := range patterns {
		pattern, ok := giturl.ParsePattern(text)
		if !ok {
			continue
		}
		if fit, ok := pattern.Match(u); ok && !fit.Worse(best) {
			found, best = fmt.Sprint(i), fit
		}
	}
	return found
}

func TestSameServer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"https://h/a/b", "https://H:443/c/d", true},
		{"http://h/a/b", "http://h:80/a/b", true},
		{"https://h/a/b", "http://h/a/b", false},
		{"https://h/a/b", "http://h:443/a/b", false},
		{"https://h/a/b", "https://h:8443/a/b", false},
		{"https://h/a/b", "https://h.example.com/a/b", false},
	} {
		a, _, err := giturl.Parse(test.a)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := giturl.Parse(test.b)
		if err != nil {
			t.Fatal(err)
		}
		if a.SameServer(b) != test.want || b.SameServer(a) != test.want {
			t.Errorf("%s and %s: want %t", test.a, test.b, test.want)
		}
	}
}
