package update

import (
	"context"
	"errors"
	"fmt"

	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// pullRequest is what has become of the pull request; without a URL there is none.
type pullRequest struct {
	report.PullRequest
	newer int64 // the build that supersedes this one; 0: none
}

func newPullRequest(pr scm.PullRequest, state string) pullRequest {
	return pullRequest{PullRequest: report.PullRequest{Number: pr.Number, URL: pr.URL, State: state}}
}

// openPull opens the pull request, or brings the one that is open up to date, and merges it if that is asked for. Where
// it is not known whether the forge has done what it was asked for, it looks what there is and goes on from that. A
// pull request that is open is returned with an error, too.
func (u *updater) openPull(ctx context.Context, p proposal, l landing) (pullRequest, error) {
	request := u.request(p, l)
	found, known := p.found, true
	var pr pullRequest
	creating := false // An earlier try may have created it.
	err := retry.Do(ctx, u.log, func() (err error) {
		if !known {
			if found, err = u.find(ctx, p.branch, p.base); err != nil {
				return fmt.Errorf("looking whether the pull request is open failed: %w", err)
			}
			known = true
		}
		opened, err := u.openOnce(ctx, request, l, found)
		if opened.URL != "" {
			pr = opened
			if creating && pr.State != string(scm.Merged) && pr.State != report.Closed {
				pr.State = string(scm.Created)
			}
		}
		if retry.IsTransient(err) {
			creating = creating || found == nil && pr.URL == ""
			known = false
		}
		return err
	})
	if err != nil && pr.URL == "" && (creating && !known || found == nil && ctx.Err() != nil) {
		err = fmt.Errorf("%w; whether it is open now is not known", err)
	}
	return pr, err
}

// request returns the pull request to ask for.
func (u *updater) request(p proposal, l landing) scm.Request {
	request := u.pull.Request
	request.Base, request.HeadSHA, request.Title, request.Body = p.base, l.commit, p.text.Title, p.text.Body
	if request.MergeMethod == scm.MergeSquash {
		request.Message = p.text.Commit // With the trailers, which a forge would leave out.
	}
	return request
}

// openOnce opens or updates the pull request, given the one that is open, and waits for its merge if that is asked for.
func (u *updater) openOnce(
	ctx context.Context, request scm.Request, l landing, found *scm.PullRequest,
) (pullRequest, error) {
	u.log.Info("opening the pull request", "head", request.Head, "base", request.Base)
	pr, err := scm.Open(ctx, u.plan.Forge, request, found)
	if pr.URL == "" {
		return pullRequest{}, fmt.Errorf("opening the pull request failed: %w", err)
	}
	if pr.State == scm.Unchanged && l.pushed {
		pr.State = scm.Updated // What it proposes has changed, if not what it says.
	}
	opened := newPullRequest(pr, string(pr.State))
	// A merge that is refused now may be possible later; an order to merge later that is refused stays refused.
	worthWaiting := err == nil || request.Merge && errors.Is(err, scm.ErrNotMergeable)
	if !u.pull.Wait || pr.State == scm.Merged || !worthWaiting {
		return opened, err
	}
	var how *scm.Merge // nil: the forge merges it, or somebody
	if request.Merge {
		how = &scm.Merge{Method: request.MergeMethod, Message: request.Message}
	}
	pr.HeadSHA = l.commit
	waiting := func(waits string) { u.log.Info("waiting to be merged", "for", waits) }
	if err := scm.Wait(ctx, u.plan.Forge, pr, how, waiting); err != nil {
		if errors.Is(err, scm.ErrClosed) {
			opened.State = report.Closed
		}
		return opened, err
	}
	opened.State = string(scm.Merged)
	return opened, nil
}

// rivals are what others have done to a pull request that is not merged.
type rivals struct {
	moved bool  // a branch, so that the change is to be made again
	newer int64 // a newer build is there, for whose sake the pull request was closed; 0: none
}

// findRivals looks why a pull request is not merged. On a base that has moved, the change has no conflict once it is
// made again; and where a newer build has the branch now, the next round sees that. What somebody has closed stays
// closed.
func (u *updater) findRivals(ctx context.Context, p proposal, l landing, refusal error) (r rivals) {
	err := retry.Do(ctx, u.log, func() (err error) {
		repo, err := gitrepo.Open(ctx, u.plan.Remote)
		if err != nil {
			return err
		}
		if !errors.Is(refusal, scm.ErrClosed) {
			merges := u.pull.Request.Merge || u.pull.Request.AutoMerge
			replaced := u.plan.Composer.Sequence > 0 && repo.Tip(p.branch) != l.commit
			r.moved = merges && (repo.Tip(p.base) != p.snapshot.Tip() || replaced)
			return nil
		}
		snapshot, err := repo.Snapshot(ctx, p.base)
		if err != nil {
			return err
		}
		r.newer, err = u.newer(ctx, snapshot, p.base)
		return err
	})
	if err != nil {
		u.log.Debug("cannot see what others have done", "error", err) // The refusal counts.
		return rivals{}
	}
	return r
}
