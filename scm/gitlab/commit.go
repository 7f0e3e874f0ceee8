package gitlab

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"update-gitops-repo/scm"
)

// Commit implements scm.Committer. https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions
//
// GitLab puts the commit on the branch's tip of that moment, and has no parameter for the expected tip: start_sha is
// for new branches, and with force it would discard what came after. So Commit checks the tip before, has GitLab refuse
// changes to files that others have changed since (last_commit_id), and checks the new commit's parent afterwards. If
// that is another one, Commit leaves the commit there and returns ErrMoved.
//
// An executable file stays executable. Errors about GitLab's limits, such as 413 for a commit that is too large, have
// GitLab's message.
func (c *Client) Commit(ctx context.Context, commit scm.Commit) (string, error) {
	if err := c.expect(ctx, commit, nil); err != nil {
		return "", err
	}
	options := &gitlab.CreateCommitOptions{Branch: &commit.Branch, CommitMessage: &commit.Message, Stats: new(false)}
	for _, f := range commit.Files {
		action := &gitlab.CommitActionOptions{Action: new(gitlab.FileCreate), FilePath: &f.Path}
		if f.Deleted || f.Exists {
			action.Action, action.LastCommitID = new(gitlab.FileUpdate), &commit.Parent
		}
		if f.Deleted {
			action.Action = new(gitlab.FileDelete)
		} else {
			action.Content, action.Encoding = new(base64.StdEncoding.EncodeToString(f.Contents)), new("base64")
		}
		options.Actions = append(options.Actions, action)
	}
	made, resp, err := c.commits.CreateCommit(c.project, options, gitlab.WithContext(ctx))
	if err == nil && (made == nil || made.ID == "") {
		err = errors.New("no commit in it")
	}
	if err != nil {
		err = c.error(nil, resp, err)
		if errors.Is(err, scm.ErrRefused) { // perhaps the branch moved, for which GitLab has many messages
			return "", c.expect(ctx, commit, err)
		}
		return "", err
	}
	if slices.Equal(made.ParentIDs, []string{commit.Parent}) {
		return made.ID, nil
	}
	message := fmt.Sprintf("%s is on top of %s, want %s", made.ID, made.ParentIDs, commit.Parent)
	return "", c.api.Error(scm.ErrMoved, resp.Response, message, nil)
}

// expect returns ErrMoved if the branch is not at commit.Parent, otherwise err.
func (c *Client) expect(ctx context.Context, commit scm.Commit, err error) error {
	branch, resp, getErr := c.branches.GetBranch(c.project, commit.Branch, gitlab.WithContext(ctx))
	switch {
	case getErr == nil && (branch == nil || branch.Commit == nil):
		return c.error(nil, resp, errors.New("no branch in it"))
	case getErr != nil && (resp == nil || resp.StatusCode != http.StatusNotFound):
		return c.error(nil, resp, getErr)
	case getErr != nil:
		if _, err := c.CheckAccess(ctx); err != nil { // the project is missing, or hidden from the token
			return err
		}
		return c.api.Error(scm.ErrMoved, resp.Response, "there is no branch "+commit.Branch, nil)
	case branch.Commit.ID != commit.Parent:
		message := fmt.Sprintf("%s is at %s, want %s", commit.Branch, branch.Commit.ID, commit.Parent)
		return c.api.Error(scm.ErrMoved, resp.Response, message, nil)
	}
	return err
}
