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
// GitLab accepts this only while there is something to wait for, which with many releases is a pipeline only. Otherwise
// it refuses, and AutoMerge merges as [Client.Merge] does.
func (c *Client) AutoMerge(ctx context.Context, pr scm.PullRequest, m scm.Merge) (merged bool, err error) {
	return c.accept(ctx, pr, m, onceAllowed)
}

// timing is when GitLab is to merge.
type timing int

const (
	now         timing = iota
	onceAllowed        // by its checks
)

// accept asks GitLab to merge pr, and retries while GitLab has not decided yet whether it can be merged. merged reports
// whether it is merged now.
func (c *Client) accept(ctx context.Context, pr scm.PullRequest, m scm.Merge, when timing) (merged bool, err error) {
	auto := when == onceAllowed
	options := &gitlab.AcceptMergeRequestOptions{SHA: &pr.HeadSHA, Squash: new(m.Method == scm.MergeSquash)}
	if auto {
		options.AutoMerge = new(true)
		//lint:ignore SA1019 GitLab before 17.11 has only this name
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
			message := cmp.Or(mr.MergeError, "the merge request is "+mr.State)
			return true, c.api.Error(scm.ErrNotMergeable, resp.Response, message, nil)
		case resp == nil || !slices.Contains(notMergeable, resp.StatusCode):
			return false, c.error(nil, resp, err)
		}
		refusal := c.error(scm.ErrNotMergeable, resp, err)
		present, err := c.one(c.mrs.GetMergeRequest(c.project, int64(pr.Number), nil, gitlab.WithContext(ctx)))
		if err != nil {
			return false, err
		}
		ordered := auto && present.State == "opened" && present.MergeWhenPipelineSucceeds
		if present.SHA == pr.HeadSHA && (present.State == "merged" || ordered) {
			merged = !ordered // else by an attempt whose answer was lost, or by somebody else
			return false, nil
		}
		switch {
		case resp.StatusCode == http.StatusConflict: // the head has moved, or GitLab has not seen the push yet
			return true, refusal
		case auto && present.DetailedMergeStatus == "mergeable":
			auto, *options.AutoMerge = false, false
			return true, refusal
		case slices.Contains(undecided, present.DetailedMergeStatus):
			return true, refusal
		case present.DetailedMergeStatus == "": // GitLab before 15.6
			return false, refusal
		}
		return false, fmt.Errorf("%w (%s)", refusal, present.DetailedMergeStatus)
	})
	return merged, err
}
