package settings

import (
	"path/filepath"
	"regexp"
	"strings"
)

// met reports whether a condition of includeIf that a file has holds.
func (r *reader) met(condition, file string) bool {
	kind, pattern, _ := strings.Cut(condition, ":")
	if r.checkout.GitDir == "" || kind != "gitdir" && kind != "gitdir/i" {
		return false
	}
	literal := "" // what no wildcard is looked for in
	if pattern == "" || strings.HasSuffix(pattern, "/") {
		pattern += "**"
	}
	switch {
	case strings.HasPrefix(pattern, "./"):
		dir, err := filepath.EvalSymlinks(filepath.Dir(file))
		if err != nil || !filepath.IsAbs(file) {
			return false
		}
		literal, pattern = dir+"/", pattern[2:]
	case strings.HasPrefix(pattern, "~/"):
		home, err := filepath.EvalSymlinks(r.home)
		if err != nil {
			return false
		}
		pattern = home + pattern[1:]
	case !filepath.IsAbs(pattern):
		pattern = "**/" + pattern
	}
	expression := "^" + regexp.QuoteMeta(literal) + wildcards(pattern) + "$"
	if kind == "gitdir/i" {
		expression = "(?i)" + expression
	}
	matcher, err := regexp.Compile(expression)
	if err != nil {
		return false
	}
	resolved, err := filepath.EvalSymlinks(r.checkout.GitDir)
	return err == nil && matcher.MatchString(resolved) || matcher.MatchString(r.checkout.GitDir)
}

// wildcards makes a regular expression of a pattern for paths.
func wildcards(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		atStart := i == 0 || pattern[i-1] == '/'
		switch {
		case atStart && strings.HasPrefix(rest, "**/"):
			b.WriteString("(.*/)?")
			i += 2
		case atStart && rest == "**":
			b.WriteString(".*")
			i++
		case rest[0] == '*':
			b.WriteString("[^/]*")
		case rest[0] == '?':
			b.WriteString("[^/]")
		case rest[0] == '[' && strings.Contains(rest, "]"):
			end := 2 + strings.IndexByte(rest[2:]+"]", ']') // The first character may be ] itself.
			class := strings.TrimSuffix(rest[1:min(end, len(rest))], "]")
			if negated, ok := strings.CutPrefix(class, "!"); ok {
				class = "^" + negated
			}
			b.WriteString("[" + class + "]")
			i += end
		case rest[0] == '\\' && len(rest) > 1:
			b.WriteString(regexp.QuoteMeta(rest[1:2]))
			i++
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
		}
	}
	return b.String()
}
