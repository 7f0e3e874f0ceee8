package forge

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

const (
	jobToken  = "j0b-token"
	readToken = "r3ad-token"
)

// startAll is start with all tokens.
func startAll(t *testing.T, kind Kind) *Server {
	t.Helper()
	s, err := Start(Config{Kind: kind, Token: token, JobToken: jobToken, ReadToken: readToken, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.CreateRepo(repo, "main"); err != nil {
		t.Fatal(err)
	}
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	return s
}

// gitAs is git with nothing of the machine's configuration, and with that user name and password.
func gitAs(user, password string, args ...string) *exec.Cmd {
	cmd := gitCommand(args...)
	cmd.Env = append(cmd.Env, "GIT_CONFIG_VALUE_0=!echo username="+user+"; echo password="+password+" #")
	return cmd
}

func TestTokensOverGit(t *testing.T) {
	for _, tc := range []struct {
		kind           Kind
		user, password string
		fetch, push    string // in git's output; empty: it works
	}{
		{GitHub, "x", token, "", ""},
		{GitLab, "x", token, "", ""},
		{GitLab, jobUser, token, "", ""},
		{GitLab, jobUser, jobToken, "", ""},
		{GitLab, "x", jobToken, "Authentication failed", "Authentication failed"},
		{GitHub, jobUser, jobToken, "Authentication failed", "Authentication failed"},
		{GitHub, "x", readToken, "", "remote: Write access to repository not granted."},
		{GitLab, "x", readToken, "", "remote: You are not allowed to push code to this project."},
		{GitLab, "x", "wrong", "Authentication failed", "Authentication failed"},
	} {
		t.Run(string(tc.kind)+" "+tc.user+" "+tc.password, func(t *testing.T) {
			s := startAll(t, tc.kind)
			check := func(what, want string, cmd *exec.Cmd) {
				t.Helper()
				out, err := cmd.CombinedOutput()
				if (err == nil) != (want == "") || !strings.Contains(string(out), want) {
					t.Errorf("%s: %v: %s", what, err, out)
				}
			}
			check("fetch", tc.fetch, gitAs(tc.user, tc.password, "ls-remote", s.CloneURL(repo)))
			check("push", tc.push,
				gitAs(tc.user, tc.password, "--git-dir="+s.GitDir(repo), "push", s.CloneURL(repo), "main:topic"))
			if _, err := tryGit(t, "--git-dir="+s.GitDir(repo), "rev-parse", "--verify",
				"topic"); (err == nil) != (tc.push == "") {
				t.Errorf("pushed: %v", err)
			}
		})
	}
}

func TestReadTokenOverAPI(t *testing.T) {
	for _, tc := range []struct {
		kind                Kind
		method, path, token string
		status              int
		want                string // in the answer
	}{
		{GitHub, "GET", "/api/v3/repos/acme/gitops", token, 200, `"push":true`},
		{GitHub, "GET", "/api/v3/repos/acme/gitops", readToken, 200, `"pull":true,"push":false`},
		{GitHub, "GET", gitHubPulls, readToken, 200, `[]`},
		{GitHub, "POST", gitHubPulls, readToken, 403, `"message":"Resource not accessible by personal access token"`},
		{GitHub, "POST", "/api/v3/repos/acme/none/pulls", readToken, 404, "Not Found"},
		{GitHub, "GET", "/api/v3/repos/acme/gitops", jobToken, 401, "Bad credentials"},
		{GitLab, "GET", gitLabProject, token, 200, `"access_level":30`},
		{GitLab, "GET", gitLabProject, readToken, 200, `"access_level":20`},
		{GitLab, "GET", gitLabMRs, readToken, 200, `[]`},
		{GitLab, "POST", gitLabMRs, readToken, 403, `{"message":"403 Forbidden"}`},
		{GitLab, "PUT", gitLabMRs + "/1/merge", readToken, 401, `{"message":"401 Unauthorized"}`},
		{GitLab, "POST", "/api/v4/projects/acme%2Fnone/merge_requests", readToken, 404, "404 Project Not Found"},
		{GitLab, "GET", gitLabProject, jobToken, 401, `{"message":"401 Unauthorized"}`},
	} {
		t.Run(string(tc.kind)+" "+tc.method+" "+tc.token, func(t *testing.T) {
			s := startAll(t, tc.kind)
			headers := []string{"Authorization"}
			if tc.kind == GitLab {
				headers = append(headers, "Private-Token")
			}
			for _, header := range headers {
				req, err := http.NewRequest(tc.method, s.URL()+tc.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set(header, map[string]string{"Authorization": "Bearer "}[header]+tc.token)
				status, _, out := send(t, req)
				if got := text(t, out); status != tc.status || !strings.Contains(got, tc.want) {
					t.Errorf("%s: %d %s", header, status, got)
				}
			}
		})
	}
}

// The log says which credentials came and how, and holds none.
func TestRequestAuth(t *testing.T) {
	s := startAll(t, GitLab)
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	header := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Add(pairs[i], pairs[i+1])
			}
		}
	}
	for _, tc := range []struct {
		name      string
		set       func(*http.Request)
		auth, via string
	}{
		{"none", header(), "", ""},
		{"basic", basic("x", token), "token", "basic"},
		{"basic, job", basic(jobUser, jobToken), "job", "basic"},
		{"basic, as the user", basic(readToken, "x-oauth-basic"), "read", "basic"},
		{"basic, only a user", basic("somebody", ""), "other", "basic"},
		{"basic, wrong", basic("x", "wrong"), "other", "basic"},
		{"bearer", header("Authorization", "Bearer "+token), "token", "bearer"},
		{"token", header("Authorization", "token "+readToken), "read", "token"},
		{"malformed", header("Authorization", token), "token", ""},
		{"own header", header("PRIVATE-TOKEN", jobToken), "job", "private-token"},
		{"job's header", header("JOB-TOKEN", jobToken), "job", "job-token"},
		{"two", header("Authorization", "Bearer "+token, "PRIVATE-TOKEN", "else"), "token,other",
			"bearer,private-token"},
		{"twice", header("Authorization", "Bearer "+token, "Authorization", "Basic eDp5"),
			"token,other", "bearer,basic"},
		{"a proxy's", header("Proxy-Authorization", "Basic eDp5"), "other", "proxy-authorization"},
		{"query", func(r *http.Request) { r.URL.RawQuery = "private_token=" + token }, "token", "query"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequest("GET", s.URL()+"/api/v4/version", nil)
			if err != nil {
				t.Fatal(err)
			}
			tc.set(req)
			send(t, req)
			all := s.Requests()
			got := all[len(all)-1]
			if got.Auth != tc.auth || got.Via != tc.via || got.Scheme != "http" || "http://"+got.Host != s.URL() {
				t.Errorf("logged %+v", got)
			}
			if strings.Contains(text(t, got), token) {
				t.Errorf("the log holds the token: %+v", got)
			}
		})
	}
}

func TestStartRefusesSameTokens(t *testing.T) {
	for _, c := range []Config{{JobToken: token}, {ReadToken: token}, {JobToken: "x", ReadToken: "x"}} {
		c.Kind, c.Token, c.Dir = GitLab, token, t.TempDir()
		if s, err := Start(c); err == nil {
			_ = s.Close()
			t.Error("started")
		}
	}
}
