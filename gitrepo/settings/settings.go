// Package settings reads git's settings: those of the system, the user, a checkout and the environment
// (https://git-scm.com/docs/git-config). It runs no git.
package settings

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"update-gitops-repo/gitrepo/internal/paths"
)

// Settings are git's settings as git itself would read them in one place. They are immutable; the zero value has none.
type Settings struct {
	entries func() []Entry // a function, which package fmt prints as an address: keys and values may be secrets
	root    string
	home    string
	getenv  func(string) string
}

// Entry is one line of a configuration. A key may occur several times; the order counts.
type Entry struct {
	Key    string // as git lists it: section and name in lower case, the subsection between them unchanged
	Value  string
	Bare   bool   // without "=", which means true
	Source string // the file, or the variable
}

// Format implements fmt.Formatter. It prints the source only, because key and value may be secrets.
func (e Entry) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "a setting of %s", e.Source) }

// Subsection returns the part of the key between a section and a name: URL in http.URL.extraheader. It returns false
// for other keys, and for those without a subsection.
func (e Entry) Subsection(section, name string) (string, bool) {
	rest, ok := strings.CutPrefix(e.Key, section+".")
	if !ok {
		return "", false
	}
	i := strings.LastIndexByte(rest, '.')
	if i < 0 || rest[i+1:] != name {
		return "", false
	}
	return rest[:i], true
}

// Bool returns the value as a boolean of git's (https://git-scm.com/docs/git-config#_values). Values that git would
// refuse are false.
func (e Entry) Bool() bool {
	switch strings.ToLower(e.Value) {
	case "true", "yes", "on":
		return true
	case "":
		return e.Bare
	}
	n, err := strconv.Atoi(e.Value)
	return err == nil && n != 0
}

// Entries returns all settings, the weakest first. Callers must not change the slice.
func (s *Settings) Entries() []Entry {
	if s.entries == nil {
		return nil
	}
	return s.entries()
}

// last returns the last setting of a key, which is the one that counts for most keys.
func (s *Settings) last(key string) (Entry, bool) {
	for _, e := range slices.Backward(s.Entries()) {
		if e.Key == key {
			return e, true
		}
	}
	return Entry{}, false
}

// Get returns the last value of a key, or "" if the key is not set.
func (s *Settings) Get(key string) string {
	e, _ := s.last(key)
	return e.Value
}

// BoolOr returns the last value of a key as a boolean, or the default if the key is not set.
func (s *Settings) BoolOr(key string, unset bool) bool {
	e, ok := s.last(key)
	if !ok {
		return unset
	}
	return e.Bool()
}

// Origin returns the URL that git fetches from, the first of remote "origin"; empty if there is none.
func (s *Settings) Origin() string {
	for _, e := range s.Entries() {
		if e.Key == "remote.origin.url" {
			return e.Value
		}
	}
	return ""
}

// Rewrite returns the URL that git would use instead: BASE replaces the longest url.BASE.insteadOf that begins it.
func (s *Settings) Rewrite(url string) string {
	base, longest := "", ""
	for _, e := range s.Entries() {
		b, ok := e.Subsection("url", "insteadof")
		if ok && len(e.Value) > len(longest) && strings.HasPrefix(url, e.Value) {
			base, longest = b, e.Value
		}
	}
	return base + url[len(longest):]
}

// Root returns the top folder of the checkout; empty if the settings are for none.
func (s *Settings) Root() string { return s.root }

// Home returns the user's home folder; empty if there is none.
func (s *Settings) Home() string { return s.home }

// Expand replaces a leading ~/ by the home folder, if there is one.
func (s *Settings) Expand(name string) string { return paths.Expand(name, s.home) }

// Getenv returns a variable of the environment that the settings were read in.
func (s *Settings) Getenv(name string) string {
	if s.getenv == nil {
		return ""
	}
	return s.getenv(name)
}

// UserDir returns the folder for a user's files of git: $XDG_CONFIG_HOME/git or ~/.config/git; empty if there is none.
func (s *Settings) UserDir() string {
	if dir := s.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "git")
	}
	if s.home == "" {
		return ""
	}
	return filepath.Join(s.home, ".config", "git")
}
