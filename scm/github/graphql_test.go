package github

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"update-gitops-repo/scm"
	"update-gitops-repo/scm/internal/resttest"
	"update-gitops-repo/secret"
)

const sha = "0123456789abcdef0123456789abcdef01234567"

// said is an answer of the GraphQL API.
func said(body string) resttest.Answer { return resttest.Answer{To: "POST /graphql", Body: body} }

// refused is one that refuses.
func refused(kind, words string) resttest.Answer {
	return said(fmt.Sprintf(`{"data": {"m": null}, "errors": [{"type": %q, "path": ["m"], "message": %q}]}`, kind,
		words))
}

func TestGraphQLURL(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://api.github.com/":               "https://api.github.com/graphql",
		"https://api.acme.ghe.com":              "https://api.acme.ghe.com/graphql",
		"https://git.example.com/api/v3":        "https://git.example.com/api/graphql",
		"https://git.example.com:8443/api/v3/":  "https://git.example.com:8443/api/graphql",
		"https://example.com/proxy/git/api/v3/": "https://example.com/proxy/git/api/graphql",
	} {
		c, err := New(Config{BaseURL: base, Repository: "acme/gitops", Token: secret.New("t"),
			HTTPClient: new(http.Client)})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.graphQLURL(); got != want {
			t.Errorf("%s: got %s, want %s", base, got, want)
		}
	}
}

func TestGraphQLErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		answer resttest.Answer
		kind   error // nil for none
		want   string
	}{
		{"forbidden", refused("FORBIDDEN", "Resource not\n accessible"), scm.ErrAuth,
			"access denied: Resource not accessible"},
		{"scopes", refused("INSUFFICIENT_SCOPES", "Your token"), scm.ErrAuth, "access denied: Your token"},
		{"not found", refused("NOT_FOUND", "Could not resolve"), scm.ErrNoRepository,
			"cannot see it: Could not resolve"},
		{"rate limit", refused("RATE_LIMITED", "API rate limit exceeded"), scm.ErrRefused,
			"refused: API rate limit exceeded"},
		{"stale", refused("STALE_DATA", "Expected branch"), scm.ErrMoved, "the branch moved: Expected branch"},
		{"document",
			said(`{"errors": [{"message": "Field 'x' doesn't exist", "extensions": {"code": "undefinedField"}}]}`),
			scm.ErrRefused, "refused: Field 'x' doesn't exist"},
		{"timeout", said(`{"data": null, "errors": [{"message": "Something went wrong\nwhile executing"}]}`),
			nil, "gitops: Something went wrong while executing"},
		{"the token in it", refused("OTHER", "No "+resttest.Token), scm.ErrRefused, "refused: No [token]"},
		{"credentials", resttest.Answer{Status: 401, Body: `{"message": "Bad credentials"}`}, scm.ErrAuth,
			"401 Bad credentials"},
		{"rate limit by status", resttest.Answer{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0"},
			Body: `{"message": "API rate limit exceeded"}`}, scm.ErrRefused, "403 API rate limit exceeded"},
		{"too large", resttest.Answer{Status: 413, Type: "text/html", Body: "<html>"}, scm.ErrRefused,
			"413 Request Entity Too Large"},
		{"web page", resttest.Answer{Type: "text/html", Body: "<html>"}, nil,
			"answered with a web page (200 OK); is this the API's URL?"},
		{"bad gateway", resttest.Answer{Status: 502, Type: "text/html", Body: "<html>"}, nil, ": 502 Bad Gateway"},
		{"no commit", said(`{"data": {"createCommitOnBranch": null}}`), nil, "malformed answer: no commit in it"},
		{"null", said(`null`), nil, "malformed answer: no commit in it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.answer.To = "POST /graphql"
			script := []resttest.Answer{test.answer}
			if test.kind == scm.ErrRefused || test.kind == scm.ErrNoRepository {
				if test.answer.Status == 0 { // then the branch is looked at, and it is where it should be
					script = append(script, said(`{"data": {"repository": {"ref": {"target": {"oid": "`+sha+`"}}}}}`))
				}
			}
			if test.name == "not found" {
				script[1] = test.answer // the repository is not found again
			}
			_, err := client(t, script...).Commit(t.Context(), scm.Commit{Branch: "main", Parent: sha, Message: "M"})
			resttest.CheckError(t, err, "github: acme/gitops: ", test.kind, test.want)
		})
	}
	t.Run("no server", func(t *testing.T) {
		c, err := New(Config{BaseURL: "http://127.0.0.1:1/", Repository: "acme/gitops", Token: secret.New("t"),
			HTTPClient: new(http.Client)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Commit(t.Context(), scm.Commit{Branch: "main", Parent: sha, Message: "M"}); err == nil {
			t.Error("no error")
		}
	})
}

// GitHub has several words for a branch that is not where it should be.
func TestCommitMoved(t *testing.T) {
	t.Parallel()
	at := func(oid string) resttest.Answer {
		return said(`{"data": {"repository": {"ref": {"target": {"oid": "` + oid + `"}}}}}`)
	}
	race := "Ref refs/heads/main is at " + sha[1:] + "0 but expected " + sha
	for _, test := range []struct {
		name   string
		script []resttest.Answer
		want   error
	}{
		{"stale", []resttest.Answer{refused("STALE_DATA", "Expected branch to point to")}, scm.ErrMoved},
		{"race", []resttest.Answer{refused("UNPROCESSABLE", race), at(sha[1:] + "0")}, scm.ErrMoved},
		{"race, and an answer from before", []resttest.Answer{refused("UNPROCESSABLE", race), at(sha)}, scm.ErrMoved},
		{"nothing to delete any more",
			[]resttest.Answer{refused("NOT_FOUND", "A path was requested"), at(sha[1:] + "0")}, scm.ErrMoved},
		{"nothing to delete", []resttest.Answer{refused("NOT_FOUND", "A path was requested"), at(sha)}, scm.ErrRefused},
		{"no branch",
			[]resttest.Answer{refused("NOT_FOUND", "?"),
				said(`{"data": {"repository": {"ref": null}}}`)}, scm.ErrMoved},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := client(t, test.script...).
				Commit(t.Context(), scm.Commit{Branch: "main", Parent: sha, Message: "M"})
			if !errors.Is(err, test.want) || errors.Is(err, scm.ErrNoRepository) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
		})
	}
}

