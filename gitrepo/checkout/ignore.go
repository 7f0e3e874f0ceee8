package checkout

import (
	"path"
	"strings"

	"update-gitops-repo/gitrepo/wildmatch"
)

// pattern is one of .gitignore's or .gitattributes' (https://git-scm.com/docs/gitignore#_pattern_format).
type pattern struct {
	base    string // the folder that it holds for: "" or "a/b/"
	path    bool   // it is for paths below base, not for names
	folder  bool   // it is for folders only
	negated bool
	literal string // what a path begins with, or all of a name or path without wildcards
	rest    *wildmatch.Pattern
}

// matchAll matches every name.
var matchAll = newPattern("*", "")

// newPattern reads a pattern that holds below base. One that git would not understand matches nothing.
func newPattern(glob, base string) pattern {
	p := pattern{base: base}
	glob, p.folder = strings.CutSuffix(glob, "/")
	p.path = strings.Contains(glob, "/")
	glob = strings.TrimPrefix(glob, "/")
	n := wildmatch.Literal(glob)
	if n == len(glob) {
		p.literal = glob
		return p
	}
	if p.path {
		p.literal, glob = glob[:n], glob[n:]
	}
	rest, _ := wildmatch.Compile(glob, 0) // A malformed pattern matches nothing, as with git.
	p.rest = &rest
	return p
}

// matches reports whether the pattern matches the path of a file or a folder.
func (p pattern) matches(name string, folder bool) bool {
	name, ok := strings.CutPrefix(name, p.base)
	if !ok || p.folder && !folder {
		return false
	}
	if !p.path {
		name = path.Base(name)
	}
	if p.rest == nil {
		return name == p.literal
	}
	name, ok = strings.CutPrefix(name, p.literal)
	return ok && p.rest.Match(name)
}

// ignorePatterns reads a .gitignore that holds for what is below base.
func ignorePatterns(data []byte, base string) []pattern {
	var out []pattern
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		if line[0] == '#' {
			continue
		}
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		line, negated := strings.CutPrefix(trimSpaces(line), "!")
		if line == "" {
			continue
		}
		p := newPattern(line, base)
		p.negated = negated
		out = append(out, p)
	}
	return out
}

// trimSpaces removes the spaces at the end of a line that no backslash escapes.
func trimSpaces(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = min(i+1, len(line))
	}
	return line[:end]
}

// ignored reports whether the last of the patterns that matches says so. What is in an ignored folder is for the caller
// to leave out.
func ignored(patterns []pattern, name string, folder bool) bool {
	for i := len(patterns) - 1; i >= 0; i-- {
		if patterns[i].matches(name, folder) {
			return !patterns[i].negated
		}
	}
	return false
}
