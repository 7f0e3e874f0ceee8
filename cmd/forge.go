package cmd

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/ci"
	"update-gitops-repo/cmd/internal/forges"
	"update-gitops-repo/cmd/internal/update"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/scm"
)

// forgeOf returns the forge of -scm-provider, or the one that the exact host tells: the one that runs this pipeline, or
// a well-known one. It is the zero Forge when that tells nothing. A look-alike must not be handed the token.
func forgeOf(c *config, repo giturl.URL, getenv func(string) string) forges.Forge {
	if name := cmp.Or(c.scmProvider, ci.Forge(repo.HostPort(), getenv)); name != "" {
		return forges.Named(name)
	}
	if forge := forges.At(repo.Host); forge.Name != "" || c.appID == "" {
		return forge
	}
	return forges.WithApps()
}

// forgeAPI is the API of the target's forge.
type forgeAPI struct {
	auth.API
	provider scm.Provider // nil: there is no token for it
}

// newForgeAPI finds the forge's API and what to authenticate with there. Only apps and credential helpers are asked for
// that, over the network or as programs.
func newForgeAPI(ctx context.Context, w auth.Wallet) (forgeAPI, error) {
	if err := checkForge(w); err != nil {
		return forgeAPI{}, err
	}
	api, err := w.API(ctx)
	if err != nil || api.Source == "" {
		return forgeAPI{API: api}, err
	}
	provider, err := w.Forge.New(api.Config)
	if err != nil {
		return forgeAPI{}, usage.Errorf("check -repo and -scm-url", "%v", err)
	}
	return forgeAPI{api, provider}, nil
}

// checkForge refuses a repository of which it is not known which forge it is on.
func checkForge(w auth.Wallet) error {
	switch {
	case w.Repo.Scheme == "file":
		return usage.Errorf("give -create-pull-request=false", "a repository on disk has no pull requests")
	case w.Forge.Name == "":
		names, titles := strings.Join(forges.Names(), " or -scm-provider="), strings.Join(forges.Titles(), " or a ")
		return usage.Errorf("give -scm-provider="+names+", or -create-pull-request=false",
			"cannot tell whether %s is a %s", w.Repo.HostPort(), titles)
	}
	return nil
}

// forgeRoles is what the forge does in a run.
type forgeRoles struct {
	pulls   scm.Provider  // nil: no pull request is asked for, or a dry run does without
	commits scm.Committer // nil: commits are made here

	obstacle string // why a dry run is refused when it is none; empty: it is not
}

// needsForge reports whether a run talks to the forge's API. A dry run does without where it is not known which that
// is.
func (d draft) needsForge() bool {
	c := d.config
	if c.dryRun {
		return c.createPull && d.wallet.Forge.Name != "" && d.wallet.Repo.Scheme != "file"
	}
	return c.createPull || c.commitViaAPI
}

// obstacle returns why a run that does without the forge, since it is a dry one, would be refused otherwise; empty: it
// would not be, or nothing but the forge could say.
func (d draft) obstacle() string {
	if d.config.createPull || d.config.commitViaAPI {
		return inWords(checkForge(d.wallet))
	}
	return ""
}

// inWords returns an error of the command line with its hint; empty for nil.
func inWords(err error) string {
	if hint, ok := usage.Hint(err); ok {
		return fmt.Sprintf("%v (%s)", err, hint)
	}
	return ""
}

// findForge returns what the run uses of the forge's API, and refuses what the forge cannot do.
func (d draft) findForge(ctx context.Context) (forgeRoles, error) {
	if !d.needsForge() {
		return forgeRoles{obstacle: d.obstacle()}, nil
	}
	api, err := newForgeAPI(ctx, d.wallet)
	switch {
	case err != nil:
		return forgeRoles{}, err
	case api.provider == nil && d.config.dryRun:
		return forgeRoles{obstacle: inWords(noToken(d.wallet, api.API))}, nil
	case api.provider == nil:
		return forgeRoles{}, noToken(d.wallet, api.API)
	}
	return d.use(api.provider)
}

// use returns what the run uses of the provider, and refuses what that cannot do.
func (d draft) use(p scm.Provider) (roles forgeRoles, err error) {
	if d.pull != nil {
		if err := checkPull(p, *d.pull); err != nil {
			return forgeRoles{}, err
		}
		roles.pulls = p
	}
	if d.config.commitViaAPI && !d.config.dryRun {
		var ok bool
		if roles.commits, ok = p.(scm.Committer); !ok {
			return forgeRoles{}, usage.Errorf("leave out -commit-via-api", "%s does not commit by its API", p.Name())
		}
	}
	return roles, nil
}

// checkPull refuses what the forge cannot do for a pull request.
func checkPull(p scm.Provider, pull update.Pull) error {
	pull.Request.Title = "made from the change"
	if err := scm.Check(p, pull.Request); err != nil {
		return usage.Errorf("see update-gitops-repo -h", "%v", err)
	}
	_, lists := p.(scm.Lister)
	_, closes := p.(scm.Closer)
	_, watches := p.(scm.Watcher)
	switch {
	case pull.Supersede && !(lists && closes):
		return usage.Errorf("leave out -supersede", "%s cannot list and close pull requests", p.Name())
	case pull.Wait && !watches:
		return usage.Errorf("leave out -wait", "%s does not report the state of a pull request", p.Name())
	}
	return nil
}

// noToken returns the error of a run that needs a token for the forge's API and has none.
func noToken(w auth.Wallet, api auth.API) error {
	where := w.Repo.HostPort()
	if len(api.Notes) > 0 {
		where += " (" + strings.Join(api.Notes, "; ") + ")"
	}
	return usage.Errorf("set "+envPrefix+"_TOKEN, or give -token-file",
		"no token for %s; it is needed to open the pull request", where)
}
