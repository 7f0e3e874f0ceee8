package gitrepo_test

import (
	"os"
	"testing"

	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/settings"
)

// anything matches every file.
func anything(string) bool { return true }

// edited opens the checkout that holds dir and lists the files that differ from HEAD, among those that match.
func edited(t *testing.T, dir string, match func(string) bool) ([]checkout.File, error) {
	t.Helper()
	c, err := checkout.Open(dir)
	gittest.Check(t, err)
	s, err := settings.Read(c.Root(), os.Getenv)
	gittest.Check(t, err)
	return c.Edited(t.Context(), s, match)
}
