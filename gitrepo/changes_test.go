package gitrepo_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo"
)

// TestChanges compares what a snapshot says of its changes with what git says of the commit.
func TestChanges(t *testing.T) {
	alone(t)
	w := open(t, "disk", map[string]string{
		"a": "1\n", "mode": "1\n", "gone*": "1\n", "link": "-> a", "gone-link": "-> a", "to-link": "1\n", "from-link": "-> a", "f": "1\n", "d/x*": "1\n", "same*": "1\n",
	})
	dir := w.clone(t)
	for _, name := range []string{"gone", "gone-link", "f", "d/x"} {
		check(t, os.Remove(filepath.Join(dir, name)))
	}
	check(t, os.Remove(filepath.Join(dir, "d")))
	put(t, dir, map[string]string{"a": "2\n", "link": "-> mode", "to-link": "-> a", "from-link*": "1\n", "f/y": "1\n", "d": "1\n", "new*": "1\n", "new-link": "-> new"})
	check(t, os.Chmod(filepath.Join(dir, "mode"), 0o755))
	files, err := edited(t, dir, anything)
	check(t, err)
	s, err := w.snapshot(t, "main").Add(t.Context(), files)
	check(t, err)
	s, err = s.With(t.Context(), contents(map[string]string{"same": "2\n", "other/z": "1\n", "gone": "1\n"}))
	check(t, err)
	c, err := s.Commit(message("x"))
	check(t, err)
	check(t, s.Push(t.Context(), c, "new"))

	names := map[fs.FileMode]string{0: "000000", 0o644: "100644", 0o755: "100755", fs.ModeSymlink | 0o777: "120000"}
	got := ""
	for _, c := range s.Changes() {
		got += fmt.Sprintf("%s %s %s\n", names[c.Before], names[c.After], c.Path)
	}
	want := ""
	for line := range strings.Lines(git(t, w.dir, "diff-tree", "-r", "--no-renames", "main", "new")) {
		fields := strings.Fields(line)
		want += fmt.Sprintf("%s %s %s\n", fields[0][1:], fields[1], fields[5])
	}
	if got != want || strings.Count(want, "\n") != 15 {
		t.Errorf("changes\n%s\nwant\n%s", got, want)
	}
	s.Changes()[0] = gitrepo.Change{}
	if s.Changes()[0].Path != s.Changed()[0] {
		t.Error("the snapshot's own list was handed out")
	}
}
