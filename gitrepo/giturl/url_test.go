package giturl_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/unseen"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in, want, repository, hostPort, password string
	}{
		{"https://github.com/acme/gitops", "https://github.com/acme/gitops", "acme/gitops", "github.com", ""},
		{"https://alex:s3cret@git.example.com:8443/acme/gitops.git", "https://git.example.com:8443/acme/gitops.git",
			"acme/gitops", "git.example.com:8443", "s3cret"},
		{"https://gitlab.com/a/b/c/d.git/", "https://gitlab.com/a/b/c/d.git/", "a/b/c/d", "gitlab.com", ""},
		{"https://u%40x:p%40s%3ay@host/a/b", "https://host/a/b", "a/b", "host", "p@s:y"},
		{"https://u:p@w@host/a/b", "https://host/a/b", "a/b", "host", "p@w"},
		{"https://good.example.com%2f:s3cret@evil/a/b", "https://evil/a/b", "a/b", "evil", "s3cret"},
		{"https://git.bücher.example/a/b", "https://git.bücher.example/a/b", "a/b", "git.bücher.example", ""},
		{"ssh://git@[::1]:2222/a/b.git", "ssh://git@[::1]:2222/a/b.git", "a/b", "[::1]:2222", ""},
		{"https://host/a@b/c:d", "https://host/a@b/c:d", "a@b/c:d", "host", ""},
		{"http://[::1]:8080/x/y", "http://[::1]:8080/x/y", "x/y", "[::1]:8080", ""},
		{"https://GitHub.com/Acme/GitOps", "https://github.com/Acme/GitOps", "Acme/GitOps", "github.com", ""},
		{"git@github.com:acme/gitops.git", "ssh://git@github.com/acme/gitops.git", "acme/gitops", "github.com:22", ""},
		{"ssh://git.example.com:2222/acme/gitops.git", "ssh://git@git.example.com:2222/acme/gitops.git", "acme/gitops",
			"git.example.com:2222", ""},
		{"ssh://robot@git.example.com/acme/gitops", "ssh://robot@git.example.com/acme/gitops", "acme/gitops",
			"git.example.com", ""},
		{"/srv/git/gitops.git", "/srv/git/gitops.git", "srv/git/gitops", "", ""},
		{"file:///srv/git/gitops.git", "/srv/git/gitops.git", "srv/git/gitops", "", ""},
	} {
		u, c, err := giturl.Parse(test.in)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if u.String() != test.want || u.Repository() != test.repository || u.HostPort() != test.hostPort ||
			c.Password.Reveal() != test.password {
			t.Errorf("%s: %s, %s, %s, %q", test.in, u, u.Repository(), u.HostPort(), c.Password.Reveal())
		}
		if want := test.repository[strings.LastIndex(test.repository, "/")+1:]; u.Name() != want {
			t.Errorf("%s: name %s, want %s", test.in, u.Name(), want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"https://", "https://user:s3cret@host", "ssh://host", "svn://host/x",
		"https://a:s3cret@[::1/x", "git://host/x",
		"https://host/acme/x?private_token=s3cret", "https://host/acme/x#s3cret", "https://host/acme/x%3fs3cret",
		"https://s3cret.example.com#@evil/x",
		"-oProxyCommand=s3cret@host:x", "git@-oProxyCommand=s3cret:x", "ssh://-s3cret/x", "ssh://-s3cret@host/x",
		"git@host:-s3cret", "ssh://git@-s3cret/x",
		"ext::sh -c s3cret", "::s3cret", "http::https://host/s3cret", "fd::17/s3cret", "https:/host/s3cret",
		"https:s3cret/x", "ssh:host/s3cret", "file:/s3cret",
		"https://host:65536/s3cret", "https://host:99999/s3cret", "ssh://git@host:70000/s3cret",
		"git@host:70000:s3cret", "https://host:-1/s3cret",
		"https://host/a%0d%0aX-Header:%20s3cret", "https://host/a\r\nX: s3cret/x", "https://host/a%00s3cret",
		"git@host:a\ns3cret", "git@h\x1b:s3cret", "https://host/s3cret\u202e", "/srv/s3cret\n",
		"https://host/%ffs3cret",
		"git@[::1]:s3cret", "[::1]:s3cret", "https://[::1/s3cret", "https://[s3cret]/x",
		"https://good.example.com\\@evil/s3cret", "git@h|x:s3cret", "git@$(s3cret):x",
		"alex:s3cret@host/acme/x", "alex:s3cret@host:acme/x", "http//alex:s3cret@host/x", "//alex:s3cret@host/x",
		"ssh://alex:s3cret@host/x",
	} {
		if _, _, err := giturl.Parse(in); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want an error without the password", in, err)
		}
	}
}

// FuzzParse: a URL that is accepted leads where net/url says, and shows no password.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"https://alex:s3cret@git.example.com:8443/acme/gitops.git",
		"git@github.com:acme/gitops.git", "ssh://[::1]:22/x", "/srv/x", "file:///x", "ext::sh -c x",
		"-oProxyCommand=x@host:y", "https://a%40b:c%0a@host/x?y#z", "https://good\\@evil/x", "git@[::1]:x",
		"https://host:99999/x", "http//u:p@h/x", "https:/u:p@h/x", "https://h/a%0d%0aX:y",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, c, err := giturl.Parse(s)
		if err != nil {
			if u != (giturl.URL{}) || c != (giturl.Credentials{}) {
				t.Errorf("%q: %v beside an error", s, u)
			}
			return
		}
		for _, part := range []string{u.User, u.Host, u.Path} {
			if strings.HasPrefix(part, "-") || !utf8.ValidString(part) || strings.ContainsFunc(part, unseen.Rune) {
				t.Errorf("%q: %q", s, part)
			}
		}
		if u.Port < 0 || u.Port > 65535 || c != (giturl.Credentials{}) && !strings.HasPrefix(u.Scheme, "http") {
			t.Errorf("%q: port %d, %s", s, u.Port, u.Scheme)
		}
		if p := c.Password.Reveal(); len(p) > 3 && !strings.Contains(u.Host+u.Path, p) &&
			strings.Contains(u.String(), p) {
			t.Errorf("%q: %s shows the password", s, u)
		}
		if u.Scheme == "file" {
			return
		}
		back, err := url.Parse(u.Scheme + "://" + u.HostPort() + "/")
		if err != nil || !strings.EqualFold(back.Hostname(), strings.Trim(u.Host, "[]")) &&
			!strings.Contains(u.Host, "%") {
			t.Errorf("%q: %v, %q is not at %q", s, err, u.HostPort(), u.Host)
		}
		if given, err := url.Parse(s); err == nil && strings.HasPrefix(u.Scheme, "http") &&
			!strings.EqualFold(given.Hostname(), strings.Trim(u.Host, "[]")) {
			t.Errorf("%q: %q is not at %q", s, u, given.Hostname())
		}
	})
}

// TestCredentialsDoNotPrint: no verb of package fmt finds the secrets.
func TestCredentialsDoNotPrint(t *testing.T) {
	t.Parallel()
	c := giturl.Login("tok3n", "s3cret")
	for _, v := range []any{
		c, &c, []giturl.Credentials{c}, map[string]giturl.Credentials{"x": c},
		struct{ C giturl.Credentials }{c}, struct{ c giturl.Credentials }{c},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s", "%x", "%d"} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "s3cret") || strings.Contains(text, "tok3n") ||
				strings.Contains(text, fmt.Sprintf("%x", "s3cret")) {
				t.Errorf("%s of %T prints %s", verb, v, text)
			}
		}
	}
}
