package scm_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"update-gitops-repo/integration/forge"
	"update-gitops-repo/scm"
)

// Wait ends when a pull request is merged, by whomever, and when it never will be; what it waits for is told once.
func TestWait(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		p := w.provider()
		if err := w.Protect(repo, "main"); err != nil {
			t.Fatal(err)
		}
		open := func(head, checks string) (scm.PullRequest, scm.Merge) {
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
			return pr, scm.Merge{Method: scm.MergeCommit}
		}

		// It merges as soon as the checks let it.
		pr, how := open("a", "pending")
		var told []string
		err := scm.Wait(t.Context(), p, pr, &how, func(waits string) {
			told = append(told, waits)
			if err := w.SetChecks(repo, pr.HeadSHA, "success"); err != nil {
				t.Error(err)
			}
		})
		if err != nil || len(told) != 1 || told[0] == "" {
			t.Errorf("told %q, %v", told, err)
		}
		// One that is merged.
		if err := scm.Wait(t.Context(), p, pr, nil, func(string) { t.Error("it waits") }); err != nil {
			t.Errorf("merged: %v", err)
		}

		// The context ends.
		pr, _ = open("b", "pending")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := scm.Wait(ctx, p, pr, nil, func(string) { cancel() }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		// It is closed.
		if err := p.(scm.Closer).Close(t.Context(), pr, "Not now."); err != nil {
			t.Fatal(err)
		}
		if err := scm.Wait(t.Context(), p, pr, nil, func(string) {}); !errors.Is(err, scm.ErrNotMergeable) {
			t.Errorf("got %v", err)
		}
		// A check fails.
		pr, how = open("c", "failure")
		if err := scm.Wait(t.Context(), p, pr, &how, func(string) {}); !errors.Is(err, scm.ErrNotMergeable) {
			t.Errorf("got %v", err)
		}
		merged := slices.DeleteFunc(w.PullRequests(repo), func(p forge.PullRequest) bool { return p.State != "merged" })
		if len(merged) != 1 || merged[0].Head != "a" {
			t.Errorf("merged are %+v", merged)
		}
	})
}
