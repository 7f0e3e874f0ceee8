// Package github opens pull requests on github.com and on GitHub Enterprise Server.
package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v92/github"

	"update-gitops-repo/scm"
	"update-gitops-repo/scm/internal/rest"
)

// Config holds what New needs to reach a repository. Repository is OWNER/NAME.
type Config = scm.Config

// Client is one GitHub repository. It implements scm.Provider and the optional interfaces that its methods name.
type Client struct {
	api         *rest.API
	sdk         *github.Client
	pulls       *github.PullRequestsService
	issues      *github.IssuesService
	checks      *github.ChecksService
	repos       *github.RepositoriesService
	apps        *github.AppsService
	owner, name string
}

// APIURL returns the API's base URL for the host of a repository's web pages, "github.com" or "git.example.com:8443":
// https://api.github.com/, or below /api/v3/ of an Enterprise Server, where scheme, "https", counts.
func APIURL(scheme, host string) string {
	if strings.EqualFold(host, "github.com") {
		return "https://api.github.com/"
	}
	return scheme + "://" + host + "/api/v3/"
}

// New returns the client for cfg.Repository, or an error that names what is wrong with cfg. It does no I/O.
func New(cfg Config) (*Client, error) {
	// These may be sent twice: GitHub adds no label or reviewer twice, either of two app tokens serves, and each
	// GraphQL mutation names the state that it expects.
	api, err := rest.New("github", cfg, "/labels", "/requested_reviewers", "/access_tokens", "/graphql")
	if err != nil {
		return nil, err
	}
	owner, name, _ := strings.Cut(cfg.Repository, "/")
	if strings.Contains(name, "/") {
		return nil, fmt.Errorf("github: repository %q: want OWNER/NAME", cfg.Repository)
	}
	base := api.Base.String()
	sdk, err := github.NewClient(
		github.WithHTTPClient(api.Client),
		github.WithURLs(&base, nil),
		// Else the SDK fails requests by itself after a rate limit; the HTTP client waits for it.
		github.WithDisableRateLimitCheck(),
	)
	if err != nil {
		return nil, fmt.Errorf("github: %w", err)
	}
	return &Client{
		api: api, sdk: sdk, pulls: sdk.PullRequests, issues: sdk.Issues, checks: sdk.Checks,
		repos: sdk.Repositories, apps: sdk.Apps, owner: owner, name: name,
	}, nil
}

// Name returns "github".
func (c *Client) Name() string { return "github" }

// Find implements scm.Provider with one request per hundred pull requests that match.
// https://docs.github.com/rest/pulls/pulls#list-pull-requests
func (c *Client) Find(ctx context.Context, head, base string) (scm.PullRequest, error) {
	// Without the owner, GitHub ignores the filter.
	prs, err := c.list(ctx, &github.PullRequestListOptions{Head: c.owner + ":" + head, Base: base})
	if err != nil {
		return scm.PullRequest{}, err
	}
	return c.api.Only(prs, head, base)
}

// List implements scm.Lister with one request per hundred open pull requests.
// https://docs.github.com/rest/pulls/pulls#list-pull-requests
func (c *Client) List(ctx context.Context, base string) ([]scm.PullRequest, error) {
	return c.list(ctx, &github.PullRequestListOptions{Base: base, Sort: "created", Direction: "asc"})
}

// list returns the open pull requests that match opts and whose heads are in the repository itself.
func (c *Client) list(ctx context.Context, opts *github.PullRequestListOptions) ([]scm.PullRequest, error) {
	opts.State, opts.PerPage = "open", 100
	var own []scm.PullRequest
	for {
		prs, resp, err := c.pulls.List(ctx, c.owner, c.name, opts)
		if err != nil {
			return nil, c.error(nil, resp, err)
		}
		for _, pr := range prs {
			// The owner may also have a fork of this repository, with a branch of the same name.
			if pr.GetHead().GetRepo().GetFullName() != pr.GetBase().GetRepo().GetFullName() {
				continue
			}
			one, err := c.pullRequest(pr, resp, nil)
			if err != nil {
				return nil, err
			}
			own = append(own, one)
		}
		if resp.NextPage == 0 {
			return own, nil
		}
		opts.Page = resp.NextPage
	}
}

