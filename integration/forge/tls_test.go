package forge

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func startTLS(t *testing.T, s *Server) TLS {
	t.Helper()
	access, err := s.StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	return access
}

func startProxy(t *testing.T, s *Server, user, password string) string {
	t.Helper()
	url, err := s.StartProxy(user, password)
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// trusting is a client that trusts the forge's authority and goes through proxy, if there is one.
func trusting(t *testing.T, access TLS, proxy string) *http.Client {
	t.Helper()
	ca, err := os.ReadFile(access.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("no certificate in the file")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	if proxy != "" {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		transport.Proxy = http.ProxyURL(u)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get asks for path with the token, and returns the answer's body.
func get(t *testing.T, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// The git program clones and pushes over TLS if it trusts the authority, and not otherwise.
func TestTLSGit(t *testing.T) {
	s := start(t, GitHub, true)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	access := startTLS(t, s)
	if want := fmt.Sprintf("https://127.0.0.1:%d", access.Port); access.URL != want {
		t.Errorf("URL %s, want %s", access.URL, want)
	}
	if _, err := s.StartTLS(); err == nil {
		t.Error("started twice")
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		url := fmt.Sprintf("https://%s:%d/acme/gitops.git", host, access.Port)
		work := filepath.Join(t.TempDir(), "work")
		git(t, "-c", "http.sslCAInfo="+access.CAFile, "clone", "--quiet", url, work)
		write(t, filepath.Join(work, "big"), random(2<<20)) // more than http.postBuffer: no length is known
		git(t, "-C", work, "add", "big")
		git(t, "-C", work, "commit", "--quiet", "-m", "big")
		// Over HTTP/2 git, with the curl of some systems, now and then never sends the rest of what is large.
		git(t, "-C", work, "-c", "http.version=HTTP/1.1", "-c", "http.sslCAInfo="+access.CAFile, "push", "--quiet",
			"origin", "HEAD:refs/heads/"+host)
		if got, want := at(t, s, "rev-parse", host), git(t, "-C", work, "rev-parse", "HEAD"); got != want {
			t.Errorf("pushed %s, the server has %s", want, got)
		}
		all := s.Requests()
		if got := all[len(all)-1]; got.Scheme != "https" ||
			got.Host != fmt.Sprintf("%s:%d", host, access.Port) || got.Auth != "token" {
			t.Errorf("logged %+v", got)
		}
		n := len(all)
		if out, err := tryGit(t, "ls-remote", url); err == nil || !strings.Contains(out, "certificate") {
			t.Errorf("untrusted: %v: %s", err, out)
		}
		if got := s.Requests()[n:]; len(got) > 0 {
			t.Errorf("untrusted, it was asked: %+v", got)
		}
	}
}

// Answers name the forge as the client does.
func TestTLSAPI(t *testing.T) {
	for kind, path := range map[Kind]string{GitHub: "/api/v3/repos/acme/gitops", GitLab: gitLabProject} {
		t.Run(string(kind), func(t *testing.T) {
			s := start(t, kind, false)
			seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
			branch(t, s, "topic", map[string]string{"a.yaml": "a: 2\n"})
			access := startTLS(t, s)
			c := trusting(t, access, "")
			resp, body := get(t, c, access.URL+path)
			if resp.ProtoMajor != 2 || !strings.Contains(body, `"`+access.URL+`/acme/gitops"`) ||
				strings.Contains(body, s.URL()) {
				t.Errorf("%s: %s", resp.Proto, body)
			}
			pulls, in := gitHubPulls, object{"title": "T", "head": "topic", "base": "main"}
			if kind == GitLab {
				pulls, in = gitLabMRs, object{"title": "T", "source_branch": "topic", "target_branch": "main"}
			}
			call(t, s, "POST", pulls, in)
			for _, list := range []string{pulls, pulls + "/1", pulls + "?per_page=1&page=2"} {
				if resp, body := get(t, c, access.URL+list); strings.Contains(body+resp.Header.Get("Link"), s.URL()) {
					t.Errorf("%s: %s %v", list, body, resp.Header)
				}
			}
			if _, body := get(t, c, access.URL+pulls); !strings.Contains(body,
				`"`+strings.Replace(s.PullRequests(repo)[0].URL, s.URL(), access.URL, 1)+`"`) {
				t.Errorf("%s", body)
			}
		})
	}
}

// Through the proxy, the forge is wherever the client thinks it is.
func TestProxyGit(t *testing.T) {
	s := start(t, GitLab, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	proxy := startProxy(t, s, "", "")
	if _, err := s.StartProxy("", ""); err == nil {
		t.Error("started twice")
	}
	through := func(args ...string) []string {
		return append([]string{"-c", "http.proxy=" + proxy, "-c",
			"http.sslCAInfo=" + filepath.Join(s.cfg.Dir, "tls", "ca.pem")}, args...)
	}
	const secure, open = "https://forge.example.com/acme/gitops.git", "http://forge.example.com/acme/gitops.git"
	if out, err := tryGit(t, through("ls-remote", secure)...); err == nil || !strings.Contains(out, "502") {
		t.Errorf("no TLS yet: %v: %s", err, out)
	}
	startTLS(t, s)
	tip := at(t, s, "rev-parse", "main")
	git(t, through("--git-dir="+s.GitDir(repo), "push", "--quiet", secure, "main:one")...)
	git(t, through("--git-dir="+s.GitDir(repo), "push", "--quiet", open, "main:two")...)
	for _, name := range []string{"one", "two"} {
		if got := at(t, s, "rev-parse", name); got != tip {
			t.Errorf("%s is at %s", name, got)
		}
	}
	got := s.Proxied()
	for _, want := range []string{
		"CONNECT forge.example.com:443 502", "CONNECT forge.example.com:443",
		"GET " + open + "/info/refs?service=git-receive-pack", "POST " + open + "/git-receive-pack",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q was not asked for, but %q", want, got)
		}
	}
	for _, r := range s.Requests() {
		if r.Host != Name || r.Via == "proxy-authorization" {
			t.Errorf("logged %+v", r)
		}
	}
	if out, err := tryGit(t, through("ls-remote", "https://other.example.com/acme/gitops.git")...); err == nil ||
		!strings.Contains(out, "certificate") {
		t.Errorf("another host: %v: %s", err, out)
	}
}

func TestProxyCredentials(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	access := startTLS(t, s)
	proxy := startProxy(t, s, "me", "pr0xy-password")
	with := func(userinfo string) string { return strings.Replace(proxy, "//", "//"+userinfo+"@", 1) }
	for _, scheme := range []string{"http", "https"} {
		url := scheme + "://forge.example.com/acme/gitops.git"
		for userinfo, ok := range map[string]bool{"me:pr0xy-password": true, "me:wrong": false,
			"you:pr0xy-password": false, "me:": false} {
			out, err := tryGit(t, "-c", "http.proxy="+with(userinfo), "-c",
				"http.sslCAInfo="+access.CAFile, "ls-remote", url)
			if (err == nil) != ok || !ok && !strings.Contains(out, "407") {
				t.Errorf("%s by %s: %v: %s", scheme, userinfo, err, out)
			}
		}
	}
	asked := s.Proxied()
	if !slices.Contains(asked, "CONNECT forge.example.com:443") ||
		!slices.Contains(asked, "CONNECT forge.example.com:443 407") {
		t.Errorf("asked for %q", asked)
	}
	for _, r := range s.Requests() {
		if strings.Contains(r.Via, "proxy") {
			t.Errorf("the proxy's credentials came through: %+v", r)
		}
	}

	c := trusting(t, access, with("me:pr0xy-password"))
	if resp, body := get(t, c, "https://forge.example.com/api/v3/repos/acme/gitops"); resp.StatusCode != 200 ||
		!strings.Contains(body, `"https://forge.example.com/acme/gitops"`) {
		t.Errorf("%s: %s", resp.Status, body)
	}
	if resp, _ := get(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		proxy); resp.StatusCode != 407 {
		t.Errorf("as a web server: %s", resp.Status)
	}
}

// A request that is no proxy's business is refused, and what the proxy notes holds no token.
func TestProxyRefuses(t *testing.T) {
	s := start(t, GitHub, false)
	if got := s.Proxied(); got != nil {
		t.Errorf("no proxy, but %q", got)
	}
	proxy := startProxy(t, s, "", "")
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if resp, _ := get(t, direct, proxy+"/x?private_token="+token); resp.StatusCode != 400 {
		t.Errorf("as a web server: %s", resp.Status)
	}
	if got := s.Proxied(); !slices.Equal(got, []string{"GET /x?private_token=[token] 400"}) {
		t.Errorf("asked for %q", got)
	}
}

// Close ends tunnels that do nothing, and what is between.
func TestTLSAndProxyClose(t *testing.T) {
	s := start(t, GitHub, false)
	access := startTLS(t, s)
	proxy := startProxy(t, s, "", "")
	tunnel, err := net.Dial("tcp", strings.TrimPrefix(proxy, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer tunnel.Close()
	io.WriteString(tunnel, "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n")
	status := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(tunnel, status); err != nil || string(status) != "HTTP/1.1 200" {
		t.Fatalf("%v: %s", err, status)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(tunnel); err != nil { // its end, not a reset or a wait for ever
		t.Error(err)
	}
	for _, addr := range []string{strings.TrimPrefix(access.URL, "https://"), strings.TrimPrefix(proxy, "http://")} {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Errorf("%s still listens", addr)
		}
	}
	if _, err := s.StartTLS(); err == nil {
		t.Error("TLS starts after Close")
	}
	s = start(t, GitHub, false)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.StartProxy("", ""); err == nil {
		t.Error("a proxy starts after Close")
	}
	if _, err := s.StartTLS(); err == nil {
		t.Error("TLS starts after Close")
	}
}
