package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// history is how many commits of the base are looked at for a newer build. An app whose last update is further back than
// that has long been deployed.
const history = 200

// newer gives the sequence number of a build of the app that is newer than this one and that the base, or an open pull
// request into it, has already; 0 when there is none, or no order.
func (p *plan) newer(ctx context.Context, s *gitrepo.Snapshot, base string) (int64, error) {
	if p.sequence == 0 {
		return 0, nil
	}
	newest := p.sequence
	commits, err := s.Log(ctx, history)
	if err != nil {
		return 0, err
	}
	for _, c := range commits {
		newest = max(newest, message.SequenceOf(c.Message, p.app))
	}
	if l, ok := p.provider.(scm.Lister); ok {
		pulls, err := l.List(ctx, base)
		if err != nil {
			return 0, err
		}
		for _, pr := range pulls {
			if m := message.FindMarker(pr.Body); m.App == p.app {
				newest = max(newest, m.Sequence)
			}
		}
	}
	if newest == p.sequence {
		return 0, nil
	}
	return newest, nil
}

// supersedeOthers closes the older pull requests of the app into the same base; and this one, if a newer build has opened
// its own meanwhile. Without numbers of builds, the order is that of the pull requests.
func (p *plan) supersedeOthers(ctx context.Context, log *slog.Logger, r *progress) error {
	var err error
	for range maxMerges {
		if err = p.supersedeNow(ctx, log, r); !errors.Is(err, gitrepo.ErrMoved) {
			return err
		}
		log.Info("lost a race, looking again", "reason", err)
	}
	return err
}

// supersedeNow does it once. The error is gitrepo.ErrMoved when another run, or a person, was at one of the branches.
func (p *plan) supersedeNow(ctx context.Context, log *slog.Logger, r *progress) error {
	pulls, err := p.provider.(scm.Lister).List(ctx, r.Base)
	if err != nil {
		return err
	}
	newest := p.sequence
	pulls = slices.DeleteFunc(pulls, func(pr scm.PullRequest) bool {
		m := message.FindMarker(pr.Body)
		older := pr.Number < r.PullRequest.Number
		if m.App == p.app && p.sequence > 0 {
			newest = max(newest, m.Sequence)
			older = m.Sequence < p.sequence || m.Sequence == p.sequence && older
		}
		return m.App != p.app || pr.Number == r.PullRequest.Number || !older
	})
	overtaken := newest > p.sequence && r.PullRequest.State != string(scm.Merged)
	if len(pulls) == 0 && !overtaken {
		return nil
	}
	// Other runs may have made these branches since this one began, and people may have pushed to them.
	var at attempt
	if at.repo, err = gitrepo.Open(ctx, p.remote); err != nil {
		return err
	}
	if at.snapshot, err = at.repo.Snapshot(ctx, r.Base); err != nil {
		return err
	}
	for _, pr := range pulls {
		if _, err := p.retire(ctx, log, at, pr, "Superseded by "+escape.URL(r.PullRequest.URL)); err != nil {
			return err
		}
	}
	if !overtaken {
		return nil
	}
	r.SupersededBy, r.Changed = newest, false
	return p.settle(ctx, log, at, r, p.finder(ctx, r), fmt.Sprintf("Superseded by build %d.", newest))
}

// retire closes a pull request with a comment and deletes its branch, unless that holds somebody else's work.
func (p *plan) retire(ctx context.Context, log *slog.Logger, at attempt, pr scm.PullRequest, comment string) (closed bool, err error) {
	ahead, err := at.snapshot.Ahead(ctx, pr.Head)
	if foreign := p.foreign(ahead); len(foreign) > 0 {
		log.Warn("left alone, for it holds somebody else's commits", "pull-request", pr.URL, "commit", foreign[0].Hash[:7], "author", foreign[0].Author)
		return false, nil
	}
	// Its branch first: what is still open the next run finds, a branch that is left it does not. Deleting it closes a pull
	// request of GitHub, to which closing it is no news, and no merge request of GitLab.
	if tip := at.repo.Tip(pr.Head); err == nil && tip != "" {
		err = retry.Do(ctx, log, func() error { return at.repo.Delete(ctx, pr.Head, tip) })
	}
	if errors.Is(err, gitrepo.ErrMoved) {
		log.Info("left alone, for somebody else is at its branch", "pull-request", pr.URL)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	log.Info("closing", "pull-request", pr.URL)
	if err := p.provider.(scm.Closer).Close(ctx, pr, p.secrets.Redact(comment)); err != nil {
		return false, err
	}
	return true, nil
}

// finder looks for the pull request of the report's branch when it is called.
func (p *plan) finder(ctx context.Context, r *progress) func() (scm.PullRequest, error) {
	return func() (scm.PullRequest, error) { return p.provider.Find(ctx, r.Branch, r.Base) }
}

// settle deals with a pull request of ours that is still open although there is no use for it, for the reason given. find finds it.
func (p *plan) settle(ctx context.Context, log *slog.Logger, at attempt, r *progress, find func() (scm.PullRequest, error), reason string) error {
	if p.provider == nil || p.dryRun {
		return nil
	}
	pr, err := find()
	if errors.Is(err, scm.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if message.FindMarker(pr.Body).App != p.app {
		return nil
	}
	r.PullRequest = &report.PullRequest{Number: pr.Number, URL: pr.URL, State: string(scm.Unchanged)}
	if !p.supersede {
		log.Warn("there is a pull request still open; -supersede would close it", "pull-request", pr.URL, "reason", reason)
		return nil
	}
	closed, err := p.retire(ctx, log, at, pr, reason)
	if closed {
		r.PullRequest.State = report.Closed
	}
	return err
}