// Create implements scm.Provider. https://docs.github.com/rest/pulls/pulls#create-a-pull-request
//
// It returns ErrRefused for a draft where the owner's plan has none. It does not set labels, reviewers and so on.
func (c *Client) Create(ctx context.Context, r scm.Request) (scm.PullRequest, error) {
	return c.pullRequest(c.pulls.Create(ctx, c.owner, c.name, github.CreatePullRequest{
		Title: &r.Title, Body: &r.Body, Head: r.Head, Base: r.Base, Draft: &r.Draft,
	}))
}

// Update implements scm.Provider. https://docs.github.com/rest/pulls/pulls#update-a-pull-request
func (c *Client) Update(ctx context.Context, pr scm.PullRequest, r scm.Request) (scm.PullRequest, error) {
	edit := &github.PullRequest{Title: &r.Title, Body: &r.Body}
	return c.pullRequest(c.pulls.Edit(ctx, c.owner, c.name, pr.Number, edit))
}

// MergeMethods returns all three methods.
func (c *Client) MergeMethods() []string {
	return []string{scm.MergeCommit, scm.MergeSquash, scm.MergeRebase}
}

// Merge implements scm.Merger. https://docs.github.com/rest/pulls/pulls#merge-a-pull-request
//
// GitHub computes in the background whether a pull request can be merged, and updates its head in the background after
// a push. Until then it refuses, so a refusal counts only once that is done.
func (c *Client) Merge(ctx context.Context, pr scm.PullRequest, m scm.Merge) error {
	title, body := cutMessage(m.Message)
	return c.api.Patiently(ctx, func() (bool, error) {
		_, resp, err := c.pulls.Merge(ctx, c.owner, c.name, pr.Number, body, &github.PullRequestOptions{
			SHA: pr.HeadSHA, MergeMethod: m.Method, CommitTitle: title,
		})
		if err == nil {
			return false, nil
		}
		if resp == nil || resp.StatusCode != http.StatusMethodNotAllowed && resp.StatusCode != http.StatusConflict {
			return false, c.error(nil, resp, err)
		}
		refusal := c.error(scm.ErrNotMergeable, resp, err)
		if strings.Contains(refusal.Error(), "are not allowed") {
			return false, c.forbidden(ctx, m.Method, refusal)
		}
		now, resp, err := c.pulls.Get(ctx, c.owner, c.name, pr.Number)
		if err != nil {
			return false, c.error(nil, resp, err)
		}
		if now.GetMerged() && now.GetHead().GetSHA() == pr.HeadSHA {
			return false, nil // merged by an attempt whose answer was lost, or by somebody else
		}
		undecided := now.Mergeable == nil && now.GetState() == "open"
		// Head or base has moved since GitHub last looked. The retry names the same commit, so it merges no other.
		moved := strings.Contains(refusal.Error(), "try the merge again")
		return undecided || moved, refusal
	})
}

// forbidden returns the refusal of a method with the allowed methods added, if GitHub reports them.
func (c *Client) forbidden(ctx context.Context, method string, refusal error) error {
	repo, _, err := c.repos.Get(ctx, c.owner, c.name)
	if err != nil {
		return refusal
	}
	var allowed []string
	for _, m := range []struct {
		name string
		is   bool
	}{
		{scm.MergeCommit, repo.GetAllowMergeCommit()},
		{scm.MergeSquash, repo.GetAllowSquashMerge()},
		{scm.MergeRebase, repo.GetAllowRebaseMerge()},
	} {
		if m.is {
			allowed = append(allowed, m.name)
		}
	}
	if allowed == nil || slices.Contains(allowed, method) {
		return refusal
	}
	return fmt.Errorf("%w Allowed: %s", refusal, strings.Join(allowed, ", "))
}

