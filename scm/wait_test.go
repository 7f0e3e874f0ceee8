package scm_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/integration/forge"
	"update-gitops-repo/scm"
)

// opener opens a pull request from a new branch head, whose checks are as given.
func opener(t *testing.T, w world, p scm.Provider) func(head, checks string) scm.PullRequest {
	t.Helper()
	if err := w.Protect(repo, "main"); err != nil {
		t.Fatal(err)
	}
	return func(head, checks string) scm.PullRequest {
		t.Helper()
		r := w.request()
		r.Head, r.HeadSHA = head, ""
		w.branch(head)
		w.commit(head, "image: hello:"+head)
		pr, err := open(t.Context(), p, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.SetChecks(repo, w.tip(head), checks); err != nil {
			t.Fatal(err)
		}
		pr.HeadSHA = w.tip(head)
		return pr
	}
}

var mergeCommit = scm.Merge{Method: scm.MergeCommit}

// TestWaitMerges: Wait reports once what it waits for, merges when the checks allow it, and returns at once for a pull
// request that is merged.
func TestWaitMerges(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		p := w.provider()
		pr := opener(t, w, p)("a", "pending")
		var reported []string
		err := scm.Wait(t.Context(), p, pr, &mergeCommit, func(waits string) {
			reported = append(reported, waits)
			if err := w.SetChecks(repo, pr.HeadSHA, "success"); err != nil {
				t.Error(err)
			}
		})
		if err != nil || len(reported) != 1 || reported[0] == "" {
			t.Errorf("reported %q, %v", reported, err)
		}
		if err := scm.Wait(t.Context(), p, pr, nil, func(string) { t.Error("it waits") }); err != nil {
			t.Errorf("merged: %v", err)
		}
	})
}

// canceled is a forge whose requests for the state of a pull request are cut short.
type canceled struct {
	scm.Provider
	cancel context.CancelFunc
}

func (c canceled) Status(ctx context.Context, pr scm.PullRequest) (scm.Status, error) {
	c.cancel()
	return c.Provider.(scm.Watcher).Status(ctx, pr)
}

// TestWaitEnds: Wait returns when its context is done, when the pull request is closed, and when a check fails. It
// merges nothing then.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		p := w.provider()
		opened := opener(t, w, p)

		pr := opened("b", "pending")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := scm.Wait(ctx, p, pr, nil, func(string) { cancel() }); !errors.Is(err, context.Canceled) {
			t.Errorf("the context ends: %v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		defer cancel()
		err := scm.Wait(ctx, canceled{p, cancel}, pr, nil, func(string) { t.Error("it waits") })
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "waiting for it to be merged") {
			t.Errorf("the context ends during a request: %v", err)
		}
		if err := p.(scm.Closer).Close(t.Context(), pr, "Not now."); err != nil {
			t.Fatal(err)
		}
		err = scm.Wait(t.Context(), p, pr, nil, func(string) {})
		if !errors.Is(err, scm.ErrNotMergeable) || !errors.Is(err, scm.ErrClosed) {
			t.Errorf("closed: %v", err)
		}

		pr = opened("c", "failure")
		err = scm.Wait(t.Context(), p, pr, &mergeCommit, func(string) {})
		if !errors.Is(err, scm.ErrNotMergeable) || errors.Is(err, scm.ErrClosed) {
			t.Errorf("a check fails: %v", err)
		}
		if slices.ContainsFunc(w.PullRequests(repo), func(p forge.PullRequest) bool { return p.State == "merged" }) {
			t.Error("a pull request is merged")
		}
	})
}
