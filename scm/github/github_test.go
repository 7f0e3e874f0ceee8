package github

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
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
		BaseURL: resttest.Serve(t, script...), Repository: "acme/gitops", Token: secret.New(resttest.Token),
		HTTPClient: new(http.Client),
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
		"github.com":           "https://api.github.com/",
		"GitHub.com":           "https://api.github.com/",
		"git.example.com:8443": "http://git.example.com:8443/api/v3/",
		"github.example.com":   "http://github.example.com/api/v3/",
		"notgithub.com":        "http://notgithub.com/api/v3/",
	} {
		if got := APIURL("http", host); got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	good := Config{BaseURL: "https://api.github.com", Repository: "acme/gitops", Token: secret.New("t"),
		HTTPClient: new(http.Client)}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	deep := good
	deep.Repository = "acme/platform/gitops"
	if _, err := New(deep); err == nil || !strings.Contains(err.Error(), "OWNER/NAME") {
		t.Errorf("got error %v", err)
	}
	if _, err := New(Config{}); err == nil {
		t.Error("no error")
	}
}

// pull is a pull request as GitHub lists it; headRepo is a JSON value.
func pull(number int, headRepo, head, base string) string {
	return fmt.Sprintf(`{"number": %d, "title": "T", "body": null,
		"html_url": "https://git.example.com/acme/gitops/pull/%[1]d",
		"head": {"ref": %q, "sha": "abc", "repo": %s}, "base": {"ref": %q, "repo": {"full_name": "acme/gitops"}}}`,
		number, head, headRepo, base)
}

// Only a pull request from a branch of the repository itself counts, on whatever page it is.
func TestFind(t *testing.T) {
	t.Parallel()
	const own, fork = `{"full_name": "acme/gitops"}`, `{"full_name": "acme/gitops-fork"}`
	others := "[" + strings.Join([]string{
		pull(9, fork, "change", "main"),
		pull(8, "null", "change", "main"), // of a fork that is gone
		pull(7, own, "change-2", "main"),
		pull(6, own, "change", "main-2"),
	}, ",") + "]"
	first := resttest.Answer{
		To:     "GET /repos/acme/gitops/pulls?base=main&head=acme%3Achange&per_page=100&state=open",
		Header: map[string]string{"Link": `<https://git.example.com/x?page=2>; rel="next"`},
		Body:   others,
	}
	const second = "GET /pulls?page=2"
	pr, err := client(t, first, resttest.Answer{To: second, Body: "[" + pull(5, own, "change", "main") + "]"}).
		Find(t.Context(), "change", "main")
	want := scm.PullRequest{
		Number: 5, URL: "https://git.example.com/acme/gitops/pull/5", Title: "T", Head: "change",
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
		{"list of errors", resttest.Answer{Status: 422, Body: `{"message": "Validation Failed", "errors": [
			{"resource": "PullRequest", "code": "custom", "message": "No commits between main and change"},
			{"resource": "PullRequest", "code": "invalid", "field": "head"}, "and more"]}`},
			scm.ErrRefused, "422 Validation Failed: No commits between main and change: head invalid: and more"},
		{"rate limit", resttest.Answer{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0"},
			Body: `{"message": "API rate limit exceeded"}`},
			scm.ErrRefused, "403 API rate limit exceeded"},
		{"secondary rate limit", resttest.Answer{Status: 403, Header: map[string]string{"Retry-After": "60"},
			Body: `{"message": "You have exceeded a secondary rate limit",
				"documentation_url": "https://docs.github.com/rest/x#about-secondary-rate-limits"}`},
			scm.ErrRefused, "403 You have exceeded a secondary rate limit"},
		{"forbidden", resttest.Answer{Status: 403, Body: `{"message": "Resource not accessible by integration"}`},
			scm.ErrAuth, "403 Resource not accessible by integration"},
		{"web page", resttest.Answer{Type: "text/html; charset=utf-8", Body: "<!DOCTYPE html>"},
			nil, "/ answered with a web page (200 OK); is this the API's URL?"},
		{"no web page", resttest.Answer{Status: 404, Type: "text/html; charset=utf-8", Body: "<!DOCTYPE html>"},
			nil, "/ answered with a web page (404 Not Found); is this the API's URL?"},
		{"bad gateway", resttest.Answer{Status: 502, Type: "text/html", Body: "<html>"}, nil, ": 502 Bad Gateway"},
		{"broken JSON", resttest.Answer{Status: 201, Body: `{"number": `}, nil,
			"malformed answer: unexpected end of JSON input"},
		{"null", resttest.Answer{Status: 201, Body: `null`}, nil, "malformed answer: no pull request in it"},
		{"nothing", resttest.Answer{Status: 204}, nil, "malformed answer: no pull request in it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.answer.To = "POST /repos/acme/gitops/pulls"
			_, err := client(t, test.answer).Create(t.Context(), scm.Request{Head: "change", Base: "main", Title: "T"})
			resttest.CheckError(t, err, "github: acme/gitops: ", test.kind, test.want)
		})
	}
}

