package update

import (
	"context"
	"slices"

	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/gitrepo"
)

// landing is the change on its branch.
type landing struct {
	commit string // the branch's tip; empty: the change is not there
	pushed bool   // by this run
}

// land puts the change onto the branch in one compare-and-swap, or has the forge do it, unless it is there already. The
// error is gitrepo.ErrMoved when the branch has moved, and transient when it is not known whether the change is there;
// then the next round finds out. With an error after the push, the landing says so.
func (u *updater) land(ctx context.Context, p proposal) (landing, error) {
	switch p.verdict {
	case arrived:
		return landing{p.present, true}, nil
	case present:
		return landing{p.present, false}, u.deleteScratch(ctx, p)
	}
	u.log.Info("pushing", "branch", p.branch, "commit", p.commit.Hash[:7], "files", len(p.files))
	var id string
	var landed bool
	var err error
	if u.plan.CommitAPI != nil {
		id, landed, err = u.commitByAPI(ctx, p)
	} else {
		id, err = p.commit.Hash, p.edited.Push(ctx, p.commit, p.branch)
		landed = err == nil
	}
	if retry.IsTransient(err) && id != "" {
		u.lost = append(u.lost, sent{p, id})
	}
	if !landed {
		u.unsure = id != "" && (retry.IsTransient(err) || ctx.Err() != nil)
		return landing{}, err
	}
	return landing{id, true}, err
}

// sent is a push that may have succeeded: its answer was lost.
type sent struct {
	proposal
	id string // of the commit
}

// findLost returns the proposal whose push has succeeded after all, as arrived: its commit is on the branch, if perhaps
// below those of others. Where there is none, it returns p.
func (u *updater) findLost(ctx context.Context, p proposal) (proposal, error) {
	tip := p.repo.Tip(p.branch)
	if len(u.lost) == 0 || tip == "" {
		u.unsure = false
		return p, nil
	}
	found := slices.IndexFunc(u.lost, func(s sent) bool { return s.id == tip })
	if found < 0 {
		snapshot, err := p.repo.Snapshot(ctx, p.branch)
		if err != nil {
			return p, err
		}
		commits, err := snapshot.Log(ctx, history)
		if err != nil {
			return p, err
		}
		found = slices.IndexFunc(u.lost, func(s sent) bool {
			return slices.ContainsFunc(commits, func(c gitrepo.Log) bool { return c.Hash == s.id })
		})
	}
	u.unsure = false
	if found < 0 {
		return p, nil
	}
	s := u.lost[found]
	u.log.Info("the push has arrived", "branch", p.branch, "commit", s.id[:7])
	s.verdict, s.present = arrived, s.id
	return s.proposal, nil
}
