package settings

import (
	"regexp"
	"strings"
)

// Words splits a command line that git would have a shell run, as the shell would. It returns false if the line has
// more than words, quotes and variables, because only a shell can tell what that means.
func (s *Settings) Words(line string) ([]string, bool) {
	var words []string
	var b strings.Builder
	inWord := false
	var quote byte
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '\'':
			b.WriteByte(c)
		case c == '$':
			name := variable.FindString(line[i:])
			if name == "" {
				return nil, false
			}
			b.WriteString(s.Getenv(strings.Trim(name, "${}")))
			inWord = true
			i += len(name) - 1
		case c == '\\':
			i++
			if i == len(line) || quote != 0 && strings.IndexByte(`"\$`, line[i]) < 0 {
				return nil, false
			}
			b.WriteByte(line[i])
			inWord = true
		case c == '`' || quote == 0 && strings.IndexByte("|&;<>()*?[#!{}", c) >= 0:
			return nil, false
		case quote != 0:
			b.WriteByte(c)
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case isSpace(c):
			if inWord {
				words = append(words, b.String())
			}
			b.Reset()
			inWord = false
		default:
			b.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, b.String())
	}
	return words, quote == 0
}

var variable = regexp.MustCompile(`^\$(\w+|\{\w+\})`)
