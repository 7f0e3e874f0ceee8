package gitlab

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"update-gitops-repo/scm"
	"update-gitops-repo/scm/internal/resttest"
)

const (
	sha   = "0123456789abcdef0123456789abcdef01234567"
	other = "1123456789abcdef0123456789abcdef01234567"
)

func TestCommit(t *testing.T) {
	t.Parallel()
	at := func(id string) resttest.Answer {
		return resttest.Answer{To: "GET /repository/branches/deploy%2Fmain",
			Body: fmt.Sprintf(`{"name": "deploy/main", "commit": {"id": %q}}`, id)}
	}
	post := func(status int, body string) resttest.Answer {
		return resttest.Answer{To: "POST /repository/commits", Status: status, Body: body}
	}
	on := func(parent string) resttest.Answer {
		return post(201, fmt.Sprintf(`{"id": "new", "parent_ids": [%q]}`, parent))
	}
	gone := resttest.Answer{To: "GET /branches/deploy%2Fmain", Status: 404, Body: `{"message": "404 Branch Not Found"}`}
	project := func(status int, body string) resttest.Answer {
		return resttest.Answer{To: "GET /projects/acme%2Fplatform%2Fgitops", Status: status, Body: body}
	}
	no := post(400, `{"message": "A file with this name doesn't exist"}`)
	for _, test := range []struct {
		name   string
		script []resttest.Answer
		want   error
		words  string
	}{
		{"good", []resttest.Answer{at(sha), on(sha)}, nil, ""},
		{"moved", []resttest.Answer{at(other)}, scm.ErrMoved,
			"the branch moved: deploy/main is at " + other + ", want " + sha},
		{"no branch", []resttest.Answer{gone, project(200, `{"id": 1}`)}, scm.ErrMoved,
			"404 there is no branch deploy/main"},
		{"no project", []resttest.Answer{gone, project(404, `{"message": "404 Project Not Found"}`)},
			scm.ErrNoRepository, "404 Not Found"},
		{"refused", []resttest.Answer{at(sha), no, at(sha)}, scm.ErrRefused,
			"refused: 400 A file with this name doesn't exist"},
		{"refused, for it moved", []resttest.Answer{at(sha), no, at(other)}, scm.ErrMoved, "is at " + other},
		{"too large", []resttest.Answer{at(sha), post(413, `{"message": "Request Entity Too Large"}`), at(sha)},
			scm.ErrRefused, "413 Request Entity Too Large"},
		{"forbidden", []resttest.Answer{at(sha), post(403, `{"message": "403 Forbidden"}`)},
			scm.ErrAuth, "403 Forbidden"},
		{"on another tip", []resttest.Answer{at(sha), on(other)}, scm.ErrMoved,
			"new is on top of [" + other + "], want " + sha},
		{"forbidden to look",
			[]resttest.Answer{{To: "GET /branches/deploy%2Fmain", Status: 401,
				Body: `{"message": "401 Unauthorized"}`}}, scm.ErrAuth, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			id, err := client(t, test.script...).
				Commit(t.Context(), scm.Commit{Branch: "deploy/main", Parent: sha, Message: "M", Files: []scm.File{
					{Path: "a", Contents: []byte("a")},
					{Path: "b", Exists: true},
					{Path: "c", Exists: true, Deleted: true},
				}})
			if !errors.Is(err, test.want) || (id == "new") != (test.want == nil) ||
				err != nil && !strings.Contains(err.Error(), test.words) {
				t.Errorf("got %q, %v, want %v, %q", id, err, test.want, test.words)
			}
		})
	}
	for name, script := range map[string][]resttest.Answer{
		"no branch in it": {{To: "GET /branches/deploy%2Fmain", Body: `null`}},
		"no commit in it": {at(sha), post(201, `{}`)},
	} {
		_, err := client(t, script...).Commit(t.Context(), scm.Commit{Branch: "deploy/main", Parent: sha, Message: "M"})
		if err == nil || !strings.HasSuffix(err.Error(), "malformed answer: "+name) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func TestAutoMerge(t *testing.T) {
	t.Parallel()
	put := func(status int, body string) resttest.Answer {
		return resttest.Answer{To: "PUT /merge_requests/7/merge", Status: status, Body: body}
	}
	now := func(state, head, status string, auto bool) resttest.Answer {
		return resttest.Answer{To: "GET /merge_requests/7", Body: fmt.Sprintf(
			`{"iid": 7, "state": %q, "sha": %q, "detailed_merge_status": %q, "merge_when_pipeline_succeeds": %t}`,
			state, head, status, auto)}
	}
	enabled := put(200, `{"iid": 7, "state": "opened", "merge_when_pipeline_succeeds": true}`)
	merged := put(200, `{"iid": 7, "state": "merged"}`)
	project := []resttest.Answer{{To: "GET /projects/acme%2Fplatform%2Fgitops", Body: `{"id": 1}`}}
	no := put(405, `{"message": "405 Method Not Allowed"}`)
	for _, test := range []struct {
		name   string
		script []resttest.Answer
		merged bool
		want   error
	}{
		{"enabled", []resttest.Answer{enabled}, false, nil},
		{"at once", []resttest.Answer{merged}, true, nil},
		{"not done yet", []resttest.Answer{put(200, `{"iid": 7, "state": "locked"}`), merged}, true, nil},
		{"without a pipeline", []resttest.Answer{no, now("opened", sha, "mergeable", false), merged}, true, nil},
		{"without a pipeline, but forbidden",
			[]resttest.Answer{no, now("opened", sha, "mergeable", false), put(401, `{"message": "401 Unauthorized"}`)},
			false, scm.ErrAuth},
		{"just opened", []resttest.Answer{no, now("opened", sha, "preparing", false), enabled}, false, nil},
		{"push not seen yet",
			[]resttest.Answer{put(409, `{"message": "SHA does not match"}`),
				now("opened", other, "ci_still_running", false), enabled}, false, nil},
		{"enabled already", []resttest.Answer{no, now("opened", sha, "ci_still_running", true)}, false, nil},
		{"merged already", []resttest.Answer{no, now("merged", sha, "not_open", false)}, true, nil},
		{"another commit merged already", []resttest.Answer{no, now("merged", other, "not_open", false)},
			false, scm.ErrNotMergeable},
		{"closed", []resttest.Answer{no, now("closed", sha, "not_open", true)}, false, scm.ErrNotMergeable},
		{"conflict",
			[]resttest.Answer{put(422, `{"message": "Branch cannot be merged"}`),
				now("opened", sha, "conflict", false)}, false, scm.ErrNotMergeable},
		{"old server", []resttest.Answer{no, now("opened", sha, "", false)}, false, scm.ErrNotMergeable},
		{"forbidden", []resttest.Answer{put(401, `{"message": "401 Unauthorized"}`)}, false, scm.ErrAuth},
		{"gone when asked",
			[]resttest.Answer{no, {To: "GET /merge_requests/7", Status: 404, Body: `{"message": "404 Not found"}`}},
			false, scm.ErrNoRepository},
	} {
		t.Run(test.name, func(t *testing.T) {
			pr := scm.PullRequest{Number: 7, HeadSHA: sha}
			m := scm.Merge{Method: scm.MergeSquash, Message: "Subject\n\nBody"}
			merged, err := client(t, append(project, test.script...)...).AutoMerge(t.Context(), pr, m)
			if merged != test.merged || !errors.Is(err, test.want) {
				t.Errorf("got %t, %v, want %t, %v", merged, err, test.merged, test.want)
			}
		})
	}
	c := client(t, append(project, put(200, "null"))...)
	if _, err := c.AutoMerge(t.Context(), scm.PullRequest{Number: 7, HeadSHA: sha}, scm.Merge{}); err == nil {
		t.Error("no error for an answer of nothing")
	}
}