func TestAutoMerge(t *testing.T) {
	t.Parallel()
	enabled := said(`{"data": {"enablePullRequestAutoMerge": {"pullRequest": {"id": "PR_7"}}}}`)
	no := func(words string) resttest.Answer { return refused("UNPROCESSABLE", words) }
	look := func(state, head, status, auto string) resttest.Answer {
		return said(fmt.Sprintf(`{"data": {"repository": {"pullRequest": {"id": "PR_7", "state": %q, "headRefOid": %q,
			"mergeStateStatus": %q, "autoMergeRequest": %s}}}}`, state, head, status, auto))
	}
	blocked := look("OPEN", sha, "BLOCKED", "null")
	behind := look("OPEN", sha[1:]+"0", "BLOCKED", "null")
	merge := resttest.Answer{To: "PUT /pulls/7/merge", Body: `{"merged": true}`}
	pr := scm.PullRequest{Number: 7, ID: "PR_7", HeadSHA: sha}
	m := scm.Merge{Method: scm.MergeSquash, Message: "Subject\n\nBody"}
	for _, test := range []struct {
		name   string
		script []resttest.Answer
		merged bool
		want   error
	}{
		{"enabled", []resttest.Answer{enabled}, false, nil},
		{"clean", []resttest.Answer{no("Pull request Pull request is in clean status"), merge}, true, nil},
		{"unstable", []resttest.Answer{no("Pull request Pull request is in unstable status"), merge}, true, nil},
		{"no rules",
			[]resttest.Answer{no("Pull request Protected branch rules not configured for this branch"), merge}, true,
			nil},
		{"clean, but forbidden", []resttest.Answer{no("Pull request is in clean status"),
			{To: "PUT /pulls/7/merge", Status: 403, Body: `{"message": "no"}`}}, false, scm.ErrAuth},
		{"enabled already", []resttest.Answer{no("?"), look("OPEN", sha, "BLOCKED", `{"enabledAt": "x"}`)}, false, nil},
		{"merged already",
			[]resttest.Answer{no("Pull request is closed"), look("MERGED", sha, "UNKNOWN", "null")}, true, nil},
		{"another commit merged already",
			[]resttest.Answer{no("Pull request is closed"), look("MERGED", sha[1:]+"0", "UNKNOWN", "null")},
			false, scm.ErrNotMergeable},
		{"push not seen yet", []resttest.Answer{no("Head branch was modified"), behind, enabled}, false, nil},
		{"undecided", []resttest.Answer{no("?"), look("OPEN", sha, "UNKNOWN", "null"), enabled}, false, nil},
		{"undecided, then clean",
			[]resttest.Answer{no("?"), look("OPEN", sha, "UNKNOWN", "null"), no("in clean status"), merge}, true, nil},
		{"conflict",
			[]resttest.Answer{no("Pull request Pull request is in dirty status"), look("OPEN", sha, "DIRTY", "null")},
			false, scm.ErrNotMergeable},
		{"switched off",
			[]resttest.Answer{no("Pull request Auto merge is not allowed for this repository"),
				look("OPEN", sha, "CLEAN", "null")},
			false, scm.ErrRefused},
		{"forbidden", []resttest.Answer{refused("FORBIDDEN", "Resource not accessible")}, false, scm.ErrAuth},
		{"gone when asked", []resttest.Answer{no("?"), refused("NOT_FOUND", "?")}, false, scm.ErrNoRepository},
	} {
		t.Run(test.name, func(t *testing.T) {
			merged, err := client(t, test.script...).AutoMerge(t.Context(), pr, m)
			if merged != test.merged || !errors.Is(err, test.want) {
				t.Errorf("got %t, %v, want %t, %v", merged, err, test.merged, test.want)
			}
		})
	}
	t.Run("without an ID", func(t *testing.T) {
		pr.ID = ""
		if merged, err := client(t, blocked, enabled).AutoMerge(t.Context(), pr, m); merged || err != nil {
			t.Errorf("got %t, %v", merged, err)
		}
		_, err := client(t, refused("NOT_FOUND", "Could not resolve to a PullRequest")).AutoMerge(t.Context(), pr, m)
		if !errors.Is(err, scm.ErrNoRepository) {
			t.Errorf("got error %v", err)
		}
		_, err = client(t, said(`{"data": {"repository": null}}`)).AutoMerge(t.Context(), pr, m)
		if err == nil || !strings.HasSuffix(err.Error(), "malformed answer: no pull request in it") {
			t.Errorf("got error %v", err)
		}
	})
}

func TestCutMessage(t *testing.T) {
	t.Parallel()
	for message, want := range map[string][2]string{
		"Deploy":                          {"Deploy", ""},
		"Deploy\n":                        {"Deploy", ""},
		"Deploy\n\nWhy.\n\nApp: hello\n":  {"Deploy", "Why.\n\nApp: hello"},
		"Deploy\nright below the subject": {"Deploy", "right below the subject"},
	} {
		if headline, body := cutMessage(message); headline != want[0] || body != want[1] {
			t.Errorf("%q: got %q, %q", message, headline, body)
		}
	}
}
