package update

import (
	"context"
	"errors"
	"fmt"

	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// settle does what is left when nothing is to land: a pull request of ours that is of no use any more is closed, and
// the branch of one that was merged is deleted.
func (u *updater) settle(ctx context.Context, p proposal) (pullRequest, error) {
	switch {
	case p.verdict == unchanged:
		pr, err := u.discard(ctx, p.view, p.found, escape.Code(p.base)+" has this change already.")
		if err != nil || pr.URL != "" {
			return pr, err
		}
		return pr, u.deleteMerged(ctx, p)
	case p.verdict == superseded && u.opened:
		return u.discardSuperseded(ctx, p, p.newer)
	}
	return pullRequest{}, nil
}

// discardSuperseded looks for the pull request and discards it for the sake of a newer build.
func (u *updater) discardSuperseded(ctx context.Context, p proposal, newer int64) (pr pullRequest, err error) {
	err = retry.Do(ctx, u.log, func() error {
		found, err := u.find(ctx, p.branch, p.base)
		if err != nil {
			return err
		}
		pr, err = u.discard(ctx, p.view, found, fmt.Sprintf("Superseded by build %d.", newer))
		return err
	})
	return pr, err
}

// tidy does what is left once the pull request is as it is to be: it closes what that supersedes, and deletes the
// branch once it is merged.
func (u *updater) tidy(ctx context.Context, p proposal, l landing, pr pullRequest) (pullRequest, error) {
	err := retry.Do(ctx, u.log, func() (err error) {
		if u.pull.Supersede {
			if pr, err = u.supersede(ctx, p, pr); errors.Is(err, gitrepo.ErrMoved) {
				return retry.Transient(err) // Another run, or a person, was at one of the branches.
			} else if err != nil {
				return err
			}
		}
		if !u.pull.DeleteBranch || pr.newer > 0 {
			return nil
		}
		if pr.State != string(scm.Merged) {
			u.log.Warn("the branch stays until the pull request is merged", "branch", p.branch)
			return nil
		}
		repo, err := gitrepo.Open(ctx, u.plan.Remote)
		if err != nil {
			return err
		}
		return left(repo.Delete(ctx, p.branch, l.commit))
	})
	return pr, err
}

// left returns err, if there is one, as that of a branch that is not deleted.
func left(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrBranchLeft, err)
}

// deleteMerged deletes the branch of a pull request that was merged by a run that was cut short before it could.
func (u *updater) deleteMerged(ctx context.Context, p proposal) error {
	tip := p.repo.Tip(p.branch)
	if !u.pull.DeleteBranch || u.plan.DryRun || tip == "" || p.branch == p.base {
		return nil
	}
	if merged, err := u.merged(ctx, p); err != nil || !merged {
		return err
	}
	return left(retry.Do(ctx, u.log, func() error { return p.repo.Delete(ctx, p.branch, tip) }))
}

// merged reports whether the base has all that is on the branch: its commits, or, where a squash or a rebase has made
// others of them, its change. It is given a base on which the edits change nothing.
func (u *updater) merged(ctx context.Context, p proposal) (bool, error) {
	ahead, err := p.snapshot.Ahead(ctx, p.branch)
	if err != nil || len(ahead) == 0 {
		return err == nil, err
	}
	if len(u.foreign(ahead)) > 0 {
		return false, nil
	}
	branch, err := p.repo.Snapshot(ctx, p.branch, u.plan.Edits.Scope())
	if err != nil {
		return false, err
	}
	result, err := u.plan.Edits.Apply(ctx, branch, edits.Edited)
	if err != nil {
		u.log.Debug("the branch stays: the change cannot be made on it", "error", err)
		return false, nil
	}
	return len(result.Snapshot.Changed()) == 0, nil
}

// supersede closes the older pull requests of the app into the same base; and this one, if a newer build has opened its
// own meanwhile.
func (u *updater) supersede(ctx context.Context, p proposal, pr pullRequest) (pullRequest, error) {
	pulls, err := u.plan.Forge.(scm.Lister).List(ctx, p.base)
	if err != nil {
		return pr, fmt.Errorf("looking for pull requests that it supersedes failed: %w", err)
	}
	older, newest := u.outdated(pulls, pr.Number)
	overtaken := newest > u.plan.Composer.Sequence && pr.State != string(scm.Merged)
	if len(older) == 0 && !overtaken {
		return pr, nil
	}
	// Other runs may have made these branches since this one began, and people may have pushed to them.
	var now view
	if now.repo, err = gitrepo.Open(ctx, u.plan.Remote); err != nil {
		return pr, err
	}
	if now.snapshot, err = now.repo.Snapshot(ctx, p.base); err != nil {
		return pr, err
	}
	for _, old := range older {
		if _, err := u.retire(ctx, now, old, "Superseded by "+escape.URL(pr.URL)); err != nil {
			return pr, fmt.Errorf("closing #%d, which it supersedes, failed: %w", old.Number, err)
		}
	}
	if !overtaken {
		return pr, nil
	}
	p.view = now
	discarded, err := u.discardSuperseded(ctx, p, newest)
	if err != nil {
		return pr, err
	}
	if discarded.URL != "" {
		pr.PullRequest = discarded.PullRequest
	}
	pr.newer = newest
	return pr, nil
}

// discard closes a pull request of ours that is of no use any more for that reason, or warns of it where that is not
// asked for. It returns the pull request as it is then, or the zero value if none of ours is open.
func (u *updater) discard(ctx context.Context, now view, found *scm.PullRequest, reason string) (pullRequest, error) {
	if found == nil || message.FindMarker(found.Body).App != u.plan.Composer.App {
		return pullRequest{}, nil
	}
	pr := newPullRequest(*found, string(scm.Unchanged))
	if !u.pull.Supersede {
		u.log.Warn("there is a pull request still open; -supersede would close it",
			"pull-request", pr.URL, "reason", reason)
		return pr, nil
	}
	closed, err := u.retire(ctx, now, *found, reason)
	if err != nil {
		return pr, fmt.Errorf("closing it failed: %w", err)
	}
	if closed {
		pr.State = report.Closed
	}
	return pr, nil
}

// retire closes a pull request with a comment and deletes its branch, unless that has somebody else's commits.
func (u *updater) retire(ctx context.Context, now view, pr scm.PullRequest, comment string) (closed bool, err error) {
	ahead, err := now.snapshot.Ahead(ctx, pr.Head)
	if foreign := u.foreign(ahead); len(foreign) > 0 {
		u.log.Warn("left open: its branch has someone else's commits",
			"pull-request", pr.URL, "commit", foreign[0].Hash[:7], "author", foreign[0].Author)
		return false, nil
	}
	// The branch first: a pull request that is left open the next run finds, a branch that is left it does not. GitHub
	// closes a pull request whose branch is deleted, and closing it once more is no error; GitLab does not close a
	// merge request.
	if tip := now.repo.Tip(pr.Head); err == nil && tip != "" {
		err = retry.Do(ctx, u.log, func() error { return now.repo.Delete(ctx, pr.Head, tip) })
	}
	if errors.Is(err, gitrepo.ErrMoved) {
		u.log.Info("left open: someone else is pushing to its branch", "pull-request", pr.URL)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	u.log.Info("closing", "pull-request", pr.URL)
	if err := u.plan.Forge.(scm.Closer).Close(ctx, pr, u.secrets.Redact(comment)); err != nil {
		return false, err
	}
	return true, nil
}
