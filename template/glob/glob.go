// Package glob finds files by the patterns of the command line.
//
//   - any characters within a folder, or none
//     ?         one character, but no slash
//     [a-z_]    one of a set; [!a-z] and [^a-z] one that is not in it; [[:digit:]] a POSIX class; "]" may come first
//     **        any characters, slashes too, wherever it stands: a/**.yaml matches a/b.yaml and a/b/c.yaml
//     **/       any folders, or none, at the start or after a slash: a/**/b matches a/b
//     {x,y}     either; braces may stand within each other
//     \x        x itself
//
// Symbolic links and submodules are neither matched nor followed.
package glob

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"update-gitops-repo/gitrepo/wildmatch"
)

// The kinds of Error.
var (
	// ErrNoMatch: there is no such file.
	ErrNoMatch = errors.New("no match")
	// ErrLimit: too many files and folders would have to be listed.
	ErrLimit = errors.New("too many files")
)

// Error says what became of a pattern. Its text is "PATTERN: REASON".
type Error struct {
	Pattern string // or the name, when it is just a name
	Reason  string
	Err     error // the kind, one of the errors above
}

func (e *Error) Error() string { return e.Pattern + ": " + e.Reason }

// Unwrap returns the kind of the error.
func (e *Error) Unwrap() error { return e.Err }

// Prefetcher is implemented by a file system that loads many files together for less than one after the other.
type Prefetcher interface {
	// Prefetch loads the named files, so that reading them soon is cheap. Every name is a regular file of the file
	// system.
	Prefetch(names []string) error
}

// Prefetch loads the named files of fsys, if it is a Prefetcher.
func Prefetch(fsys fs.FS, names []string) error {
	if p, ok := fsys.(Prefetcher); ok && len(names) > 0 {
		return p.Prefetch(names)
	}
	return nil
}

// leaves finds a component "..", in braces too.
var leaves = regexp.MustCompile(`(?:^|[/{,])\.\.(?:$|[/},])`)

// Check returns an error for a pattern that Find does not take: it is empty, absolute or malformed, or leads out of the
// tree by "..".
func Check(pattern string) error {
	_, err := compile(pattern)
	return err
}

// compile returns the automaton of a pattern, or the error of Check.
func compile(pattern string) (wildmatch.Pattern, error) {
	switch {
	case pattern == "":
		return wildmatch.Pattern{}, errors.New("the pattern is empty")
	case strings.HasPrefix(pattern, "/"):
		return wildmatch.Pattern{}, fmt.Errorf("pattern %q is absolute: give it relative to the repository", pattern)
	case leaves.MatchString(pattern):
		return wildmatch.Pattern{}, fmt.Errorf("pattern %q leaves the repository", pattern)
	}
	compiled, err := wildmatch.Compile(path.Clean(pattern), wildmatch.Extended)
	if err != nil {
		return wildmatch.Pattern{}, fmt.Errorf("pattern %q is malformed: %w", pattern, err)
	}
	return compiled, nil
}

// special are the characters that make a pattern more than a name.
const special = `*?[{\`

// Find returns the regular files that match a pattern, sorted. It lists only folders that may hold a match, and none
// where the pattern itself says what the next name is. It returns an *Error when no file matches (ErrNoMatch) or when
// more than 5,000,000 files and folders would be listed (ErrLimit), the error of Check, and errors of fsys.
func Find(fsys fs.FS, pattern string) ([]string, error) {
	compiled, err := compile(pattern)
	if err != nil {
		return nil, err
	}
	if name := path.Clean(pattern); !strings.ContainsAny(name, special) {
		return one(fsys, name)
	}
	s := search{fsys: fsys}
	if err := s.folder(".", compiled.Walk()); err != nil {
		if errors.Is(err, ErrLimit) {
			reason := fmt.Sprintf("would list more than %d files and folders", maxListed)
			return nil, &Error{Pattern: pattern, Reason: reason, Err: ErrLimit}
		}
		return nil, fmt.Errorf("glob %s: %w", pattern, err)
	}
	if len(s.found) == 0 {
		return nil, &Error{Pattern: pattern, Reason: "no file matches", Err: ErrNoMatch}
	}
	slices.Sort(s.found)
	return s.found, nil
}

// one returns a file that is given by its name.
func one(fsys fs.FS, name string) ([]string, error) {
	info, err := fs.Lstat(fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Pattern: name, Reason: "no such file", Err: ErrNoMatch}
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &Error{Pattern: name, Reason: "not a regular file", Err: ErrNoMatch}
	}
	return []string{name}, nil
}

// Match reports whether Find would return a file of that name, if it existed. No name matches a pattern that Check
// refuses.
func Match(pattern, name string) bool {
	compiled, err := compile(pattern)
	return err == nil && compiled.Match(name)
}

// Split returns the folder that holds all matches of a pattern that Check takes, "." for the root, and the rest of the
// pattern. below reports whether matches may also lie in folders of that folder.
func Split(pattern string) (folder, rest string, below bool) {
	pattern = path.Clean(pattern)
	fixed := 0 // the end of the last component before the first wildcard
	for i := 0; i < len(pattern); i++ {
		if strings.IndexByte(`*?[{`, pattern[i]) >= 0 {
			break
		}
		switch pattern[i] {
		case '/':
			fixed = i
		case '\\':
			i++
		}
	}
	folder, rest = ".", pattern
	if fixed > 0 {
		folder, rest = escaped.ReplaceAllString(pattern[:fixed], "$1"), pattern[fixed+1:]
	}
	return folder, rest, strings.Contains(rest, "/") || strings.Contains(rest, "**")
}

var escaped = regexp.MustCompile(`(?s)\\(.)`)
