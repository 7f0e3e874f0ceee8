package forge

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTips: the branches that are read from files are those that git knows of, however they are stored.
func TestTips(t *testing.T) {
	s := start(t, GitHub, true)
	check := func(what string, wantLoose bool) {
		t.Helper()
		if _, ok := looseTips(s.GitDir(repo)); ok != wantLoose {
			t.Errorf("%s: read from files: %t", what, ok)
		}
		tips, err := s.tips(repo)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, name := range []string{"alias", "feature/x", "main", "main.lock"} {
			if tips[name] != "" {
				got += tips[name] + " " + name + "\n"
			}
		}
		want := at(t, s, "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads/")
		if want != "" {
			want += "\n"
		}
		if got != want {
			t.Errorf("%s: got\n%swant\n%s", what, got, want)
		}
	}
	check("no branch", true)
	seed(t, s, "main", map[string]string{"a": "1"})
	seed(t, s, "feature/x", map[string]string{"a": "2"})
	lock := filepath.Join(s.GitDir(repo), "refs", "heads", "main.lock")
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check("two branches and a lock", true)
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	at(t, s, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
	check("a symbolic reference", false)
	at(t, s, "pack-refs", "--all")
	check("packed references", false)
}
