package gitlab

import (
	"context"
	"slices"
	"strings"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"update-gitops-repo/scm"
)

// Close implements scm.Closer. It does not comment on a merge request that is not open, nor twice.
func (c *Client) Close(ctx context.Context, pr scm.PullRequest, comment string) error {
	now, err := c.one(c.mrs.GetMergeRequest(c.project, int64(pr.Number), nil, gitlab.WithContext(ctx)))
	if err != nil {
		return err
	}
	if now.State != "opened" {
		return nil
	}
	said := comment == ""
	if !said && now.UserNotesCount > 0 {
		if said, err = c.commented(ctx, pr, comment); err != nil {
			return err
		}
	}
	if !said {
		// https://docs.gitlab.com/api/notes/#create-new-merge-request-note
		_, resp, err := c.notes.CreateMergeRequestNote(c.project, int64(pr.Number),
			&gitlab.CreateMergeRequestNoteOptions{Body: &comment}, gitlab.WithContext(ctx))
		if err != nil {
			return c.error(nil, resp, err)
		}
	}
	_, err = c.update(ctx, pr, gitlab.UpdateMergeRequestOptions{StateEvent: new("close")})
	return err
}

// commented reports whether the comment is among the last hundred notes: an earlier attempt may have failed after it,
// or its answer may have been lost. https://docs.gitlab.com/api/notes/#list-all-merge-request-notes
func (c *Client) commented(ctx context.Context, pr scm.PullRequest, comment string) (bool, error) {
	notes, resp, err := c.notes.ListMergeRequestNotes(c.project, int64(pr.Number),
		&gitlab.ListMergeRequestNotesOptions{ListOptions: gitlab.ListOptions{PerPage: 100}}, gitlab.WithContext(ctx))
	if err != nil {
		return false, c.error(nil, resp, err)
	}
	return slices.ContainsFunc(notes, func(n *gitlab.Note) bool { return n.Body == comment }), nil
}

// Status implements scm.Watcher with one request. https://docs.gitlab.com/api/merge_requests/#merge-status
func (c *Client) Status(ctx context.Context, pr scm.PullRequest) (scm.Status, error) {
	now, err := c.one(c.mrs.GetMergeRequest(c.project, int64(pr.Number), nil, gitlab.WithContext(ctx)))
	if err != nil {
		return scm.Status{}, err
	}
	switch now.State {
	case "merged":
		return scm.Status{Merged: true}, nil
	case "closed":
		return scm.Status{Closed: true}, nil
	case "locked":
		return scm.Status{Waits: "merge"}, nil
	}
	status := now.DetailedMergeStatus
	switch status {
	case "mergeable":
		return scm.Status{}, nil
	case "": // GitLab before 15.6
		return scm.Status{Waits: "merge"}, nil
	case "conflict":
		return scm.Status{Final: true, Waits: "conflict"}, nil
	case "need_rebase":
		return scm.Status{Final: true, Waits: "update from its base"}, nil
	case "requested_changes":
		return scm.Status{Final: true, Waits: "changes requested"}, nil
	case "not_approved":
		return scm.Status{Waits: "approval"}, nil
	case "draft_status":
		return scm.Status{Waits: "draft"}, nil
	case "discussions_not_resolved":
		return scm.Status{Waits: "discussions"}, nil
	case "ci_must_pass", "ci_still_running":
		// https://docs.gitlab.com/api/pipelines/
		if p := now.HeadPipeline; p != nil && slices.Contains([]string{"failed", "canceled", "skipped"}, p.Status) {
			return scm.Status{Final: true, Waits: "failed checks: pipeline " + p.Status}, nil
		}
		return scm.Status{Waits: "checks"}, nil
	}
	if slices.Contains(undecided, status) {
		return scm.Status{Waits: "mergeability"}, nil
	}
	return scm.Status{Waits: strings.ReplaceAll(status, "_", " ")}, nil
}
