package gitrepo

import (
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"update-gitops-repo/gitrepo/internal/unseen"
)

// The longest name and path of Linux, in bytes (NAME_MAX, PATH_MAX); no other system that git runs on has longer
// ones.
const (
	maxName = 255
	maxPath = 4095
)

// CheckPath returns an ErrPath if no file may be written there, whatever the repository holds: the path is not a
// relative, clean one in UTF-8; a component is ".git" or ".gitmodules", or what NTFS or HFS+ would take for one of
// them or for a dot; or it has invisible characters.
//
// That is what git refuses with core.protectNTFS and core.protectHFS (https://git-scm.com/docs/git-config), and more:
// any backslash, since a checkout on Windows takes it for a slash; .gitmodules as a regular file too, since it tells
// whoever deploys the repository where else to fetch from; control and bidirectional characters, since names are
// printed, a line each, and read by people.
func CheckPath(name string) error {
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("%s: %w: it must be relative and clean, with no dots for a component", visible(name), ErrPath)
	}
	if len(name) > maxPath {
		return fmt.Errorf("%s…: %w: it has more than %d bytes", visible(name[:80]), ErrPath, maxPath)
	}
	if i := strings.IndexFunc(name, unseen.Rune); i >= 0 {
		c, _ := utf8.DecodeRuneInString(name[i:])
		return fmt.Errorf("%s: %w: it has the control character %U", visible(name), ErrPath, c)
	}
	if strings.Contains(name, `\`) {
		return fmt.Errorf("%s: %w: it has a backslash, which Windows takes for a slash", visible(name), ErrPath)
	}
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > maxName {
			return fmt.Errorf("%s: %w: a component has more than %d bytes", visible(name), ErrPath, maxName)
		}
		if bare := strings.Map(ignorable, part); guarded.MatchString(bare) {
			return fmt.Errorf("%s: %w: a component is, or stands on some file system for, a dot, .git or .gitmodules",
				visible(name), ErrPath)
		}
	}
	return nil
}

// visible returns the name, quoted if it has invisible characters.
func visible(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) || !utf8.ValidString(name) {
		return strconv.Quote(name)
	}
	return name
}

// guarded matches the names that no component may have, and the empty one. NTFS drops dots and spaces at a name's
// end, has streams of the same file after a colon, and has short names such as git~1; one that .gitmodules can get is
// made of gi7eba and a number.
var guarded = regexp.MustCompile(`(?i)^$|^(?:[. ]|\.git|git~1|\.gitmodules|gitmod~[1-4]|` +
	`(?:g(?:i(?:7(?:e(?:ba?)?)?)?)?)?~[1-9][0-9]*)[. ]*(?::.*)?$`)

// ignorable drops the characters that HFS+ does not look at when it compares names
// (https://developer.apple.com/library/archive/technotes/tn/tn1150.html#UnicodeSubtleties).
func ignorable(r rune) rune {
	if r >= 0x200c && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x206a && r <= 0x206f || r == 0xfeff {
		return -1
	}
	return r
}

// CheckBranch returns an error if git would refuse the name for a branch
// (https://git-scm.com/docs/git-check-ref-format), or if it has invisible characters.
func CheckBranch(name string) error {
	bad := name == "" || name == "HEAD" || name[0] == '-' || strings.HasSuffix(name, ".") ||
		!utf8.ValidString(name) || strings.ContainsFunc(name, unseen.Rune) || strings.ContainsAny(name, ` ~^:?*[\`) ||
		strings.Contains(name, "..") || strings.Contains(name, "@{")
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock")
	}
	if bad {
		return fmt.Errorf("%q cannot be the name of a branch", name)
	}
	return nil
}

// CheckIdentity returns an error if a commit cannot name its author or committer so: where the address is, and where
// the line ends, must be certain.
func CheckIdentity(name, email string) error {
	for _, s := range []string{name, email} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "<>") || strings.ContainsFunc(s, unseen.Rune) {
			return fmt.Errorf("%q: a name or address must not contain <, > or control characters", s)
		}
	}
	return nil
}
