package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"update-gitops-repo/cmd/internal/diff"
	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// view is the repository as it was when its references were read.
type view struct {
	repo     *gitrepo.Repo
	snapshot *gitrepo.Snapshot // of the base
}

// proposal is a change to the branches as they were when it was made, and what it comes to. It is made in steps, each
// of which returns a new one; after propose nobody changes it.
type proposal struct {
	view
	dryRun       bool
	base, branch string
	verdict      verdict
	newer        int64 // the build that supersedes this one; 0: none

	edited *gitrepo.Snapshot
	files  []string // that differ from the base, sorted
	diff   string   // for people, redacted; empty where nobody needs it
	patch  string   // the same for git; empty where nobody needs it
	text   message.Text
	commit gitrepo.Commit

	lost    []gitrepo.Log    // the commits of others on the branch, which are replaced
	present string           // the commit on the branch that makes this change already; empty: none
	found   *scm.PullRequest // the one that is open; nil: none is, or there is no forge
}

// verdict is what a proposal comes to.
type verdict int

const (
	pending    verdict = iota // it is to be pushed
	present                   // the branch has it already
	arrived                   // the branch has it from a push whose answer was lost
	unchanged                 // the base has it already
	superseded                // a newer build is there
	preview                   // a dry run shows it
)

// lands reports whether the branch is to hold the change.
func (p proposal) lands() bool {
	return p.verdict == pending || p.verdict == present || p.verdict == arrived
}

// open returns the pull request that was open before; without a URL there was none, or it is not known.
func (p proposal) open() pullRequest {
	if p.found == nil {
		return pullRequest{}
	}
	return newPullRequest(*p.found, string(scm.Unchanged))
}

// propose reads the branches, makes the change, and says what it comes to. With an error the proposal has what was
// known by then.
func (u *updater) propose(ctx context.Context) (proposal, error) {
	p, err := u.open(ctx)
	if err != nil {
		return p, err
	}
	if landed, err := u.findLost(ctx, p); err != nil || landed.verdict == arrived {
		return landed, err
	}
	u.pace.Saw(p.repo.Tip(p.branch))
	if !u.plan.DryRun && u.plan.CommitAPI == nil {
		p.repo.PreparePush(ctx)
	}
	lookup := u.look(ctx, p.branch, p.base)
	defer lookup.stop()
	if p, err = u.prepare(ctx, p); err == nil && p.verdict == pending {
		p, err = u.compare(ctx, p)
	}
	if err == nil && p.verdict != superseded {
		// What the forge refuses to tell, it will refuse to do: better before the push than after.
		p.found, err = lookup.answer()
	}
	return p, err
}

// open reads the references and settles the branches.
func (u *updater) open(ctx context.Context) (proposal, error) {
	p := proposal{dryRun: u.plan.DryRun, base: u.plan.Base, branch: u.plan.Branch}
	u.log.Info("opening", "repository", u.plan.Remote.URL.String())
	repo, err := gitrepo.Open(ctx, u.plan.Remote)
	if err != nil {
		return p, err
	}
	base, branch, err := u.branches(repo)
	if err != nil {
		return p, err
	}
	p.repo, p.base, p.branch = repo, base, branch
	return p, nil
}

// branches returns where the change starts and where it goes. A direct push adds to its branch, so that is where it
// starts, unless the branch is new.
func (u *updater) branches(repo *gitrepo.Repo) (base, branch string, err error) {
	base = cmp.Or(u.plan.Base, repo.DefaultBranch())
	branch = cmp.Or(u.plan.Branch, base)
	switch {
	case base == "":
		return "", "", fmt.Errorf("%s: %w", u.plan.Remote.URL, ErrNoDefault)
	case gitrepo.CheckBranch(base) != nil: // The server names it.
		return "", "", fmt.Errorf("%s: %w: %w", u.plan.Remote.URL, ErrNoDefault, gitrepo.CheckBranch(base))
	case u.plan.Pull != nil && branch == base:
		return "", "", fmt.Errorf("branch %q: %w", branch, ErrSameBranch)
	case u.plan.Pull == nil && repo.Tip(branch) != "":
		base = branch
	}
	return base, branch, nil
}

// prepare edits the base, and makes the commit unless nothing changes or a newer build is there.
func (u *updater) prepare(ctx context.Context, p proposal) (proposal, error) {
	u.log.Info("fetching", "branch", p.base)
	var err error
	if p.snapshot, err = p.repo.Snapshot(ctx, p.base, u.plan.Edits.Scope()); err != nil {
		return p, err
	}
	if p.newer, err = u.newer(ctx, p.snapshot, p.base); err != nil {
		return p, err
	}
	if p.newer > 0 {
		p.verdict = superseded
		return p, nil
	}
	u.log.Info("editing", "base", p.snapshot.Tip()[:7])
	result, err := u.plan.Edits.Apply(ctx, p.snapshot, u.need())
	if err != nil {
		return p, err
	}
	for _, w := range result.Warnings {
		u.log.Warn(w)
	}
	p.edited, p.files = result.Snapshot, result.Snapshot.Changed()
	if len(p.files) == 0 {
		p.verdict = unchanged
		return p, nil
	}
	if p, err = u.show(ctx, p); err != nil {
		return p, err
	}
	change := message.Change{
		Base: p.base, Branch: p.branch, Files: p.files, Notes: notes(p.edited.Changes()), Values: result.Values,
		Diff: p.diff,
	}
	if p.text, err = u.plan.Composer.Compose(change); err != nil {
		return p, err
	}
	if err := u.checkSecrets(ctx, p); err != nil {
		return p, err
	}
	p.commit, err = p.edited.Commit(gitrepo.Message{
		Text: p.text.Commit, Author: u.plan.Author, Committer: u.plan.Committer, Signer: u.plan.Signer,
	})
	return p, err
}

