package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"update-gitops-repo/scm"
	"update-gitops-repo/scm/internal/resttest"
	"update-gitops-repo/secret"
)

// client returns a client for a server that follows the script.
func client(t *testing.T, script ...resttest.Answer) *Client {
	t.Helper()
	c, err := New(Config{
		BaseURL:    resttest.Serve(t, script...) + "/api/v4",
		Repository: "acme/platform/gitops", Token: secret.New(resttest.Token), HTTPClient: new(http.Client),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.api.Pause = time.Microsecond
	return c
}

func TestAPIURL(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"gitlab.com":           "https://gitlab.com/api/v4",
		"git.example.com:8443": "https://git.example.com:8443/api/v4",
	} {
		if got := APIURL("https", host); got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil {
		t.Error("no error")
	}
}

// request is a merge request as GitLab lists it, to project 1.
func request(iid, source int, head, base string) string {
	return fmt.Sprintf(`{"iid": %d, "web_url": "https://git.example.com/acme/-/merge_requests/%[1]d", "title": "T",
		"description": null, "sha": "abc", "source_project_id": %d, "target_project_id": 1,
		"source_branch": %q, "target_branch": %q}`,
		iid, source, head, base)
}

// Only a merge request from a branch of the project itself counts, on whatever page it is.
func TestFind(t *testing.T) {
	t.Parallel()
	others := "[" + strings.Join([]string{
		request(9, 2, "change", "main"), // a fork's
		request(8, 0, "change", "main"), // of a fork that is gone
		request(7, 1, "change-2", "main"),
		request(6, 1, "change", "main-2"),
	}, ",") + "]"
	const path = "GET /api/v4/projects/acme%2Fplatform%2Fgitops/merge_requests"
	first := resttest.Answer{
		To:     path + "?per_page=100&source_branch=change&state=opened&target_branch=main",
		Header: map[string]string{"X-Next-Page": "2"},
		Body:   others,
	}
	const second = path + "?page=2"
	pr, err := client(t, first, resttest.Answer{To: second, Body: "[" + request(5, 1, "change", "main") + "]"}).
		Find(t.Context(), "change", "main")
	want := scm.PullRequest{
		Number: 5, URL: "https://git.example.com/acme/-/merge_requests/5", Title: "T", Head: "change",
		Base: "main", HeadSHA: "abc",
	}
	if err != nil || !reflect.DeepEqual(pr, want) {
		t.Errorf("got %+v, %v\nwant %+v", pr, err, want)
	}

	_, err = client(t, first, resttest.Answer{To: second, Body: others}).Find(t.Context(), "change", "main")
	if !errors.Is(err, scm.ErrNotFound) {
		t.Errorf("got error %v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		answer resttest.Answer
		kind   error // nil for none
		want   string
	}{
		{"list",
			resttest.Answer{Status: 409,
				Body: `{"message": ["Another open merge request already exists for this source branch: !1"]}`},
			scm.ErrRefused, "refused: 409 Another open merge request already exists for this source branch: !1"},
		{"text", resttest.Answer{Status: 403, Body: `{"message": "403 Forbidden"}`},
			scm.ErrAuth, "access denied: 403 Forbidden"},
		{"fields", resttest.Answer{Status: 400, Body: `{"message": {"title": ["can't be blank"]}}`},
			scm.ErrRefused, "refused: 400 {title: [can't be blank]}"},
		{"error", resttest.Answer{Status: 400, Body: `{"error": "title is missing"}`},
			scm.ErrRefused, "refused: 400 title is missing"},
		{"revoked",
			resttest.Answer{Status: 401, Body: `{"error": "invalid_token", "error_description": "Token was revoked."}`},
			scm.ErrAuth, "access denied: 401 {error: invalid_token}, {error_description: Token was revoked.}"},
		{"no JSON", resttest.Answer{Status: 429, Type: "text/plain", Body: "Retry later\n"},
			scm.ErrRefused, "refused: 429 Retry later"},
		{"not found", resttest.Answer{Status: 404, Body: `{"message": "404 Project Not Found"}`},
			scm.ErrNoRepository, "cannot see it: 404 Not Found"},
		{"web page", resttest.Answer{Type: "text/html; charset=utf-8", Body: "<!DOCTYPE html>"},
			nil, "/api/v4/ answered with a web page (200 OK); is this the API's URL?"},
		{"no web page", resttest.Answer{Status: 404, Type: "text/html; charset=utf-8", Body: "<!DOCTYPE html>"},
			nil, "/api/v4/ answered with a web page (404 Not Found); is this the API's URL?"},
		{"bad gateway", resttest.Answer{Status: 502, Type: "text/html", Body: "<html>"}, nil, ": 502 Bad Gateway"},
		{"broken JSON", resttest.Answer{Status: 201, Body: `{"iid": `}, nil, "malformed answer: unexpected EOF"},
		{"null", resttest.Answer{Status: 201, Body: `null`}, nil, "malformed answer: no merge request in it"},
		{"nothing", resttest.Answer{Status: 204}, nil, "malformed answer: EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.answer.To = "POST /merge_requests"
			_, err := client(t, test.answer).Create(t.Context(), scm.Request{Head: "change", Base: "main", Title: "T"})
			resttest.CheckError(t, err, "gitlab: acme/platform/gitops: ", test.kind, test.want)
		})
	}
}

// The SDK would retry a failure of the server, and wait for a limit of its own making.
func TestNoRetry(t *testing.T) {
	t.Parallel()
	c := client(t,
		resttest.Answer{To: "GET /merge_requests", Status: 503, Header: map[string]string{"RateLimit-Limit": "1"}},
		resttest.Answer{To: "GET /merge_requests", Body: "[]"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := c.Find(ctx, "change", "main")
	if err == nil || !strings.HasSuffix(err.Error(), ": 503 Service Unavailable") {
		t.Errorf("got error %v", err)
	}
	if _, err := c.Find(ctx, "change", "main"); !errors.Is(err, scm.ErrNotFound) {
		t.Errorf("got error %v", err)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	const sha = "0123456789abcdef0123456789abcdef01234567"
	put := func(status int, message string) resttest.Answer {
		return resttest.Answer{To: "PUT /merge_requests/7/merge", Status: status,
			Body: fmt.Sprintf(`{"message": %q}`, message)}
	}
	get := func(status string) resttest.Answer {
		return resttest.Answer{To: "GET /merge_requests/7",
			Body: fmt.Sprintf(`{"iid": 7, "state": "opened", "detailed_merge_status": %q}`, status)}
	}
	done := func(sha string) resttest.Answer {
		return resttest.Answer{To: "GET /merge_requests/7",
			Body: fmt.Sprintf(`{"iid": 7, "state": "merged", "sha": %q, "detailed_merge_status": "not_open"}`, sha)}
	}
	accepted := func(state, mergeError string) resttest.Answer {
		return resttest.Answer{To: "PUT /merge_requests/7/merge",
			Body: fmt.Sprintf(`{"iid": 7, "state": %q, "merge_error": %q}`, state, mergeError)}
	}
	merged := accepted("merged", "")
	no := put(405, "405 Method Not Allowed")
	conflict := put(422, "Branch cannot be merged")
	headMoved := put(409, "SHA does not match HEAD of source branch: abc")
	for _, test := range []struct {
		name   string
		script []resttest.Answer
		want   error
		words  string
	}{
		{"at once", []resttest.Answer{merged}, nil, ""},
		{"undecided, then yes",
			[]resttest.Answer{no, get("preparing"), no, get("unchecked"), no, get("checking"), merged}, nil, ""},
		{"decided meanwhile", []resttest.Answer{conflict, get("mergeable"), merged}, nil, ""},
		{"undecided, then no", []resttest.Answer{no, get("checking"), conflict, get("conflict")}, scm.ErrNotMergeable,
			"Branch cannot be merged (conflict)"},
		{"undecided for ever",
			[]resttest.Answer{no, get("checking"), no, get("checking"), no, get("checking"), no,
				get("checking"), no, get("checking")},
			scm.ErrNotMergeable, ""},
		{"slow", []resttest.Answer{accepted("locked", ""), no, done(sha)}, nil, ""},
		{"agreed, then failed", []resttest.Answer{accepted("opened", "Rejected by a hook"), no, get("broken_status")},
			scm.ErrNotMergeable, "405 Method Not Allowed (broken_status)"},
		{"failing for ever", slices.Repeat([]resttest.Answer{accepted("opened", "Rejected by a hook")}, 5),
			scm.ErrNotMergeable, "Rejected by a hook"},
		{"not approved", []resttest.Answer{no, get("not_approved")}, scm.ErrNotMergeable,
			"405 Method Not Allowed (not_approved)"},
		{"before 15.6", []resttest.Answer{put(406, "Branch cannot be merged"), get("")}, scm.ErrNotMergeable,
			"Branch cannot be merged"},
		{"push not seen yet", []resttest.Answer{headMoved, get("mergeable"), merged}, nil, ""},
		{"merged already", []resttest.Answer{no, done(sha)}, nil, ""},
		{"another commit merged already", []resttest.Answer{no, done("abc")}, scm.ErrNotMergeable, ""},
		{"forbidden", []resttest.Answer{put(401, "401 Unauthorized")}, scm.ErrAuth, ""},
		{"gone when asked", []resttest.Answer{no, {To: "GET /merge_requests/7", Status: 404}}, scm.ErrNoRepository, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			script := append([]resttest.Answer{{To: "GET /projects/acme%2Fplatform%2Fgitops",
				Body: `{"id": 1, "squash_option": "default_on"}`}}, test.script...)
			err := client(t, script...).
				Merge(t.Context(), scm.PullRequest{Number: 7, HeadSHA: sha}, scm.Merge{Method: scm.MergeCommit})
			if !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), test.words) {
				t.Errorf("got error %v, want %v, %q", err, test.want, test.words)
			}
		})
	}
	t.Run("null", func(t *testing.T) {
		project := resttest.Answer{To: "GET /projects/acme%2Fplatform%2Fgitops", Body: `{"id": 1}`}
		c := client(t, project, resttest.Answer{To: "PUT /merge_requests/7/merge", Body: "null"})
		err := c.Merge(t.Context(), scm.PullRequest{Number: 7, HeadSHA: sha}, scm.Merge{Method: scm.MergeCommit})
		if err == nil || !strings.HasSuffix(err.Error(), "malformed answer: no merge request in it") {
			t.Errorf("got error %v", err)
		}
		project.Body = "null"
		err = client(t, project).
			Merge(t.Context(), scm.PullRequest{Number: 7, HeadSHA: sha}, scm.Merge{Method: scm.MergeCommit})
		if err == nil || !strings.HasSuffix(err.Error(), "malformed answer: no project in it") {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("no server", func(t *testing.T) {
		c, err := New(Config{BaseURL: "http://127.0.0.1:1/", Repository: "acme/gitops", Token: secret.New("t"),
			HTTPClient: new(http.Client)})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Merge(t.Context(), scm.PullRequest{Number: 7, HeadSHA: sha}, scm.Merge{Method: scm.MergeCommit})
		if err == nil {
			t.Error("no error")
		}
	})
}

func TestCheckAccess(t *testing.T) {
	t.Parallel()
	roles := func(project, group string) string {
		return fmt.Sprintf(`"permissions": {"project_access": %s, "group_access": %s}`, project, group)
	}
	const (
		none      = "null"
		reporter  = `{"access_level": 20, "notification_level": 3}`
		developer = `{"access_level": 30, "notification_level": 3}`
		owner     = `{"access_level": 50, "notification_level": 3}`
	)
	all := scm.Access{Read: true, Push: true, Pull: true, Reason: "GitLab does not tell the token's scopes"}
	below := scm.Access{Read: true, Reason: "the token's role in the project is below developer"}
	untold := scm.Access{Read: true, Push: true, Pull: true,
		Reason: "GitLab tells neither the token's role nor its scopes"}
	for _, test := range []struct {
		name, project string // fields of the project
		want          scm.Access
	}{
		{"developer", roles(developer, none), all},
		{"developer of the group", roles(none, developer), all},
		{"owner of the group", roles(reporter, owner), all},
		{"reporter of the group", roles(developer, reporter), all},
		{"reporter", roles(reporter, reporter), below},
		{"guest", roles(`{"access_level": 10}`, none), below},
		{"by a shared group", roles(none, none), untold},
		{"no permissions", `"visibility": "public"`, untold},
		{"archived", `"archived": true, ` + roles(owner, none),
			scm.Access{Read: true, Reason: "the project is archived"}},
		{"no merge requests", `"merge_requests_access_level": "disabled", ` + roles(owner, none),
			scm.Access{Read: true, Push: true, Reason: "merge requests are switched off in the project"}},
		{"private merge requests", `"merge_requests_access_level": "private", ` + roles(developer, none), all},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := resttest.Answer{To: "GET /api/v4/projects/acme%2Fplatform%2Fgitops",
				Body: `{"id": 1, ` + test.project + "}"}
			if got, err := client(t, answer).CheckAccess(t.Context()); err != nil || got != test.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
	for _, test := range []struct {
		answer resttest.Answer
		want   string
	}{
		{resttest.Answer{Body: "null"}, "malformed answer: no project in it"},
		// The scope read_user, or write_repository, does not let a token see projects.
		{resttest.Answer{Status: 403,
			Body: `{"error": "insufficient_scope", "scope": "api read_api",
				"error_description": "The request requires higher privileges than provided by the access token."}`},
			"access denied: 403 {error: insufficient_scope}, {error_description: The request requires higher " +
				"privileges than provided by the access token.}, {scope: api read_api}"},
	} {
		test.answer.To = "GET /projects/acme%2Fplatform%2Fgitops"
		if got, err := client(t, test.answer).CheckAccess(t.Context()); err == nil ||
			!strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

// GitLab takes one assignee and one reviewer where more take a paid tier, and says nothing.
func TestDropped(t *testing.T) {
	t.Parallel()
	members := resttest.Answer{To: "GET /projects/acme%2Fplatform%2Fgitops/users?per_page=100",
		Body: `[{"id": 11, "username": "Ann"}, {"id": 12, "username": "bob"}]`}
	answer := resttest.Answer{To: "PUT /merge_requests/7",
		Body: `{"iid": 7, "assignees": [{"username": "ann"}], "reviewers": [{"username": "ann"}]}`}
	pr := scm.PullRequest{Number: 7}
	err := client(t, members, answer).Annotate(t.Context(), pr, scm.Request{Assignees: []string{"ann", "bob"}})
	if err == nil || !strings.Contains(err.Error(), "refused: GitLab did not assign bob;") {
		t.Errorf("got error %v", err)
	}
	err = client(t, members, answer).RequestReview(t.Context(), pr, []string{"ann", "bob"})
	if err == nil || !strings.Contains(err.Error(), "refused: GitLab did not ask bob;") {
		t.Errorf("got error %v", err)
	}
	// Nothing is lacking, nothing is asked.
	pr.Assignees, pr.Reviewers = []string{"Ann"}, []string{"Bob"}
	if err := client(t).Annotate(t.Context(), pr, scm.Request{Assignees: []string{"ann"}}); err != nil {
		t.Error(err)
	}
	if err := client(t).RequestReview(t.Context(), pr, []string{"bob"}); err != nil {
		t.Error(err)
	}
}

// Who is not among the project's first members is looked up alone.
func TestPeople(t *testing.T) {
	t.Parallel()
	members := resttest.Answer{To: "GET /projects/acme%2Fplatform%2Fgitops/users",
		Body: `[{"id": 11, "username": "ann"}]`}
	user := func(name, body string) resttest.Answer {
		return resttest.Answer{To: "GET /api/v4/users?username=" + name, Body: body}
	}
	for _, test := range []struct {
		names  []string
		script []resttest.Answer
		ids    []int64
	}{
		{nil, nil, nil},
		{[]string{"ann", "Ann"}, []resttest.Answer{user("ann", `[{"id": 11, "username": "ann"}]`)}, []int64{11, 11}},
		{[]string{"ANN", "bob", "nobody"},
			[]resttest.Answer{members, user("bob", `[{"id": 12, "username": "Bob"}]`),
				user("nobody", "[]")}, []int64{11, 12}},
	} {
		people, err := client(t, test.script...).people(t.Context(), test.names)
		if ids, _ := people.ids(test.names); err != nil || !slices.Equal(ids, test.ids) {
			t.Errorf("%q: got %v, %v, want %v", test.names, ids, err, test.ids)
		}
	}
	for _, script := range [][]resttest.Answer{
		{{To: "GET /users", Status: 403}},
		{members, {To: "GET /users?username=bob", Status: 500}},
	} {
		if people, err := client(t, script...).people(t.Context(), []string{"ann", "bob"}); err == nil {
			t.Errorf("got %v", people)
		}
	}
	// A failure of a look-up opens nothing.
	broken := resttest.Answer{To: "GET /users", Status: 500}
	if pr, err := client(t, broken).Create(t.Context(), scm.Request{Reviewers: []string{"ann"}}); err == nil {
		t.Errorf("got %+v", pr)
	}
	broken.To = "GET /milestones?include_ancestors=true&state=active&title=v1"
	if pr, err := client(t, broken).Create(t.Context(), scm.Request{Milestone: "v1"}); err == nil {
		t.Errorf("got %+v", pr)
	}
	for _, r := range []scm.Request{{Milestone: "v1"}, {Assignees: []string{"ann"}}} {
		broken.To = "GET "
		if err := client(t, broken).Annotate(t.Context(), scm.PullRequest{Number: 7}, r); err == nil {
			t.Error("no error")
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	get := func(state, status, pipeline string) resttest.Answer {
		return resttest.Answer{To: "GET /merge_requests/7", Body: fmt.Sprintf(
			`{"iid": 7, "state": %q, "detailed_merge_status": %q, "head_pipeline": %s}`, state, status, pipeline)}
	}
	for _, test := range []struct {
		state, status, pipeline string
		want                    scm.Status
	}{
		{"merged", "not_open", "null", scm.Status{Merged: true}},
		{"closed", "not_open", "null", scm.Status{Closed: true}},
		{"locked", "mergeable", "null", scm.Status{Waits: "merge"}},
		{"opened", "mergeable", `{"status": "failed"}`, scm.Status{}},
		{"opened", "", "null", scm.Status{Waits: "merge"}},
		{"opened", "conflict", "null", scm.Status{Final: true, Waits: "conflict"}},
		{"opened", "need_rebase", "null", scm.Status{Final: true, Waits: "update from its base"}},
		{"opened", "requested_changes", "null", scm.Status{Final: true, Waits: "changes requested"}},
		{"opened", "not_approved", "null", scm.Status{Waits: "approval"}},
		{"opened", "draft_status", "null", scm.Status{Waits: "draft"}},
		{"opened", "discussions_not_resolved", "null", scm.Status{Waits: "discussions"}},
		{"opened", "ci_must_pass", "null", scm.Status{Waits: "checks"}},
		{"opened", "ci_must_pass", `{"status": "manual"}`, scm.Status{Waits: "checks"}},
		{"opened", "ci_must_pass", `{"status": "canceled"}`,
			scm.Status{Final: true, Waits: "failed checks: pipeline canceled"}},
		{"opened", "ci_still_running", `{"status": "running"}`, scm.Status{Waits: "checks"}},
		{"opened", "approvals_syncing", "null", scm.Status{Waits: "mergeability"}},
		{"opened", "unchecked", "null", scm.Status{Waits: "mergeability"}},
		{"opened", "locked_paths", "null", scm.Status{Waits: "locked paths"}},
	} {
		c := client(t, get(test.state, test.status, test.pipeline))
		got, err := c.Status(t.Context(), scm.PullRequest{Number: 7})
		if err != nil || got != test.want {
			t.Errorf("%s, %s: got %+v, %v, want %+v", test.state, test.status, got, err, test.want)
		}
	}
}

// A merge request whose comment failed stays open, for another run to close.
func TestCloseFailing(t *testing.T) {
	t.Parallel()
	open := resttest.Answer{To: "GET /merge_requests/7", Body: `{"iid": 7, "state": "opened"}`}
	for _, script := range [][]resttest.Answer{
		{{To: "GET /merge_requests/7", Body: "null"}},
		{{To: "GET /merge_requests/7", Body: `{"iid": 7, "state": "opened", "user_notes_count": 1}`},
			{To: "GET /merge_requests/7/notes", Status: 403}},
		{open, {To: "POST /merge_requests/7/notes", Status: 403}},
		{open, {To: "POST /merge_requests/7/notes", Status: 201, Body: "{}"},
			{To: "PUT /merge_requests/7", Status: 422}},
	} {
		if err := client(t, script...).Close(t.Context(), scm.PullRequest{Number: 7}, "Bye."); err == nil {
			t.Errorf("no error after %d answers", len(script))
		}
	}
}
