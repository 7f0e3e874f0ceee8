package ssh

import (
	"os"
	"path/filepath"
	"strings"

	"update-gitops-repo/gitrepo/internal/paths"
	"update-gitops-repo/gitrepo/wildmatch"
)

// maxIncludes is how deep files may include others. OpenSSH allows 16.
const maxIncludes = 5

// config is what OpenSSH's configuration has for one host (ssh_config(5)).
type config struct {
	host, home string
	values     map[string][]string // by keyword in lower case; for most keywords, the first value counts
}

// readConfig reads the user's file and the system's. Missing and unreadable files are skipped.
func readConfig(host, home string) config {
	c := config{host: host, home: home, values: map[string][]string{}}
	if home != "" {
		c.read(filepath.Join(home, ".ssh", "config"), 0)
	}
	c.read("/etc/ssh/ssh_config", 0)
	return c
}

// read adds a file and those that it includes. Blocks under Match are skipped: their conditions may run programs.
func (c config) read(file string, depth int) {
	data, err := os.ReadFile(file)
	if err != nil || depth > maxIncludes {
		return
	}
	applies := true
	for line := range strings.Lines(string(data)) {
		name, value := splitLine(strings.TrimRight(line, "\n"))
		switch {
		case name == "" || name[0] == '#':
		case name == "host":
			applies = matchHost(words(value), c.host)
		case name == "match":
			applies = false
		case !applies:
		case name == "include":
			c.include(filepath.Dir(file), words(value), depth+1)
		default:
			c.values[name] = append(c.values[name], value)
		}
	}
}

// include adds the files that the patterns match, which may be relative to a folder.
func (c config) include(dir string, patterns []string, depth int) {
	for _, pattern := range patterns {
		files, err := filepath.Glob(paths.Resolve(dir, paths.Expand(pattern, c.home)))
		if err != nil {
			continue // a malformed pattern, which matches nothing
		}
		for _, file := range files {
			c.read(file, depth)
		}
	}
}

// first returns the words of the first value of a keyword.
func (c config) first(name string) []string {
	if values := c.values[name]; len(values) > 0 {
		return words(values[0])
	}
	return nil
}

// firstWord returns the first word of the first value of a keyword, or "".
func (c config) firstWord(name string) string {
	if words := c.first(name); len(words) > 0 {
		return words[0]
	}
	return ""
}

// splitLine splits a line "Name value" or "Name=value". The name is returned in lower case.
func splitLine(line string) (name, value string) {
	line = strings.Trim(line, " \t\r")
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return strings.ToLower(line), ""
	}
	value = strings.TrimLeft(line[end:], " \t")
	value = strings.TrimLeft(strings.TrimPrefix(value, "="), " \t")
	return strings.ToLower(line[:end]), value
}

// words splits a value at spaces, except in double quotes.
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

// onlyStars escapes what is special to wildmatch but not in ssh_config(5), PATTERNS, which knows "*" and "?" only.
var onlyStars = strings.NewReplacer(`[`, `\[`, `\`, `\\`)

// matchHost reports whether one of the patterns matches the host and no negated one does.
func matchHost(patterns []string, host string) bool {
	matched := false
	for _, text := range patterns {
		text, negated := strings.CutPrefix(text, "!")
		pattern, err := wildmatch.Compile(onlyStars.Replace(strings.ToLower(text)), 0)
		if err != nil || !pattern.Match(host) {
			continue
		}
		if negated {
			return false
		}
		matched = true
	}
	return matched
}
