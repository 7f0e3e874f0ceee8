// Package update carries out a plan: it proposes a change on what the branches hold now, lands it in one
// compare-and-swap, opens the pull request, and leaves nothing behind.
package update

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
	"update-gitops-repo/secret"
)

// Plan is a command line that makes sense: everything is parsed, and whatever can be refused without asking the
// repository has been refused. Nobody changes a plan.
type Plan struct {
	Remote gitrepo.Remote
	Base   string // empty: the remote's default branch
	Branch string // empty: the base

	Edits    edits.Edits
	Composer message.Composer // has the app and the number of the build, too

	Author, Committer gitrepo.Signature
	Signer            gitrepo.Signer // nil: unsigned
	CommitAPI         scm.Committer  // nil: commits are made here, or nothing is committed
	OnlyRegular       bool           // refuses what a CommitAPI could not commit, as one does

	Pull  *Pull        // nil: push directly
	Forge scm.Provider // nil: no pull request is opened, or looked for

	// ReplaceForeign allows to replace a branch with somebody else's commits.
	ReplaceForeign bool
	DryRun         bool
	// Obstacle says why the command line is refused without DryRun; empty: it is not.
	Obstacle string
	// WantDiff asks for a diff where neither a pull request nor a dry run needs one.
	WantDiff bool
}

// Pull is the pull request that a plan asks for. A forge that has to do more than open one is asserted to be able to.
type Pull struct {
	Request      scm.Request // without what depends on the change: Base, HeadSHA, Title, Body and Message
	Supersede    bool        // close the app's older pull requests
	Wait         bool        // until it is merged
	DeleteBranch bool        // once it is merged
}

// Run carries out a plan. It returns what was done, as far as that is known, also with an error.
func Run(ctx context.Context, plan Plan, log *slog.Logger, secrets *secret.Redactor) (report.Report, error) {
	u := &updater{plan: plan, log: log, secrets: secrets, pace: retry.NewPace(log)}
	if plan.Pull != nil {
		u.pull = *plan.Pull
	}
	return u.run(ctx)
}

// updater carries out one plan.
type updater struct {
	plan    Plan
	pull    Pull // the plan's; the zero value where it has none
	log     *slog.Logger
	secrets *secret.Redactor

	pace   *retry.Pace
	lost   []sent // pushes whose answers were lost
	unsure bool   // the last push may have succeeded, and nobody has looked since
	opened bool   // a round before this one has opened the pull request
}

// maxRebases is how often a pull request is made again because its base moved before it could be merged.
const maxRebases = 9

// step is how a run goes on after a round.
type step int

const (
	finish step = iota
	repeat      // the round, where it failed in a way that another may get past
	rebase      // the change, onto a base that has moved
)

func (u *updater) run(ctx context.Context) (report.Report, error) {
	var last report.Report // of the round before the last rebase
	for rebases := 0; ; {
		u.pace.Start()
		r, next, err := u.round(ctx)
		if err != nil && r.Commit == "" && last.PullRequest != nil {
			r, err = last, Unfinished(last, err) // What was done before is done all the same.
		}
		switch {
		case err == nil:
			return r, nil
		case next == repeat:
			if err := u.pace.Again(ctx, err); err != nil {
				return r, u.doubt(r, err)
			}
		case next == rebase && rebases < maxRebases:
			u.log.Info("the branches have moved, starting again", "reason", err)
			rebases++
			last, u.opened, u.lost, u.pace = r, true, nil, retry.NewPace(u.log)
		default:
			return r, err
		}
	}
}

// doubt returns the error of a run, and says so where it may have pushed all the same.
func (u *updater) doubt(r report.Report, err error) error {
	if !u.unsure {
		return err
	}
	return fmt.Errorf("%w; whether branch %q has the commit now is not known", err, r.Branch)
}

// round does everything once: it proposes, lands, opens and tidies. The report is the last thing that is made.
func (u *updater) round(ctx context.Context) (report.Report, step, error) {
	p, err := u.propose(ctx)
	if err != nil {
		return newReport(p, landing{}, p.open()), repeat, err
	}
	if !p.lands() {
		pr, err := u.settle(ctx, p)
		r := newReport(p, landing{}, pr)
		if p.dryRun && err == nil {
			r = u.preview(ctx, r, p)
		}
		return ended(r, repeat, err)
	}
	l, err := u.land(ctx, p)
	if err != nil && l.commit == "" {
		return newReport(p, l, p.open()), repeat, err
	}
	if err != nil || u.plan.Forge == nil {
		return ended(newReport(p, l, p.open()), repeat, err)
	}
	pr, err := u.openPull(ctx, p, l)
	if errors.Is(err, scm.ErrNotMergeable) {
		rivals := u.findRivals(ctx, p, l, err)
		switch {
		case rivals.moved:
			return ended(newReport(p, l, pr), rebase, err)
		case rivals.newer > 0:
			pr.State, pr.newer = report.Closed, rivals.newer
			return newReport(p, l, pr), finish, nil
		}
	}
	if err == nil {
		pr, err = u.tidy(ctx, p, l, pr)
	}
	return ended(newReport(p, l, pr), finish, err)
}

// ended returns a round's end after the push, or where there was none to make: an error says what stands by then.
func ended(r report.Report, next step, err error) (report.Report, step, error) {
	if err != nil {
		err = Unfinished(r, err)
	}
	return r, next, err
}

// newReport returns the report of a round that came to l and pr, either of which may be the zero value.
func newReport(p proposal, l landing, pr pullRequest) report.Report {
	r := report.Report{
		Changed: l.pushed && pr.newer == 0, DryRun: p.dryRun, Base: p.base, Branch: p.branch,
		Commit: p.present, Files: p.files, SupersededBy: max(p.newer, pr.newer),
		Summary: report.Summary{Title: p.text.Title, Diff: p.diff},
	}
	if l.commit != "" {
		r.Commit = l.commit
	}
	if p.verdict == preview {
		r.Changed, r.Diff, r.Patch = p.present == "", p.diff, p.patch
	}
	if pr.URL != "" {
		r.PullRequest = &pr.PullRequest
	}
	return r
}
