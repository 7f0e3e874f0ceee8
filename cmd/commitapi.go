package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// commitByAPI has the forge make the commit of the edited snapshot and gives its id. A forge commits onto a branch only, and
// GitLab onto whatever that is at by then. So the commit is made on a branch beside, from which the one that is meant is
// moved to it in one step, under git's own lease: a race is lost as ever, and the head of a pull request is at no moment one
// that has nothing to offer, which would close it.
func (p *plan) commitByAPI(ctx context.Context, log *slog.Logger, at attempt, edited *gitrepo.Snapshot, commit gitrepo.Commit, r *progress) (string, error) {
	c := scm.Commit{Branch: beside(at, commit), Parent: at.snapshot.Tip(), Message: r.message}
	files := edited.Files(ctx)
	for _, change := range edited.Changes() {
		f := scm.File{Path: change.Path, Deleted: change.After == 0, Exists: change.Before != 0}
		if !f.Deleted {
			if change.After != 0o644 || change.Before&0o111 != 0 || change.Before&fs.ModeSymlink != 0 {
				return "", fmt.Errorf("%s: %w", change.Path, errOnlyRegular)
			}
			var err error
			if f.Contents, err = fs.ReadFile(files, change.Path); err != nil {
				return "", err
			}
		}
		c.Files = append(c.Files, f)
	}
	if err := at.repo.Move(ctx, c.Branch, at.repo.Tip(c.Branch), c.Parent); err != nil {
		return "", err
	}
	id, err := p.committerAPI.Commit(ctx, c)
	if errors.Is(err, scm.ErrMoved) {
		err = fmt.Errorf("%w: %w", gitrepo.ErrMoved, err)
	}
	left := c.Parent
	if err == nil {
		left = id
		err = at.repo.Move(ctx, r.Branch, at.repo.Tip(r.Branch), id)
	}
	// An interrupt or the end of -timeout is no reason to leave the branch behind.
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	deleteErr := retry.Do(tidy, log, func() error { return at.repo.Delete(tidy, c.Branch, left) })
	if deleteErr != nil && ctx.Err() != nil {
		deleteErr = fmt.Errorf("branch %q stays until the next run: %w", c.Branch, ctx.Err()) // That is what the server had no answer to in time.
	}
	return id, errors.Join(err, deleteErr)
}

// beside names the branch that the forge makes a commit on. Two runs do not get into each other's way, and one that was cut
// short is picked up by the next.
func beside(at attempt, commit gitrepo.Commit) string {
	return fmt.Sprintf("update-gitops-repo-%.12s-%.12s", at.snapshot.Tip(), commit.Tree)
}

// deleteBeside deletes what a run has left that was cut short when all else was done.
func (p *plan) deleteBeside(ctx context.Context, log *slog.Logger, at attempt, commit gitrepo.Commit) error {
	branch := beside(at, commit)
	tip := at.repo.Tip(branch)
	if p.committerAPI == nil || tip == "" {
		return nil
	}
	return retry.Do(ctx, log, func() error { return at.repo.Delete(ctx, branch, tip) })
}

// tidyTime is how long a run that was told to end may take to leave things as they were.
const tidyTime = 10 * time.Second
