package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"update-gitops-repo/cmd/internal/diff"
	"update-gitops-repo/gitrepo"
)

// errSecret is a secret of this run's in what would be pushed, where it could not be taken back. That is refused rather than
// redacted, since whoever wrote it meant something else to be there.
var errSecret = errors.New("there is a token, key or password of this run in it")

// checkSecrets refuses a change with a secret in what is pushed: names, message, or a file that had it not before.
func (p *plan) checkSecrets(ctx context.Context, before, after *gitrepo.Snapshot, r *progress) error {
	for _, v := range []struct{ what, text string }{
		{"the branch's name", r.Branch},
		{"the commit's author or committer", strings.Join([]string{p.author.Name, p.author.Email, p.committer.Name, p.committer.Email}, "\n")},
		{"the name of a file", strings.Join(r.Files, "\n")},
		{"the commit message", r.message},
		{"the pull request's labels, people or milestone", strings.Join(slices.Concat(p.pull.Labels, p.pull.Reviewers, p.pull.Assignees, []string{p.pull.Milestone}), "\n")},
	} {
		if p.secrets.Finds([]byte(v.text)) {
			return fmt.Errorf("%s: %w", v.what, errSecret)
		}
	}
	now, then := after.Files(ctx), before.Files(ctx)
	for _, name := range r.Files {
		data, err := diff.Contents(now, name)
		if err != nil {
			return err
		}
		if !p.secrets.Finds(data) {
			continue
		}
		if data, err = diff.Contents(then, name); err != nil {
			return err
		}
		if !p.secrets.Finds(data) {
			return fmt.Errorf("%s: %w", name, errSecret)
		}
	}
	return nil
}
