// Package gitlab opens merge requests on gitlab.com and on self-managed GitLab. Its names say pull request, as in
// package scm.
package gitlab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"update-gitops-repo/scm"
	"update-gitops-repo/scm/internal/rest"
)

// Config holds what New needs to reach a project. Repository is GROUP/NAME or GROUP/SUBGROUP/NAME. The token is a
// personal, project, group or OAuth access token; GitLab accepts each as a bearer token.
type Config = scm.Config

// Client is one GitLab project. It implements scm.Provider and the optional interfaces that its methods name.
type Client struct {
	api        *rest.API
	mrs        gitlab.MergeRequestsServiceInterface
	projects   gitlab.ProjectsServiceInterface
	users      gitlab.UsersServiceInterface
	milestones gitlab.MilestonesServiceInterface
	notes      gitlab.NotesServiceInterface
	branches   gitlab.BranchesServiceInterface
	commits    gitlab.CommitsServiceInterface
	project    string
}

// APIURL returns the API's base URL for a GitLab host, "gitlab.com" or "git.example.com:8443".
func APIURL(scheme, host string) string { return scheme + "://" + host + "/api/v4" }

// New returns the client for cfg.Repository, or an error that names what is wrong with cfg. It does no I/O.
func New(cfg Config) (*Client, error) {
	api, err := rest.New("gitlab", cfg)
	if err != nil {
		return nil, err
	}
	sdk, err := gitlab.NewAuthSourceClient(gitlab.Unauthenticated{}, // api.Client adds the token
		gitlab.WithURLWarningLogger(slog.New(slog.DiscardHandler)),
		gitlab.WithBaseURL(api.Base.String()),
		gitlab.WithHTTPClient(api.Client),
		gitlab.WithoutRetries(),
		gitlab.WithCustomLimiter(unlimited{}),
	)
	if err != nil {
		return nil, fmt.Errorf("gitlab: %w", err)
	}
	return &Client{
		api: api, mrs: sdk.MergeRequests, projects: sdk.Projects, users: sdk.Users, milestones: sdk.Milestones,
		notes: sdk.Notes, branches: sdk.Branches, commits: sdk.Commits, project: cfg.Repository,
	}, nil
}

// unlimited keeps the SDK from limiting its rate by itself; the HTTP client waits for rate limits.
type unlimited struct{}

// Wait implements gitlab.RateLimiter.
func (unlimited) Wait(context.Context) error { return nil }

// Name returns "gitlab".
func (c *Client) Name() string { return "gitlab" }

// Find implements scm.Provider with one request per hundred merge requests that match.
// https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests
func (c *Client) Find(ctx context.Context, head, base string) (scm.PullRequest, error) {
	prs, err := c.list(ctx, &gitlab.ListProjectMergeRequestsOptions{SourceBranch: &head, TargetBranch: &base})
	if err != nil {
		return scm.PullRequest{}, err
	}
	return c.api.Only(prs, head, base)
}

// List implements scm.Lister with one request per hundred open merge requests.
// https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests
func (c *Client) List(ctx context.Context, base string) ([]scm.PullRequest, error) {
	return c.list(ctx, &gitlab.ListProjectMergeRequestsOptions{
		TargetBranch: &base, OrderBy: new("created_at"), Sort: new("asc"),
	})
}

// list returns the open merge requests that match opts and whose source branches are in the project itself.
func (c *Client) list(ctx context.Context, opts *gitlab.ListProjectMergeRequestsOptions) ([]scm.PullRequest, error) {
	opts.State, opts.PerPage = new("opened"), 100
	var own []scm.PullRequest
	for {
		mrs, resp, err := c.mrs.ListProjectMergeRequests(c.project, opts, gitlab.WithContext(ctx))
		if err != nil {
			return nil, c.error(nil, resp, err)
		}
		for _, mr := range mrs {
			// A fork may have a branch of the same name.
			if mr.SourceProjectID == mr.TargetProjectID {
				own = append(own, pullRequest(mr))
			}
		}
		if resp.NextPage == 0 {
			return own, nil
		}
		opts.Page = resp.NextPage
	}
}

