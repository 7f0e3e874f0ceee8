package settings

import (
	"path/filepath"
	"slices"
	"strings"

	"update-gitops-repo/gitrepo/wildmatch"
)

// met reports whether a condition of includeIf holds. file is where the condition stands
// (https://git-scm.com/docs/git-config#_conditional_includes).
func (r *reader) met(condition, file string) bool {
	kind, pattern, _ := strings.Cut(condition, ":")
	var flags wildmatch.Flags
	switch kind {
	case "gitdir":
	case "gitdir/i":
		flags = wildmatch.FoldCase
	default:
		return false
	}
	folder, pattern, ok := r.anchor(pattern, file)
	if !ok || r.checkout.GitDir == "" {
		return false
	}
	compiled, err := wildmatch.Compile(pattern, flags)
	if err != nil {
		return false // A malformed pattern matches nothing, as with git.
	}
	gitDirs := []string{r.checkout.GitDir}
	if resolved, err := filepath.EvalSymlinks(r.checkout.GitDir); err == nil {
		gitDirs = append(gitDirs, resolved)
	}
	return slices.ContainsFunc(gitDirs, func(gitDir string) bool {
		rest, ok := cutFolder(gitDir, folder, flags)
		return ok && compiled.Match(rest)
	})
}

// cutFolder returns what follows the folder in a path, and whether the path begins with it. Only the case of ASCII
// letters can be ignored.
func cutFolder(name, folder string, flags wildmatch.Flags) (rest string, ok bool) {
	if len(name) < len(folder) {
		return "", false
	}
	for i := range len(folder) {
		a, b := name[i], folder[i]
		if flags&wildmatch.FoldCase != 0 && isLetter(a) && isLetter(b) {
			a, b = a|0x20, b|0x20
		}
		if a != b {
			return "", false
		}
	}
	return name[len(folder):], true
}

// anchor makes a condition's pattern one for a whole path. A pattern that is relative to its file comes apart: in the
// file's folder, git looks for no wildcards. It returns false if the folder does not exist.
func (r *reader) anchor(pattern, file string) (folder, rest string, ok bool) {
	if pattern == "" || strings.HasSuffix(pattern, "/") {
		pattern += "**"
	}
	switch {
	case strings.HasPrefix(pattern, "./"):
		resolved, err := filepath.EvalSymlinks(file)
		return filepath.Dir(resolved) + "/", pattern[2:], err == nil && filepath.IsAbs(file)
	case strings.HasPrefix(pattern, "~/"):
		home, err := filepath.EvalSymlinks(r.home)
		return "", home + pattern[1:], err == nil
	case filepath.IsAbs(pattern):
		return "", pattern, true
	}
	return "", "**/" + pattern, true
}
