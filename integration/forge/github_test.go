package forge

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v92/github"
)

const gitHubPulls = "/api/v3/repos/acme/gitops/pulls"

func gitHubClient(t *testing.T, s *Server) *github.Client {
	t.Helper()
	c, err := github.NewClient(github.WithAuthToken(token), github.WithEnterpriseURLs(s.APIURL(), s.APIURL()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The wire formats are those that the SDK speaks: open, find, change and merge a pull request.
func TestGitHubSDK(t *testing.T) {
	ctx := t.Context()
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	branch(t, s, "topic", map[string]string{"a.yaml": "a: 2\n"})
	c := gitHubClient(t, s)

	r, _, err := c.Repositories.Get(ctx, "acme", "gitops")
	if err != nil {
		t.Fatal(err)
	}
	if r.GetDefaultBranch() != "main" || r.GetFullName() != repo || !r.GetAllowSquashMerge() ||
		r.GetHTMLURL() != s.URL()+"/acme/gitops" {
		t.Errorf("repository: %+v", r)
	}

	title := "Update a"
	pr, _, err := c.PullRequests.Create(ctx, "acme", "gitops",
		github.CreatePullRequest{Title: &title, Head: "topic", Base: "main", Body: new("why")})
	if err != nil {
		t.Fatal(err)
	}
	tip := at(t, s, "rev-parse", "topic")
	if pr.GetNumber() != 1 || pr.GetState() != "open" || pr.GetTitle() != title || pr.GetBody() != "why" ||
		pr.GetHead().GetRef() != "topic" || pr.GetHead().GetSHA() != tip || pr.GetHead().GetLabel() != "acme:topic" ||
		pr.GetBase().GetRef() != "main" || pr.GetHTMLURL() != s.URL()+"/acme/gitops/pull/1" || !pr.GetMergeable() ||
		pr.GetCreatedAt().IsZero() {
		t.Errorf("created: %+v", pr)
	}

	_, _, err = c.PullRequests.Create(ctx, "acme", "gitops",
		github.CreatePullRequest{Title: &title, Head: "topic", Base: "main"})
	if e, ok := errors.AsType[*github.ErrorResponse](err); !ok || e.Response.StatusCode != 422 || len(e.Errors) != 1 ||
		e.Errors[0].Message != "A pull request already exists for acme:topic." {
		t.Errorf("duplicate: %v", err)
	}

	prs, _, err := c.PullRequests.List(ctx, "acme", "gitops",
		&github.PullRequestListOptions{Head: "acme:topic", Base: "main"})
	if err != nil || len(prs) != 1 || prs[0].GetNumber() != 1 {
		t.Errorf("list: %v, %+v", err, prs)
	}

	pr, _, err = c.PullRequests.Edit(ctx, "acme", "gitops", 1, &github.PullRequest{Title: new("New"), Body: new("")})
	if err != nil || pr.GetTitle() != "New" || pr.GetBody() != "" || pr.GetHead().GetRef() != "topic" {
		t.Errorf("edit: %v, %+v", err, pr)
	}

	_, _, err = c.PullRequests.Merge(ctx, "acme", "gitops", 1, "",
		&github.PullRequestOptions{SHA: strings.Repeat("0", 40)})
	if e, ok := errors.AsType[*github.ErrorResponse](err); !ok || e.Response.StatusCode != 409 ||
		e.Message != "Head branch was modified. Review and try the merge again." {
		t.Errorf("guarded merge: %v", err)
	}
	res, _, err := c.PullRequests.Merge(ctx, "acme", "gitops", 1, "", &github.PullRequestOptions{SHA: tip})
	if err != nil || !res.GetMerged() || res.GetSHA() != at(t, s, "rev-parse", "main") {
		t.Fatalf("merge: %v, %+v", err, res)
	}
	pr, _, err = c.PullRequests.Get(ctx, "acme", "gitops", 1)
	if err != nil || pr.GetState() != "closed" || !pr.GetMerged() || pr.GetMergedAt().IsZero() ||
		pr.GetMergeCommitSHA() != res.GetSHA() {
		t.Errorf("merged: %v, %+v", err, pr)
	}
	if got := at(t, s, "show", "main:a.yaml"); got != "a: 2" {
		t.Errorf("main has %q", got)
	}
	if got := s.PullRequests(repo); len(got) != 1 || got[0].State != "merged" || got[0].MergeSHA != res.GetSHA() {
		t.Errorf("stored: %+v", got)
	}
}

func TestGitHubMergeMethods(t *testing.T) {
	for _, tc := range []struct{ method, log string }{ // log: parents' count is told by the merge's subject
		{"", "Merge pull request #1 from acme/topic|Forge\nSeed|Seed\nmain moved|Ann\ntwo|Ann\none|Ann"},
		{"merge", "Merge pull request #1 from acme/topic|Forge\nSeed|Seed\nmain moved|Ann\ntwo|Ann\none|Ann"},
		{"squash", "Update (#1)|Forge\nmain moved|Ann\nSeed|Seed"},
		{"rebase", "two|Ann\none|Ann\nmain moved|Ann\nSeed|Seed"},
	} {
		t.Run(tc.method, func(t *testing.T) {
			s := start(t, GitHub, false)
			seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n", "b.yaml": "b: 1\n", "c.yaml": "c: 1\n"})
			work := t.TempDir()
			git(t, "clone", "--quiet", s.CloneURL(repo), work)
			commit := func(file, data, message string) {
				write(t, work+"/"+file, data)
				git(t, "-C", work, "add", ".")
				git(t, "-C", work, "commit", "--quiet", "-m", message)
			}
			commit("c.yaml", "c: 2\n", "main moved")
			git(t, "-C", work, "push", "--quiet", "origin", "HEAD:main")
			git(t, "-C", work, "checkout", "--quiet", "--detach", "HEAD^")
			commit("a.yaml", "a: 2\n", "one")
			commit("b.yaml", "b: 2\n", "two")
			git(t, "-C", work, "push", "--quiet", "origin", "HEAD:refs/heads/topic")

			call(t, s, "POST", gitHubPulls, object{"title": "Update", "head": "topic", "base": "main"})
			status, _, out := call(t, s, "PUT", gitHubPulls+"/1/merge", object{"merge_method": tc.method})
			if status != 200 {
				t.Fatalf("%d %v", status, out)
			}
			got := at(t, s, "log", "--format=%s|%an", "main")
			if strings.HasPrefix(tc.log, "Merge") { // two histories: their order is a matter of the clock
				first, _, _ := strings.Cut(got, "\n")
				want, _, _ := strings.Cut(tc.log, "\n")
				if first != want || strings.Count(got, "\n") != strings.Count(tc.log, "\n") {
					t.Errorf("log:\n%s", got)
				}
			} else if got != tc.log {
				t.Errorf("log:\n%s", got)
			}
			for _, f := range []string{"a", "b", "c"} {
				if got := at(t, s, "show", "main:"+f+".yaml"); got != f+": 2" {
					t.Errorf("%s.yaml: %s", f, got)
				}
			}
		})
	}
}

// Each request is made in the order of the table, against the same repository.
func TestGitHubAnswers(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	branch(t, s, "one", map[string]string{"a.yaml": "a: 2\n"})
	branch(t, s, "two", map[string]string{"a.yaml": "a: 3\n"})
	branch(t, s, "three", map[string]string{"b.yaml": "b: 1\n"})
	at(t, s, "update-ref", "refs/heads/same", "refs/heads/main")
	create := func(head string) object { return object{"title": "T", "head": head, "base": "main"} }
	for _, tc := range []struct {
		name, method, path string
		body               any
		status             int
		want               string // in the answer
	}{
		{"no such repository", "GET", "/api/v3/repos/acme/none", nil, 404, `"message":"Not Found"`},
		{"no such route", "GET", "/api/v3/nothing", nil, 404, `"message":"Not Found"`},
		{"the other forge", "GET", "/api/v4/projects/1", nil, 404, `"message":"Not Found"`},
		{"wrong method", "DELETE", gitHubPulls, nil, 404, `"message":"Not Found"`},
		{"no such pull request", "GET", gitHubPulls + "/1", nil, 404, `"message":"Not Found"`},
		{"no number", "GET", gitHubPulls + "/x", nil, 404, `"message":"Not Found"`},
		{"no pull requests", "GET", gitHubPulls, nil, 200, `[]`},
		{"bad state", "GET", gitHubPulls + "?state=opened", nil, 422, `"field":"state"`},
		{"not an object", "POST", gitHubPulls, "text", 400, "Problems parsing JSON"},
		{"no title", "POST", gitHubPulls, object{"head": "one", "base": "main"}, 422,
			`"code":"missing_field","field":"title"`},
		{"long title", "POST", gitHubPulls, object{"title": strings.Repeat("é", 257), "head": "one", "base": "main"},
			422, "maximum is 256"},
		{"long body", "POST", gitHubPulls,
			object{"title": "T", "body": strings.Repeat("é", 65537), "head": "one", "base": "main"},
			422, "maximum is 65536"},
		{"no head", "POST", gitHubPulls, object{"title": "T", "base": "main"}, 422, `\"head\" wasn't supplied`},
		{"no base", "POST", gitHubPulls, object{"title": "T", "head": "one"}, 422, `\"base\" wasn't supplied`},
		{"unknown head", "POST", gitHubPulls, create("none"), 422, `"code":"invalid","field":"head"`},
		{"head of another owner", "POST", gitHubPulls, create("other:one"), 422, `"code":"invalid","field":"head"`},
		{"unknown base", "POST", gitHubPulls, object{"title": "T", "head": "one", "base": "none"}, 422,
			`"code":"invalid","field":"base"`},
		{"no commits", "POST", gitHubPulls, create("same"), 422, `"message":"No commits between main and same"`},
		{"created", "POST", gitHubPulls, create("acme:one"), 201, `"ref":"one"`},
		{"duplicate", "POST", gitHubPulls, create("one"), 422,
			`"message":"A pull request already exists for acme:one."`},
		{"another", "POST", gitHubPulls, create("two"), 201, `"number":2`},
		{"draft", "POST", gitHubPulls,
			object{"title": "T", "head": "three", "base": "main", "draft": true}, 201, `"draft":true`},
		{"draft cannot merge", "PUT", gitHubPulls + "/3/merge", object{}, 405, "still a draft"},
		{"empty title", "PATCH", gitHubPulls + "/1", object{"title": " "}, 422, `"field":"title"`},
		{"unknown state", "PATCH", gitHubPulls + "/1", object{"state": "merged"}, 422, `"field":"state"`},
		{"patch not an object", "PATCH", gitHubPulls + "/1", "text", 400, "Problems parsing JSON"},
		{"unknown new base", "PATCH", gitHubPulls + "/1", object{"base": "none"}, 422, `"field":"base"`},
		{"new base", "PATCH", gitHubPulls + "/1", object{"base": "same"}, 200, `"ref":"same"`},
		{"room for a second", "POST", gitHubPulls, create("one"), 201, `"number":4`},
		{"old base is taken", "PATCH", gitHubPulls + "/1", object{"base": "main"}, 422, "already exists for acme:one"},
		{"close", "PATCH", gitHubPulls + "/1", object{"state": "closed"}, 200, `"state":"closed"`},
		{"base of a closed one", "PATCH", gitHubPulls + "/1", object{"base": "main"}, 422, "Cannot change base branch"},
		{"merge a closed one", "PUT", gitHubPulls + "/1/merge", object{}, 405, "not mergeable"},
		{"reopen", "PATCH", gitHubPulls + "/1", object{"state": "open"}, 200, `"closed_at":null`},
		{"unknown merge method", "PUT", gitHubPulls + "/1/merge", object{"merge_method": "octopus"}, 422,
			`"field":"merge_method"`},
		{"merge body", "PUT", gitHubPulls + "/1/merge", "text", 400, "Problems parsing JSON"},
		{"merge without a body", "PUT", gitHubPulls + "/3/merge", nil, 405, "still a draft"},
		{"merge", "PUT", gitHubPulls + "/4/merge", object{"commit_title": "Mine", "commit_message": "more"},
			200, `"merged":true`},
		{"merge again", "PUT", gitHubPulls + "/4/merge", object{}, 405, "not mergeable"},
		{"reopen merged", "PATCH", gitHubPulls + "/4", object{"state": "open"}, 422, "Validation Failed"},
		{"conflict is told", "GET", gitHubPulls + "/2", nil, 200, `"mergeable":false`},
		{"conflict", "PUT", gitHubPulls + "/2/merge", object{}, 405, "Pull Request is not mergeable"},
		{"conflict, rebase", "PUT", gitHubPulls + "/2/merge", object{"merge_method": "rebase"}, 405,
			"Pull Request is not mergeable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, _, out := call(t, s, tc.method, tc.path, tc.body)
			if got := text(t, out); status != tc.status || !strings.Contains(got, tc.want) {
				t.Errorf("%d %s", status, got)
			}
			if status >= 400 && !strings.Contains(text(t, out), `"documentation_url"`) {
				t.Errorf("not GitHub's error: %v", out)
			}
		})
	}
	if got := at(t, s, "log", "-1", "--format=%B", "main"); got != "Mine\n\nmore" {
		t.Errorf("the merge says %q", got)
	}
}

func TestGitHubToken(t *testing.T) {
	s := start(t, GitHub, false)
	for header, want := range map[string]int{
		"": 401, "Bearer": 401, "Bearer wrong": 401, "Basic " + token: 401, token: 401,
		"Bearer " + token: 200, "token " + token: 200,
	} {
		req, err := http.NewRequest("GET", s.APIURL()+"repos/acme/gitops", nil)
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		status, _, out := send(t, req)
		if status != want || want == 401 && !strings.Contains(text(t, out), `"message":"Bad credentials"`) {
			t.Errorf("%q: %d %v", header, status, out)
		}
	}
}

// startWithPulls starts a GitHub with 65 pull requests, of which the last five are into stable and the second is
// closed.
func startWithPulls(t *testing.T) *Server {
	t.Helper()
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	at(t, s, "update-ref", "refs/heads/stable", "refs/heads/main")
	branch(t, s, "b1", map[string]string{"a.yaml": "a: 2\n"})
	for i := 1; i <= 65; i++ {
		base := "main"
		if i > 60 {
			base = "stable"
		}
		head := fmt.Sprintf("b%d", i)
		at(t, s, "update-ref", "refs/heads/"+head, "refs/heads/b1")
		if status, _, out := call(t, s, "POST", gitHubPulls,
			object{"title": head, "head": head, "base": base}); status != 201 {
			t.Fatal(out)
		}
	}
	call(t, s, "PATCH", gitHubPulls+"/2", object{"state": "closed"})
	return s
}

// 65 pull requests take three pages, two bases and a filter that GitHub ignores.
func TestGitHubList(t *testing.T) {
	s := startWithPulls(t)
	for _, tc := range []struct {
		query               string
		n, first, next, end int // entries, number of the first, next page, last page
	}{
		{"", 30, 65, 2, 3},
		{"?page=2", 30, 35, 3, 3},
		{"?page=3", 4, 5, 0, 0},
		{"?page=9", 0, 0, 0, 0},
		{"?per_page=1000", 64, 65, 0, 0},
		{"?per_page=40&page=0", 40, 65, 2, 2},
		{"?state=all&per_page=100", 65, 65, 0, 0},
		{"?state=closed", 1, 2, 0, 0},
		{"?head=acme:b7", 1, 7, 0, 0},
		{"?head=ACME:b7", 1, 7, 0, 0},
		{"?head=other:b7", 0, 0, 0, 0},
		{"?head=b7", 30, 65, 2, 3},
		{"?base=stable", 5, 65, 0, 0},
		{"?head=acme:b7&base=stable", 0, 0, 0, 0},
		{"?head=acme:b2&state=all", 1, 2, 0, 0},
		{"?head=acme:b2", 0, 0, 0, 0},
	} {
		t.Run(tc.query, func(t *testing.T) {
			status, header, out := call(t, s, "GET", gitHubPulls+tc.query, nil)
			list, _ := out.([]any)
			if status != 200 || len(list) != tc.n {
				t.Fatalf("%d, %d entries", status, len(list))
			}
			if tc.n > 0 {
				if got := list[0].(object)["number"]; got != float64(tc.first) {
					t.Errorf("the first is %v", got)
				}
			}
			checkLink(t, header.Get("Link"), "next", tc.next)
			checkLink(t, header.Get("Link"), "last", tc.end)
		})
	}
}

// checkLink holds one relation of a Link header against the page that it has to name; 0: it has to be absent.
func checkLink(t *testing.T, link, rel string, page int) {
	t.Helper()
	if has := strings.Contains(link, `rel="`+rel+`"`); has != (page > 0) {
		t.Errorf("Link: %s", link)
	}
	if page > 0 && !strings.Contains(link, fmt.Sprintf("page=%d&", page)) {
		t.Errorf("Link: %s", link)
	}
}

// TestGitHubListSDK: the SDK walks all pages by the links.
func TestGitHubListSDK(t *testing.T) {
	s := startWithPulls(t)
	opt := &github.PullRequestListOptions{State: "all"}
	seen := 0
	for {
		prs, resp, err := gitHubClient(t, s).PullRequests.List(t.Context(), "acme", "gitops", opt)
		if err != nil {
			t.Fatal(err)
		}
		seen += len(prs)
		if resp.NextPage == 0 {
			break
		}
		opt.Page = resp.NextPage
	}
	if seen != 65 {
		t.Errorf("the SDK found %d", seen)
	}
}

// The head follows the branch while the pull request is open, and is the last known when the branch has gone.
func TestFollowHead(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	branch(t, s, "topic", map[string]string{"a.yaml": "a: 2\n"})
	call(t, s, "POST", gitHubPulls, object{"title": "T", "head": "topic", "base": "main"})

	work := t.TempDir()
	git(t, "clone", "--quiet", "--branch=topic", s.CloneURL(repo), work)
	git(t, "-C", work, "commit", "--quiet", "--allow-empty", "-m", "more")
	git(t, "-C", work, "push", "--quiet", "origin", "topic")
	tip := git(t, "-C", work, "rev-parse", "HEAD")
	git(t, "-C", work, "push", "--quiet", "origin", ":topic") // at once: what was pushed must have been seen
	if got := s.PullRequests(repo)[0].HeadSHA; got != tip {
		t.Errorf("head %s, want %s", got, tip)
	}
	if status, _, out := call(t, s, "PUT", gitHubPulls+"/1/merge", object{}); status != 405 {
		t.Errorf("merged without a branch: %v", out)
	}

	branch(t, s, "topic", map[string]string{"a.yaml": "a: 3\n"}) // on disk, behind the server's back
	if got, want := s.PullRequests(repo)[0].HeadSHA, at(t, s, "rev-parse", "topic"); got != want {
		t.Errorf("head %s, want %s", got, want)
	}
	at(t, s, "update-ref", "-d", "refs/heads/topic")
	call(t, s, "PATCH", gitHubPulls+"/1", object{"state": "closed"})
	if status, _, out := call(t, s, "PATCH", gitHubPulls+"/1", object{"state": "open"}); status != 422 {
		t.Errorf("reopened without a branch: %v", out)
	}
}
