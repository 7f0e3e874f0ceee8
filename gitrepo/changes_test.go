package gitrepo_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

// TestChanges compares a snapshot's changes with those that git lists for the commit.
func TestChanges(t *testing.T) {
	gittest.Home(t)
	w := repotest.Open(t, "disk", map[string]string{
		"a": "1\n", "mode": "1\n", "gone*": "1\n", "link": "-> a", "gone-link": "-> a", "to-link": "1\n",
		"from-link": "-> a", "f": "1\n", "d/x*": "1\n", "same*": "1\n",
	})
	dir := w.Clone(t)
	for _, name := range []string{"gone", "gone-link", "f", "d/x"} {
		gittest.Check(t, os.Remove(filepath.Join(dir, name)))
	}
	gittest.Check(t, os.Remove(filepath.Join(dir, "d")))
	gittest.Put(t, dir,
		map[string]string{"a": "2\n", "link": "-> mode", "to-link": "-> a", "from-link*": "1\n", "f/y": "1\n",
			"d": "1\n", "new*": "1\n", "new-link": "-> new"})
	gittest.Check(t, os.Chmod(filepath.Join(dir, "mode"), 0o755))
	files, err := edited(t, dir, anything)
	gittest.Check(t, err)
	s, err := w.Snapshot(t, "main").Add(t.Context(), files)
	gittest.Check(t, err)
	s, err = s.With(t.Context(), repotest.Contents(map[string]string{"same": "2\n", "other/z": "1\n", "gone": "1\n"}))
	gittest.Check(t, err)
	c, err := s.Commit(repotest.Message("x"))
	gittest.Check(t, err)
	gittest.Check(t, s.Push(t.Context(), c, "new"))

	names := map[fs.FileMode]string{0: "000000", 0o644: "100644", 0o755: "100755", fs.ModeSymlink | 0o777: "120000"}
	got := ""
	for _, c := range s.Changes() {
		got += fmt.Sprintf("%s %s %s\n", names[c.Before], names[c.After], c.Path)
	}
	want := ""
	for line := range strings.Lines(gittest.Git(t, w.Dir, "diff-tree", "-r", "--no-renames", "main", "new")) {
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