// CheckAccess implements scm.Checker. https://docs.github.com/rest/repos/repos#get-a-repository
//
// The permissions in the answer are the role of the token's owner. A header has the scopes of a classic token; the
// permissions of a fine-grained one are nowhere. The token of an app, such as a workflow's GITHUB_TOKEN, has no owner:
// all its permissions are false.
func (c *Client) CheckAccess(ctx context.Context) (scm.Access, error) {
	repo, resp, err := c.repos.Get(ctx, c.owner, c.name)
	if err == nil && repo.GetFullName() == "" {
		err = errors.New("no repository in it")
	}
	if err != nil {
		return scm.Access{}, c.error(nil, resp, err)
	}
	role := repo.GetPermissions()
	scopes := resp.Header.Values("X-OAuth-Scopes")
	access := scm.Access{Read: true}
	switch {
	case repo.GetArchived():
		access.Reason = "the repository is archived"
	case role.GetPull() && !role.GetPush():
		access.Reason = "the token's owner may only read"
	case scopes != nil && !mayWrite(scopes, repo.GetPrivate()):
		access.Reason = "the token lacks the scope repo"
	case repo.HasPullRequests != nil && !repo.GetHasPullRequests():
		access.Push = true
		access.Reason = "pull requests are switched off in the repository"
	default:
		access.Push, access.Pull = true, true
		if scopes == nil {
			access.Reason = "GitHub does not tell what this kind of token was granted"
		}
	}
	return access, nil
}

// mayWrite reports whether a classic token's scopes allow writing to a repository.
// https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
func mayWrite(scopes []string, private bool) bool {
	for scope := range strings.SplitSeq(strings.Join(scopes, ","), ",") {
		if scope = strings.TrimSpace(scope); scope == "repo" || scope == "public_repo" && !private {
			return true
		}
	}
	return false
}

// pullRequest converts what the SDK returned.
func (c *Client) pullRequest(pr *github.PullRequest, resp *github.Response, err error) (scm.PullRequest, error) {
	if err == nil && pr.GetNumber() == 0 {
		err = errors.New("no pull request in it")
	}
	if err != nil {
		return scm.PullRequest{}, c.error(nil, resp, err)
	}
	reviewers := rest.Names(pr.RequestedReviewers, (*github.User).GetLogin)
	reviewers = append(reviewers, rest.Names(pr.RequestedTeams, c.team)...)
	return scm.PullRequest{
		Number:    pr.GetNumber(),
		URL:       pr.GetHTMLURL(),
		Title:     pr.GetTitle(),
		Body:      pr.GetBody(),
		Head:      pr.GetHead().GetRef(),
		Base:      pr.GetBase().GetRef(),
		HeadSHA:   pr.GetHead().GetSHA(),
		Draft:     pr.GetDraft(),
		Labels:    rest.Names(pr.Labels, (*github.Label).GetName),
		Reviewers: reviewers,
		Assignees: rest.Names(pr.Assignees, (*github.User).GetLogin),
		Milestone: pr.GetMilestone().GetTitle(),
		ID:        pr.GetNodeID(),
	}, nil
}

// error converts an error of the SDK. A kind of nil means the one of the status.
func (c *Client) error(kind error, resp *github.Response, err error) error {
	if resp == nil {
		return c.api.Error(nil, nil, "", err)
	}
	message := ""
	switch e := err.(type) {
	case *github.ErrorResponse:
		message = e.Message
		for _, d := range e.Errors {
			if d.Message == "" {
				d.Message = d.Field + " " + d.Code
			}
			message += ": " + d.Message
		}
	case *github.RateLimitError: // also with status 403, but another token would not help
		kind, message = scm.ErrRefused, e.Message
	case *github.AbuseRateLimitError:
		kind, message = scm.ErrRefused, e.Message
	}
	return c.api.Error(kind, resp.Response, message, err)
}