// notes returns what there is to say of files besides their contents.
func notes(changes []gitrepo.Change) map[string]string {
	notes := map[string]string{}
	for _, c := range changes {
		before, after := c.Before&fs.ModeSymlink != 0, c.After&fs.ModeSymlink != 0
		switch {
		case c.After == 0:
			notes[c.Path] = "deleted"
		case c.Before == 0:
			notes[c.Path] = "new"
		case after && !before:
			notes[c.Path] = "now a symlink"
		case before && !after:
			notes[c.Path] = "no longer a symlink"
		case c.After&0o111 != 0 && c.Before&0o111 == 0:
			notes[c.Path] = "now executable"
		case c.After&0o111 == 0 && c.Before&0o111 != 0:
			notes[c.Path] = "no longer executable"
		}
	}
	return notes
}

// show makes the diff where somebody needs it.
func (u *updater) show(ctx context.Context, p proposal) (proposal, error) {
	if u.need() != edits.Diff {
		return p, nil
	}
	d, err := diff.Unified(p.snapshot.Files(ctx), p.edited.Files(ctx), p.files)
	if err != nil {
		return p, err
	}
	// Before it is quoted once more, which would hide a secret from the redactor.
	p.diff = u.secrets.Redact(d.Text())
	if u.plan.DryRun {
		hidden := false
		patch := d.Patch(func(data []byte) bool {
			found := u.secrets.Finds(data)
			hidden = hidden || found
			return found
		})
		if p.patch = u.secrets.Redact(patch); hidden || p.patch != patch {
			u.log.Warn("the diff hides secrets that are in the files already, so that git cannot apply it")
		}
	}
	return p, nil
}

// need returns what is read after the edits.
func (u *updater) need() edits.Need {
	if u.plan.Forge != nil || u.plan.DryRun || u.plan.WantDiff {
		return edits.Diff
	}
	return edits.Edited
}

// compare holds the commit against what is on the branch. The error is a ForeignError where that must not be replaced.
func (u *updater) compare(ctx context.Context, p proposal) (proposal, error) {
	if p.branch != p.base {
		ahead, err := p.snapshot.Ahead(ctx, p.branch)
		if err != nil {
			return p, err
		}
		if p.newer = u.newerIn(ahead); p.newer > 0 {
			p.verdict = superseded
			return p, nil
		}
		foreign := u.foreign(ahead)
		same := len(ahead) > 0 && ahead[0].Tree == p.commit.Tree
		switch {
		// Our own, on an older base, would conflict with what the base has got since: it is made anew.
		case same && (len(foreign) > 0 || slices.Contains(ahead[0].Parents, p.snapshot.Tip())):
			u.log.Debug("the branch has the change already", "commit", ahead[0].Hash)
			p.present = ahead[0].Hash
		case len(foreign) > 0 && !u.plan.ReplaceForeign:
			return p, &ForeignError{branch: p.branch, commits: foreign}
		default:
			p.lost = foreign
		}
	}
	if p.present == "" {
		if err := u.checkTarget(p); err != nil {
			return p, err
		}
	}
	switch {
	case u.plan.DryRun:
		p.verdict = preview
	case p.present != "":
		p.verdict = present
	}
	return p, nil
}

// lookup is a question for a branch's pull request, which the forge answers while git is busy.
type lookup struct {
	answer func() (*scm.PullRequest, error) // waits for it; nil: none is open
	stop   context.CancelFunc               // for who does not want to know any more
}

// look asks for the open pull request, unless nobody is going to want to know.
func (u *updater) look(ctx context.Context, branch, base string) lookup {
	if u.plan.Forge == nil || u.plan.DryRun {
		return lookup{stop: func() {}, answer: func() (*scm.PullRequest, error) { return nil, nil }}
	}
	ctx, stop := context.WithCancel(ctx)
	type answer struct {
		pr  *scm.PullRequest
		err error
	}
	done := make(chan answer, 1)
	go func() {
		pr, err := u.find(ctx, branch, base)
		done <- answer{pr, err}
	}()
	return lookup{stop: stop, answer: func() (*scm.PullRequest, error) {
		a := <-done
		return a.pr, a.err
	}}
}

// find returns the pull request that is open; nil when there is none.
func (u *updater) find(ctx context.Context, branch, base string) (*scm.PullRequest, error) {
	pr, err := u.plan.Forge.Find(ctx, branch, base)
	if errors.Is(err, scm.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &pr, nil
}
