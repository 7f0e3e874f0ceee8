package giturl

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Pattern is the URL in the name of a setting, http.URL.* or credential.URL.*. It fits all URLs below it; "*" in the
// host stands for one component (https://git-scm.com/docs/git-config, http.<url>.*).
type Pattern struct {
	scheme, host string // in lower case
	port         int    // the scheme's default if there is none
	path         string // without a slash at the end
	hasUser      bool
	user         string
}

// patternForm has the scheme, the user with a password and "@", the host, the port and the path.
var patternForm = regexp.MustCompile(
	`^([A-Za-z][A-Za-z0-9+.-]*)://([^@/?#]*@)?([A-Za-z0-9._*-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]*))?(/[^?#]*)?$`)

// ParsePattern reads a URL as git does in the name of a setting, and returns false if git would not compare it with
// others.
func ParsePattern(s string) (Pattern, bool) {
	parts := patternForm.FindStringSubmatch(s)
	if parts == nil {
		return Pattern{}, false
	}
	scheme, login, host, port, path := parts[1], parts[2], parts[3], parts[4], parts[5]
	p := Pattern{scheme: strings.ToLower(scheme), host: strings.ToLower(host), hasUser: login != ""}
	if port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n == 0 || n > 65535 {
			return Pattern{}, false
		}
		p.port = n
	}
	p.port = defaultPort(p.scheme, p.port)
	user, _, _ := strings.Cut(strings.TrimSuffix(login, "@"), ":")
	var err error
	if p.user, err = url.PathUnescape(user); err != nil {
		return Pattern{}, false
	}
	if path, err = url.PathUnescape(path); err != nil {
		return Pattern{}, false
	}
	p.path = strings.TrimSuffix(cleanPath(path), "/")
	return p, true
}

// Match reports whether the pattern fits the URL, and how well. A pattern never fits another scheme, host or port.
func (p Pattern) Match(u URL) (Fit, bool) {
	if p.scheme != u.Scheme || p.port != defaultPort(u.Scheme, u.Port) || !matchHost(p.host, strings.ToLower(u.Host)) {
		return Fit{}, false
	}
	if p.hasUser && (p.user == "" || p.user != u.User) {
		return Fit{}, false
	}
	rest, ok := strings.CutPrefix(cleanPath(u.Path), p.path)
	if !ok || rest != "" && rest[0] != '/' {
		return Fit{}, false
	}
	return Fit{host: len(p.host), path: len(p.path) + 1, user: p.hasUser}, true
}

// Fit is how well a pattern fits a URL. The zero value is that of a setting without a URL in its name.
type Fit struct {
	host, path int
	user       bool
}

// Worse reports whether git prefers the other: a longer host, then a longer path, then one with a user.
func (f Fit) Worse(other Fit) bool {
	if f.host != other.host {
		return f.host < other.host
	}
	if f.path != other.path {
		return f.path < other.path
	}
	return other.user && !f.user
}

// cleanPath resolves "." and ".." in a URL's path. Unlike path.Clean, it keeps empty components.
func cleanPath(s string) string {
	var parts []string
	for part := range strings.SplitSeq(strings.TrimPrefix(s, "/"), "/") {
		switch {
		case part == ".":
		case part != "..":
			parts = append(parts, part)
		case len(parts) > 0:
			parts = parts[:len(parts)-1]
		}
	}
	return "/" + strings.Join(parts, "/")
}

// defaultPort returns the port, or the scheme's own if that is 0; 0 for schemes other than http and https.
func defaultPort(scheme string, port int) int {
	switch {
	case port != 0:
		return port
	case scheme == "http":
		return 80
	case scheme == "https":
		return 443
	}
	return 0
}

// matchHost compares component by component.
func matchHost(pattern, host string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(host, ".")
	if len(want) != len(have) {
		return false
	}
	for i, component := range want {
		if component != "*" && component != have[i] {
			return false
		}
	}
	return true
}
