package settings

import (
	"bytes"
	"errors"
	"strings"
)

// errSyntax means that git would refuse the configuration. It does not quote the line, which may hold a secret.
var errSyntax = errors.New("git cannot read this line of its settings")

// parse passes on each setting of one file (https://git-scm.com/docs/git-config#_syntax). The line is where it
// stopped. go-git's own parser will not do: it loses the order between sections, on which includes and precedence
// rest, and wants each section on a line of its own.
func parse(data []byte, each func(Entry) error) (line int, err error) {
	p := configParser{data: bytes.TrimPrefix(data, []byte("\ufeff")), line: 1}
	section := ""
	for {
		line = p.line
		switch c := p.next(); {
		case c == '\n' && p.eof:
			return line, nil
		case isSpace(c):
		case c == '#' || c == ';':
			p.skipLine()
		case c == '[':
			if section, err = p.section(); err != nil {
				return line, err
			}
		case isLetter(c):
			name, value, bare, err := p.variable(c)
			if err == nil {
				err = each(Entry{Key: section + name, Value: value, Bare: bare})
			}
			if err != nil {
				return line, err
			}
		default:
			return line, errSyntax
		}
	}
}

type configParser struct {
	data []byte
	line int
	eof  bool
}

// next returns the next character; the end of the file ends a line too.
func (p *configParser) next() byte {
	if len(p.data) == 0 {
		p.eof = true
		return '\n'
	}
	c := p.data[0]
	if c == '\r' && len(p.data) > 1 && p.data[1] == '\n' {
		p.data = p.data[1:]
		c = '\n'
	}
	p.data = p.data[1:]
	if c == '\n' {
		p.line++
	}
	return c
}

func (p *configParser) skipLine() {
	for p.next() != '\n' {
	}
}

func isSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isKeyChar(c byte) bool {
	return isLetter(c) || '0' <= c && c <= '9' || c == '-'
}

// section returns a heading whose bracket is read, with the dot that precedes a name.
func (p *configParser) section() (string, error) {
	var b strings.Builder
	for {
		switch c := p.next(); {
		case c == ']':
			return strings.ToLower(b.String()) + ".", nil
		case c == '\n' || !isSpace(c) && !isKeyChar(c) && c != '.':
			return "", errSyntax
		case isSpace(c):
			sub, err := p.subsection()
			return strings.ToLower(b.String()) + "." + sub + ".", err
		default:
			b.WriteByte(c)
		}
	}
}

// subsection returns the quoted part of a heading, and reads its closing bracket.
func (p *configParser) subsection() (string, error) {
	c := p.next()
	for c != '\n' && isSpace(c) {
		c = p.next()
	}
	if c != '"' {
		return "", errSyntax
	}
	var b strings.Builder
	for {
		c := p.next()
		if c == '"' {
			break
		}
		if c == '\\' {
			c = p.next()
		}
		if c == '\n' {
			return "", errSyntax
		}
		b.WriteByte(c)
	}
	if p.next() != ']' {
		return "", errSyntax
	}
	return b.String(), nil
}

// variable returns the setting of a line whose first character is c. A bare one has no "=".
func (p *configParser) variable(c byte) (name, value string, bare bool, err error) {
	var b strings.Builder
	for isKeyChar(c) {
		b.WriteByte(c)
		c = p.next()
	}
	for c == ' ' || c == '\t' {
		c = p.next()
	}
	name = strings.ToLower(b.String())
	switch c {
	case '\n':
		return name, "", true, nil
	case '=':
		value, err = p.value()
		return name, value, false, err
	}
	return "", "", false, errSyntax
}

// value returns what follows "=".
func (p *configParser) value() (string, error) {
	var b strings.Builder
	var spaces []byte // outside of quotes, kept only if another character follows
	quoted := false
	for {
		c := p.next()
		switch {
		case c == '\n' && quoted:
			return "", errSyntax
		case c == '\n':
			return b.String(), nil
		case isSpace(c) && !quoted:
			if b.Len() > 0 {
				spaces = append(spaces, c)
			}
			continue
		case (c == '#' || c == ';') && !quoted:
			p.skipLine()
			return b.String(), nil
		}
		b.Write(spaces)
		spaces = nil
		switch c {
		case '"':
			quoted = !quoted
		case '\\':
			c = p.next()
			switch i := strings.IndexByte("tbn\\\"", c); {
			case c == '\n':
			case i < 0:
				return "", errSyntax
			default:
				b.WriteByte("\t\b\n\\\""[i])
			}
		default:
			b.WriteByte(c)
		}
	}
}
