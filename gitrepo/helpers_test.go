package gitrepo_test

import (
	"os"
	"path/filepath"
	"testing"

	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/settings"
)

// alone keeps the machine's and the user's own settings out of a test, and returns the user's empty home.
func alone(t *testing.T) string {
	t.Helper()
	return gittest.Home(t)
}

// put writes files into a folder.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	gittest.Put(t, dir, files)
}

// anything matches every file.
func anything(string) bool { return true }

// edited opens the checkout that holds dir and lists the files that differ from HEAD, among those that match.
func edited(t *testing.T, dir string, match func(string) bool) ([]checkout.File, error) {
	t.Helper()
	c, err := checkout.Open(dir)
	check(t, err)
	s, err := settings.Read(c.Root(), os.Getenv)
	check(t, err)
	return c.Edited(t.Context(), s, match)
}

// clone clones the forge's repository from disk.
func (w way) clone(t *testing.T, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	git(t, ".", append([]string{"clone", "--quiet", "file://" + w.dir, dir}, args...)...)
	return dir
}
