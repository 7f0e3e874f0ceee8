package giturl

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Pattern is the URL in the name of a setting, http.URL.* or credential.URL.*. It fits every URL below it, and a * stands
// for one component of the host (https://git-scm.com/docs/git-config, under http.<url>.*).
type Pattern struct {
	scheme, host, path string // in lower case, in lower case, without a slash at its end
	port               int    // never 0 for http and https
	login              bool   // the URL names a user
	user               string
}

var patternForm = regexp.MustCompile(
	`^([A-Za-z][A-Za-z0-9+.-]*)://([^@/?#]*@)?([A-Za-z0-9._*-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]*))?(/[^?#]*)?$`)

// ParsePattern returns false when the text is not a URL that git compares with others.
func ParsePattern(s string) (Pattern, bool) {
	parts := patternForm.FindStringSubmatch(s)
	if parts == nil {
		return Pattern{}, false
	}
	p := Pattern{scheme: strings.ToLower(parts[1]), login: parts[2] != "", host: strings.ToLower(parts[3])}
	if parts[4] != "" {
		port, err := strconv.Atoi(parts[4])
		if err != nil || port == 0 || port > 65535 {
			return Pattern{}, false
		}
		p.port = port
	}
	p.port = defaultPort(p.scheme, p.port)
	name, _, _ := strings.Cut(strings.TrimSuffix(parts[2], "@"), ":")
	var err error
	if p.user, err = url.PathUnescape(name); err != nil {
		return Pattern{}, false
	}
	path, err := url.PathUnescape(parts[5])
	if err != nil {
		return Pattern{}, false
	}
	p.path = strings.TrimSuffix(cleanPath(path), "/")
	return p, true
}

// Match reports whether the pattern fits the URL, and how well. A pattern never fits another scheme, host or port.
func (p Pattern) Match(u URL) (Fit, bool) {
	if p.scheme != u.Scheme || p.port != defaultPort(u.Scheme, u.Port) || !matchHost(p.host, strings.ToLower(u.Host)) ||
		p.login && (p.user == "" || p.user != u.User) {
		return Fit{}, false
	}
	rest, ok := strings.CutPrefix(cleanPath(u.Path), p.path)
	if !ok || rest != "" && rest[0] != '/' {
		return Fit{}, false
	}
	return Fit{host: len(p.host), path: len(p.path) + 1, user: p.login}, true
}

// Fit is how well a pattern fits a URL. The zero value is that of a setting whose name has no URL.
type Fit struct {
	host, path int
	user       bool
}

// Worse reports whether git prefers a setting that fits like other: by the host's length, then by the path's, then
// because it names the user.
func (f Fit) Worse(other Fit) bool {
	if f.host != other.host {
		return f.host < other.host
	}
	if f.path != other.path {
		return f.path < other.path
	}
	return other.user && !f.user
}

// cleanPath resolves the dots of a URL's path. Unlike in a file's path, an empty component counts.
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
