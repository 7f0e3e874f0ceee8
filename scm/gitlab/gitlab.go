// Package gitlab opens merge requests on gitlab.com and on self-managed GitLab. Its names say pull request, as package
// scm does.
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

// Config says where the project is and how to reach it. Repository is GROUP/NAME, with as many sub-groups as there are.
// The token is a personal, project, group or OAuth access token; GitLab takes each as a bearer token.
type Config = scm.Config

// Client is one GitLab project. It implements scm.Provider, and those of the optional interfaces that its methods name.
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

// New returns the client for cfg.Repository, or an error that says what is wrong with cfg. It does no I/O.
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
		api: api, mrs: sdk.MergeRequests, projects: sdk.Projects, users: sdk.Users, milestones: sdk.Milestones, notes: sdk.Notes,
		branches: sdk.Branches, commits: sdk.Commits, project: cfg.Repository,
	}, nil
}

// unlimited keeps the SDK from making up a rate of its own from the limits that the server names.
type unlimited struct{}

func (unlimited) Wait(context.Context) error { return nil }

// Name returns "gitlab".
func (c *Client) Name() string { return "gitlab" }

// Find implements scm.Provider with one call, unless more than a hundred merge requests match.
// https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests
func (c *Client) Find(ctx context.Context, head, base string) (scm.PullRequest, error) {
	prs, err := c.list(ctx, &gitlab.ListProjectMergeRequestsOptions{SourceBranch: &head, TargetBranch: &base})
	if err != nil {
		return scm.PullRequest{}, err
	}
	for _, pr := range prs {
		if pr.Head == head && pr.Base == base {
			return pr, nil
		}
	}
	return scm.PullRequest{}, c.api.NotFound(head, base)
}

// List implements scm.Lister, with a call for each hundred that are open.
// https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests
func (c *Client) List(ctx context.Context, base string) ([]scm.PullRequest, error) {
	return c.list(ctx, &gitlab.ListProjectMergeRequestsOptions{
		TargetBranch: &base, OrderBy: new("created_at"), Sort: new("asc"),
	})
}

// list returns what is open, matches opts, and comes from a branch of the project itself.
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
// Labels, people and milestone go with it, after the calls that look up their ids. Who or what is not known is left out:
// there is a merge request then, for which Annotate and RequestReview say what is wrong.
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

// draft makes a title that of a draft. https://docs.gitlab.com/user/project/merge_requests/drafts/
const draft = "Draft: "

// Update implements scm.Provider. https://docs.gitlab.com/api/merge_requests/#update-mr
func (c *Client) Update(ctx context.Context, pr scm.PullRequest, r scm.Request) (scm.PullRequest, error) {
	title := r.Title
	if pr.Draft && scm.Undraft(title) == title {
		title = draft + title
	}
	return c.update(ctx, pr, gitlab.UpdateMergeRequestOptions{Title: &title, Description: &r.Body})
}

// update changes what opts has. https://docs.gitlab.com/api/merge_requests/#update-mr
func (c *Client) update(ctx context.Context, pr scm.PullRequest, opts gitlab.UpdateMergeRequestOptions) (scm.PullRequest, error) {
	return c.pullRequest(c.mrs.UpdateMergeRequest(c.project, int64(pr.Number), &opts, gitlab.WithContext(ctx)))
}

// MergeMethods returns merge and squash. Whether the former makes a merge commit or moves the base forward is a setting
// of the project, which the API does not override; so a rebase cannot be asked for.
func (c *Client) MergeMethods() []string { return []string{scm.MergeCommit, scm.MergeSquash} }

// Merge implements scm.Merger. https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request
//
// GitLab finds out in the background whether a merge request can be merged, and updates its head in the background after
// a push. Until then it refuses, so a refusal counts only once GitLab is sure of it. That the project forbids a method has
// to be asked for before: GitLab would merge by another one.
func (c *Client) Merge(ctx context.Context, pr scm.PullRequest, m scm.Merge) error {
	_, err := c.accept(ctx, pr, m, false)
	return err
}

// allows gives ErrNotMergeable, with the allowed methods, for one that the project forbids.
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

// notMergeable are the statuses that the answer to a merge has if it is the merge request that stands in the way. GitLab
// documents 405, 409 and 422; older releases say 406 for a conflict.
var notMergeable = []int{
	http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusConflict, http.StatusUnprocessableEntity,
}

// undecided are the merge statuses that GitLab leaves by itself, and soon; mergeable is where it may have arrived since
// it refused, and commits_status what it says of a branch whose push it has not digested.
// https://docs.gitlab.com/api/merge_requests/#merge-status
var undecided = []string{"approvals_syncing", "checking", "commits_status", "mergeable", "preparing", "unchecked"}

var (
	errNothing   = errors.New("no merge request in it")
	errNoProject = errors.New("no project in it")
)

// CheckAccess implements scm.Checker. https://docs.gitlab.com/api/projects/#retrieve-a-project
//
// The answer has the roles that the token's user was given in the project and in its group. One that comes from elsewhere,
// such as a group that the project is shared with, is not in it; nor are the token's scopes.
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

// one checks what the SDK gave as one merge request.
func (c *Client) one(mr *gitlab.MergeRequest, resp *gitlab.Response, err error) (*gitlab.MergeRequest, error) {
	if err == nil && (mr == nil || mr.IID == 0) {
		err = errNothing
	}
	if err != nil {
		return nil, c.error(nil, resp, err)
	}
	return mr, nil
}

// pullRequest translates what the SDK gave as one merge request.
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

// error translates an error of the SDK. A kind of nil means the one that the status stands for.
func (c *Client) error(kind error, resp *gitlab.Response, err error) error {
	if resp == nil {
		return c.api.Error(nil, nil, "", err)
	}
	words := ""
	if e, ok := errors.AsType[*gitlab.ErrorResponse](err); ok {
		words = plain(e.Message)
	}
	return c.api.Error(kind, resp.Response, words, err)
}

// plain takes off what the SDK puts around a message: its opinion of what is no JSON, and the shape of simple JSON.
func plain(words string) string {
	words = strings.TrimPrefix(words, "failed to parse unknown error format: ")
	for _, field := range []string{"{message: ", "{error: "} {
		if in, ok := strings.CutPrefix(words, field); ok && !strings.Contains(in, "}, {") {
			words = strings.TrimSuffix(in, "}")
		}
	}
	if in, ok := strings.CutPrefix(words, "["); ok {
		words = strings.TrimSuffix(in, "]")
	}
	return words
}
