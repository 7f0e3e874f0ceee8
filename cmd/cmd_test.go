package cmd

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/cmd/internal/update"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/secret"
)

// environment is a getenv over fixed variables.
func environment(vars ...string) func(string) string {
	return func(name string) string {
		for _, v := range vars {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// TestNames: what the flags say counts before what the CI system says, and that before the repository's name.
func TestNames(t *testing.T) {
	const sha = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	actions := environment("GITHUB_ACTIONS=true", "GITHUB_SHA="+sha, "GITHUB_REPOSITORY=acme/shop", "GITHUB_SERVER_URL=https://github.com")
	const page = "https://github.com/acme/shop/commit/" + sha
	for _, test := range []struct {
		getenv                      func(string) string
		args                        string
		app, revision, branch, link string
	}{
		{actions, "", "shop", sha, "shop-1a2b3c4", page},
		{actions, "-app=blog", "blog", sha, "blog-1a2b3c4", page},
		{actions, "-git-revision=v1.2", "shop", "v1.2", "shop-v1.2", ""},
		{actions, "-branch=b -git-revision=" + sha, "shop", sha, "b", page},
		{environment(), "-git-revision=1", "gitops", "1", "gitops-1", ""},
	} {
		args := append([]string{"-dry-run", "-repo=https://git.example.com/acme/gitops.git", "-substitute=a=1"}, strings.Fields(test.args)...)
		p := mustPlan(t, test.getenv, args...)
		w := p.Composer
		if w.App != test.app || w.Revision != test.revision || p.Branch != test.branch || w.Link != test.link {
			t.Errorf("%s: app %q, revision %q, branch %q, link %q", test.args, w.App, w.Revision, p.Branch, w.Link)
		}
	}
}

func mustPlan(t *testing.T, getenv func(string) string, args ...string) update.Plan {
	t.Helper()
	c, err := parseConfig(args, &secret.Redactor{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(t.Context(), c, surroundings{getenv: getenv, client: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProviderByHost(t *testing.T) {
	for host, want := range map[string]string{
		"github.com": "github", "gitlab.com": "gitlab", "github.com.example.com": "", "mygithub.com": "", "gitlab.example.com": "", "GitHub.com": "github", "github.com.": "",
	} {
		u, _, err := giturl.Parse("https://" + host + "/acme/gitops")
		if err != nil {
			t.Fatal(err)
		}
		if got := forgeOf(&config{}, u, environment()).Name; got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func newToken(value string) (t tokenFlag) {
	t.found = func(...secret.Text) {}
	_ = t.Set(value) // It always takes it.
	return t
}

func TestSecret(t *testing.T) {
	s := newToken("s3cret")
	remote := gitrepo.Remote{Credentials: giturl.Login("alex", "s3cret")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{
			s, &s, config{token: s}, &config{token: s, signPassphrase: passphraseFlag(s)}, update.Plan{Remote: remote},
			check{remote: remote}, draft{remote: remote, wallet: auth.Wallet{Options: auth.Options{Token: s.Text}}},
		} {
			if got := fmt.Sprintf(format, v); strings.Contains(got, "s3cret") || strings.Contains(got, fmt.Sprintf("%x", "s3cret")) {
				t.Errorf("%s prints %s", format, got)
			}
		}
	}
}

func TestUserAgent(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.WriteString(w, r.UserAgent()); err != nil {
			t.Error(err)
		}
	}))
	defer srv.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "some library")
	client, err := newClient("", time.Minute, slog.New(slog.DiscardHandler), &secret.Redactor{})
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != "update-gitops-repo/"+version() {
		t.Errorf("the server saw %q, %v", got, err)
	}
}

// TestProxyRefuses checks that the client tells what a proxy says, which the transport's own error does not have.
func TestProxyRefuses(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	client, err := newClient("", time.Minute, slog.New(slog.DiscardHandler), &secret.Redactor{})
	if err != nil {
		t.Fatal(err)
	}
	client.Transport.(retry.Transport).Next.(logged).next.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) {
		return url.Parse(proxy.URL)
	}
	_, err = client.Get("https://forge.example.com/")
	if err == nil || !strings.HasSuffix(err.Error(), "the proxy says: 407 Proxy Authentication Required") {
		t.Errorf("got %v", err)
	}
}

// Whatever a request authenticates with is not shown from then on, wherever it came from.
func TestRequestsAreSecret(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	for _, test := range []struct{ header, secret string }{
		{"Bearer made-of-a-key", "made-of-a-key"}, {"token s3cret", "s3cret"},
		{"Basic " + base64.StdEncoding.EncodeToString([]byte("alex:s3cret")), "s3cret"},
		{"Basic " + base64.StdEncoding.EncodeToString([]byte("a-token-of-20-characters:x-oauth-basic")), "a-token-of-20-characters"},
		{"Basic " + base64.StdEncoding.EncodeToString([]byte("no-colon")), "no-colon"},
	} {
		var secrets secret.Redactor
		client, err := newClient("", time.Minute, slog.New(slog.DiscardHandler), &secrets)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", test.header)
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if got := secrets.Redact("alex, x-oauth-basic: " + test.secret); got != "alex, x-oauth-basic: ***" {
			t.Errorf("%s: %s", test.header, got)
		}
	}
}

// TestSignal: a signal ends the run in order, with an exit code and two lines.
func TestSignal(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	go func() {
		// A server that takes the connection and says nothing. By now the program listens for signals.
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { c.Close() })
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}()
	args, stderr := os.Args, os.Stderr
	defer func() { os.Args, os.Stderr = args, stderr }()
	os.Args = []string{"update-gitops-repo", "-repo=http://" + l.Addr().String() + "/acme/gitops.git", "-set=a.yaml:.a=1", "-create-pull-request=false"}
	if os.Stderr, err = os.Create(filepath.Join(t.TempDir(), "stderr")); err != nil {
		t.Fatal(err)
	}
	if code := Main(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	got, err := os.ReadFile(os.Stderr.Name())
	if err != nil || !strings.Contains(string(got), "\nerror: ") || !strings.Contains(string(got), "\nhint: it was interrupted") {
		t.Errorf("stderr %q, %v", got, err)
	}
}
