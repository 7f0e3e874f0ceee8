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

// What Linux takes for a name and a path at most (NAME_MAX, PATH_MAX); no other system that git runs on takes more.
const (
	maxName = 255
	maxPath = 4095
)

// CheckPath returns an ErrPath when no file may be written there, whatever the repository holds: the path is not a
// relative, clean one in UTF-8; a component is ".git" or ".gitmodules", or what NTFS or HFS+ would take for one of them
// or for a dot; or it has characters that are not to be seen.
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

// visible is a name as it stands where all of it is to be seen, and else in quotes.
func visible(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) || !utf8.ValidString(name) {
		return strconv.Quote(name)
	}
	return name
}

// guarded are the names that no component may have, or nothing. NTFS drops dots and spaces at a name's end, has streams
// of the same file behind a colon, and knows git~1 and its like as short names, of which one that .gitmodules can get
// is made of gi7eba and a number.
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

// CheckBranch returns an error when git would not take the name for a branch
// (https://git-scm.com/docs/git-check-ref-format), or when it is not made of characters that are to be seen.
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

// CheckIdentity returns an error when a commit cannot name somebody like that: what it says between the brackets and
// where the line ends must be certain.
func CheckIdentity(name, email string) error {
	for _, s := range []string{name, email} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "<>") || strings.ContainsFunc(s, unseen.Rune) {
			return fmt.Errorf("%q: a name or address must not contain <, > or control characters", s)
		}
	}
	return nil
}