// Create implements scm.Provider. https://docs.gitlab.com/api/merge_requests/#create-mr
//
// It sets labels, people and milestone, too, after the requests that look up their ids. Those that GitLab does not know
// are left out, so that the merge request exists when Annotate and RequestReview report them.
func (c *Client) Create(ctx context.Context, r scm.Request) (scm.PullRequest, error) {
	opts := &gitlab.CreateMergeRequestOptions{
		Title: &r.Title, Description: &r.Body, SourceBranch: &r.Head, TargetBranch: &r.Base,
	}
	if r.Draft && scm.Undraft(r.Title) == r.Title {
		opts.Title = new(draft + r.Title)
	}
	if r.Labels != nil {
		opts.Labels = (*gitlab.LabelOptions)(&r.Labels)
	}
	people, err := c.people(ctx, slices.Concat(r.Assignees, r.Reviewers))
	if err != nil {
		return scm.PullRequest{}, err
	}
	if ids, _ := people.ids(r.Assignees); ids != nil {
		opts.AssigneeIDs = &ids
	}
	if ids, _ := people.ids(r.Reviewers); ids != nil {
		opts.ReviewerIDs = &ids
	}
	if r.Milestone != "" {
		if opts.MilestoneID, err = c.milestone(ctx, r.Milestone); err != nil {
			return scm.PullRequest{}, err
		}
	}
	return c.pullRequest(c.mrs.CreateMergeRequest(c.project, opts, gitlab.WithContext(ctx)))
}

// draft is the prefix of a draft's title. https://docs.gitlab.com/user/project/merge_requests/drafts/
const draft = "Draft: "

// Update implements scm.Provider. https://docs.gitlab.com/api/merge_requests/#update-mr
func (c *Client) Update(ctx context.Context, pr scm.PullRequest, r scm.Request) (scm.PullRequest, error) {
	title := r.Title
	if pr.Draft && scm.Undraft(title) == title {
		title = draft + title
	}
	return c.update(ctx, pr, gitlab.UpdateMergeRequestOptions{Title: &title, Description: &r.Body})
}

// update changes what opts sets. https://docs.gitlab.com/api/merge_requests/#update-mr
func (c *Client) update(
	ctx context.Context, pr scm.PullRequest, opts gitlab.UpdateMergeRequestOptions,
) (scm.PullRequest, error) {
	return c.pullRequest(c.mrs.UpdateMergeRequest(c.project, int64(pr.Number), &opts, gitlab.WithContext(ctx)))
}

// MergeMethods returns merge and squash. A setting of the project decides whether merge makes a merge commit or moves
// the base forward, and the API does not override it, so there is no rebase.
func (c *Client) MergeMethods() []string { return []string{scm.MergeCommit, scm.MergeSquash} }

// Merge implements scm.Merger. https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request
//
// GitLab computes in the background whether a merge request can be merged, and updates its head in the background after
// a push. Until then it refuses, so a refusal counts only once that is done. Merge asks first whether the project
// allows the method: GitLab would merge by another one.
func (c *Client) Merge(ctx context.Context, pr scm.PullRequest, m scm.Merge) error {
	_, err := c.accept(ctx, pr, m, now)
	return err
}

// allows returns ErrNotMergeable, with the allowed method, if the project forbids this one.
// https://docs.gitlab.com/user/project/merge_requests/squash_and_merge/
func (c *Client) allows(ctx context.Context, method string) error {
	project, resp, err := c.projects.GetProject(c.project, nil, gitlab.WithContext(ctx))
	if err != nil {
		return c.error(nil, resp, err)
	}
	if project == nil {
		return c.error(nil, resp, errNoProject)
	}
	switch {
	case method == scm.MergeSquash && project.SquashOption == gitlab.SquashOptionNever:
		return c.api.Fail(scm.ErrNotMergeable, "the project never squashes. Allowed: %s", scm.MergeCommit)
	case method == scm.MergeCommit && project.SquashOption == gitlab.SquashOptionAlways:
		return c.api.Fail(scm.ErrNotMergeable, "the project always squashes. Allowed: %s", scm.MergeSquash)
	}
	return nil
}

// notMergeable are the HTTP statuses with which GitLab refuses to merge because of the merge request's state. GitLab
// documents 405, 409 and 422; older releases return 406 for a conflict.
var notMergeable = []int{
	http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusConflict, http.StatusUnprocessableEntity,
}

// undecided are the merge statuses that GitLab soon changes by itself. mergeable may have come after the refusal;
// commits_status means that GitLab has not processed the push yet.
// https://docs.gitlab.com/api/merge_requests/#merge-status
var undecided = []string{"approvals_syncing", "checking", "commits_status", "mergeable", "preparing", "unchecked"}

