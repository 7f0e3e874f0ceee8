package cmd

import (
	"cmp"
	"strings"
	"unicode"

	"update-gitops-repo/cmd/internal/ci"
	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
)

// names says what is deployed, and on which branch.
type names struct {
	app      string
	revision string // the app's commit; may be empty
	link     string // to that commit, for people; may be empty
	branch   string // empty: the base
}

// newNames takes the names from the flags, else from the CI system, else from the GitOps repository.
func newNames(c *config, repo giturl.URL, getenv func(string) string) (names, error) {
	build := ci.Read(getenv)
	n := names{
		app: cmp.Or(c.app, build.App, repo.Name()), revision: cmp.Or(c.revision, build.Revision), branch: c.branch,
	}
	if n.revision == build.Revision {
		n.link = build.CommitURL
	}
	for _, v := range []struct{ flag, value string }{{"app", n.app}, {"git-revision", n.revision}} {
		if strings.ContainsFunc(v.value, func(r rune) bool { return unicode.IsSpace(r) || escape.Hidden(r) }) {
			return names{}, usage.Errorf("it goes into a branch name and a commit trailer; give it without spaces",
				"-%s %q has a space or a control character", v.flag, v.value)
		}
	}
	if !c.createPull || c.checkAuth {
		return n, nil // No branch of its own is needed.
	}
	if n.branch == "" {
		var err error
		if n.branch, err = branchFor(n.app, n.revision); err != nil {
			return names{}, err
		}
	}
	if n.branch == c.base {
		return names{}, usage.Errorf(hintSameBranch, "the branch %q is the base itself", n.branch)
	}
	return n, nil
}

// branchFor returns the branch for an application's commit.
func branchFor(app, revision string) (string, error) {
	if revision == "" {
		return "", usage.Errorf("give -git-revision, or -branch",
			"the branch cannot be named: the application's commit is not known")
	}
	branch := app + "-" + message.ShortRevision(revision)
	if err := gitrepo.CheckBranch(branch); err != nil {
		return "", usage.Errorf("give -branch, or another -app and -git-revision",
			"a branch of app and revision: %v", err)
	}
	return branch, nil
}
