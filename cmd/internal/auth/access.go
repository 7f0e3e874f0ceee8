package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// Access is what the credentials of a run may do, as -check-auth reports it.
type Access struct {
	Git GitAccess  `json:"git"`
	API *APIAccess `json:"api,omitempty"` // nil: it is not asked for anything
}

// GitAccess is what may be done with git.
type GitAccess struct {
	URL        string `json:"url"`
	Credential string `json:"credential"` // where it was found; empty: there is none
	Read       bool   `json:"read"`
	Push       bool   `json:"push"`
}

// APIAccess is what may be done with the forge's API.
type APIAccess struct {
	URL          string `json:"url"`
	Credential   string `json:"credential"`
	Read         bool   `json:"read"`
	PullRequests bool   `json:"pullRequests"` // may open some
	Note         string `json:"note,omitempty"`
}

// ErrAccess says that a credential is valid and may not do what a run needs.
var ErrAccess = errors.New("the token lacks rights")

// CheckGit asks git what the credential found at source may do, and changes nothing. What is found is returned along
// with the error, which is the first that a run would meet.
func CheckGit(ctx context.Context, remote gitrepo.Remote, source string) (GitAccess, error) {
	access := GitAccess{URL: remote.URL.String(), Credential: source}
	repo, err := gitrepo.Open(ctx, remote)
	if errors.Is(err, gitrepo.ErrEmpty) {
		err = nil // It may be read, as far as there is anything.
	}
	access.Read = err == nil
	if repo != nil {
		err = repo.CheckPush(ctx)
		access.Push = err == nil
		access.Credential = cmp.Or(access.Credential, repo.KeySource())
	}
	return access, err
}

// CheckAPI asks the forge's API what the credential found at source may do, and changes nothing. What is found is
// returned along with the error.
func CheckAPI(ctx context.Context, provider scm.Provider, url, source string) (APIAccess, error) {
	access := APIAccess{URL: url, Credential: source}
	checker, ok := provider.(scm.Checker)
	if !ok {
		access.Note = provider.Name() + " does not report what a token may do"
		return access, nil
	}
	found, err := checker.CheckAccess(ctx)
	if err != nil {
		return access, err
	}
	access.Read, access.PullRequests, access.Note = found.Read, found.Pull, found.Reason
	if !found.Pull {
		return access, fmt.Errorf("%s: pull requests: %w: %s", url, ErrAccess, found.Reason)
	}
	return access, nil
}

// String returns the access for people, several lines.
func (a Access) String() string {
	word := map[bool]string{true: "yes", false: "no"}
	var b strings.Builder
	fmt.Fprintf(&b, "git %s\n  credential: %s\n  read: %s\n  push: %s\n",
		a.Git.URL, cmp.Or(a.Git.Credential, "none"), word[a.Git.Read], word[a.Git.Push])
	if a.API == nil {
		return b.String()
	}
	fmt.Fprintf(&b, "api %s\n  credential: %s\n  read: %s\n  open pull requests: %s\n",
		a.API.URL, cmp.Or(a.API.Credential, "none"), word[a.API.Read], word[a.API.PullRequests])
	if a.API.Note != "" {
		fmt.Fprintf(&b, "  note: %s\n", a.API.Note)
	}
	return b.String()
}
