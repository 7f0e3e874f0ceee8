// Package giturl reads the URLs of git repositories, and the patterns for URLs in git's settings.
package giturl

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/transport"

	"update-gitops-repo/gitrepo/internal/unseen"
)

// URL is where a repository is. It never holds a password, so it is safe to print.
type URL struct {
	Scheme string // "https", "http", "ssh" or "file"
	User   string // the ssh login, "git" unless the URL has another; empty for the other schemes
	Host   string // in lower case, without port; empty for "file"
	Port   int    // 0: the scheme's default
	Path   string // as given: "/acme/gitops.git"; for "file" an absolute path
}

// Parse reads the forms that git itself accepts (https://git-scm.com/docs/git-clone#_git_urls), except git:// and
// ftp://: https and http URLs, ssh URLs, the short user@host:path, file URLs and paths. The user and password of an
// http URL are returned as Credentials. Errors do not quote the text, because a password may be anywhere in it.
//
// Parse also refuses
//   - a user, host or path that starts with "-", which git blocks because ssh would read it as an option;
//   - remote helpers (ext::), which run programs;
//   - hosts and ports that cannot exist;
//   - an http URL with a query or a fragment, also an escaped one: it has no use except to hold a token.
func Parse(s string) (URL, Credentials, error) {
	u, c, err := parse(s)
	if err == nil {
		err = u.check()
	}
	if err != nil {
		return URL{}, Credentials{}, err
	}
	return u, c, nil
}

func parse(s string) (URL, Credentials, error) {
	if remoteHelper.MatchString(s) {
		return URL{}, Credentials{}, errors.New("git's remote helpers are not supported")
	}
	ep, err := transport.NewEndpoint(s)
	if err != nil {
		// The parser's error quotes the whole URL, which may hold a password.
		return URL{}, Credentials{}, errors.New("not a repository URL or path")
	}
	u := URL{
		Scheme: strings.ToLower(ep.Protocol), User: ep.User, Host: strings.ToLower(ep.Host), Port: ep.Port,
		Path: ep.Path,
	}
	switch u.Scheme {
	case "http", "https":
		u.User = ""
		return u, Login(ep.User, ep.Password), u.checkHTTP()
	case "ssh":
		if u.User == "" {
			u.User = "git"
		}
		return u, Credentials{}, u.checkSSH(ep.Password)
	case "file":
		if looksLikePassword.MatchString(s) {
			return URL{}, Credentials{}, errors.New("it reads as a path but has a password in it; check the scheme")
		}
		return URL{Scheme: "file", Path: u.Path}, Credentials{}, nil
	}
	return URL{}, Credentials{}, fmt.Errorf("scheme %q is not one of https, http, ssh and file", u.Scheme)
}

var errIncomplete = errors.New("the URL lacks a host or a path")

func (u URL) checkHTTP() error {
	switch {
	case u.Host == "" || strings.Trim(u.Path, "/") == "":
		return errIncomplete
	case strings.ContainsAny(u.Path, "?#"):
		return errors.New("the URL has a query or a fragment")
	}
	return nil
}

// checkSSH also refuses http URLs with a mistyped scheme: they read as the short form, with the password in a part that
// is printed.
func (u URL) checkSSH(password string) error {
	switch {
	case u.Host == "" || strings.Trim(u.Path, "/") == "":
		return errIncomplete
	case password != "" || strings.ContainsAny(u.User, ":/") || strings.Contains(u.Path, "@"):
		return errors.New("an ssh URL takes no password, and no @ in its path")
	case knownScheme.MatchString(u.Host):
		return errors.New("it reads as a host and a path; check the scheme")
	}
	return nil
}

// check refuses parts that a server, a program or a reader could mistake for something else.
func (u URL) check() error {
	for _, part := range []string{u.User, u.Host, u.Path} {
		if strings.HasPrefix(part, "-") {
			return errors.New("a user, host or path that starts with - is blocked")
		}
		if !utf8.ValidString(part) || strings.ContainsFunc(part, unseen.Rune) {
			return errors.New("the URL has control characters")
		}
	}
	if u.Scheme == "file" {
		return nil
	}
	if u.Port < 0 || u.Port > 65535 {
		return errors.New("the port is not between 0 and 65535")
	}
	if v6, ok := strings.CutPrefix(u.Host, "["); ok {
		if _, err := netip.ParseAddr(strings.TrimSuffix(v6, "]")); err != nil || !strings.HasSuffix(v6, "]") {
			return errors.New("the host is not an IP address; write an IPv6 address as ssh://USER@[ADDRESS]/PATH")
		}
	} else if strangeHost.MatchString(u.Host) {
		return errors.New("the host has characters that no host name has")
	}
	return nil
}

var (
	remoteHelper      = regexp.MustCompile(`^[A-Za-z0-9]*::`)
	knownScheme       = regexp.MustCompile(`^(?:https?|ssh|git|file|ftps?)$`)
	strangeHost       = regexp.MustCompile(`[^\pL\pN._-]`)
	looksLikePassword = regexp.MustCompile(`:[^/@]*@`)
)

// String returns the URL without credentials, or the path for "file".
func (u URL) String() string {
	if u.Scheme == "file" {
		return u.Path
	}
	return u.Endpoint().String()
}

// HostPort returns the host, with the port if the URL names one, as in an http URL.
func (u URL) HostPort() string {
	if u.Port == 0 {
		return u.Host
	}
	return net.JoinHostPort(strings.Trim(u.Host, "[]"), strconv.Itoa(u.Port))
}

// Repository returns the path on the host as forges write it: "acme/gitops", "group/sub/project".
func (u URL) Repository() string {
	return strings.TrimSuffix(strings.Trim(path.Clean("/"+u.Path), "/"), ".git")
}

// Name returns the last part of the repository's path: "gitops".
func (u URL) Name() string { return path.Base(u.Repository()) }

// SameServer reports whether both URLs lead to the same port of the same host, by the same scheme.
func (u URL) SameServer(other URL) bool {
	return u.Scheme == other.Scheme && u.Host == other.Host &&
		defaultPort(u.Scheme, u.Port) == defaultPort(other.Scheme, other.Port)
}

// Endpoint returns the URL in go-git's form.
func (u URL) Endpoint() *transport.Endpoint {
	return &transport.Endpoint{Protocol: u.Scheme, User: u.User, Host: u.Host, Port: u.Port, Path: u.Path}
}
