package forge

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

const (
	gitLabProject = "/api/v4/projects/acme%2Fgitops"
	gitLabMRs     = gitLabProject + "/merge_requests"
)

func gitLabClient(t *testing.T, s *Server) *gitlab.Client {
	t.Helper()
	c, err := gitlab.NewClient(token, gitlab.WithBaseURL(s.APIURL()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The wire formats are those that the SDK speaks: open, find, change and merge a merge request.
func TestGitLabSDK(t *testing.T) {
	s := start(t, GitLab, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	branch(t, s, "topic", map[string]string{"a.yaml": "a: 2\n"})
	c := gitLabClient(t, s)

	p, _, err := c.Projects.GetProject(repo, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != 1 || p.DefaultBranch != "main" || p.PathWithNamespace != repo || p.WebURL != s.URL()+"/acme/gitops" ||
		p.MergeMethod != gitlab.NoFastForwardMerge {
		t.Errorf("project: %+v", p)
	}

	opt := &gitlab.CreateMergeRequestOptions{
		Title: new("Update a"), Description: new("why"), SourceBranch: new("topic"), TargetBranch: new("main"),
		Labels: &gitlab.LabelOptions{"gitops", "auto"},
	}
	mr, _, err := c.MergeRequests.CreateMergeRequest(repo, opt)
	if err != nil {
		t.Fatal(err)
	}
	tip := at(t, s, "rev-parse", "topic")
	if mr.IID != 1 || mr.ID == mr.IID || mr.State != "opened" || mr.Title != "Update a" || mr.Description != "why" ||
		mr.SourceBranch != "topic" || mr.TargetBranch != "main" || mr.SHA != tip || mr.Draft ||
		mr.WebURL != s.URL()+"/acme/gitops/-/merge_requests/1" || mr.DetailedMergeStatus != "mergeable" ||
		!slices.Equal(mr.Labels, gitlab.Labels{"gitops", "auto"}) {
		t.Errorf("created: %+v", mr)
	}

	_, _, err = c.MergeRequests.CreateMergeRequest(repo, opt)
	if e, ok := errors.AsType[*gitlab.ErrorResponse](err); !ok || e.StatusCode != 409 ||
		e.Message != "{message: [Another open merge request already exists for this source branch: !1]}" {
		t.Errorf("duplicate: %v", err)
	}

	mrs, resp, err := c.MergeRequests.ListProjectMergeRequests(p.ID, &gitlab.ListProjectMergeRequestsOptions{
		State: new("opened"), SourceBranch: new("topic"), TargetBranch: new("main")})
	if err != nil || len(mrs) != 1 || mrs[0].IID != 1 || resp.TotalItems != 1 || resp.NextPage != 0 {
		t.Errorf("list: %v, %+v", err, mrs)
	}

	mr, _, err = c.MergeRequests.UpdateMergeRequest(repo, 1, &gitlab.UpdateMergeRequestOptions{
		Title: new("New"), Description: new(""), Labels: &gitlab.LabelOptions{}})
	if err != nil || mr.Title != "New" || mr.Description != "" || len(mr.Labels) != 0 || mr.TargetBranch != "main" {
		t.Errorf("update: %v, %+v", err, mr)
	}

	_, _, err = c.MergeRequests.AcceptMergeRequest(repo, 1,
		&gitlab.AcceptMergeRequestOptions{SHA: new(strings.Repeat("0", 40))})
	if e, ok := errors.AsType[*gitlab.ErrorResponse](err); !ok || e.StatusCode != 409 ||
		!strings.Contains(e.Message, "SHA does not match HEAD of source branch: "+tip) {
		t.Errorf("guarded merge: %v", err)
	}
	mr, _, err = c.MergeRequests.AcceptMergeRequest(repo, 1, &gitlab.AcceptMergeRequestOptions{SHA: &tip})
	if err != nil || mr.State != "merged" || mr.MergeCommitSHA != at(t, s, "rev-parse", "main") || mr.MergedAt == nil {
		t.Fatalf("merge: %v, %+v", err, mr)
	}
	if got := at(t, s, "show", "main:a.yaml"); got != "a: 2" {
		t.Errorf("main has %q", got)
	}
	if got := s.PullRequests(repo); len(got) != 1 || got[0].State != "merged" || got[0].MergeSHA != mr.MergeCommitSHA {
		t.Errorf("stored: %+v", got)
	}
}

func TestGitLabMerge(t *testing.T) {
	for _, squash := range []bool{false, true} {
		t.Run(fmt.Sprintf("squash=%t", squash), func(t *testing.T) {
			s := start(t, GitLab, false)
			seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
			branch(t, s, "topic", map[string]string{"a.yaml": "a: 2\n"})
			seed(t, s, "topic", map[string]string{"a.yaml": "a: 3\n"})
			seed(t, s, "main", map[string]string{"b.yaml": "b: 1\n"})
			call(t, s, "POST", gitLabMRs, object{"title": "T", "source_branch": "topic", "target_branch": "main"})
			status, _, out := call(t, s, "PUT", gitLabMRs+"/1/merge", object{"squash": squash})
			if status != 200 {
				t.Fatal(out)
			}
			if got := at(t, s, "show", "main:a.yaml") + at(t, s, "show", "main:b.yaml"); got != "a: 3b: 1" {
				t.Errorf("main has %q", got)
			}
			want := "2"
			if squash {
				want = "1"
			}
			if got := at(t, s, "rev-list", "--count", "main^1..main^2"); got != want {
				t.Errorf("merged %s commits, want %s", got, want)
			}
			if got := out.(object)["squash_commit_sha"]; squash && got != at(t, s, "rev-parse", "main^2") ||
				!squash && got != nil {
				t.Errorf("squash_commit_sha: %v", got)
			}
			if got := at(t, s, "log", "-1", "--format=%s", "main"); got != "Merge branch 'topic' into 'main'" {
				t.Errorf("the merge says %q", got)
			}
		})
	}
}

// Each request is made in the order of the table, against the same project.
func TestGitLabAnswers(t *testing.T) {
	s := start(t, GitLab, false)
	if err := s.CreateRepo("acme/group/deep", "trunk"); err != nil {
		t.Fatal(err)
	}
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	branch(t, s, "one", map[string]string{"a.yaml": "a: 2\n"})
	branch(t, s, "two", map[string]string{"a.yaml": "a: 3\n"})
	at(t, s, "update-ref", "refs/heads/same", "refs/heads/main")
	create := func(source string) object {
		return object{"title": "T", "source_branch": source, "target_branch": "main"}
	}
	for _, tc := range []struct {
		name, method, path string
		body               any
		status             int
		want               string // in the answer
	}{
		{"by number", "GET", "/api/v4/projects/2", nil, 200, `"path_with_namespace":"acme/group/deep"`},
		{"deep path", "GET", "/api/v4/projects/acme%2Fgroup%2Fdeep", nil, 200, `"default_branch":"trunk"`},
		{"no such project", "GET", "/api/v4/projects/acme%2Fnone", nil, 404, `{"message":"404 Project Not Found"}`},
		{"no such number", "GET", "/api/v4/projects/3", nil, 404, `{"message":"404 Project Not Found"}`},
		{"path not escaped", "GET", "/api/v4/projects/acme/gitops", nil, 404, `{"error":"404 Not Found"}`},
		{"no such route", "GET", "/api/v4/nothing", nil, 404, `{"error":"404 Not Found"}`},
		{"the other forge", "GET", "/api/v3/repos/acme/gitops", nil, 404, `{"error":"404 Not Found"}`},
		{"no such merge request", "GET", gitLabMRs + "/1", nil, 404, `{"message":"404 Not found"}`},
		{"no number", "GET", gitLabMRs + "/x", nil, 400, `{"error":"merge_request_iid is invalid"}`},
		{"no merge requests", "GET", gitLabMRs, nil, 200, `[]`},
		{"bad state", "GET", gitLabMRs + "?state=open", nil, 400, `state does not have a valid value`},
		{"not an object", "POST", gitLabMRs, "text", 400, "error"},
		{"nothing given", "POST", gitLabMRs, object{}, 400,
			`{"error":"title is missing, source_branch is missing, target_branch is missing"}`},
		{"blank title", "POST", gitLabMRs, object{"title": "", "source_branch": "one", "target_branch": "main"}, 400,
			`{"message":{"title":["can't be blank"]}}`},
		{"long title", "POST", gitLabMRs,
			object{"title": strings.Repeat("é", 256), "source_branch": "one", "target_branch": "main"},
			400, "maximum is 255"},
		{"unknown source", "POST", gitLabMRs, create("none"), 400, `{"message":{"source_branch":["does not exist"]}}`},
		{"unknown target", "POST", gitLabMRs, object{"title": "T", "source_branch": "one", "target_branch": "none"},
			400, `{"message":{"target_branch":["does not exist"]}}`},
		{"same branch", "POST", gitLabMRs, create("main"), 422, "same project/branch"},
		{"bad labels", "POST", gitLabMRs,
			object{"title": "T", "source_branch": "one", "target_branch": "main", "labels": 1}, 400, "error"},
		{"created", "POST", gitLabMRs, create("one"), 201, `"state":"opened"`},
		{"duplicate", "POST", gitLabMRs, create("one"), 409,
			`{"message":["Another open merge request already exists for this source branch: !1"]}`},
		{"another", "POST", gitLabMRs, create("two"), 201, `"iid":2`},
		{"no commits", "POST", gitLabMRs, create("same"), 201, `"iid":3`},
		{"no commits cannot merge", "PUT", gitLabMRs + "/3/merge", object{}, 405,
			`{"message":"405 Method Not Allowed"}`},
		{"nothing to change", "PUT", gitLabMRs + "/1", object{}, 400, "at least one parameter"},
		{"empty title", "PUT", gitLabMRs + "/1", object{"title": ""}, 400, `{"error":"title is empty"}`},
		{"put not an object", "PUT", gitLabMRs + "/1", "text", 400, "error"},
		{"labels as a list", "PUT", gitLabMRs + "/1", object{"labels": []string{"x", "y", "x"}}, 200,
			`"labels":["x","y"]`},
		{"draft", "PUT", gitLabMRs + "/1", object{"title": "Draft: T"}, 200, `"draft":true`},
		{"draft cannot merge", "PUT", gitLabMRs + "/1/merge", nil, 405, `{"message":"405 Method Not Allowed"}`},
		{"not a draft", "PUT", gitLabMRs + "/1", object{"title": "T"}, 200, `"draft":false`},
		{"unknown event", "PUT", gitLabMRs + "/1", object{"state_event": "closed"}, 400,
			"state_event does not have a valid value"},
		{"new target, unknown", "PUT", gitLabMRs + "/1", object{"target_branch": "none"}, 400, "does not exist"},
		{"close", "PUT", gitLabMRs + "/1", object{"state_event": "close"}, 200, `"state":"closed"`},
		{"merge a closed one", "PUT", gitLabMRs + "/1/merge", object{}, 405, "405 Method Not Allowed"},
		{"room for a second", "POST", gitLabMRs, create("one"), 201, `"iid":4`},
		{"reopen beside it", "PUT", gitLabMRs + "/1", object{"state_event": "reopen"}, 409,
			"already exists for this source branch: !4"},
		{"still closed", "GET", gitLabMRs + "/1", nil, 200, `"state":"closed"`},
		{"reopen with a new target", "PUT", gitLabMRs + "/1", object{"state_event": "reopen", "target_branch": "same"},
			200, `"closed_at":null`},
		{"merge body", "PUT", gitLabMRs + "/4/merge", "text", 400, "error"},
		{"merge", "PUT", gitLabMRs + "/4/merge", object{"merge_commit_message": "Mine"}, 200, `"state":"merged"`},
		{"merge again", "PUT", gitLabMRs + "/4/merge", object{}, 405, "405 Method Not Allowed"},
		{"conflict is told", "GET", gitLabMRs + "/2", nil, 200, `"detailed_merge_status":"conflict"`},
		{"conflict", "PUT", gitLabMRs + "/2/merge", object{}, 405, "405 Method Not Allowed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, _, out := call(t, s, tc.method, tc.path, tc.body)
			if got := text(t, out); status != tc.status || !strings.Contains(got, tc.want) {
				t.Errorf("%d %s", status, got)
			}
		})
	}
	if got := at(t, s, "log", "-1", "--format=%B", "main"); got != "Mine" {
		t.Errorf("the merge says %q", got)
	}
}

func TestGitLabToken(t *testing.T) {
	s := start(t, GitLab, false)
	for _, tc := range []struct {
		name, value string
		status      int
	}{
		{"Private-Token", "", 401},
		{"Private-Token", "wrong", 401},
		{"Private-Token", token, 200},
		{"Authorization", "Bearer wrong", 401},
		{"Authorization", token, 401},
		{"Authorization", "Bearer " + token, 200},
	} {
		req, err := http.NewRequest("GET", s.URL()+gitLabProject, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(tc.name, tc.value)
		status, _, out := send(t, req)
		if status != tc.status || status == 401 && text(t, out) != `{"message":"401 Unauthorized"}` {
			t.Errorf("%s: %s: %d %v", tc.name, tc.value, status, out)
		}
	}
}

// 45 merge requests take three pages.
func TestGitLabList(t *testing.T) {
	s := start(t, GitLab, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	at(t, s, "update-ref", "refs/heads/stable", "refs/heads/main")
	branch(t, s, "b1", map[string]string{"a.yaml": "a: 2\n"})
	for i := 1; i <= 45; i++ {
		target := "main"
		if i > 40 {
			target = "stable"
		}
		source := fmt.Sprintf("b%d", i)
		at(t, s, "update-ref", "refs/heads/"+source, "refs/heads/b1")
		status, _, out := call(t, s, "POST", gitLabMRs,
			object{"title": source, "source_branch": source, "target_branch": target})
		if status != 201 {
			t.Fatal(out)
		}
	}
	call(t, s, "PUT", gitLabMRs+"/2", object{"state_event": "close"})
	for _, tc := range []struct {
		query                         string
		n, first                      int
		page, next, per, total, pages string
	}{
		{"", 20, 45, "1", "2", "20", "45", "3"},
		{"?page=3", 5, 5, "3", "", "20", "45", "3"},
		{"?page=9", 0, 0, "9", "", "20", "45", "3"},
		{"?per_page=1000", 45, 45, "1", "", "100", "45", "1"},
		{"?state=opened&per_page=100", 44, 45, "1", "", "100", "44", "1"},
		{"?state=closed", 1, 2, "1", "", "20", "1", "1"},
		{"?state=merged", 0, 0, "1", "", "20", "0", "1"},
		{"?source_branch=b7", 1, 7, "1", "", "20", "1", "1"},
		{"?source_branch=b7&target_branch=stable", 0, 0, "1", "", "20", "0", "1"},
		{"?target_branch=stable", 5, 45, "1", "", "20", "5", "1"},
	} {
		t.Run(tc.query, func(t *testing.T) {
			status, h, out := call(t, s, "GET", gitLabMRs+tc.query, nil)
			list, _ := out.([]any)
			if status != 200 || len(list) != tc.n {
				t.Fatalf("%d, %d entries", status, len(list))
			}
			if tc.n > 0 && list[0].(object)["iid"] != float64(tc.first) {
				t.Errorf("the first is %v", list[0])
			}
			for name, want := range map[string]string{"X-Page": tc.page, "X-Next-Page": tc.next, "X-Per-Page": tc.per,
				"X-Total": tc.total, "X-Total-Pages": tc.pages} {
				if got := h.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if got := strings.Contains(h.Get("Link"), `rel="next"`); got != (tc.next != "") {
				t.Errorf("Link: %s", h.Get("Link"))
			}
		})
	}
}
