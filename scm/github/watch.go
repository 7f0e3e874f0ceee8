package github

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/go-github/v92/github"

	"update-gitops-repo/scm"
)

// Close implements scm.Closer. It does not comment on a pull request that is not open, nor twice.
func (c *Client) Close(ctx context.Context, pr scm.PullRequest, comment string) error {
	now, resp, err := c.pulls.Get(ctx, c.owner, c.name, pr.Number)
	if _, err := c.pullRequest(now, resp, err); err != nil {
		return err
	}
	if now.GetState() != "open" {
		return nil
	}
	said := comment == ""
	if !said && now.GetComments() > 0 {
		if said, err = c.commented(ctx, pr, comment); err != nil {
			return err
		}
	}
	if !said {
		// https://docs.github.com/rest/issues/comments#create-an-issue-comment
		_, resp, err = c.issues.CreateComment(ctx, c.owner, c.name, pr.Number,
			github.IssueCommentRequest{Body: comment})
		if err != nil {
			return c.error(nil, resp, err)
		}
	}
	_, err = c.pullRequest(c.pulls.Edit(ctx, c.owner, c.name, pr.Number, &github.PullRequest{State: new("closed")}))
	return err
}

// commented reports whether the comment is among the first hundred: an earlier attempt may have failed after it, or its
// answer may have been lost.
// https://docs.github.com/rest/issues/comments#list-issue-comments
func (c *Client) commented(ctx context.Context, pr scm.PullRequest, comment string) (bool, error) {
	comments, resp, err := c.issues.ListComments(ctx, c.owner, c.name, pr.Number,
		&github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}})
	if err != nil {
		return false, c.error(nil, resp, err)
	}
	return slices.ContainsFunc(comments, func(i *github.IssueComment) bool { return i.GetBody() == comment }), nil
}

// Status implements scm.Watcher with one request, and up to three more to find out what a pull request waits for.
// https://docs.github.com/rest/pulls/pulls#get-a-pull-request; the values of mergeable_state are at
// https://docs.github.com/graphql/reference/enums#mergestatestatus.
func (c *Client) Status(ctx context.Context, pr scm.PullRequest) (scm.Status, error) {
	now, resp, err := c.pulls.Get(ctx, c.owner, c.name, pr.Number)
	if _, err := c.pullRequest(now, resp, err); err != nil {
		return scm.Status{}, err
	}
	switch state := now.GetMergeableState(); {
	case now.GetMerged():
		return scm.Status{Merged: true}, nil
	case now.GetState() != "open":
		return scm.Status{Closed: true}, nil
	case state == "dirty":
		return scm.Status{Final: true, Waits: "conflict"}, nil
	case state == "behind":
		return scm.Status{Final: true, Waits: "update from its base"}, nil
	case now.GetDraft():
		return scm.Status{Waits: "draft"}, nil
	case state == "unknown" || state == "":
		return scm.Status{Waits: "mergeability"}, nil
	case state == "blocked" || state == "unstable":
		return c.blocked(ctx, now)
	}
	return scm.Status{}, nil
}

// blocked returns what a pull request waits for whose state is blocked, and for one that is unstable, which can be
// merged, whether checks are pending. GitHub reports only to administrators which checks are required, so in a blocked
// one a failed check counts once no other is pending.
func (c *Client) blocked(ctx context.Context, pr *github.PullRequest) (scm.Status, error) {
	blocked := pr.GetMergeableState() == "blocked"
	pending, failed, passed, err := c.checkRuns(ctx, pr.GetHead().GetSHA())
	switch {
	case errors.Is(err, scm.ErrAuth): // fine-grained tokens need a permission of its own
	case err != nil:
		return scm.Status{}, err
	case pending != nil:
		return scm.Status{Waits: "checks"}, nil
	case blocked && failed != nil:
		return scm.Status{Final: true, Waits: "failed checks: " + strings.Join(failed, ", ")}, nil
	}
	if !blocked {
		return scm.Status{}, nil
	}
	reviews, err := c.reviews(ctx, pr.GetNumber())
	if err != nil {
		return scm.Status{}, err
	}
	last := map[string]string{}
	for _, v := range reviews {
		if v.GetState() != "COMMENTED" { // a comment does not change the reviewer's verdict
			last[v.GetUser().GetLogin()] = v.GetState()
		}
	}
	for _, state := range last {
		if state == "CHANGES_REQUESTED" {
			return scm.Status{Final: true, Waits: "changes requested"}, nil
		}
	}
	if passed != nil {
		return scm.Status{Waits: "approval"}, nil
	}
	return scm.Status{Waits: "checks or approval"}, nil
}

// checkRuns returns the names of a commit's check runs and statuses, at most a hundred of each.
func (c *Client) checkRuns(ctx context.Context, sha string) (pending, failed, passed []string, err error) {
	page := github.ListOptions{PerPage: 100}
	// https://docs.github.com/rest/checks/runs#list-check-runs-for-a-git-reference
	runs, resp, err := c.checks.ListCheckRunsForRef(ctx, c.owner, c.name, sha,
		&github.ListCheckRunsOptions{ListOptions: page})
	if err != nil {
		return nil, nil, nil, c.error(nil, resp, err)
	}
	// https://docs.github.com/rest/commits/statuses#get-the-combined-status-for-a-specific-reference
	combined, resp, err := c.repos.GetCombinedStatus(ctx, c.owner, c.name, sha, &page)
	if err != nil {
		return nil, nil, nil, c.error(nil, resp, err)
	}
	add := func(name, state string) {
		switch state {
		case "success", "neutral", "skipped":
			passed = append(passed, name)
		case "pending", "": // a check run has no conclusion until it is completed
			pending = append(pending, name)
		default:
			failed = append(failed, name)
		}
	}
	for _, run := range runs.GetCheckRuns() {
		add(run.GetName(), run.GetConclusion())
	}
	for _, status := range combined.GetStatuses() {
		add(status.GetContext(), status.GetState())
	}
	return pending, failed, passed, nil
}
