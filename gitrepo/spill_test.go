package gitrepo_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

// TestSpill: what does not fit in memory goes to a file without a name, or stays in memory if there can be no file.
func TestSpill(t *testing.T) {
	files := map[string]string{}
	for i := range 9 {
		files[fmt.Sprint("f", i)] = strings.Repeat(fmt.Sprint(i, " "), 1<<21)
	}
	for _, place := range []string{"a folder", "no folder"} {
		t.Run(place, func(t *testing.T) {
			w := repotest.Open(t, "http without filter", files)
			dir := t.TempDir()
			if place == "no folder" {
				dir += "/nosuch"
			}
			t.Setenv("TMPDIR", dir)
			s := w.Snapshot(t, "main")
			kept, spilled := s.Kept()
			if want := map[string]bool{"a folder": true}[place]; (spilled > 0) != want || want && kept > 32<<20 {
				t.Errorf("%d bytes in memory, %d in a file", kept, spilled)
			}
			checkFiles(t, s.Files(t.Context()), files)
			if left, err := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%v are left, %v", left, err)
			}
			s, err := s.With(t.Context(), repotest.Contents(map[string]string{"f1": "1"}))
			gittest.Check(t, err)
			c, err := s.Commit(repotest.Message("x"))
			gittest.Check(t, err)
			gittest.Check(t, s.Push(t.Context(), c, "new"))
		})
	}
}

// checkFiles checks the contents of files, by name.
func checkFiles(t *testing.T, fsys fs.FS, files map[string]string) {
	t.Helper()
	for name, want := range files {
		got, err := fs.ReadFile(fsys, name)
		if err != nil || string(got) != want {
			t.Errorf("%s is not what it was: %d bytes, %v", name, len(got), err)
		}
	}
}
