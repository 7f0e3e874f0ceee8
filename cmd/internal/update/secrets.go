package update

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"update-gitops-repo/cmd/internal/diff"
)

// checkSecrets returns ErrSecret for a proposal with a secret in what is pushed: names, message, or a file that did not
// have it before.
func (u *updater) checkSecrets(ctx context.Context, p proposal) error {
	author, committer, request := u.plan.Author, u.plan.Committer, u.pull.Request
	people := slices.Concat(request.Labels, request.Reviewers, request.Assignees, []string{request.Milestone})
	for _, v := range []struct {
		what  string
		texts []string
	}{
		{"the branch's name", []string{p.branch}},
		{"the commit's author or committer", []string{author.Name, author.Email, committer.Name, committer.Email}},
		{"the name of a file", p.files},
		{"the commit message", []string{p.text.Commit}},
		{"the pull request's labels, people or milestone", people},
	} {
		if u.secrets.Finds([]byte(strings.Join(v.texts, "\n"))) {
			return fmt.Errorf("%s: %w", v.what, ErrSecret)
		}
	}
	after, before := p.edited.Files(ctx), p.snapshot.Files(ctx)
	for _, name := range p.files {
		data, err := diff.Contents(after, name)
		if err != nil {
			return err
		}
		if !u.secrets.Finds(data) {
			continue
		}
		if data, err = diff.Contents(before, name); err != nil {
			return err
		}
		if !u.secrets.Finds(data) {
			return fmt.Errorf("%s: %w", name, ErrSecret)
		}
	}
	return nil
}
