package ssh

import (
	"os"
	"path/filepath"
	"strings"

	"update-gitops-repo/gitrepo/internal/paths"
)

// keyword splits a line of OpenSSH's configuration, "Name value" or "Name=value".
func keyword(line string) (name, value string) {
	line = strings.Trim(line, " \t\r")
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return strings.ToLower(line), ""
	}
	value = strings.TrimLeft(line[end:], " \t")
	value = strings.TrimLeft(strings.TrimPrefix(value, "="), " \t")
	return strings.ToLower(line[:end]), value
}

// config is what OpenSSH's configuration has for one host: per keyword, in lower case, its values in order, of which
// for most the first one counts.
type config map[string][]string

// read adds a file, and those that it includes. Blocks under Match are left out: their conditions may ask for anything,
// even for a program to be run. A file that is not there or may not be read has nothing to say.
func (c config) read(file, host, home string, depth int) {
	data, err := os.ReadFile(file)
	if err != nil || depth > 5 {
		return
	}
	applies := true
	for line := range strings.Lines(string(data)) {
		name, value := keyword(strings.TrimRight(line, "\n"))
		switch {
		case name == "" || name[0] == '#':
		case name == "host":
			applies = matchHost(words(value), host)
		case name == "match":
			applies = false
		case !applies:
		case name == "include":
			for _, pattern := range words(value) {
				if pattern = paths.Expand(pattern, home); !filepath.IsAbs(pattern) {
					pattern = filepath.Join(filepath.Dir(file), pattern)
				}
				files, _ := filepath.Glob(pattern) // fails for a pattern only that matches nothing
				for _, f := range files {
					c.read(f, host, home, depth+1)
				}
			}
		default:
			c[name] = append(c[name], value)
		}
	}
}

// words splits a value at its spaces, but for those in double quotes.
func words(value string) []string {
	var words []string
	for i, part := range strings.Split(value, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

func matchHost(patterns []string, host string) bool {
	matched := false
	for _, p := range patterns {
		p, negated := strings.CutPrefix(p, "!")
		if ok := matchWildcard(strings.ToLower(p), host); ok && negated {
			return false
		} else if ok {
			matched = true
		}
	}
	return matched
}

// matchWildcard knows * and ?, which both match any character.
func matchWildcard(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		pattern = strings.TrimLeft(pattern, "*")
		for i := range len(s) + 1 {
			if matchWildcard(pattern, s[i:]) {
				return true
			}
		}
		return false
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && matchWildcard(pattern[1:], s[1:])
}

// first is the value of a keyword that counts where one does, as words.
func (c config) first(name string) []string {
	if values := c[name]; len(values) > 0 {
		return words(values[0])
	}
	return nil
}

func (c config) firstWord(name string) string {
	if words := c.first(name); len(words) > 0 {
		return words[0]
	}
	return ""
}
