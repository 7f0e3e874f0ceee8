package github

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v92/github"

	"update-gitops-repo/scm"
	"update-gitops-repo/scm/internal/rest"
)

// Annotate implements scm.Annotator with one request, and one per hundred milestones to look one up. GitHub creates
// labels that are new to the repository.
func (c *Client) Annotate(ctx context.Context, pr scm.PullRequest, r scm.Request) error {
	labels, assignees := rest.Missing(pr.Labels, r.Labels), rest.Missing(pr.Assignees, r.Assignees)
	set := r.Milestone != "" && r.Milestone != pr.Milestone
	if labels == nil && assignees == nil && !set {
		return nil
	}
	if assignees == nil && !set {
		return c.addLabels(ctx, pr.Number, labels)
	}
	var ask github.UpdateIssueRequest // its lists replace the present ones
	if labels != nil {
		ask.Labels = slices.Concat(pr.Labels, labels)
	}
	if assignees != nil {
		ask.Assignees = slices.Concat(pr.Assignees, assignees)
	}
	if set {
		number, err := c.milestone(ctx, r.Milestone)
		if err != nil {
			return err
		}
		ask.Milestone = &number
	}
	// https://docs.github.com/rest/issues/issues#update-an-issue
	issue, resp, err := c.issues.Update(ctx, c.owner, c.name, pr.Number, ask)
	if err != nil {
		return c.error(nil, resp, err)
	}
	// GitHub silently ignores what the token may not set, and more than ten assignees.
	if left := rest.Missing(rest.Names(issue.GetLabels(), (*github.Label).GetName), labels); left != nil {
		return c.api.Fail(scm.ErrRefused, "GitHub did not add the label %s", strings.Join(left, ", "))
	}
	if left := rest.Missing(rest.Names(issue.GetAssignees(), (*github.User).GetLogin), assignees); left != nil {
		return c.api.Fail(scm.ErrRefused, "GitHub did not assign %s", strings.Join(left, ", "))
	}
	return nil
}

// addLabels adds labels, and keeps what somebody else adds at the same time.
// https://docs.github.com/rest/issues/labels#add-labels-to-an-issue
//
// The SDK's own method sends the bare list, which GitHub's description of its API does not have.
func (c *Client) addLabels(ctx context.Context, number int, labels []string) error {
	path := fmt.Sprintf("repos/%s/%s/issues/%d/labels", c.owner, c.name, number)
	body := struct {
		Labels []string `json:"labels"`
	}{labels}
	req, err := c.sdk.NewRequest(ctx, http.MethodPost, path, body)
	if err != nil {
		return c.api.Error(nil, nil, "", err)
	}
	var now []*github.Label // An answer that is none, such as a proxy's page, is an error.
	if resp, err := c.sdk.Do(req, &now); err != nil {
		return c.error(nil, resp, err)
	}
	return nil
}

// milestone returns the number of the open milestone of that title, or ErrRefused.
// https://docs.github.com/rest/issues/milestones#list-milestones
func (c *Client) milestone(ctx context.Context, title string) (int, error) {
	opts := &github.MilestoneListOptions{State: "open", ListOptions: github.ListOptions{PerPage: 100}}
	for {
		milestones, resp, err := c.issues.ListMilestones(ctx, c.owner, c.name, opts)
		if err != nil {
			return 0, c.error(nil, resp, err)
		}
		for _, m := range milestones {
			if m.GetTitle() == title {
				return m.GetNumber(), nil
			}
		}
		if resp.NextPage == 0 {
			return 0, c.api.Fail(scm.ErrRefused, "no open milestone %q", title)
		}
		opts.Page = resp.NextPage
	}
}

// RequestReview implements scm.ReviewRequester. A team is ORGANIZATION/TEAM, as in URLs; [Client.CheckTeam] checks it.
// The pull request's author cannot be asked.
// https://docs.github.com/rest/pulls/review-requests#request-reviewers-for-a-pull-request
//
// GitHub removes users from the list of reviewers once they have reviewed. RequestReview does not ask them again for
// the same commit; that takes one request more, unless the pull request is new. A team that has reviewed is asked
// again, because GitHub does not report it.
func (c *Client) RequestReview(ctx context.Context, pr scm.PullRequest, reviewers []string) error {
	missing := rest.Missing(pr.Reviewers, reviewers)
	if missing != nil && pr.State != scm.Created {
		reviews, err := c.reviews(ctx, pr.Number)
		if err != nil {
			return err
		}
		var done []string
		for _, v := range reviews {
			if v.GetCommitID() == pr.HeadSHA {
				done = append(done, v.GetUser().GetLogin())
			}
		}
		missing = rest.Missing(done, missing)
	}
	var ask github.ReviewersRequest
	for _, name := range missing {
		if _, slug, team := strings.Cut(name, "/"); team {
			ask.TeamReviewers = append(ask.TeamReviewers, slug)
		} else {
			ask.Reviewers = append(ask.Reviewers, name)
		}
	}
	if missing == nil {
		return nil
	}
	_, resp, err := c.pulls.RequestReviewers(ctx, c.owner, c.name, pr.Number, ask)
	if err != nil {
		return c.error(nil, resp, err)
	}
	return nil
}

// CheckTeam implements scm.TeamReviewer. Only teams of the repository's owner can be asked.
func (c *Client) CheckTeam(name string) error {
	if org, slug, ok := strings.Cut(name, "/"); !ok || !strings.EqualFold(org, c.owner) || slug == "" {
		return c.api.Fail(scm.ErrRefused, "the team %s is not one of %s", name, c.owner)
	}
	return nil
}

// team returns a team's name as in scm.Request.
func (c *Client) team(t *github.Team) string { return c.owner + "/" + t.GetSlug() }

// reviews returns all reviews of a pull request, oldest first.
// https://docs.github.com/rest/pulls/reviews#list-reviews-for-a-pull-request
func (c *Client) reviews(ctx context.Context, number int) ([]*github.PullRequestReview, error) {
	opts := &github.ListOptions{PerPage: 100}
	var all []*github.PullRequestReview
	for {
		reviews, resp, err := c.pulls.ListReviews(ctx, c.owner, c.name, number, opts)
		if err != nil {
			return nil, c.error(nil, resp, err)
		}
		all = append(all, reviews...)
		if resp.NextPage == 0 {
			return all, nil
		}
		opts.Page = resp.NextPage
	}
}
