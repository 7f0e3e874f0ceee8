package template

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Prefetcher is implemented by a file system that can load many files at once for less than the sum of its parts.
type Prefetcher interface {
	// Prefetch loads the named files, so that reading them soon is cheap. Every name is a regular file of the file
	// system.
	Prefetch(names []string) error
}

func prefetch(fsys fs.FS, names []string) error {
	if p, ok := fsys.(Prefetcher); ok && len(names) > 0 {
		return p.Prefetch(names)
	}
	return nil
}

// leaves finds a component "..", in braces too.
var leaves = regexp.MustCompile(`(?:^|[/{,])\.\.(?:$|[/},])`)

// CheckGlob returns an error when pattern is not one that Glob takes: it is empty or malformed, it is absolute, or it
// leads out of the tree by "..".
func CheckGlob(pattern string) error {
	switch {
	case pattern == "":
		return errors.New("the pattern is empty")
	case strings.HasPrefix(pattern, "/"):
		return fmt.Errorf("pattern %q is absolute: it shall be relative to the repository", pattern)
	case leaves.MatchString(pattern):
		return fmt.Errorf("pattern %q leaves the repository", pattern)
	case !doublestar.ValidatePattern(pattern):
		return fmt.Errorf("pattern %q is malformed", pattern)
	}
	return nil
}

// Glob returns the regular files that match pattern, sorted. "*" and "?" match within a folder, "**" crosses folders
// wherever it stands ("a/**.yaml" matches a/b.yaml and a/b/c.yaml), "[a-z]" and "[!a-z]" match one character, "{a,b}"
// either; "\" takes the next character as it is. Symbolic links and submodules are neither matched nor followed. Only
// folders that the pattern can reach are listed, and none at all when the pattern is just a name. An *Error of kind
// ErrNoMatch says that there is no such file.
func Glob(fsys fs.FS, pattern string) ([]string, error) {
	if err := CheckGlob(pattern); err != nil {
		return nil, err
	}
	cleaned := path.Clean(pattern)
	if !strings.ContainsAny(cleaned, `*?[{\`) {
		return literal(fsys, cleaned)
	}
	var names []string
	listed := 0
	err := doublestar.GlobWalk(folders{fsys, &listed}, crossing(cleaned), func(name string, d fs.DirEntry) error {
		if d.Type().IsRegular() {
			names = append(names, name)
		}
		return nil
	}, doublestar.WithFailOnIOErrors(), doublestar.WithNoFollow())
	if listed > maxListed {
		return nil, &Error{File: pattern, Reason: fmt.Sprintf("would take more than a list of %d files and folders; name the folders that count", maxListed), Err: ErrLimit}
	}
	if err != nil {
		return nil, fmt.Errorf("glob %s: %w", pattern, err)
	}
	if len(names) == 0 {
		return nil, &Error{File: pattern, Reason: "no file matches", Err: ErrNoMatch}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Split tells where Glob looks for what matches a pattern that CheckGlob takes: the folder, "." for the root, that all of
// it is in, and what the rest of the names matches, in which "/" stands wherever folders are crossed. A pattern that is just a name has
// no rest, and is itself the first part.
func Split(pattern string) (fixed, rest string) {
	cleaned := path.Clean(pattern)
	if !strings.ContainsAny(cleaned, `*?[{\`) {
		return cleaned, ""
	}
	fixed, rest = doublestar.SplitPattern(crossing(cleaned))
	return path.Clean(fixed), rest
}

// maxListed is how many files and folders a pattern may look at, ten times what large repositories have. A few trees that hold
// each other many times over make billions of names.
const maxListed = 5_000_000

// folders lists what is not a folder as something that does not exist: braces can make a pattern try "values.yaml/*". It lists no more
// than maxListed entries.
type folders struct {
	fs.FS
	listed *int
}

// ReadDir implements fs.ReadDirFS.
func (f folders) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	if err != nil {
		if info, statErr := fs.Lstat(f.FS, name); statErr == nil && !info.IsDir() {
			return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
		}
	}
	if *f.listed += len(entries); *f.listed > maxListed {
		return nil, ErrLimit
	}
	return entries, err
}

// Stat implements fs.StatFS.
func (f folders) Stat(name string) (fs.FileInfo, error) { return fs.Stat(f.FS, name) }

func literal(fsys fs.FS, name string) ([]string, error) {
	info, err := fs.Lstat(fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{File: name, Reason: "no such file", Err: ErrNoMatch}
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &Error{File: name, Reason: "not a regular file", Err: ErrNoMatch}
	}
	return []string{name}, nil
}

// globToken is an escaped character, a character class, a "**", or any other character.
var globToken = regexp.MustCompile(`(?s)\\.|\[(?:\\.|[^\]\\])*\]|\*\*+|.`)

// crossing rewrites each "**" that shares its place between two slashes with something else, since doublestar reads
// such a one as "*": "**.x" becomes "**/*.x", and "a**.x" becomes "a{*,*/**/*}.x".
func crossing(pattern string) string {
	var out strings.Builder
	atStart := true   // the next token starts the name of a file or folder
	var braces []bool // atStart at each brace that is open
	for _, at := range globToken.FindAllStringIndex(pattern, -1) {
		token, rest := pattern[at[0]:at[1]], pattern[at[1]:]
		starts := token == "/"
		switch {
		case strings.HasPrefix(token, "**") && !atStart:
			token = "{*,*/**/*}"
		case strings.HasPrefix(token, "**") && strings.HasPrefix(rest, "/"):
			token = "**"
		case strings.HasPrefix(token, "**"):
			token = "**/*"
		case token == "{":
			braces = append(braces, atStart)
			starts = atStart
		case token == "," && len(braces) > 0:
			starts = braces[len(braces)-1]
		case token == "}" && len(braces) > 0:
			braces = braces[:len(braces)-1]
		}
		out.WriteString(token)
		atStart = starts
	}
	return out.String()
}

// Match reports whether Glob would find a file of that name, if it were there. The pattern is one that CheckGlob takes.
func Match(pattern, name string) bool {
	ok, err := doublestar.Match(crossing(path.Clean(pattern)), name)
	return ok && err == nil
}
