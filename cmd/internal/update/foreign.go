package update

import (
	"fmt"
	"slices"
	"strings"

	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/gitrepo"
)

// foreign returns the commits that this program did not make for this app.
func (u *updater) foreign(commits []gitrepo.Log) []gitrepo.Log {
	return slices.DeleteFunc(slices.Clone(commits), func(l gitrepo.Log) bool {
		return message.AppOf(l.Message) == u.plan.Composer.App
	})
}

// ForeignError is a branch with commits that this program did not make for this app.
type ForeignError struct {
	branch  string
	commits []gitrepo.Log
}

// Error implements error. It names the first five commits.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("branch %q holds commits that are not of this app's updates: %s", e.branch, list(e.commits))
}

// list names the first five of commits.
func list(commits []gitrepo.Log) string {
	var names []string
	for i, c := range commits {
		if i == 5 {
			names = append(names, fmt.Sprintf("and %d more", len(commits)-i))
			break
		}
		names = append(names, fmt.Sprintf("%.7s %q by %s", c.Hash, c.Subject(), c.Author))
	}
	return strings.Join(names, ", ")
}
