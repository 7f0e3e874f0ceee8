package update

import (
	"context"

	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// history is how many commits of the base are searched for a newer build. An app whose last update is further back than
// that has long been deployed.
const history = 200

// newer returns the number of the newest build of the app that is newer than this one and that the base, or an open
// pull request into it, has already; 0 when there is none, or no order.
func (u *updater) newer(ctx context.Context, base *gitrepo.Snapshot, name string) (int64, error) {
	own := u.plan.Composer.Sequence
	if own == 0 {
		return 0, nil
	}
	commits, err := base.Log(ctx, history)
	if err != nil {
		return 0, err
	}
	newest := u.newerIn(commits)
	if l, ok := u.plan.Forge.(scm.Lister); ok {
		pulls, err := l.List(ctx, name)
		if err != nil {
			return 0, err
		}
		for _, pr := range pulls {
			if m := message.FindMarker(pr.Body); m.App == u.plan.Composer.App && m.Sequence > own {
				newest = max(newest, m.Sequence)
			}
		}
	}
	return newest, nil
}

// newerIn returns the number of the newest build of the app that is newer than this one and has one of the commits; 0
// when there is none, or no order.
func (u *updater) newerIn(commits []gitrepo.Log) int64 {
	var newest int64
	for _, c := range commits {
		n := message.SequenceOf(c.Message, u.plan.Composer.App)
		if own := u.plan.Composer.Sequence; own > 0 && n > own {
			newest = max(newest, n)
		}
	}
	return newest
}

// outdated returns those of the pull requests that this run's, of that number, supersedes, and the number of the newest
// build among all of them, this one's at least. Of two with the same build, and without numbers of builds, the pull
// request with the lower number is older.
func (u *updater) outdated(pulls []scm.PullRequest, number int) (older []scm.PullRequest, newest int64) {
	own := u.plan.Composer.Sequence
	newest = own
	for _, pr := range pulls {
		m := message.FindMarker(pr.Body)
		if m.App != u.plan.Composer.App || pr.Number == number {
			continue
		}
		if own == 0 {
			m.Sequence = 0 // No order.
		}
		newest = max(newest, m.Sequence)
		if m.Sequence < own || m.Sequence == own && pr.Number < number {
			older = append(older, pr)
		}
	}
	return older, newest
}
