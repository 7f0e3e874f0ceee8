package gitlab

import (
	"context"
	"slices"
	"strings"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"update-gitops-repo/scm"
	"update-gitops-repo/scm/internal/rest"
)

// Annotate implements scm.Annotator with one request, after those that look up ids. GitLab creates labels that are new
// to the project. A milestone may be the group's. https://docs.gitlab.com/api/merge_requests/#update-mr
func (c *Client) Annotate(ctx context.Context, pr scm.PullRequest, r scm.Request) error {
	labels, assignees := rest.Missing(pr.Labels, r.Labels), rest.Missing(pr.Assignees, r.Assignees)
	set := r.Milestone != "" && r.Milestone != pr.Milestone
	if labels == nil && assignees == nil && !set {
		return nil
	}
	var opts gitlab.UpdateMergeRequestOptions
	if labels != nil {
		opts.AddLabels = (*gitlab.LabelOptions)(&labels)
	}
	if assignees != nil {
		ids, err := c.all(ctx, slices.Concat(pr.Assignees, assignees))
		if err != nil {
			return err
		}
		opts.AssigneeIDs = &ids
	}
	if set {
		id, err := c.milestone(ctx, r.Milestone)
		if err != nil {
			return err
		}
		if id == nil {
			return c.api.Fail(scm.ErrRefused, "no active milestone %q", r.Milestone)
		}
		opts.MilestoneID = id
	}
	now, err := c.update(ctx, pr, opts)
	if err != nil {
		return err
	}
	if left := rest.Missing(now.Labels, labels); left != nil { // such as one with a comma
		return c.api.Fail(scm.ErrRefused, "GitLab did not add the label %s", strings.Join(left, ", "))
	}
	if left := rest.Missing(now.Assignees, assignees); left != nil {
		return c.api.Fail(scm.ErrRefused, "GitLab did not assign %s; more than one assignee takes a paid tier",
			strings.Join(left, ", "))
	}
	return nil
}

// RequestReview implements scm.ReviewRequester with one request, after those that look up ids. GitLab cannot ask teams.
// https://docs.gitlab.com/api/merge_requests/#update-mr
func (c *Client) RequestReview(ctx context.Context, pr scm.PullRequest, reviewers []string) error {
	missing := rest.Missing(pr.Reviewers, reviewers)
	if missing == nil {
		return nil
	}
	ids, err := c.all(ctx, slices.Concat(pr.Reviewers, missing))
	if err != nil {
		return err
	}
	now, err := c.update(ctx, pr, gitlab.UpdateMergeRequestOptions{ReviewerIDs: &ids})
	if err != nil {
		return err
	}
	if left := rest.Missing(now.Reviewers, missing); left != nil {
		return c.api.Fail(scm.ErrRefused, "GitLab did not ask %s; more than one reviewer takes a paid tier",
			strings.Join(left, ", "))
	}
	return nil
}

// people maps user names in lower case to ids.
type people map[string]int64

// ids returns the ids of the known names, and the unknown names.
func (p people) ids(names []string) (ids []int64, unknown []string) {
	for _, name := range names {
		if id, ok := p[strings.ToLower(name)]; ok {
			ids = append(ids, id)
		} else {
			unknown = append(unknown, name)
		}
	}
	return ids, unknown
}

// all returns the ids of all names, or ErrRefused if one is unknown.
func (c *Client) all(ctx context.Context, names []string) ([]int64, error) {
	people, err := c.people(ctx, names)
	if err != nil {
		return nil, err
	}
	ids, unknown := people.ids(names)
	if unknown != nil {
		return nil, c.api.Fail(scm.ErrRefused, "no user %s", strings.Join(unknown, ", "))
	}
	return ids, nil
}

// people looks up users by name. One name takes one request. Several take one for the project's first hundred members,
// and one for each user who is not among them.
func (c *Client) people(ctx context.Context, names []string) (people, error) {
	names = rest.Missing(nil, names)
	found := people{}
	if len(names) > 1 {
		// https://docs.gitlab.com/api/projects/#list-all-users-in-a-project
		members, resp, err := c.projects.ListProjectsUsers(c.project,
			&gitlab.ListProjectUserOptions{ListOptions: gitlab.ListOptions{PerPage: 100}}, gitlab.WithContext(ctx))
		if err != nil {
			return nil, c.error(nil, resp, err)
		}
		for _, u := range members {
			found[strings.ToLower(u.Username)] = u.ID
		}
	}
	_, others := found.ids(names)
	for _, name := range others {
		// https://docs.gitlab.com/api/users/#list-users
		users, resp, err := c.users.ListUsers(&gitlab.ListUsersOptions{Username: &name}, gitlab.WithContext(ctx))
		if err != nil {
			return nil, c.error(nil, resp, err)
		}
		for _, u := range users {
			found[strings.ToLower(u.Username)] = u.ID
		}
	}
	return found, nil
}

// milestone returns the id of the active milestone of that title, or nil if there is none.
// https://docs.gitlab.com/api/milestones/#list-all-project-milestones
func (c *Client) milestone(ctx context.Context, title string) (*int64, error) {
	milestones, resp, err := c.milestones.ListMilestones(c.project, &gitlab.ListMilestonesOptions{
		Title: &title, State: new("active"), IncludeAncestors: new(true),
	}, gitlab.WithContext(ctx))
	if err != nil {
		return nil, c.error(nil, resp, err)
	}
	for _, m := range milestones {
		if m.Title == title {
			return &m.ID, nil
		}
	}
	return nil, nil
}
