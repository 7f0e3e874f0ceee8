package github

import (
	"context"
	"errors"
	"strings"

	"update-gitops-repo/scm"
)

const createCommit = `mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } }
}`

// Commit implements scm.Committer. https://docs.github.com/graphql/reference/mutations#createcommitonbranch
//
// GitHub compares the branch's tip with commit.Parent when it moves the branch, signs the commit, and shows it as
// verified. The request has no file modes: an executable file or a symbolic link that is written may become an ordinary
// file. The largest commit is not documented; users report a limit of 40 MB for the request.
func (c *Client) Commit(ctx context.Context, commit scm.Commit) (string, error) {
	type addition struct {
		Path     string `json:"path"`
		Contents []byte `json:"contents"` // encoding/json writes base64
	}
	type deletion struct {
		Path string `json:"path"`
	}
	additions, deletions := []addition{}, []deletion{}
	for _, f := range commit.Files {
		if f.Deleted {
			deletions = append(deletions, deletion{f.Path})
		} else {
			contents := append([]byte{}, f.Contents...) // nil would be null
			additions = append(additions, addition{f.Path, contents})
		}
	}
	headline, body := cutMessage(commit.Message)
	var data struct {
		CreateCommitOnBranch struct{ Commit struct{ OID string } }
	}
	err := c.graphQL(ctx, createCommit, map[string]any{"input": map[string]any{
		"branch": map[string]any{
			"repositoryNameWithOwner": c.owner + "/" + c.name, "branchName": commit.Branch,
		},
		"message":         map[string]any{"headline": headline, "body": body},
		"fileChanges":     map[string]any{"additions": additions, "deletions": deletions},
		"expectedHeadOid": commit.Parent,
	}}, &data)
	if p, ok := errors.AsType[problem](err); ok {
		return "", c.whyNot(ctx, commit, p)
	} else if err != nil {
		return "", err
	}
	oid := data.CreateCommitOnBranch.Commit.OID
	if oid == "" {
		return "", c.api.Error(nil, okay, "", errors.New("no commit in it"))
	}
	return oid, nil
}

const branchTip = `query($owner: String!, $name: String!, $ref: String!) {
  repository(owner: $owner, name: $name) { ref(qualifiedName: $ref) { target { oid } } }
}`

// whyNot returns p, GitHub's refusal of a commit, or ErrMoved if the cause is that the branch is not at commit.Parent.
// GitHub has several messages for that, depending on which part of it notices; one is that a file to delete does not
// exist.
func (c *Client) whyNot(ctx context.Context, commit scm.Commit, p problem) error {
	if graphQLKind(p) == nil || errors.Is(p, scm.ErrMoved) || errors.Is(p, scm.ErrAuth) {
		return p
	}
	var data struct {
		Repository struct {
			Ref struct{ Target struct{ OID string } } // empty if there is no such branch
		}
	}
	err := c.graphQL(ctx, branchTip, map[string]any{
		"owner": c.owner, "name": c.name, "ref": "refs/heads/" + commit.Branch,
	}, &data)
	if err != nil {
		return err
	}
	// The answer may lag behind.
	if data.Repository.Ref.Target.OID != commit.Parent || strings.Contains(p.Message, "but expected "+commit.Parent) {
		return c.api.Error(scm.ErrMoved, okay, p.Message, nil)
	}
	if errors.Is(p, scm.ErrNoRepository) { // something was not found, but not the repository
		return c.api.Error(scm.ErrRefused, okay, p.Message, nil)
	}
	return p
}