// A rate limit that one answer tells of does not keep the next call from being made.
func TestRateLimitIsNotRemembered(t *testing.T) {
	t.Parallel()
	c := client(t,
		resttest.Answer{To: "GET /pulls", Status: 403, Body: `{"message": "API rate limit exceeded"}`,
			Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"}},
		resttest.Answer{To: "GET /pulls", Body: `[]`})
	if _, err := c.Find(t.Context(), "change", "main"); !errors.Is(err, scm.ErrRefused) {
		t.Errorf("got error %v", err)
	}
	if _, err := c.Find(t.Context(), "change", "main"); !errors.Is(err, scm.ErrNotFound) {
		t.Errorf("got error %v", err)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	const sha = "0123456789abcdef0123456789abcdef01234567"
	put := func(status int, message string) resttest.Answer {
		return resttest.Answer{To: "PUT /pulls/7/merge", Status: status, Body: fmt.Sprintf(`{"message": %q}`, message)}
	}
	get := func(body string) resttest.Answer {
		return resttest.Answer{To: "GET /pulls/7", Body: body}
	}
	merged := put(200, "Pull Request successfully merged")
	const (
		undecided = `{"number": 7, "state": "open", "mergeable": null}`
		clean     = `{"number": 7, "state": "open", "mergeable": true}`
		dirty     = `{"number": 7, "state": "open", "mergeable": false}`
		closed    = `{"number": 7, "state": "closed", "mergeable": null}`
	)
	no := put(405, "Pull Request is not mergeable")
	baseMoved := put(405, "Base branch was modified. Review and try the merge again.")
	squash := put(405, "Squash merges are not allowed on this repository.")
	repo := func(fields string) resttest.Answer {
		return resttest.Answer{To: "GET /repos/acme/gitops", Body: `{"full_name": "acme/gitops", ` + fields + "}"}
	}
	headMoved := put(409, "Head branch was modified. Review and try the merge again.")
	for _, test := range []struct {
		name   string
		script []resttest.Answer
		want   error
		words  string
	}{
		{"at once", []resttest.Answer{merged}, nil, ""},
		{"undecided, then yes", []resttest.Answer{no, get(undecided), no, get(undecided), merged}, nil, ""},
		{"undecided, then no", []resttest.Answer{no, get(undecided), no, get(dirty)}, scm.ErrNotMergeable,
			"405 Pull Request is not mergeable"},
		{"undecided for ever",
			[]resttest.Answer{no, get(undecided), no, get(undecided), no, get(undecided), no,
				get(undecided), no, get(undecided)},
			scm.ErrNotMergeable, ""},
		{"conflict", []resttest.Answer{no, get(dirty)}, scm.ErrNotMergeable, ""},
		{"closed", []resttest.Answer{no, get(closed)}, scm.ErrNotMergeable, ""},
		{"forbidden method",
			[]resttest.Answer{squash,
				repo(`"allow_merge_commit": true, "allow_squash_merge": false, "allow_rebase_merge": true`)},
			scm.ErrNotMergeable, "405 Squash merges are not allowed on this repository. Allowed: merge, rebase"},
		{"forbidden method, the others not told", []resttest.Answer{squash, repo(`"private": true`)},
			scm.ErrNotMergeable, "405 Squash merges are not allowed on this repository."},
		{"forbidden method, allowed again", []resttest.Answer{squash, repo(`"allow_squash_merge": true`)},
			scm.ErrNotMergeable, "405 Squash merges are not allowed on this repository."},
		{"forbidden method, repository hidden", []resttest.Answer{squash, {To: "GET /repos/acme/gitops", Status: 500}},
			scm.ErrNotMergeable, "405 Squash merges are not allowed on this repository."},
		{"base moved", []resttest.Answer{baseMoved, get(clean), merged}, nil, ""},
		{"push not seen yet", []resttest.Answer{headMoved, get(clean), merged}, nil, ""},
		{"merged already",
			[]resttest.Answer{no, get(`{"merged": true, "state": "closed", "head": {"sha": "` + sha + `"}}`)}, nil, ""},
		{"another commit merged already",
			[]resttest.Answer{no, get(`{"merged": true, "state": "closed", "head": {"sha": "` + sha[1:] + `0"}}`)},
			scm.ErrNotMergeable, ""},
		{"forbidden", []resttest.Answer{put(403, "Resource not accessible by integration")}, scm.ErrAuth, ""},
		{"gone when asked", []resttest.Answer{no, {To: "GET /pulls/7", Status: 404, Body: `{"message": "Not Found"}`}},
			scm.ErrNoRepository, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := client(t, test.script...).
				Merge(t.Context(), scm.PullRequest{Number: 7, HeadSHA: sha}, scm.Merge{Method: scm.MergeSquash})
			if !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), test.words) {
				t.Errorf("got error %v, want %v, %q", err, test.want, test.words)
			}
		})
	}
	t.Run("no server", func(t *testing.T) {
		c, err := New(Config{BaseURL: "http://127.0.0.1:1/", Repository: "acme/gitops", Token: secret.New("t"),
			HTTPClient: new(http.Client)})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Merge(t.Context(), scm.PullRequest{Number: 7, HeadSHA: sha}, scm.Merge{Method: scm.MergeSquash})
		if err == nil {
			t.Error("no error")
		}
	})
}

