package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// access is what -check-auth finds, as -output=json prints it.
type access struct {
	Git gitAccess  `json:"git"`
	API *apiAccess `json:"api,omitempty"` // nil: it is not asked for anything
}

type gitAccess struct {
	URL        string `json:"url"`
	Credential string `json:"credential"` // where it was found; empty: there is none
	Read       bool   `json:"read"`
	Push       bool   `json:"push"`
}

type apiAccess struct {
	URL          string `json:"url"`
	Credential   string `json:"credential"`
	Read         bool   `json:"read"`
	PullRequests bool   `json:"pullRequests"` // may open some
	Note         string `json:"note,omitempty"`
}

// errAccess is a credential that will not do, though nothing failed.
var errAccess = errors.New("the token does not suffice")

// checkAuth asks git and the API what the credentials may do. It changes nothing. The error says what stands in the way of a
// run; what was found is there all the same.
func (p *plan) checkAuth(ctx context.Context) (access, error) {
	a := access{Git: gitAccess{URL: p.remote.URL.String(), Credential: p.credential.source}}
	repo, err := gitrepo.Open(ctx, p.remote)
	if errors.Is(err, gitrepo.ErrEmpty) {
		err = nil // It may be read, as far as there is anything.
	}
	a.Git.Read = err == nil
	if repo != nil {
		err = repo.CheckPush(ctx)
		a.Git.Push = err == nil
		a.Git.Credential = cmp.Or(a.Git.Credential, repo.KeySource())
	}
	if p.apiURL != "" {
		a.API = &apiAccess{URL: p.apiURL, Credential: p.apiCredential.source}
		err = both(err, p.checkAPI(ctx, a.API))
	}
	return a, err
}

func (p *plan) checkAPI(ctx context.Context, a *apiAccess) error {
	if p.noToken != nil {
		return p.noToken
	}
	checker, ok := p.provider.(scm.Checker)
	if !ok {
		a.Note = p.provider.Name() + " does not tell what a token may do"
		return nil
	}
	found, err := checker.CheckAccess(ctx)
	if err != nil {
		return err
	}
	a.Read, a.PullRequests, a.Note = found.Read, found.Pull, found.Reason
	if !found.Pull {
		return fmt.Errorf("%s: pull requests: %w: %s", p.apiURL, errAccess, found.Reason)
	}
	return nil
}

// print writes what was found, for people or as JSON.
func (a access) print(w io.Writer, format string) error {
	if format == "json" {
		return report.PrintJSON(w, a)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "git %s\n  credential: %s\n  read: %s\n  push: %s\n", a.Git.URL, orNone(a.Git.Credential), yes(a.Git.Read), yes(a.Git.Push))
	if a.API != nil {
		fmt.Fprintf(&b, "api %s\n  credential: %s\n  read: %s\n  open pull requests: %s\n", a.API.URL, orNone(a.API.Credential), yes(a.API.Read), yes(a.API.PullRequests))
		if a.API.Note != "" {
			fmt.Fprintf(&b, "  note: %s\n", a.API.Note)
		}
	}
	_, err := io.WriteString(w, escape.Output(b.String()))
	return err
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orNone(source string) string {
	if source == "" {
		return "none"
	}
	return source
}
