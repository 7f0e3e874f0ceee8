// Package credential finds what git would authenticate with over http and https: in git's settings, .netrc, the files
// of git-credential-store, and credential helpers (https://git-scm.com/docs/gitcredentials).
package credential

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/paths"
	"update-gitops-repo/gitrepo/settings"
)

// Found is what git would authenticate with, and where that is from.
type Found struct {
	giturl.Credentials
	Source string   // for a person; empty if there are no credentials
	Notes  []string // for a person: where something was found that does not count, and why
}

// Find looks for credentials for the server of an http or https URL, in this order: an Authorization in
// http.extraHeader, the user's .netrc, the files of git-credential-store, the configured credential helpers. If u has
// a User, only that user's count. Errors name the file that cannot be read.
//
// Credentials for one host are never used for another. Therefore a "default" in .netrc does not count, and an
// http.extraHeader without a URL counts only for the host of the checkout's origin. Only .netrc does not distinguish
// schemes and ports.
//
// Find runs git, and no other program, and only if a credential helper other than git's own store is configured.
func Find(ctx context.Context, s *settings.Settings, u giturl.URL) (Found, error) {
	if u.Scheme != "http" && u.Scheme != "https" {
		return Found{}, nil
	}
	f := &finder{settings: s, url: u}
	found, err := f.find(ctx)
	found.Notes = f.notes
	return found, err
}

// finder looks for the credentials for one URL.
type finder struct {
	settings *settings.Settings
	url      giturl.URL
	notes    []string
}

// find asks the sources one after the other. The first that has credentials counts.
func (f *finder) find(ctx context.Context) (Found, error) {
	for _, source := range []func(context.Context) (Found, error){f.header, f.netrc, f.store, f.helper} {
		if found, err := source(ctx); err != nil || found.Source != "" {
			return found, err
		}
	}
	return Found{}, nil
}

// note adds a note. A second entry of the same file may well have the same fault.
func (f *finder) note(format string, args ...any) {
	if note := fmt.Sprintf(format, args...); !slices.Contains(f.notes, note) {
		f.notes = append(f.notes, note)
	}
}

// read returns a file's content, empty if there is no such file. Like git, it skips a file of another user.
func (f *finder) read(file string) (string, error) {
	data, err := os.ReadFile(file)
	switch {
	case err == nil:
		return string(data), nil
	case paths.Absent(err):
		return "", nil
	case errors.Is(err, fs.ErrPermission):
		f.note("%s: permission denied", file)
		return "", nil
	}
	return "", fmt.Errorf("credentials: %w", err)
}
