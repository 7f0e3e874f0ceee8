package paths_test

import (
	"os"
	"path/filepath"
	"testing"

	"update-gitops-repo/gitrepo/internal/paths"
)

func TestHome(t *testing.T) {
	t.Parallel()
	if got := paths.Home(func(string) string { return "/home/alex" }); got != "/home/alex" {
		t.Errorf("with $HOME: %q", got)
	}
	if got := paths.Home(func(string) string { return "" }); got != "" && !filepath.IsAbs(got) {
		t.Errorf("without $HOME: %q", got)
	}
}

func TestExpandAndResolve(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ got, want string }{
		{paths.Expand("~/a", "/h"), "/h/a"},
		{paths.Expand("~/a", ""), "~/a"},
		{paths.Expand("~alex/a", "/h"), "~alex/a"},
		{paths.Expand("a/~/b", "/h"), "a/~/b"},
		{paths.Resolve("/d", "a"), "/d/a"},
		{paths.Resolve("/d", "../a"), "/a"},
		{paths.Resolve("/d", "/a"), "/a"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{file + "2": true, filepath.Join(file, "x"): true,
		filepath.Dir(file): false} {
		if _, err := os.ReadFile(name); paths.Absent(err) != want {
			t.Errorf("%s: %v counts as absent: %t", name, err, !want)
		}
	}
}
