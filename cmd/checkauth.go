package cmd

import (
	"context"
	"io"
	"net/http"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/gitrepo"
)

// check is what -check-auth asks: git, and the forge's API where a run would need that.
type check struct {
	remote  gitrepo.Remote
	source  string    // where the credential for git was found
	api     *forgeAPI // nil: it is not asked
	noToken error     // what a run without a token for the API would end with
}

// newCheck returns the check that the flags ask for.
func newCheck(ctx context.Context, c *config, getenv func(string) string, client *http.Client) (check, error) {
	d, err := newDraft(ctx, c, getenv, client)
	if err != nil {
		return check{}, err
	}
	k := check{remote: d.remote, source: d.source}
	unknown := d.wallet.Forge.Name == "" || d.wallet.Repo.Scheme == "file"
	if !d.needsAPI() || c.dryRun && unknown {
		return k, nil
	}
	api, err := newForgeAPI(ctx, d.wallet)
	if err != nil {
		return check{}, err
	}
	if k.api = &api; api.provider == nil {
		k.noToken = noToken(d.wallet, api.API)
	}
	return k, nil
}

// needsAPI reports whether the run talks to the forge's API.
func (d draft) needsAPI() bool {
	return d.config.createPull || d.config.commitViaAPI && !d.config.dryRun
}

// run asks git and the API what the credentials may do, and changes nothing. The error says what stands in the way of a
// run; what was found is returned all the same.
func (k check) run(ctx context.Context) (auth.Access, error) {
	git, err := auth.CheckGit(ctx, k.remote, k.source)
	access := auth.Access{Git: git}
	if k.api == nil {
		return access, err
	}
	if k.noToken != nil {
		access.API = &auth.APIAccess{URL: k.api.URL}
		return access, both(err, k.noToken)
	}
	api, apiErr := auth.CheckAPI(ctx, k.api.provider, k.api.URL, k.api.Source)
	access.API = &api
	return access, both(err, apiErr)
}

// printAccess writes what was found, for people or as JSON.
func printAccess(w io.Writer, a auth.Access, format string) error {
	if format == "json" {
		return report.PrintJSON(w, a)
	}
	_, err := io.WriteString(w, escape.Output(a.String()))
	return err
}
