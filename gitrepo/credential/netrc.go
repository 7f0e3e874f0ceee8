package credential

import (
	"context"
	"path/filepath"
	"strings"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/secret"
)

// netrc reads $NETRC or ~/.netrc, which curl reads for git.
func (f *finder) netrc(context.Context) (Found, error) {
	file := f.settings.Getenv("NETRC")
	if file == "" {
		if f.settings.Home() == "" {
			return Found{}, nil
		}
		file = filepath.Join(f.settings.Home(), ".netrc")
	}
	data, err := f.read(file)
	if err != nil {
		return Found{}, err
	}
	c, ok := netrcLogin(data, strings.Trim(f.url.Host, "[]"), f.url.User)
	if !ok {
		return Found{}, nil
	}
	return Found{Credentials: c, Source: file}, nil
}

// netrcLogin returns the first login with a password that a .netrc has for a host, read as curl does: tokens between
// white space, in double quotes if they have some; comments from a # that starts a token to the end of the line; macros
// to an empty line. If user is not empty, only that user's logins count. A "default" does not count: it would send its
// password to any host.
func netrcLogin(data, host, user string) (giturl.Credentials, bool) {
	p := netrcParser{text: data}
	var login giturl.Credentials
	ofHost := false
	for {
		keyword, ok := p.keyword()
		if !ok || keyword == "machine" || keyword == "default" {
			if ofHost && !login.Password.Empty() && (user == "" || login.Username == secret.New(user)) {
				return login, true
			}
			login, ofHost = giturl.Credentials{}, false
		}
		switch {
		case !ok:
			return giturl.Credentials{}, false
		case keyword == "machine":
			name, _ := p.value()
			ofHost = name != "" && strings.EqualFold(name, host)
		case keyword == "login":
			name, _ := p.value()
			login.Username = secret.New(name)
		case keyword == "password":
			password, _ := p.value()
			login.Password = secret.New(password)
		case keyword == "account":
			p.value()
		case keyword == "macdef":
			p.skipMacro()
		}
	}
}

type netrcParser struct{ text string }

const netrcSpace = " \t\r\n"

// keyword returns the next token that is not in a comment; false at the end.
func (p *netrcParser) keyword() (string, bool) {
	p.text = strings.TrimLeft(p.text, netrcSpace)
	for strings.HasPrefix(p.text, "#") {
		_, p.text, _ = strings.Cut(p.text, "\n")
		p.text = strings.TrimLeft(p.text, netrcSpace)
	}
	return p.value()
}

// value returns the next token, which may begin with #; false at the end, and if its quote does not end.
func (p *netrcParser) value() (string, bool) {
	p.text = strings.TrimLeft(p.text, netrcSpace)
	if p.text == "" {
		return "", false
	}
	if p.text[0] == '"' {
		return p.quoted()
	}
	end := strings.IndexAny(p.text, netrcSpace)
	if end < 0 {
		end = len(p.text)
	}
	token := p.text[:end]
	p.text = p.text[end:]
	return token, true
}

// quoted returns a token in double quotes.
func (p *netrcParser) quoted() (string, bool) {
	var b strings.Builder
	for i := 1; i < len(p.text); i++ {
		c := p.text[i]
		if c == '"' {
			p.text = p.text[i+1:]
			return b.String(), true
		}
		if c == '\\' && i+1 < len(p.text) {
			i++
			c = unescape(p.text[i])
		}
		b.WriteByte(c)
	}
	p.text = ""
	return "", false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// skipMacro skips the rest of a macro, to an empty line.
func (p *netrcParser) skipMacro() {
	for line, more := "name", true; more && strings.TrimSuffix(line, "\r") != ""; {
		line, p.text, more = strings.Cut(p.text, "\n")
	}
}
