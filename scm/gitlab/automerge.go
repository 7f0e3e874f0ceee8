package gitlab

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"update-gitops-repo/scm"
)

// AutoMerge implements scm.AutoMerger. https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request
//
// GitLab takes the order only while there is something to wait for, which with many releases is a pipeline. It refuses
// where nothing stands in the way, and where there is no pipeline; then the merge request is merged as [Client.Merge]
// does.
func (c *Client) AutoMerge(ctx context.Context, pr scm.PullRequest, m scm.Merge) (merged bool, err error) {
	return c.accept(ctx, pr, m, true)
}

// accept has GitLab merge pr, or take the order to do so later if auto is set.
func (c *Client) accept(ctx context.Context, pr scm.PullRequest, m scm.Merge, auto bool) (merged bool, err error) {
	options := &gitlab.AcceptMergeRequestOptions{SHA: &pr.HeadSHA, Squash: new(m.Method == scm.MergeSquash)}
	if auto {
		options.AutoMerge = new(true)
		//lint:ignore SA1019 GitLab before 17.11 knows it by this name only
		options.MergeWhenPipelineSucceeds = options.AutoMerge
	}
	if m.Message != "" {
		options.MergeCommitMessage, options.SquashCommitMessage = &m.Message, &m.Message
	}
	if err := c.allows(ctx, m.Method); err != nil {
		return false, err
	}
	err = c.api.Patiently(ctx, func() (bool, error) {
		mr, resp, err := c.mrs.AcceptMergeRequest(c.project, int64(pr.Number), options, gitlab.WithContext(ctx))
		switch {
		case err == nil && mr == nil:
			return false, c.error(nil, resp, errNothing)
		case err == nil && (mr.State == "merged" || auto && mr.MergeWhenPipelineSucceeds):
			merged = mr.State == "merged"
			return false, nil
		case err == nil: // GitLab agreed, but is not done (locked) or failed (opened)
			words := cmp.Or(mr.MergeError, "the merge request is "+mr.State)
			return true, c.api.Error(scm.ErrNotMergeable, resp.Response, words, nil)
		case resp == nil || !slices.Contains(notMergeable, resp.StatusCode):
			return false, c.error(nil, resp, err)
		}
		refusal := c.error(scm.ErrNotMergeable, resp, err)
		now, err := c.one(c.mrs.GetMergeRequest(c.project, int64(pr.Number), nil, gitlab.WithContext(ctx)))
		if err != nil {
			return false, err
		}
		ordered := auto && now.State == "opened" && now.MergeWhenPipelineSucceeds
		if now.SHA == pr.HeadSHA && (now.State == "merged" || ordered) {
			merged = !ordered // by an attempt whose answer was lost, or by somebody else
			return false, nil
		}
		switch {
		case resp.StatusCode == http.StatusConflict: // the head has moved, or GitLab has yet to see the push
			return true, refusal
		case auto && now.DetailedMergeStatus == "mergeable":
			auto, *options.AutoMerge = false, false
			return true, refusal
		case slices.Contains(undecided, now.DetailedMergeStatus):
			return true, refusal
		case now.DetailedMergeStatus == "": // GitLab before 15.6
			return false, refusal
		}
		return false, fmt.Errorf("%w (%s)", refusal, now.DetailedMergeStatus)
	})
	return merged, err
}
