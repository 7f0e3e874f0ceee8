package credential

import (
	"strings"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/secret"
)

// netrcLogin gives the first login with a password that a .netrc has for a host, as curl reads the file for git: tokens
// between white space, in double quotes where they have some, comments from a # at a token's place to the end of the
// line, macros up to an empty line. User, where it is known, has to be the same. A "default" entry does not count: it
// would hand its password to whichever host is asked for. The file knows neither schemes nor ports.
func netrcLogin(data, host, user string) (giturl.Credentials, bool) {
	p := netrcParser{text: data}
	var found giturl.Credentials
	inMachine := false
	complete := func() bool {
		return inMachine && !found.Password.Empty() && (user == "" || found.Username == secret.New(user))
	}
	for {
		keyword, ok := p.token(true)
		if !ok {
			return found, complete()
		}
		switch keyword {
		case "machine", "default":
			if complete() {
				return found, true
			}
			found, inMachine = giturl.Credentials{}, false
			if keyword == "machine" {
				name, _ := p.token(false)
				inMachine = name != "" && strings.EqualFold(name, host)
			}
		case "login":
			name, _ := p.token(false)
			found.Username = secret.New(name)
		case "password":
			password, _ := p.token(false)
			found.Password = secret.New(password)
		case "account":
			p.token(false)
		case "macdef":
			for line := "name"; strings.TrimSuffix(line, "\r") != ""; {
				if line, p.text, ok = strings.Cut(p.text, "\n"); !ok {
					break
				}
			}
		}
	}
}

type netrcParser struct{ text string }

// token gives the next one; false at the end, and for one whose quote does not end.
func (p *netrcParser) token(comments bool) (string, bool) {
	p.text = strings.TrimLeft(p.text, " \t\r\n")
	for comments && strings.HasPrefix(p.text, "#") {
		_, p.text, _ = strings.Cut(p.text, "\n")
		p.text = strings.TrimLeft(p.text, " \t\r\n")
	}
	if p.text == "" {
		return "", false
	}
	if p.text[0] != '"' {
		end := strings.IndexAny(p.text, " \t\r\n")
		if end < 0 {
			end = len(p.text)
		}
		token := p.text[:end]
		p.text = p.text[end:]
		return token, true
	}
	var b strings.Builder
	for i := 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.text = p.text[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(p.text):
			i++
			switch c := p.text[i]; c {
			case 'n':
				b.WriteByte('\n')
			case 'r':
				b.WriteByte('\r')
			case 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
		}
	}
	p.text = ""
	return "", false
}
