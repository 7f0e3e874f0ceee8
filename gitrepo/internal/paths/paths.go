// Package paths resolves the paths that the files of git and ssh hold.
package paths

import (
	"errors"
	"io/fs"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
)

// Home returns the user's home folder: $HOME, or else what the system has for the user. It is empty when there is none.
func Home(getenv func(string) string) string {
	if home := getenv("HOME"); home != "" {
		return home
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.HomeDir
}

// Expand replaces a leading ~/ by the home folder, if there is one.
func Expand(name, home string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	return name
}

// Resolve returns a path that is relative to dir, or absolute.
func Resolve(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// Absent reports whether an error says that there is no such file, or no folder for it.
func Absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
