package cmd

import (
	"context"
	"errors"
	"log/slog"

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
		newest = max(newest, sequenceOf(c.Message, p.app))
	}
	if l, ok := p.provider.(scm.Lister); ok {
		pulls, err := l.List(ctx, base)
		if err != nil {
			return 0, err
		}
		for _, pr := range pulls {
			if m := findMarker(pr.Body); m.App == p.app {
				newest = max(newest, m.Sequence)
			}
		}
	}
	if newest == p.sequence {
		return 0, nil
	}
	return newest, nil
}

// supersedeOthers closes the older pull requests of the app into the same base.
func (p *plan) supersedeOthers(ctx context.Context, log *slog.Logger, at attempt, r *report) error {
	pulls, err := p.provider.(scm.Lister).List(ctx, r.Base)
	if err != nil {
		return err
	}
	for _, pr := range pulls {
		m := findMarker(pr.Body)
		if pr.Number >= r.PullRequest.Number || m.App != p.app || p.sequence > 0 && m.Sequence > p.sequence {
			continue
		}
		if _, err := p.retire(ctx, log, at, pr, "Superseded by "+r.PullRequest.URL); err != nil {
			return err
		}
	}
	return nil
}

// retire closes a pull request with a comment and deletes its branch, unless that holds somebody else's work.
func (p *plan) retire(ctx context.Context, log *slog.Logger, at attempt, pr scm.PullRequest, comment string) (closed bool, err error) {
	ahead, err := at.snapshot.Ahead(ctx, pr.Head)
	if err != nil {
		return false, err
	}
	if foreign := p.foreign(ahead); len(foreign) > 0 {
		log.Warn("left alone, for it holds somebody else's commits", "pull-request", pr.URL, "commit", foreign[0].Hash[:7], "author", foreign[0].Author)
		return false, nil
	}
	log.Info("closing", "pull-request", pr.URL)
	if err := p.provider.(scm.Closer).Close(ctx, pr, comment); err != nil {
		return false, err
	}
	return true, at.repo.Delete(ctx, pr.Head, at.repo.Tip(pr.Head))
}

// settle deals with a pull request of ours that is still open although there is no use for it, for the reason given.
func (p *plan) settle(ctx context.Context, log *slog.Logger, at attempt, r *report, reason string) error {
	if p.provider == nil || p.dryRun {
		return nil
	}
	pr, err := p.provider.Find(ctx, r.Branch, r.Base)
	if errors.Is(err, scm.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if findMarker(pr.Body).App != p.app {
		return nil
	}
	r.PullRequest = &pullRequest{Number: pr.Number, URL: pr.URL, State: string(scm.Unchanged)}
	if !p.supersede {
		log.Warn("there is a pull request still open; -supersede would close it", "pull-request", pr.URL, "reason", reason)
		return nil
	}
	closed, err := p.retire(ctx, log, at, pr, reason)
	if closed {
		r.PullRequest.State = stateClosed
	}
	return err
}
