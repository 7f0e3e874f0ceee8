package forge

import (
	"fmt"
	"strings"
	"testing"
)

// populated is a forge with the pull request topic -> main of acme/gitops, a conflicting branch, people and milestones.
func populated(t *testing.T, kind Kind) *Server {
	t.Helper()
	s := start(t, kind, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	branch(t, s, "topic", map[string]string{"a.yaml": "a: 2\n"})
	s.AddUser("ann")
	s.AddUser("bob")
	s.AddTeam("acme/platform")
	for _, title := range []string{"v1", "v2"} {
		if err := s.AddMilestone(repo, title); err != nil {
			t.Fatal(err)
		}
	}
	path, body := gitHubPulls, object{"title": "T", "head": "topic", "base": "main"}
	if kind == GitLab {
		path, body = gitLabMRs, object{"title": "T", "source_branch": "topic", "target_branch": "main"}
	}
	if status, _, out := call(t, s, "POST", path, body); status != 201 {
		t.Fatal(out)
	}
	return s
}

type exchanged struct {
	name, method, path string
	body               any
	status             int
	want               string // in the answer
}

func converse(t *testing.T, s *Server, steps []exchanged) {
	for _, tc := range steps {
		t.Run(tc.name, func(t *testing.T) {
			status, _, out := call(t, s, tc.method, tc.path, tc.body)
			if got := text(t, out); status != tc.status || !strings.Contains(got, tc.want) {
				t.Errorf("%d %s", status, got)
			}
		})
	}
}

// Each request is made in the order of the table, against the same repository.
func TestGitHubIssueAnswers(t *testing.T) {
	s := populated(t, GitHub)
	const (
		base  = "/api/v3/repos/acme/gitops"
		issue = base + "/issues/1"
		asked = gitHubPulls + "/1/requested_reviewers"
	)
	tip := at(t, s, "rev-parse", "topic")
	converse(t, s, []exchanged{
		{"labels", "POST", issue + "/labels", object{"labels": []string{"x", "X", "y"}}, 200,
			`[{"name":"x"},{"name":"y"}]`},
		{"labels as a list", "POST", issue + "/labels", []string{"x"}, 422, "Invalid request"},
		{"labels without a name", "POST", issue + "/labels", object{}, 422, "Invalid request"},
		{"more labels", "POST", issue + "/labels", object{"labels": []string{"z"}}, 200, `{"name":"y"},{"name":"z"}`},
		{"no labels", "POST", issue + "/labels", "x", 422, "Invalid request"},
		{"other labels", "PATCH", issue, object{"labels": []string{"w"}}, 200, `"labels":[{"name":"w"}]`},
		{"assign", "PATCH", issue, object{"assignees": []string{"Ann"}}, 200,
			`"assignees":[{"login":"ann"}],"labels":[{"name":"w"}]`},
		{"assign nobody known", "PATCH", issue, object{"labels": []string{}, "assignees": []string{"nobody"}}, 422,
			`"field":"assignees","message":"assignees nobody cannot be assigned to this issue"`},
		{"all or nothing", "GET", gitHubPulls + "/1", nil, 200, `"labels":[{"name":"w"}]`},
		{"unknown milestone", "PATCH", issue, object{"milestone": 3}, 422, `"field":"milestone"`},
		{"milestone by its title", "PATCH", issue, object{"milestone": "v1"}, 400, "Problems parsing JSON"},
		{"milestone", "PATCH", issue, object{"milestone": 2}, 200, `"number":1`},
		{"milestones", "GET", base + "/milestones", nil, 200, `[{"number":1,"state":"open","title":"v1"},{"number":2,`},
		{"no such issue", "PATCH", base + "/issues/9", object{}, 404, "Not Found"},
		{"comment", "POST", issue + "/comments", object{"body": "Hello."}, 201, `"body":"Hello."`},
		{"empty comment", "POST", issue + "/comments", object{"body": " "}, 422, "Body cannot be blank"},
		{"comment, not an object", "POST", issue + "/comments", "x", 400, "Problems parsing JSON"},
		{"ask the author", "POST", asked, object{"reviewers": []string{"ann", "forge"}}, 422,
			"Review cannot be requested from pull request author."},
		{"ask nobody known", "POST", asked, object{"reviewers": []string{"ann", "nobody"}}, 422,
			"Reviews may only be requested from collaborators."},
		{"ask a team as a user", "POST", asked, object{"reviewers": []string{"acme/platform"}}, 422,
			"Reviews may only be"},
		{"ask another team", "POST", asked, object{"team_reviewers": []string{"nobody"}}, 422, "Reviews may only be"},
		{"ask, not an object", "POST", asked, "x", 400, "Problems parsing JSON"},
		{"nobody was asked", "GET", gitHubPulls + "/1", nil, 200, `"requested_reviewers":[],"requested_teams":[]`},
		{"ask", "POST", asked, object{"reviewers": []string{"ann"}, "team_reviewers": []string{"platform"}}, 201,
			`"requested_reviewers":[{"login":"ann"}],"requested_teams":[{"name":"platform","slug":"platform"}]`},
		{"ask another", "POST", asked, object{"reviewers": []string{"bob"}}, 201, `[{"login":"ann"},{"login":"bob"}]`},
		{"in the list", "GET", gitHubPulls, nil, 200, `"milestone":{"number":2,"title":"v2"},"node_id":"PR_1_1"`},
		{"no reviews", "GET", gitHubPulls + "/1/reviews", nil, 200, "[]"},
		{"no checks", "GET", base + "/commits/" + tip + "/check-runs", nil, 200, `{"check_runs":[],"total_count":0}`},
		{"no statuses", "GET", base + "/commits/" + tip + "/status", nil, 200,
			`"state":"pending","statuses":[],"total_count":0`},
		{"no such commit", "GET", base + "/commits/none/status", nil, 422, "No commit found for SHA: none"},
		{"sort", "GET", gitHubPulls + "?sort=shape", nil, 422, "sort"},
		{"direction", "GET", gitHubPulls + "?direction=up", nil, 422, "sort"},
		{"issue, not an object", "PATCH", issue, "x", 400, "Problems parsing JSON"},
	})
	if err := s.Review(repo, 1, "ann", false); err != nil {
		t.Fatal(err)
	}
	if err := s.SetChecks(repo, tip, "failure"); err != nil {
		t.Fatal(err)
	}
	converse(t, s, []exchanged{
		{"review", "GET", gitHubPulls + "/1/reviews", nil, 200,
			`[{"commit_id":"` + tip + `","state":"CHANGES_REQUESTED","user":{"login":"ann"}}]`},
		{"is asked no more", "GET", gitHubPulls + "/1", nil, 200, `"requested_reviewers":[{"login":"bob"}]`},
		{"optional check", "GET", gitHubPulls + "/1", nil, 200, `"mergeable_state":"unstable"`},
		{"check", "GET", base + "/commits/" + tip + "/check-runs", nil, 200, `"conclusion":"failure"`},
	})
	if got := s.PullRequests(repo)[0]; len(got.Comments) != 1 || got.Milestone != "v2" ||
		fmt.Sprint(got.Reviewers) != "[acme/platform bob]" {
		t.Errorf("stored: %+v", got)
	}
}

// Each request is made in the order of the table, against the same project.
func TestGitLabPeopleAnswers(t *testing.T) {
	s := populated(t, GitLab)
	const mr = gitLabMRs + "/1"
	converse(t, s, []exchanged{
		{"user", "GET", "/api/v4/users?username=ANN", nil, 200,
			`[{"id":2,"name":"ann","state":"active","username":"ann"}]`},
		{"no user", "GET", "/api/v4/users?username=nobody", nil, 200, `[]`},
		{"all users", "GET", "/api/v4/users", nil, 400, "username is missing"},
		{"members", "GET", gitLabProject + "/users", nil, 200, `"username":"forge"},{"id":2,`},
		{"milestone", "GET", gitLabProject + "/milestones?title=v2&state=active", nil, 200,
			`[{"id":502,"iid":2,"project_id":1,"state":"active","title":"v2"}]`},
		{"closed milestones", "GET", gitLabProject + "/milestones?state=closed", nil, 200, `[]`},
		{"bad state", "GET", gitLabProject + "/milestones?state=open", nil, 400, "state does not have a valid value"},
		{"add labels", "PUT", mr, object{"add_labels": "x,y"}, 200, `"labels":["x","y"]`},
		{"add more labels", "PUT", mr, object{"add_labels": "y,z"}, 200, `"labels":["x","y","z"]`},
		{"assign", "PUT", mr, object{"assignee_ids": []int{2, 99}}, 200,
			`"assignees":[{"id":2,"name":"ann","state":"active","username":"ann"}]`},
		{"assign another instead", "PUT", mr, object{"assignee_ids": []int{3}}, 200, `"assignees":[{"id":3,`},
		{"assign by name", "PUT", mr, object{"assignee_ids": []string{"ann"}}, 400, "not valid JSON"},
		{"ask", "PUT", mr, object{"reviewer_ids": []int{2, 3}}, 200, `"reviewers":[{"id":2,`},
		{"set the milestone", "PUT", mr, object{"milestone_id": 501}, 200, `"milestone":{"id":501,"iid":1,`},
		{"its iid is none", "PUT", mr, object{"milestone_id": 1}, 200, `"milestone":null`},
		{"comment", "POST", mr + "/notes", object{"body": "Hello."}, 201, `"body":"Hello."`},
		{"empty comment", "POST", mr + "/notes", object{"body": ""}, 400, "can't be blank"},
		{"no comment", "POST", mr + "/notes", object{}, 400, "body is missing"},
		{"comment, not an object", "POST", mr + "/notes", "x", 400, "not valid JSON"},
		{"order", "GET", gitLabMRs + "?order_by=shape", nil, 400, "order_by does not"},
		{"sort", "GET", gitLabMRs + "?sort=up", nil, 400, "sort does not"},
		{"close", "PUT", mr, object{"state_event": "close"}, 200, `"state":"closed"`},
		{"with everything", "POST", gitLabMRs, object{"title": "T", "source_branch": "topic", "target_branch": "main",
			"labels": "x", "add_labels": "y", "assignee_ids": []int{2}, "reviewer_ids": []int{3}, "milestone_id": 502},
			201, `"milestone":{"id":502,`},
	})
	if got := fmt.Sprintf("%+v", s.PullRequests(repo)[1]); !strings.Contains(got,
		"Labels:[x] Reviewers:[bob] Assignees:[ann] Milestone:v2") {
		t.Errorf("stored: %s", got)
	}
}

// Without the checks that a protected branch wants nothing is merged into it, and with them what was to be merged is.
func TestAutoMerge(t *testing.T) {
	for _, kind := range []Kind{GitHub, GitLab} {
		t.Run(string(kind), func(t *testing.T) { testAutoMerge(t, kind) })
	}
}

func testAutoMerge(t *testing.T, kind Kind) {
	s := populated(t, kind)
	if err := s.Protect(repo, "main"); err != nil {
		t.Fatal(err)
	}
	one, merge, field := gitHubPulls+"/1", gitHubPulls+"/1/merge", "mergeable_state"
	states := []string{"blocked", "blocked", "blocked", "blocked"}
	if kind == GitLab {
		one, merge, field = gitLabMRs+"/1", gitLabMRs+"/1/merge", "detailed_merge_status"
		states = []string{"ci_must_pass", "ci_still_running", "ci_must_pass", "requested_changes"}
	}
	s.mu.Lock()
	s.find(repo, 1).autoMerge = &mergeOptions{how: byMerge, deleteBranch: true}
	s.mu.Unlock()
	tip, main := at(t, s, "rev-parse", "topic"), at(t, s, "rev-parse", "main")
	check := func(state string) error { return s.SetChecks(repo, tip, state) }
	for i, step := range []func() error{
		func() error { return nil },
		func() error { return check("pending") },
		func() error { return check("failure") },
		func() error { return s.Review(repo, 1, "ann", false) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		if _, _, out := call(t, s, "GET", one, nil); out.(object)[field] != states[i] {
			t.Errorf("%d: %v", i, out)
		}
		if status, _, out := call(t, s, "PUT", merge, object{}); status != 405 {
			t.Errorf("%d: merged: %v", i, out)
		}
	}
	if err := check("success"); err != nil {
		t.Fatal(err)
	}
	if got := at(t, s, "rev-parse", "main"); got != main {
		t.Errorf("merged what somebody does not want")
	}
	if err := s.Review(repo, 1, "ann", true); err != nil {
		t.Fatal(err)
	}
	if got := at(t, s, "log", "-1", "--format=%P", "main"); got != main+" "+tip {
		t.Errorf("main is on %s", got)
	}
	if p := s.PullRequests(repo)[0]; p.State != "merged" || p.MergeSHA != at(t, s, "rev-parse", "main") {
		t.Errorf("stored: %+v", p)
	}
	if got := at(t, s, "for-each-ref", "--format=%(refname)", "refs/heads/topic"); got != "" {
		t.Errorf("there is still %s", got)
	}
}

// What tests say of what is not there is an error.
func TestSettings(t *testing.T) {
	s := populated(t, GitHub)
	for name, err := range map[string]error{
		"no repository":     s.Protect("acme/none", "main"),
		"unknown state":     s.SetChecks(repo, "abc", "green"),
		"milestone again":   s.AddMilestone(repo, "v1"),
		"nobody reviews":    s.Review(repo, 1, "nobody", true),
		"nothing to review": s.Review(repo, 9, "ann", true),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, fork := range []string{"acme/none", repo} {
		if _, err := s.OpenFromFork(repo, fork, "topic", "main", "T"); err == nil {
			t.Errorf("%s: no error", fork)
		}
	}
	// Settings are the repository's, whatever it is called.
	if err := s.Rename(repo, "acme/deploy"); err != nil {
		t.Fatal(err)
	}
	if err := s.AddMilestone("acme/deploy", "v1"); err == nil {
		t.Error("no error")
	}
}

// A pull request from a fork is listed with where it is from, and can be merged.
func TestFork(t *testing.T) {
	for _, kind := range []Kind{GitHub, GitLab} {
		t.Run(string(kind), func(t *testing.T) {
			s := populated(t, kind)
			if err := s.CreateRepo("other/gitops", "main"); err != nil {
				t.Fatal(err)
			}
			git(t, "--git-dir="+s.GitDir("other/gitops"), "fetch", "--quiet", s.GitDir(repo),
				"refs/heads/topic:refs/heads/topic")
			n, err := s.OpenFromFork(repo, "other/gitops", "topic", "main", "Theirs")
			if err != nil || n != 2 {
				t.Fatalf("%d, %v", n, err)
			}
			list, merge, want := gitHubPulls+"?head=other:topic", gitHubPulls+"/2/merge", `"label":"other:topic"`
			if kind == GitLab {
				list, merge, want = gitLabMRs+"?source_branch=topic", gitLabMRs+"/2/merge", `"source_project_id":2`
			}
			status, _, out := call(t, s, "GET", list, nil)
			if got := text(t, out); status != 200 || !strings.Contains(got, want) {
				t.Errorf("%d %s", status, got)
			}
			if status, _, out := call(t, s, "PUT", merge, object{}); status != 200 {
				t.Error(out)
			}
			if got := at(t, s, "show", "main:a.yaml"); got != "a: 2" {
				t.Errorf("main has %q", got)
			}
		})
	}
}
