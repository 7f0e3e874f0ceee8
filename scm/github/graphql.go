package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/go-github/v92/github"

	"update-gitops-repo/scm"
)

// graphQLURL returns the GraphQL API's address: /api/graphql on an Enterprise Server, else /graphql below the REST API.
// https://docs.github.com/enterprise-server/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint
func (c *Client) graphQLURL() string {
	if server, ok := strings.CutSuffix(c.api.Base.String(), "/api/v3/"); ok {
		return server + "/api/graphql"
	}
	return c.api.Base.JoinPath("graphql").String()
}

// problem is a failure that the GraphQL API reports.
type problem struct {
	Type    string // "NOT_FOUND"; empty if the document itself is at fault
	Message string
	error   // of package scm's kinds
}

// Unwrap returns the error of package scm's kinds.
func (p problem) Unwrap() error { return p.error }

// graphQL sends a document and decodes the answer's data into out. If the API refuses, the error is a problem.
func (c *Client) graphQL(ctx context.Context, document string, variables map[string]any, out any) error {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		return c.api.Error(nil, nil, "", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.graphQLURL(), bytes.NewReader(body))
	if err != nil {
		return c.api.Error(nil, nil, "", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.api.Client.Do(req)
	if err != nil {
		return c.api.Error(nil, nil, "", err)
	}
	defer func() { _ = resp.Body.Close() }() // Nothing is lost once the body is read.
	if err := github.CheckResponse(resp); err != nil {
		return c.error(nil, &github.Response{Response: resp}, err)
	}
	answer := struct {
		Data   any
		Errors []problem
	}{Data: out}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return c.api.Error(nil, resp, "", err)
	}
	if len(answer.Errors) == 0 {
		return nil
	}
	p := answer.Errors[0] // the others are mostly its consequences
	if kind := graphQLKind(p); kind != nil {
		p.error = c.api.Error(kind, resp, p.Message, nil)
	} else {
		p.error = c.api.Error(nil, nil, "", errors.New(strings.Join(strings.Fields(p.Message), " ")))
	}
	return p
}

// graphQLKind returns the error of package scm that p means, or nil if GitHub itself has failed.
func graphQLKind(p problem) error {
	switch p.Type {
	case "FORBIDDEN", "INSUFFICIENT_SCOPES":
		return scm.ErrAuth
	case "NOT_FOUND":
		return scm.ErrNoRepository
	case "STALE_DATA":
		return scm.ErrMoved
	case "INTERNAL", "SERVICE_UNAVAILABLE":
		return nil
	case "":
		if strings.HasPrefix(p.Message, "Something went wrong") { // a timeout, mostly
			return nil
		}
	}
	return scm.ErrRefused
}

const enableAutoMerge = `mutation($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { pullRequest { id } }
}`

// AutoMerge implements scm.AutoMerger. https://docs.github.com/graphql/reference/mutations#enablepullrequestautomerge
//
// GitHub refuses if checks and approvals allow the merge now. Then AutoMerge merges as [Client.Merge] does.
func (c *Client) AutoMerge(ctx context.Context, pr scm.PullRequest, m scm.Merge) (merged bool, err error) {
	id := pr.ID
	if id == "" {
		now, err := c.look(ctx, pr.Number)
		if err != nil {
			return false, err
		}
		id = now.ID
	}
	input := map[string]any{
		"pullRequestId": id, "mergeMethod": strings.ToUpper(m.Method), "expectedHeadOid": pr.HeadSHA,
	}
	if m.Message != "" && m.Method != scm.MergeRebase { // a rebase keeps the messages
		input["commitHeadline"], input["commitBody"] = cutMessage(m.Message)
	}
	clean := false
	err = c.api.Patiently(ctx, func() (bool, error) {
		refusal := c.graphQL(ctx, enableAutoMerge, map[string]any{"input": input}, nil)
		p, ok := errors.AsType[problem](refusal)
		if !ok || p.Type != "UNPROCESSABLE" {
			return false, refusal
		}
		if clean = nothingToWaitFor.MatchString(p.Message); clean {
			return false, nil
		}
		now, err := c.look(ctx, pr.Number)
		switch {
		case err != nil:
			return false, err
		case now.HeadRefOid == pr.HeadSHA && now.State == "MERGED":
			merged = true // by an attempt whose answer was lost, or by somebody else
			return false, nil
		case now.HeadRefOid == pr.HeadSHA && now.State == "OPEN" && now.AutoMergeRequest != nil:
			return false, nil // enabled by an attempt whose answer was lost
		case strings.Contains(strings.ToLower(p.Message), "auto merge is not allowed"): // a setting of the repository
			return false, refusal
		case strings.HasPrefix(p.Message, "Merge method "):
			return false, c.forbidden(ctx, m.Method, c.api.Error(scm.ErrNotMergeable, okay, p.Message, nil))
		}
		// GitHub has not seen the push yet, or not computed yet what the merge waits for.
		again := now.State == "OPEN" && (now.HeadRefOid != pr.HeadSHA || now.MergeStateStatus == "UNKNOWN")
		return again, c.api.Error(scm.ErrNotMergeable, okay, p.Message, nil)
	})
	if clean {
		err = c.Merge(ctx, pr, m)
		return err == nil, err
	}
	return merged, err
}

// okay is the response of GraphQL refusals: they have status 200.
var okay = &http.Response{StatusCode: http.StatusOK}

// nothingToWaitFor matches GitHub's messages about pull requests that can be merged at once: their checks have passed,
// a failed check is not required, or the base branch has no rules.
var nothingToWaitFor = regexp.MustCompile(
	`(?i)\bin (?:clean|unstable|has_hooks) status|protected branch rules not configured`)

const lookAtPull = `query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) { id state headRefOid mergeStateStatus autoMergeRequest { enabledAt } }
  }
}`

// pullState is a pull request's state in the GraphQL API.
type pullState struct {
	ID               string
	State            string // "OPEN", "CLOSED", "MERGED"
	HeadRefOid       string
	MergeStateStatus string // "UNKNOWN" until GitHub has computed it
	AutoMergeRequest *struct{}
}

// look returns the state of a pull request.
func (c *Client) look(ctx context.Context, number int) (pullState, error) {
	var data struct {
		Repository struct{ PullRequest pullState }
	}
	err := c.graphQL(ctx, lookAtPull, map[string]any{"owner": c.owner, "name": c.name, "number": number}, &data)
	if err == nil && data.Repository.PullRequest.ID == "" {
		err = c.api.Error(nil, okay, "", errors.New("no pull request in it"))
	}
	return data.Repository.PullRequest, err
}

// cutMessage splits a commit message into GitHub's two fields.
func cutMessage(message string) (headline, body string) {
	headline, body, _ = strings.Cut(strings.TrimSpace(message), "\n")
	return headline, strings.TrimLeft(body, "\n")
}
