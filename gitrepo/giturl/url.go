// Package giturl reads the URLs of git repositories, and the patterns of URLs that git's settings have.
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
	"update-gitops-repo/secret"
)

// URL says where a repository is. It holds no password: Parse hands that out apart, so that a URL is safe to print.
type URL struct {
	Scheme string // "https", "http", "ssh" or "file"
	User   string // the ssh login, "git" unless the URL says otherwise; empty for the other schemes
	Host   string // without port; empty for "file"
	Port   int    // 0: the scheme's own
	Path   string // as given: "/acme/gitops.git"; for "file" an absolute path
}

// Credentials authenticate against a git server over http and https. The user may be a token, too.
type Credentials struct {
	Username, Password secret.Text
	Bearer             bool // the password is a bearer token, and there is no user
}

// Login returns the credentials of a user with a password.
func Login(username, password string) Credentials {
	return Credentials{Username: secret.New(username), Password: secret.New(password)}
}

// Parse reads the forms that git itself accepts (https://git-scm.com/docs/git-clone#_git_urls), but for git:// and
// ftp://: https and http URLs, ssh URLs, the short user@host:path, file URLs and paths. A user and password in an http
// URL come back as Credentials. Errors hold nothing of the text, since a password may be anywhere in it.
//
// Refused beside what is none of them: what git calls strange and blocks, a user, host or path that starts with "-"; remote
// helpers (ext::); ports that are none; and in http URLs a query or a fragment, which have no use but to hold a token, and a
// "?" or "#" in disguise.
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
	if helper.MatchString(s) {
		return URL{}, Credentials{}, errors.New("git's remote helpers are not run")
	}
	ep, err := transport.NewEndpoint(s)
	if err != nil {
		// The parser's error quotes the whole URL, with a password that may be in it.
		return URL{}, Credentials{}, errors.New("not a repository URL or path")
	}
	u := URL{Scheme: strings.ToLower(ep.Protocol), User: ep.User, Host: strings.ToLower(ep.Host), Port: ep.Port, Path: ep.Path}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" || strings.Trim(u.Path, "/") == "" {
			return URL{}, Credentials{}, errors.New("the URL lacks a host or a path")
		}
		if strings.ContainsAny(u.Path, "?#") {
			return URL{}, Credentials{}, errors.New("the URL has a query or a fragment")
		}
		u.User = ""
		return u, Login(ep.User, ep.Password), nil
	case "ssh":
		if u.Host == "" || strings.Trim(u.Path, "/") == "" {
			return URL{}, Credentials{}, errors.New("the URL lacks a host or a path")
		}
		// A mistyped scheme turns an http URL into the short form or a path, with the password in a part that is printed.
		if ep.Password != "" || strings.ContainsAny(u.User, ":/") || strings.Contains(u.Path, "@") {
			return URL{}, Credentials{}, errors.New("an ssh URL takes no password, and no @ in its path")
		}
		if knownScheme.MatchString(u.Host) {
			return URL{}, Credentials{}, errors.New("it reads as a host and a path; is the scheme right?")
		}
		if u.User == "" {
			u.User = "git"
		}
		return u, Credentials{}, nil
	case "file":
		if looksLikePassword.MatchString(s) {
			return URL{}, Credentials{}, errors.New("it reads as a path but has a password in it; is the scheme right?")
		}
		return URL{Scheme: "file", Path: u.Path}, Credentials{}, nil
	}
	return URL{}, Credentials{}, fmt.Errorf("scheme %q is not one of https, http, ssh and file", u.Scheme)
}

// check refuses parts that a server, a program or a reader could take for something else.
func (u URL) check() error {
	for _, part := range []string{u.User, u.Host, u.Path} {
		if strings.HasPrefix(part, "-") {
			return errors.New("a user, host or path that starts with - is blocked")
		}
		if !utf8.ValidString(part) || strings.ContainsFunc(part, unseen.Rune) {
			return errors.New("it has control characters in it")
		}
	}
	if u.Scheme == "file" {
		return nil
	}
	if u.Port < 0 || u.Port > 65535 {
		return errors.New("the port is not below 65536")
	}
	if v6, ok := strings.CutPrefix(u.Host, "["); ok {
		if _, err := netip.ParseAddr(strings.TrimSuffix(v6, "]")); err != nil || !strings.HasSuffix(v6, "]") {
			return errors.New("the host is no address; with one of IPv6, write ssh://USER@[ADDRESS]/PATH")
		}
	} else if strangeHost.MatchString(u.Host) {
		return errors.New("the host has characters that none has")
	}
	return nil
}

var (
	helper      = regexp.MustCompile(`^[A-Za-z0-9]*::`)
	knownScheme = regexp.MustCompile(`^(?:https?|ssh|git|file|ftps?)$`)
	strangeHost = regexp.MustCompile(`[^\pL\pN._-]`)
)

var looksLikePassword = regexp.MustCompile(`:[^/@]*@`)

// String gives the URL without credentials; a path for "file".
func (u URL) String() string {
	if u.Scheme == "file" {
		return u.Path
	}
	return u.Endpoint().String()
}

// HostPort is the host, with the port where the URL names one, as it stands in an http URL.
func (u URL) HostPort() string {
	if u.Port == 0 {
		return u.Host
	}
	return net.JoinHostPort(strings.Trim(u.Host, "[]"), strconv.Itoa(u.Port))
}

// Repository is the path on the host as forges write it: "acme/gitops", "group/sub/project".
func (u URL) Repository() string {
	return strings.TrimSuffix(strings.Trim(path.Clean("/"+u.Path), "/"), ".git")
}

// Name is the last part of the repository's path: "gitops".
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
