// Package credential finds what git would authenticate with over http and https: in git's own settings, .netrc, the
// files of git-credential-store, and the credential helpers (https://git-scm.com/docs/gitcredentials).
package credential

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/paths"
	"update-gitops-repo/gitrepo/settings"
)

// Found is what git would authenticate with over http and https.
type Found struct {
	giturl.Credentials
	Source string   // where they are from, for a person; empty: there are none
	Notes  []string // where they were looked for in vain although something was there, and why
}

// Find finds what git would authenticate with against the host of an http or https URL: an Authorization in
// http.extraHeader, the user's .netrc, files of git-credential-store, and the credential helpers that are configured,
// in this order. Where u has a User, only that one's. Errors name a file that is broken or may not be read.
//
// What is found for a host is for it alone. So a "default" in .netrc does not count, and an http.extraHeader without a
// URL only for the host of the checkout's origin. A .netrc does not tell ports and schemes apart; all others do.
//
// Only a credential helper that is not git's own store makes this run a program, namely git.
func Find(ctx context.Context, s *settings.Settings, u giturl.URL) (Found, error) {
	if u.Scheme != "http" && u.Scheme != "https" {
		return Found{}, nil
	}
	f := &finder{settings: s, url: u}
	c, source, err := f.find(ctx)
	return Found{Credentials: c, Source: source, Notes: f.notes}, err
}

// finder looks for the credentials for one URL.
type finder struct {
	settings *settings.Settings
	url      giturl.URL
	notes    []string
}

// find returns the first credentials that are found, and their source.
func (f *finder) find(ctx context.Context) (giturl.Credentials, string, error) {
	if c, source := f.extraHeader(); source != "" {
		return c, source, nil
	}
	for _, find := range []func() (giturl.Credentials, string, error){f.netrc, f.stored} {
		if c, source, err := find(); err != nil || source != "" {
			return c, source, err
		}
	}
	return f.helped(ctx)
}

func (f *finder) note(format string, args ...any) {
	if note := fmt.Sprintf(format, args...); !slices.Contains(f.notes, note) {
		f.notes = append(f.notes, note)
	}
}

// read gives a file's content; empty when it is not there. What belongs to another user is passed over, as git does.
func (f *finder) read(file string) (string, error) {
	data, err := os.ReadFile(file)
	switch {
	case err == nil:
		return string(data), nil
	case paths.Absent(err):
		return "", nil
	case errors.Is(err, fs.ErrPermission):
		f.note("%s: it may not be read", file)
		return "", nil
	}
	return "", fmt.Errorf("credentials: %w", err)
}

func (f *finder) netrc() (giturl.Credentials, string, error) {
	file := f.settings.Getenv("NETRC")
	if file == "" {
		if f.settings.Home() == "" {
			return giturl.Credentials{}, "", nil
		}
		file = filepath.Join(f.settings.Home(), ".netrc")
	}
	data, err := f.read(file)
	if err != nil {
		return giturl.Credentials{}, "", err
	}
	if c, ok := netrcLogin(data, strings.Trim(f.url.Host, "[]"), f.url.User); ok {
		return c, file, nil
	}
	return giturl.Credentials{}, "", nil
}
