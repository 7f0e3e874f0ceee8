package update

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// commitByAPI has the forge commit the change. It returns the commit's id, and whether the branch has it, both with an
// error, too.
//
// A forge commits onto a branch only, and GitLab onto whatever that is at by then. So it commits to a scratch branch;
// the real branch then moves there in one compare-and-swap. A race is lost as ever, and no pull request has an empty
// diff for a moment, which would close it.
func (u *updater) commitByAPI(ctx context.Context, p proposal) (id string, landed bool, err error) {
	files, err := filesFor(ctx, p.edited)
	if err != nil {
		return "", false, err
	}
	scratch, parent := scratchBranch(p), p.snapshot.Tip()
	if err := p.repo.Move(ctx, scratch, p.repo.Tip(scratch), parent); err != nil {
		return "", false, err
	}
	id, err = u.plan.CommitAPI.Commit(ctx, scm.Commit{
		Branch: scratch, Parent: parent, Message: p.text.Commit, Files: files,
	})
	if errors.Is(err, scm.ErrMoved) {
		err = fmt.Errorf("%w: %w", gitrepo.ErrMoved, err)
	}
	left := parent
	if err == nil {
		left = id
		err = p.repo.Move(ctx, p.branch, p.repo.Tip(p.branch), id)
		landed = err == nil
	}
	// An interrupt or the end of -timeout is no reason to leave the scratch branch behind.
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	deleteErr := retry.Do(cleanup, u.log, func() error { return p.repo.Delete(cleanup, scratch, left) })
	if deleteErr != nil && ctx.Err() != nil {
		// The server did not answer in time.
		deleteErr = fmt.Errorf("branch %q stays until the next run: %w", scratch, ctx.Err())
	}
	return id, landed, errors.Join(err, deleteErr)
}

// cleanupTime is how long a run that is interrupted may take to delete what it has made.
const cleanupTime = 10 * time.Second

// checkTarget returns why the change cannot land, as far as that is known before anybody is asked. The error is
// gitrepo.ErrRejected, or ErrOnlyRegular for what the forge cannot commit.
func (u *updater) checkTarget(p proposal) error {
	err := p.repo.CheckTarget(p.branch)
	if err != nil || u.plan.CommitAPI == nil && !u.plan.OnlyRegular {
		return err
	}
	for _, c := range p.edited.Changes() {
		if c.After != 0 && (c.After != 0o644 || c.Before&0o111 != 0 || c.Before&fs.ModeSymlink != 0) {
			return fmt.Errorf("%s: %w", c.Path, ErrOnlyRegular)
		}
	}
	return nil
}

// filesFor returns what the forge has to write and to delete.
func filesFor(ctx context.Context, edited *gitrepo.Snapshot) ([]scm.File, error) {
	var files []scm.File
	tree := edited.Files(ctx)
	for _, c := range edited.Changes() {
		f := scm.File{Path: c.Path, Deleted: c.After == 0, Exists: c.Before != 0}
		if !f.Deleted {
			var err error
			if f.Contents, err = fs.ReadFile(tree, c.Path); err != nil {
				return nil, err
			}
		}
		files = append(files, f)
	}
	return files, nil
}

// scratchBranch names the branch that the forge commits to. Two runs with different changes do not meet there, and what
// a run leaves that is cut short, the next one uses.
func scratchBranch(p proposal) string {
	return fmt.Sprintf("update-gitops-repo-%.12s-%.12s", p.snapshot.Tip(), p.commit.Tree)
}

// deleteScratch deletes the scratch branch of a run that was cut short when all else was done.
func (u *updater) deleteScratch(ctx context.Context, p proposal) error {
	branch := scratchBranch(p)
	tip := p.repo.Tip(branch)
	if u.plan.CommitAPI == nil || tip == "" {
		return nil
	}
	return retry.Do(ctx, u.log, func() error { return p.repo.Delete(ctx, branch, tip) })
}
