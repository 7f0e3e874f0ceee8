package cmd

import (
	"context"
	"io"

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
func newCheck(ctx context.Context, c *config, s surroundings) (check, error) {
	d, err := newDraft(ctx, c, s)
	if err != nil {
		return check{}, err
	}
	if !d.needsForge() {
		return check{remote: d.remote, source: d.source}, nil
	}
	api, err := newForgeAPI(ctx, d.wallet)
	if err != nil {
		return check{}, err
	}
	if api.provider == nil {
		return check{d.remote, d.source, &api, noToken(d.wallet, api.API)}, nil
	}
	return check{d.remote, d.source, &api, nil}, nil
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

// access is what was found; empty: nothing was asked.
type access struct{ *auth.Access }

// Print implements account.
func (a access) Print(w io.Writer, format string, failure *report.Failure) error {
	if format == "json" {
		return report.PrintJSON(w, struct {
			*auth.Access
			*report.Failure
		}{a.Access, failure})
	}
	if a.Access == nil {
		return nil
	}
	_, err := io.WriteString(w, escape.Output(a.String()))
	return err
}
