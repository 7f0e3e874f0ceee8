package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/cmd/internal/update"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// surroundings are what the steps of a plan have around them.
type surroundings struct {
	getenv   func(string) string
	client   *http.Client
	received func(bytes int) // is called as git receives bytes; may be nil
	wantDiff bool            // the report is shown with the diff
}

// newPlan returns the plan of a run. The steps of a draft come first; then the forge's API is found, if the run needs
// it.
func newPlan(ctx context.Context, c *config, s surroundings) (update.Plan, error) {
	d, err := newDraft(ctx, c, s)
	if err != nil {
		return update.Plan{}, err
	}
	forge, err := d.findForge(ctx)
	if err != nil {
		return update.Plan{}, err
	}
	author, committer := identities(c)
	return update.Plan{
		Remote: d.remote, Base: c.base, Branch: d.names.branch, ReplaceForeign: c.forcePush,
		Edits: d.edits, Composer: d.composer(),
		Author: author, Committer: committer, Signer: d.signer, CommitAPI: forge.commits, OnlyRegular: c.commitViaAPI,
		Pull: d.pull, Forge: forge.pulls,
		DryRun: c.dryRun, Obstacle: forge.obstacle, WantDiff: s.wantDiff,
	}, nil
}

// draft is what a plan and -check-auth have in common: all that is known before the forge's API is looked for.
type draft struct {
	config *config
	edits  edits.Edits
	signer gitrepo.Signer
	names  names
	wallet auth.Wallet
	remote gitrepo.Remote
	source string       // where the credential for git was found
	pull   *update.Pull // nil: none is asked for
}

// newDraft checks the configuration: first all that the flags alone tell, then what the files that they name, the
// checkout and the repository's URL tell. Then it looks for the credential for git.
func newDraft(ctx context.Context, c *config, s surroundings) (draft, error) {
	if err := refuse(c); err != nil {
		return draft{}, err
	}
	c.warnOfTexts()
	changes, err := newEdits(c, s.getenv)
	if err != nil {
		return draft{}, err
	}
	signer, err := newSigner(c)
	if err != nil {
		return draft{}, err
	}
	t, err := findTarget(c, s.getenv)
	if err != nil {
		return draft{}, err
	}
	names, err := newNames(c, t.url, s.getenv)
	if err != nil {
		return draft{}, err
	}
	wallet, err := newWallet(c, t, s)
	if err != nil {
		return draft{}, err
	}
	remote, source, err := newRemote(ctx, c, t, wallet)
	if err != nil {
		return draft{}, err
	}
	pull, err := newPull(c, names.branch)
	if err != nil {
		return draft{}, err
	}
	changes.Checkout, changes.Settings = t.checkout.Checkout, t.checkout.settings
	remote.Received = s.received
	d := draft{c, changes, signer, names, wallet, remote, source, pull}
	return d, d.checkTemplates()
}

// newPull returns the pull request that the flags ask for; nil when they ask for none.
func newPull(c *config, head string) (*update.Pull, error) {
	if !c.createPull {
		return nil, nil
	}
	body := c.pullBody
	if c.pullBodyFile != "" {
		text, err := os.ReadFile(c.pullBodyFile)
		if err != nil {
			return nil, fmt.Errorf("-pr-body-file: %w", err)
		}
		if body = string(text); isBlank(body) {
			return nil, usage.Errorf("write the text into it, or leave the flag out for what changed",
				"-pr-body-file: %s is empty", c.pullBodyFile)
		}
	}
	return &update.Pull{
		Request: scm.Request{
			Head: head, Base: c.base, Title: c.pullTitle, Body: body, Draft: c.draft,
			Labels: unique(c.labels.values), Reviewers: unique(c.reviewers.values),
			Assignees: unique(c.assignees.values),
			Milestone: c.milestone, Merge: c.mergePull, AutoMerge: c.autoMerge, MergeMethod: c.mergeMethod,
		},
		Supersede: c.supersede, Wait: c.wait, DeleteBranch: c.deleteBranch,
	}, nil
}

// checkTemplates refuses templates of the message, the title and the body that cannot be rendered, whatever changes.
func (d draft) checkTemplates() error {
	composer := d.composer()
	for _, t := range []struct{ flag, text string }{
		{"-commit-message", composer.Commit}, {"-pr-title", composer.Title}, {"-pr-body", composer.Body},
	} {
		err := composer.Check(t.flag, t.text)
		if errors.Is(err, message.ErrNothing) {
			return usage.Errorf(hintNothing, "%v", err)
		}
		if err != nil {
			return usage.Errorf("it is a template over .app .revision .shortRevision .base .branch .files .changes; "+
				"if the text has these delimiters itself, choose others with -delims", "%v", err)
		}
	}
	return nil
}

// composer returns what says in words what the run does.
func (d draft) composer() message.Composer {
	c := d.config
	composer := message.Composer{
		App: d.names.app, Revision: d.names.revision, Link: d.names.link, Sequence: c.sequence,
		Commit: c.message, Renderer: d.edits.Renderer, Secrets: c.secrets,
	}
	if d.pull != nil {
		composer.Title, composer.Body = d.pull.Request.Title, d.pull.Request.Body
	}
	if _, committer := identities(c); c.signoff {
		composer.SignOff = fmt.Sprintf("%s <%s>", committer.Name, committer.Email)
	}
	return composer
}
