package forge

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-github/v92/github"
)

// asking is a client that follows no redirect.
var asking = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func TestRenameGit(t *testing.T) {
	for _, kind := range []Kind{GitHub, GitLab} {
		t.Run(string(kind), func(t *testing.T) { testRenameGit(t, kind) })
	}
}

func testRenameGit(t *testing.T, kind Kind) {
	s := start(t, kind, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	old := s.CloneURL(repo)
	if err := s.Rename(repo, "acme/between"); err != nil {
		t.Fatal(err)
	}
	if err := s.Rename("acme/between", "acme/deploy"); err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(t.TempDir(), "work")
	git(t, "clone", "--quiet", old, work)
	git(t, "-C", work, "push", "--quiet", "origin", "HEAD:refs/heads/topic")
	git(t, "--git-dir="+s.GitDir("acme/deploy"), "rev-parse", "--verify", "topic")
	moved := 0
	for _, r := range s.Requests() {
		if r.Status == 301 {
			moved++
		}
	}
	if want := map[Kind]int{GitHub: 2, GitLab: 0}[kind]; moved != want { // the clone and the push
		t.Errorf("%d redirects, want %d", moved, want)
	}
	req, err := http.NewRequest("GET", old+"/info/refs?service=git-upload-pack", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"", token} {
		req.SetBasicAuth("x", password)
		resp, err := asking.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		status, location := 401, "" // nobody is told without a token
		if password != "" && kind == GitHub {
			status, location = 301, s.CloneURL("acme/deploy")+"/info/refs?service=git-upload-pack"
		} else if password != "" {
			status = 200
		}
		if got := resp.Header.Get("Location"); resp.StatusCode != status || got != location {
			t.Errorf("%s to %q, want %d to %q", resp.Status, got, status, location)
		}
	}
}

func TestRenameAPI(t *testing.T) {
	for _, tc := range []struct {
		kind                 Kind
		method, path, rename string
		status               int
		location, want       string // in the answer
	}{
		{GitHub, "GET", "/api/v3/repos/acme/gitops", "acme/deploy", 301, "/api/v3/repositories/1",
			`"message":"Moved Permanently"`},
		{GitHub, "GET", gitHubPulls + "?state=all&head=a%3Ab", "acme/deploy", 301,
			"/api/v3/repositories/1/pulls?state=all&head=a%3Ab", "Moved"},
		{GitHub, "POST", gitHubPulls, "acme/deploy", 307, "/api/v3/repositories/1/pulls", "Moved"},
		{GitHub, "PUT", gitHubPulls + "/1/merge", "acme/deploy", 307, "/api/v3/repositories/1/pulls/1/merge", "Moved"},
		{GitHub, "GET", "/api/v3/repos/acme/deploy", "acme/deploy", 200, "", `"full_name":"acme/deploy"`},
		{GitHub, "GET", "/api/v3/repositories/1", "acme/deploy", 200, "", `"full_name":"acme/deploy"`},
		{GitHub, "GET", "/api/v3/repositories/2", "acme/deploy", 404, "", `"Not Found"`},
		{GitLab, "GET", gitLabProject, "acme/x/deploy", 301, "/api/v4/projects/1",
			"This resource has been moved permanently to http"},
		{GitLab, "GET", gitLabMRs + "?state=opened", "acme/x/deploy", 301,
			"/api/v4/projects/1/merge_requests?state=opened", "moved"},
		{GitLab, "POST", gitLabMRs, "acme/x/deploy", 405, "",
			`{"message":"Non GET methods are not allowed for moved projects"}`},
		{GitLab, "GET", "/api/v4/projects/acme%2Fx%2Fdeploy", "acme/x/deploy", 200, "",
			`"path_with_namespace":"acme/x/deploy"`},
		{GitLab, "GET", "/api/v4/projects/1", "acme/x/deploy", 200, "", `"path_with_namespace":"acme/x/deploy"`},
	} {
		t.Run(string(tc.kind)+" "+tc.method+" "+tc.path, func(t *testing.T) {
			s := start(t, tc.kind, false)
			if err := s.Rename(repo, tc.rename); err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequest(tc.method, s.URL()+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := asking.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if tc.location != "" {
				tc.location = s.URL() + tc.location
			}
			if got := resp.Header.Get("Location"); resp.StatusCode != tc.status || got != tc.location ||
				!strings.Contains(string(body), tc.want) {
				t.Errorf("%s to %q: %s", resp.Status, got, body)
			}
		})
	}
}

// The SDK finds, and opens, pull requests under the old name.
func TestRenameGitHubSDK(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	branch(t, s, "topic", map[string]string{"a.yaml": "a: 2\n"})
	branch(t, s, "other", map[string]string{"a.yaml": "a: 3\n"})
	call(t, s, "POST", gitHubPulls, object{"title": "T", "head": "topic", "base": "main"})
	if err := s.Rename(repo, "acme/deploy"); err != nil {
		t.Fatal(err)
	}
	want := s.URL() + "/acme/deploy/pull/1"
	if got := s.PullRequests("acme/deploy"); len(got) != 1 || got[0].URL != want {
		t.Errorf("stored: %+v", got)
	}
	c := gitHubClient(t, s)
	prs, _, err := c.PullRequests.List(t.Context(), "acme", "gitops", nil)
	if err != nil || len(prs) != 1 || prs[0].GetHTMLURL() != want {
		t.Errorf("list: %v, %v", err, prs)
	}
	pr, _, err := c.PullRequests.Create(t.Context(), "acme", "gitops",
		github.CreatePullRequest{Title: new("U"), Head: "other", Base: "main"})
	if err != nil || pr.GetNumber() != 2 {
		t.Errorf("create: %v, %v", err, pr)
	}
}

func TestRenameRefuses(t *testing.T) {
	s := start(t, GitHub, false)
	if err := s.CreateRepo("acme/taken", "main"); err != nil {
		t.Fatal(err)
	}
	for _, tc := range [][2]string{{"acme/none", "acme/new"}, {repo, "acme/taken"}, {repo, repo},
		{repo, "acme/a/b"}, {repo, "../x"}} {
		if err := s.Rename(tc[0], tc[1]); err == nil {
			t.Errorf("renamed %s to %s", tc[0], tc[1])
		}
	}
	// A name that is in use again leads to its new owner.
	if err := s.Rename(repo, "acme/old"); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateRepo(repo, "trunk"); err != nil {
		t.Fatal(err)
	}
	if status, _, out := call(t, s, "GET", "/api/v3/repos/acme/gitops", nil); status != 200 ||
		out.(object)["default_branch"] != "trunk" {
		t.Errorf("%d %v", status, out)
	}
	if err := s.Rename("acme/old", repo); err == nil {
		t.Error("took a name that is in use again")
	}
	// And back again.
	if err := s.Rename("acme/taken", "acme/there"); err != nil {
		t.Fatal(err)
	}
	if err := s.Rename("acme/there", "acme/taken"); err != nil {
		t.Fatal(err)
	}
	if status, _, out := call(t, s, "GET", "/api/v3/repos/acme/taken", nil); status != 200 ||
		out.(object)["full_name"] != "acme/taken" {
		t.Errorf("%d %v", status, out)
	}
}

// git follows a redirect to another host, and sends it the credentials for that host, and no others.
func TestRedirectTo(t *testing.T) {
	s, other := start(t, GitHub, false), start(t, GitHub, false)
	if err := s.RedirectTo(other.URL()); err != nil {
		t.Fatal(err)
	}
	seed(t, other, "main", map[string]string{"a.yaml": "a: 1\n"})
	if got := git(t, "ls-remote", s.CloneURL(repo)); !strings.Contains(got, at(t, other, "rev-parse", "main")) {
		t.Errorf("got %s", got)
	}
	if got := s.Requests()[0]; got.Status != 307 || len(other.Requests()) == 0 {
		t.Errorf("logged %+v", got)
	}

	req, err := http.NewRequest("POST", s.URL()+gitHubPulls+"?x=%2F", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := asking.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got, want := resp.Header.Get("Location"), other.URL()+gitHubPulls+"?x=%2F"; resp.StatusCode != 307 ||
		got != want {
		t.Errorf("%s to %q", resp.Status, got)
	}

	if err := s.RedirectTo(""); err != nil {
		t.Fatal(err)
	}
	if status, _, out := call(t, s, "GET", "/api/v3/repos/acme/gitops", nil); status != 200 {
		t.Errorf("%d %v", status, out)
	}
	if err := s.RedirectTo("127.0.0.1"); err == nil {
		t.Error("redirects to no URL")
	}
}

// The forge can redirect to another name of its own.
func TestRedirectToItself(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	access := startTLS(t, s)
	here := strings.Replace(access.URL, "127.0.0.1", "localhost", 1)
	if err := s.RedirectTo(here); err != nil {
		t.Fatal(err)
	}
	resp, _ := get(t, trusting(t, access, ""), access.URL+"/api/v3/repos/acme/gitops")
	if resp.StatusCode != 401 || resp.Request.URL.Host != strings.TrimPrefix(here, "https://") {
		t.Errorf("%s from %s", resp.Status, resp.Request.URL)
	}
	got := s.Requests()
	if len(got) != 2 || got[0].Auth != "token" || got[1].Auth != "" || got[1].Host == got[0].Host {
		t.Errorf("logged %+v", got)
	}
}
