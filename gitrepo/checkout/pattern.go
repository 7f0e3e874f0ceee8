package checkout

import (
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// pattern is one of .gitignore's or .gitattributes' (https://git-scm.com/docs/gitignore). The library's patterns are not
// git's: a name is taken for any part of a path, and [!a] and a**b are not known.
type pattern struct {
	base    string // the folder that it holds for: "" or "a/b/"
	glob    string
	whole   bool // it is for paths below base, not for names
	folder  bool // it is for folders only
	negated bool
	re      *regexp.Regexp // nil: glob has no wildcards
}

// ignorePatterns reads a .gitignore that holds for what is below base.
func ignorePatterns(data []byte, base string) []pattern {
	var out []pattern
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
			line = strings.TrimSuffix(line, " ")
		}
		line, negated := strings.CutPrefix(line, "!")
		if line == "" || line[0] == '#' && !negated {
			continue
		}
		p := newPattern(line, base)
		p.negated = negated
		out = append(out, p)
	}
	return out
}

func newPattern(glob, base string) pattern {
	p := pattern{base: base}
	glob, p.folder = strings.CutSuffix(glob, "/")
	p.whole = strings.Contains(glob, "/")
	p.glob = strings.TrimPrefix(glob, "/")
	if strings.ContainsAny(p.glob, `*?[\`) {
		p.re = compileGlob(p.glob)
	}
	return p
}

func (p pattern) matches(name string, folder bool) bool {
	name, ok := strings.CutPrefix(name, p.base)
	if !ok || p.folder && !folder {
		return false
	}
	if !p.whole {
		name = path.Base(name)
	}
	if p.re == nil {
		return name == p.glob
	}
	return p.re.MatchString(latin1(name))
}

// ignored asks the patterns, of which the last that matches counts. What is in an ignored folder is for the caller to
// leave out.
func ignored(patterns []pattern, name string, folder bool) bool {
	for i := len(patterns) - 1; i >= 0; i-- {
		if patterns[i].matches(name, folder) {
			return !patterns[i].negated
		}
	}
	return false
}

var never = regexp.MustCompile(`[^\x00-\x{10FFFF}]`)

// latin1 makes each byte a character, because git's ? and [...] stand for bytes.
func latin1(s string) string {
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
}

// compileGlob gives what git's wildmatch takes as a regular expression: * stays in a folder, ** between slashes does not.
func compileGlob(glob string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	glob = latin1(glob)
	for i := 0; i < len(glob); {
		rest := glob[i:]
		// Git compares what comes before the first wildcard apart, and takes what follows for a pattern of its own.
		first := i == 0 || glob[i-1] == '/' || i == strings.IndexAny(glob, `*?[\`)
		switch {
		case first && strings.HasPrefix(rest, "**/"):
			b.WriteString(`(?:.*/)?`)
			i += 3
		case i > 0 && first && rest == "**":
			b.WriteString(`.*`)
			i += 2
		case rest[0] == '*':
			b.WriteString(`[^/]*`)
			i += len(rest) - len(strings.TrimLeft(rest, "*"))
		case rest[0] == '?':
			b.WriteString(`[^/]`)
			i++
		case rest[0] == '[':
			class, n := compileClass(rest)
			if n == 0 {
				return never
			}
			b.WriteString(class)
			i += n
		case rest == `\`:
			return never
		default:
			if rest[0] == '\\' {
				rest = rest[1:]
				i++
			}
			_, n := utf8.DecodeRuneInString(rest)
			b.WriteString(regexp.QuoteMeta(rest[:n]))
			i += n
		}
	}
	re, err := regexp.Compile(b.String() + `\z`)
	if err != nil {
		return never
	}
	return re
}

// compileClass translates the [...] that s starts with, and gives its length: 0 when it does not end.
func compileClass(s string) (class string, length int) {
	var b strings.Builder
	b.WriteString("[")
	i := 1
	if strings.HasPrefix(s[i:], "!") || strings.HasPrefix(s[i:], "^") {
		b.WriteString("^/")
		i++
	}
	for first := i; i < len(s); i++ {
		switch c := s[i]; {
		case c == ']' && i > first:
			return b.String() + "]", i + 1
		case c == '[' && strings.HasPrefix(s[i:], "[:") && strings.Contains(s[i:], ":]"):
			n := strings.Index(s[i:], ":]") + 2
			b.WriteString(s[i : i+n])
			i += n - 1
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteString(regexp.QuoteMeta(s[i : i+1]))
		case strings.IndexByte(`[]^&~`, c) >= 0:
			b.WriteString(`\` + s[i:i+1])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0
}
