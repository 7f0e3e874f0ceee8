package credential

import (
	"encoding/hex"
	"strings"

	"update-gitops-repo/gitrepo/giturl"
)

// partial is a URL of which parts may be missing, as in credential.URL.* and in the files of git-credential-store.
type partial struct {
	scheme, username, password, host, path string
	hasPassword                            bool
}

// parsePartial splits a text as git does, which takes any.
func parsePartial(s string) partial {
	var p partial
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		p.scheme, s = scheme, rest
	}
	end := strings.IndexAny(s, "/?#")
	if end < 0 {
		end = len(s)
	}
	host, path := s[:end], s[end:]
	if login, rest, ok := strings.Cut(host, "@"); ok {
		host = rest
		p.username, p.password, p.hasPassword = strings.Cut(login, ":")
		p.username, p.password = decodePercent(p.username), decodePercent(p.password)
	}
	p.host = decodePercent(host)
	p.path = strings.TrimRight(decodePercent(strings.TrimLeft(path, "/")), "/")
	return p
}

// decodePercent decodes %41 and the like. As in git, malformed escapes stay, and so does all before a colon, which git
// takes for a scheme wherever it is.
func decodePercent(s string) string {
	i := max(strings.IndexByte(s, ':'), 0)
	b := []byte(s[:i])
	for ; i < len(s); i++ {
		if s[i] == '%' && len(s) >= i+3 {
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil && c[0] != 0 {
				b = append(b, c...)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// matches reports whether credential.URL.* applies to a URL. If the pattern is not a whole URL, the parts that it has
// must be equal.
func matches(pattern string, u giturl.URL) bool {
	if p, ok := giturl.ParsePattern(pattern); ok {
		_, fits := p.Match(u)
		return fits
	}
	p := parsePartial(pattern)
	return (p.scheme == "" || p.scheme == u.Scheme) && (p.host == "" || strings.EqualFold(p.host, u.HostPort())) &&
		(p.username == "" || p.username == u.User) && (p.path == "" || p.path == strings.Trim(u.Path, "/"))
}