var (
	errNothing   = errors.New("no merge request in it")
	errNoProject = errors.New("no project in it")
)

// CheckAccess implements scm.Checker. https://docs.gitlab.com/api/projects/#retrieve-a-project
//
// The answer has the roles of the token's user in the project and in its group. It has no role from elsewhere, such as
// a group that the project is shared with, and not the token's scopes.
func (c *Client) CheckAccess(ctx context.Context) (scm.Access, error) {
	project, resp, err := c.projects.GetProject(c.project, nil, gitlab.WithContext(ctx))
	if err == nil && (project == nil || project.ID == 0) {
		err = errNoProject
	}
	if err != nil {
		return scm.Access{}, c.error(nil, resp, err)
	}
	role, known := gitlab.NoPermissions, false
	if p := project.Permissions; p != nil {
		if p.ProjectAccess != nil {
			role, known = p.ProjectAccess.AccessLevel, true
		}
		if p.GroupAccess != nil {
			role, known = max(role, p.GroupAccess.AccessLevel), true
		}
	}
	access := scm.Access{Read: true}
	switch {
	case project.Archived:
		access.Reason = "the project is archived"
	case known && role < gitlab.DeveloperPermissions:
		access.Reason = "the token's role in the project is below developer"
	case project.MergeRequestsAccessLevel == gitlab.DisabledAccessControl:
		access.Push = true
		access.Reason = "merge requests are switched off in the project"
	default:
		access.Push, access.Pull = true, true
		access.Reason = "GitLab does not tell the token's scopes"
		if !known {
			access.Reason = "GitLab tells neither the token's role nor its scopes"
		}
	}
	return access, nil
}

// one checks that the SDK returned a merge request.
func (c *Client) one(mr *gitlab.MergeRequest, resp *gitlab.Response, err error) (*gitlab.MergeRequest, error) {
	if err == nil && (mr == nil || mr.IID == 0) {
		err = errNothing
	}
	if err != nil {
		return nil, c.error(nil, resp, err)
	}
	return mr, nil
}

// pullRequest converts a merge request that the SDK returned.
func (c *Client) pullRequest(mr *gitlab.MergeRequest, resp *gitlab.Response, err error) (scm.PullRequest, error) {
	if mr, err = c.one(mr, resp, err); err != nil {
		return scm.PullRequest{}, err
	}
	return pullRequest(&mr.BasicMergeRequest), nil
}

func pullRequest(mr *gitlab.BasicMergeRequest) scm.PullRequest {
	pr := scm.PullRequest{
		Number:    int(mr.IID),
		URL:       mr.WebURL,
		Title:     mr.Title,
		Body:      mr.Description,
		Head:      mr.SourceBranch,
		Base:      mr.TargetBranch,
		HeadSHA:   mr.SHA,
		Draft:     mr.Draft,
		Labels:    append([]string(nil), mr.Labels...),
		Reviewers: rest.Names(mr.Reviewers, username),
		Assignees: rest.Names(mr.Assignees, username),
	}
	if mr.Milestone != nil {
		pr.Milestone = mr.Milestone.Title
	}
	return pr
}

func username(u *gitlab.BasicUser) string { return u.Username }

// error converts an error of the SDK. A kind of nil means the one of the status.
func (c *Client) error(kind error, resp *gitlab.Response, err error) error {
	if resp == nil {
		return c.api.Error(nil, nil, "", err)
	}
	message := ""
	if e, ok := errors.AsType[*gitlab.ErrorResponse](err); ok {
		message = plain(e.Message)
	}
	return c.api.Error(kind, resp.Response, message, err)
}

// plain returns GitLab's message without what the SDK adds: a prefix if it is not JSON, and brackets and keys if it is.
func plain(message string) string {
	message = strings.TrimPrefix(message, "failed to parse unknown error format: ")
	for _, field := range []string{"{message: ", "{error: "} {
		if inner, ok := strings.CutPrefix(message, field); ok && !strings.Contains(inner, "}, {") {
			message = strings.TrimSuffix(inner, "}")
		}
	}
	if inner, ok := strings.CutPrefix(message, "["); ok {
		message = strings.TrimSuffix(inner, "]")
	}
	return message
}