func TestCheckAccess(t *testing.T) {
	t.Parallel()
	const (
		writer = `{"pull": true, "push": true}`
		reader = `{"pull": true, "push": false}`
		nobody = `{"pull": false, "push": false}`
		untold = "GitHub does not tell what this kind of token was granted"
	)
	all := scm.Access{Read: true, Push: true, Pull: true}
	for _, test := range []struct {
		name   string
		scopes string // "-": no such header
		repo   string // more fields
		want   scm.Access
	}{
		{"classic", "gist, repo, workflow", `"private": true, "permissions": ` + writer, all},
		{"classic, public repository", "public_repo", `"private": false, "permissions": ` + writer, all},
		{"classic, public scope only", "public_repo", `"private": true, "permissions": ` + writer,
			scm.Access{Read: true, Reason: "the token lacks the scope repo"}},
		{"classic, no scope", "", `"permissions": ` + writer,
			scm.Access{Read: true, Reason: "the token lacks the scope repo"}},
		{"classic, part of a scope", "repo:status, repo_deployment", `"permissions": ` + writer,
			scm.Access{Read: true, Reason: "the token lacks the scope repo"}},
		{"classic, reader", "repo", `"permissions": ` + reader,
			scm.Access{Read: true, Reason: "the token's owner may only read"}},
		{"fine-grained", "-", `"permissions": ` + writer,
			scm.Access{Read: true, Push: true, Pull: true, Reason: untold}},
		{"fine-grained, reader", "-", `"permissions": ` + reader,
			scm.Access{Read: true, Reason: "the token's owner may only read"}},
		{"app", "-", `"permissions": ` + nobody, scm.Access{Read: true, Push: true, Pull: true, Reason: untold}},
		{"old server", "-", `"private": true`, scm.Access{Read: true, Push: true, Pull: true, Reason: untold}},
		{"archived", "repo", `"archived": true, "permissions": ` + writer,
			scm.Access{Read: true, Reason: "the repository is archived"}},
		{"no pull requests", "repo", `"has_pull_requests": false, "permissions": ` + writer,
			scm.Access{Read: true, Push: true, Reason: "pull requests are switched off in the repository"}},
		{"pull requests", "repo", `"has_pull_requests": true, "permissions": ` + writer, all},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := resttest.Answer{To: "GET /repos/acme/gitops",
				Body: `{"full_name": "acme/gitops", ` + test.repo + "}"}
			if test.scopes != "-" {
				answer.Header = map[string]string{"X-OAuth-Scopes": test.scopes}
			}
			if got, err := client(t, answer).CheckAccess(t.Context()); err != nil || got != test.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
	if got, err := client(t, resttest.Answer{To: "GET /repos/acme/gitops", Body: "null"}).
		CheckAccess(t.Context()); err == nil ||
		!strings.HasSuffix(err.Error(), "malformed answer: no repository in it") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAnnotateDropped(t *testing.T) {
	t.Parallel()
	r := scm.Request{Labels: []string{"deploy"}, Assignees: []string{"ann", "bob"}}
	for _, test := range []struct{ body, want string }{
		{`{"labels": [{"name": "Deploy"}], "assignees": [{"login": "Ann"}, {"login": "bob"}]}`, ""},
		{`{"labels": [{"name": "deploy"}], "assignees": [{"login": "ann"}]}`, "refused: GitHub did not assign bob"},
		{`{"labels": [], "assignees": [{"login": "ann"}, {"login": "bob"}]}`,
			"refused: GitHub did not add the label deploy"},
		{`null`, "refused: GitHub did not add the label deploy"},
	} {
		err := client(t, resttest.Answer{To: "PATCH /repos/acme/gitops/issues/7", Body: test.body}).
			Annotate(t.Context(), scm.PullRequest{Number: 7}, r)
		if test.want == "" && err != nil ||
			test.want != "" && (err == nil || !strings.HasSuffix(err.Error(), test.want)) {
			t.Errorf("got error %v, want %q", err, test.want)
		}
	}
	// Nothing is lacking, nothing is asked.
	has := scm.PullRequest{Number: 7, Labels: []string{"Deploy"}, Assignees: []string{"bob", "ANN"},
		Reviewers: []string{"cleo"}}
	if err := client(t).Annotate(t.Context(), has, r); err != nil {
		t.Error(err)
	}
	if err := client(t).RequestReview(t.Context(), has, []string{"Cleo"}); err != nil {
		t.Error(err)
	}
}

// A milestone may be on any page.
func TestMilestone(t *testing.T) {
	t.Parallel()
	const first = "GET /repos/acme/gitops/milestones?per_page=100&state=open"
	err := client(t,
		resttest.Answer{To: first, Body: `[{"number": 1, "title": "v1.0"}]`,
			Header: map[string]string{"Link": `<https://git.example.com/x?page=2>; rel="next"`}},
		resttest.Answer{To: "GET /milestones?page=2", Body: `[{"number": 2, "title": "v1"}]`},
		resttest.Answer{To: "PATCH /issues/7", Body: "{}"},
	).Annotate(t.Context(), scm.PullRequest{Number: 7, Milestone: "v0"}, scm.Request{Milestone: "v1"})
	if err != nil {
		t.Error(err)
	}
}

// What somebody who was asked has said counts for the commit that it was said of, on whatever page.
func TestRequestReviewAgain(t *testing.T) {
	t.Parallel()
	reviews := []resttest.Answer{
		{To: "GET /pulls/7/reviews?per_page=100",
			Body:   `[{"user": {"login": "Ann"}, "commit_id": "abc"}, {"user": {"login": "bob"}, "commit_id": "old"}]`,
			Header: map[string]string{"Link": `<https://git.example.com/x?page=2>; rel="next"`}},
		{To: "GET /pulls/7/reviews?page=2", Body: `[{"user": {"login": "cleo"}, "commit_id": "abc"}]`},
	}
	pr := scm.PullRequest{Number: 7, HeadSHA: "abc", State: scm.Unchanged}
	if err := client(t, reviews...).RequestReview(t.Context(), pr, []string{"ann", "cleo"}); err != nil {
		t.Error(err)
	}
	asked := append(reviews,
		resttest.Answer{To: "POST /pulls/7/requested_reviewers", Status: 201, Body: `{"number": 7}`})
	if err := client(t, asked...).RequestReview(t.Context(), pr, []string{"ann", "bob"}); err != nil {
		t.Error(err)
	}
	pr.State = scm.Created
	if err := client(t, asked[2]).RequestReview(t.Context(), pr, []string{"ann"}); err != nil {
		t.Error(err)
	}
	if err := client(t, asked[2]).RequestReview(t.Context(), pr, []string{"Acme/platform"}); err != nil {
		t.Error(err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	get := func(fields string) resttest.Answer {
		return resttest.Answer{To: "GET /pulls/7",
			Body: `{"number": 7, "state": "open", "head": {"sha": "abc"}, ` + fields + "}"}
	}
	state := func(s string) resttest.Answer { return get(fmt.Sprintf(`"mergeable_state": %q`, s)) }
	runs := func(runs string) resttest.Answer {
		return resttest.Answer{To: "GET /commits/abc/check-runs", Body: `{"check_runs": [` + runs + "]}"}
	}
	statuses := func(statuses string) resttest.Answer {
		return resttest.Answer{To: "GET /commits/abc/status",
			Body: `{"state": "pending", "statuses": [` + statuses + "]}"}
	}
	reviews := func(reviews string) resttest.Answer {
		return resttest.Answer{To: "GET /pulls/7/reviews", Body: "[" + reviews + "]"}
	}
	const (
		passed  = `{"name": "build", "status": "completed", "conclusion": "success"}`
		skipped = `{"name": "deploy", "status": "completed", "conclusion": "skipped"}`
		running = `{"name": "lint", "status": "in_progress", "conclusion": null}`
		timeout = `{"name": "lint", "status": "completed", "conclusion": "timed_out"}`
		sad     = `{"context": "ci/sad", "state": "error"}`
		waiting = `{"context": "ci/slow", "state": "pending"}`
		ann     = `{"user": {"login": "ann"}, "state": %q}`
	)
	no, yes, comment := fmt.Sprintf(ann, "CHANGES_REQUESTED"), fmt.Sprintf(ann, "APPROVED"),
		fmt.Sprintf(ann, "COMMENTED")
	for _, test := range []struct {
		name   string
		script []resttest.Answer
		want   scm.Status
	}{
		{"merged", []resttest.Answer{{To: "GET /pulls/7", Body: `{"number": 7, "state": "closed", "merged": true}`}},
			scm.Status{Merged: true}},
		{"closed",
			[]resttest.Answer{{To: "GET /pulls/7",
				Body: `{"number": 7, "state": "closed", "mergeable_state": "dirty"}`}}, scm.Status{Closed: true}},
		{"clean", []resttest.Answer{state("clean")}, scm.Status{}},
		{"hooks", []resttest.Answer{state("has_hooks")}, scm.Status{}},
		{"conflict", []resttest.Answer{state("dirty")}, scm.Status{Final: true, Waits: "conflict"}},
		{"behind", []resttest.Answer{state("behind")}, scm.Status{Final: true, Waits: "update from its base"}},
		{"unknown", []resttest.Answer{state("unknown")}, scm.Status{Waits: "mergeability"}},
		{"not told", []resttest.Answer{get(`"title": "T"`)}, scm.Status{Waits: "mergeability"}},
		{"draft", []resttest.Answer{get(`"draft": true, "mergeable_state": "blocked"`)}, scm.Status{Waits: "draft"}},
		{"unstable", []resttest.Answer{state("unstable"), runs(passed + "," + timeout), statuses(sad)}, scm.Status{}},
		{"unstable, pending", []resttest.Answer{state("unstable"), runs(running + "," + timeout), statuses("")},
			scm.Status{Waits: "checks"}},
		{"run pending", []resttest.Answer{state("blocked"), runs(passed + "," + running), statuses(sad)},
			scm.Status{Waits: "checks"}},
		{"status pending", []resttest.Answer{state("blocked"), runs(passed), statuses(waiting)},
			scm.Status{Waits: "checks"}},
		{"failed", []resttest.Answer{state("blocked"), runs(passed + "," + timeout), statuses(sad)},
			scm.Status{Final: true, Waits: "failed checks: lint, ci/sad"}},
		{"changes requested",
			[]resttest.Answer{state("blocked"), runs(passed), statuses(""), reviews(yes + "," + no + "," + comment)},
			scm.Status{Final: true, Waits: "changes requested"}},
		{"approval", []resttest.Answer{state("blocked"), runs(skipped), statuses(""), reviews(no + "," + yes)},
			scm.Status{Waits: "approval"}},
		{"no checks", []resttest.Answer{state("blocked"), runs(""), statuses(""), reviews("")},
			scm.Status{Waits: "checks or approval"}},
		{"checks not for this token",
			[]resttest.Answer{state("blocked"),
				{To: "GET /check-runs", Status: 403,
					Body: `{"message": "Resource not accessible by personal access token"}`}, reviews("")},
			scm.Status{Waits: "checks or approval"}},
		{"statuses not for this token",
			[]resttest.Answer{state("unstable"), runs(passed), {To: "GET /status", Status: 403}}, scm.Status{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := client(t, test.script...).Status(t.Context(), scm.PullRequest{Number: 7}); err != nil ||
				got != test.want {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
	for _, script := range [][]resttest.Answer{
		{{To: "GET /pulls/7", Body: "null"}},
		{state("blocked"), {To: "GET /check-runs", Status: 500}},
		{state("blocked"), runs(""), statuses(""), {To: "GET /reviews", Status: 500}},
	} {
		if got, err := client(t, script...).Status(t.Context(), scm.PullRequest{Number: 7}); err == nil {
			t.Errorf("got %+v", got)
		}
	}
}

// A pull request whose comment failed stays open, for another run to close.
func TestCloseFailing(t *testing.T) {
	t.Parallel()
	open := resttest.Answer{To: "GET /pulls/7", Body: `{"number": 7, "state": "open"}`}
	for _, script := range [][]resttest.Answer{
		{{To: "GET /pulls/7", Body: "null"}},
		{{To: "GET /pulls/7", Body: `{"number": 7, "state": "open", "comments": 1}`},
			{To: "GET /issues/7/comments", Status: 403}},
		{open, {To: "POST /issues/7/comments", Status: 403}},
		{open, {To: "POST /issues/7/comments", Status: 201, Body: "{}"}, {To: "PATCH /pulls/7", Status: 422}},
	} {
		if err := client(t, script...).Close(t.Context(), scm.PullRequest{Number: 7}, "Bye."); err == nil {
			t.Errorf("no error after %d answers", len(script))
		}
	}
}
