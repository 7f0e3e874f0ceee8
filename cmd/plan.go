package cmd

import (
	"context"
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

// newPlan returns the plan of a run. The steps of a draft come first; then the forge is found.
func newPlan(ctx context.Context, c *config, getenv func(string) string, client *http.Client) (update.Plan, error) {
	d, err := newDraft(ctx, c, getenv, client)
	if err != nil {
		return update.Plan{}, err
	}
	provider, err := d.provider(ctx)
	if err != nil {
		return update.Plan{}, err
	}
	committer, err := d.committer(ctx, provider)
	if err != nil {
		return update.Plan{}, err
	}
	p := d.plan()
	p.Forge, p.CommitAPI = provider, committer
	return p, nil
}

// draft is what a plan and -check-auth have in common: all that is known before the forge's API is looked for.
type draft struct {
	config *config
	edits  edits.Edits
	signer gitrepo.Signer
	names  names
	wallet auth.Wallet
	remote gitrepo.Remote
	source string      // where the credential for git was found
	pull   scm.Request // the zero value: none is asked for
}

// newDraft checks the configuration: first all that the flags alone tell, then what the files that they name, the checkout and
// the repository's URL tell. Then it looks for the credential for git.
func newDraft(ctx context.Context, c *config, getenv func(string) string, client *http.Client) (d draft, err error) {
	if err := refuse(c); err != nil {
		return draft{}, err
	}
	d.config = c
	if d.edits, err = newEdits(c, getenv); err != nil {
		return draft{}, err
	}
	if d.signer, err = newSigner(c); err != nil {
		return draft{}, err
	}
	t, err := findTarget(c, getenv)
	if err != nil {
		return draft{}, err
	}
	d.edits.Checkout, d.edits.Settings = t.checkout.Checkout, t.checkout.settings
	if d.names, err = newNames(c, t.url, getenv); err != nil {
		return draft{}, err
	}
	if d.wallet, err = newWallet(c, t, getenv, client); err != nil {
		return draft{}, err
	}
	if d.remote, d.source, err = newRemote(ctx, c, t, d.wallet); err != nil {
		return draft{}, err
	}
	if d.pull, err = newRequest(c, d.names.branch); err != nil {
		return draft{}, err
	}
	return d, d.checkTemplates()
}

// newRequest returns the pull request that the flags ask for; the zero value when they ask for none.
func newRequest(c *config, head string) (scm.Request, error) {
	if !c.createPull {
		return scm.Request{}, nil
	}
	body := c.pullBody
	if c.pullBodyFile != "" {
		text, err := os.ReadFile(c.pullBodyFile)
		if err != nil {
			return scm.Request{}, fmt.Errorf("-pr-body-file: %w", err)
		}
		body = string(text)
	}
	return scm.Request{
		Head: head, Base: c.base, Title: c.pullTitle, Body: body, Draft: c.draft,
		Labels: c.labels.values, Reviewers: c.reviewers.values, Assignees: c.assignees.values, Milestone: c.milestone,
		Merge: c.mergePull, AutoMerge: c.autoMerge, MergeMethod: c.mergeMethod,
	}, nil
}

// checkTemplates refuses templates of the message, the title and the body that cannot be rendered, whatever changes.
func (d draft) checkTemplates() error {
	composer := d.composer()
	for _, t := range []struct{ flag, text string }{
		{"-commit-message", composer.Commit}, {"-pr-title", composer.Title}, {"-pr-body", composer.Body},
	} {
		if err := composer.Check(t.flag, t.text); err != nil {
			return usage.Errorf("it is a template over .app .revision .shortRevision .base .branch .files .changes; "+
				"if the text has these delimiters itself, choose others with -delims", "%v", err)
		}
	}
	return nil
}

// provider returns the forge that pull requests go to; nil when none is asked for, or a dry run does without.
func (d draft) provider(ctx context.Context) (scm.Provider, error) {
	c := d.config
	if !c.createPull || c.dryRun && (d.wallet.Forge.Name == "" || d.wallet.Repo.Scheme == "file") {
		return nil, nil
	}
	api, err := newForgeAPI(ctx, d.wallet)
	switch {
	case err != nil:
		return nil, err
	case api.provider == nil && c.dryRun:
		return nil, nil
	case api.provider == nil:
		return nil, noToken(d.wallet, api.API)
	}
	return api.provider, d.checkProvider(api.provider)
}

// checkProvider refuses what the forge cannot do.
func (d draft) checkProvider(p scm.Provider) error {
	request := d.pull
	request.Title = "made from the change"
	if err := scm.Check(p, request); err != nil {
		return usage.Errorf("see update-gitops-repo -h", "%v", err)
	}
	_, lists := p.(scm.Lister)
	_, closes := p.(scm.Closer)
	_, watches := p.(scm.Watcher)
	switch {
	case d.config.supersede && !(lists && closes):
		return usage.Errorf("leave out -supersede", "%s cannot list and close pull requests", p.Name())
	case d.config.wait && !watches:
		return usage.Errorf("leave out -wait", "%s does not report the state of a pull request", p.Name())
	}
	return nil
}

// committer returns the forge that makes the commits, which is p unless that is nil; nil when they are made here.
func (d draft) committer(ctx context.Context, p scm.Provider) (scm.Committer, error) {
	c := d.config
	if !c.commitViaAPI || c.dryRun {
		return nil, nil
	}
	if p == nil {
		api, err := newForgeAPI(ctx, d.wallet)
		if err != nil {
			return nil, err
		}
		if p = api.provider; p == nil {
			return nil, noToken(d.wallet, api.API)
		}
	}
	committer, ok := p.(scm.Committer)
	if !ok {
		return nil, usage.Errorf("leave out -commit-via-api", "%s does not commit by its API", p.Name())
	}
	return committer, nil
}

// plan returns the plan without the forge.
func (d draft) plan() update.Plan {
	c := d.config
	author, committer := identities(c)
	p := update.Plan{
		Remote: d.remote, Base: c.base, Branch: d.names.branch, ReplaceForeign: c.forcePush,
		Edits: d.edits, Composer: d.composer(),
		Author: author, Committer: committer, Signer: d.signer, DryRun: c.dryRun,
	}
	if c.createPull {
		p.Pull = &update.Pull{
			Request: d.pull, Supersede: c.supersede, Wait: c.wait, DeleteBranch: c.deleteBranch,
		}
	}
	return p
}

// composer returns what words the change.
func (d draft) composer() message.Composer {
	c := d.config
	composer := message.Composer{
		App: d.names.app, Revision: d.names.revision, Link: d.names.link, Sequence: c.sequence,
		Commit: c.message, Title: d.pull.Title, Body: d.pull.Body,
		Renderer: d.edits.Renderer, Secrets: c.secrets,
	}
	if _, committer := identities(c); c.signoff {
		composer.SignOff = fmt.Sprintf("%s <%s>", committer.Name, committer.Email)
	}
	return composer
}
