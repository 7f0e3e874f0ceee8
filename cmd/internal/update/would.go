package update

import (
	"context"
	"fmt"
	"strings"

	"update-gitops-repo/cmd/internal/report"
)

// preview logs what a run would do with the proposal of a dry run, and returns the report with it.
func (u *updater) preview(ctx context.Context, r report.Report, p proposal) report.Report {
	r.Action, r.Would = u.intent(p)
	u.log.Log(ctx, report.Outcome, "would "+r.Would)
	if u.plan.Obstacle != "" && r.Action != report.Nothing {
		u.log.Warn("without -dry-run this is refused: " + u.plan.Obstacle)
	}
	return r
}

// intent returns what a run would do, for programs and in words. Whether a pull request is open is not known: a dry run
// does not ask the forge.
func (u *updater) intent(p proposal) (action report.Action, words string) {
	switch {
	case p.verdict == superseded:
		return report.Nothing, fmt.Sprintf("do nothing: build %d is newer", p.newer)
	case p.verdict == unchanged:
		return report.Nothing, fmt.Sprintf("do nothing: %s has this change already", p.base) + u.cleanup(p)
	case u.plan.Pull != nil:
		return u.intentToOpen(p)
	case p.repo.Tip(p.branch) == "":
		return report.Push, fmt.Sprintf("push %q to %s, a new branch of %s, directly", subject(p), p.branch, p.base)
	}
	return report.Push, fmt.Sprintf("push %q to %s directly", subject(p), p.branch)
}

// subject returns the first line of the commit's message.
func subject(p proposal) string {
	line, _, _ := strings.Cut(p.text.Commit, "\n")
	return line
}

// intentToOpen is intent for a run that opens a pull request.
func (u *updater) intentToOpen(p proposal) (action report.Action, words string) {
	var b strings.Builder
	action, verb := report.Open, "open"
	if p.repo.Tip(p.branch) != "" {
		action, verb = report.Update, "open or update"
	}
	draft := ""
	if u.pull.Request.Draft {
		draft = "draft "
	}
	fmt.Fprintf(&b, "%s a %spull request %q from %s to %s", verb, draft, p.text.Title, p.branch, p.base)
	switch {
	case u.pull.Request.Merge:
		b.WriteString(", and merge it")
	case u.pull.Request.AutoMerge:
		b.WriteString(", and have the forge merge it once it may")
	case u.pull.Wait:
		b.WriteString(", and wait until it is merged")
	}
	if u.pull.DeleteBranch {
		b.WriteString(", and delete the branch once it is merged")
	}
	if u.pull.Supersede {
		fmt.Fprintf(&b, ", and close older ones of %s", u.plan.Composer.App)
	}
	switch {
	case p.present != "":
		b.WriteString("; the branch has this change already")
	case len(p.lost) > 0:
		b.WriteString("; commits of others on the branch would be lost: " + list(p.lost))
	}
	return action, b.String()
}

// cleanup returns what a run would do although nothing changes, as far as it may have to.
func (u *updater) cleanup(p proposal) string {
	words := ""
	if u.pull.Supersede {
		words = fmt.Sprintf(", but close a pull request of %s that is open from %s", u.plan.Composer.App, p.branch)
	}
	if u.pull.DeleteBranch && p.branch != p.base && p.repo.Tip(p.branch) != "" {
		words += fmt.Sprintf(", but delete %s if it is merged", p.branch)
	}
	return words
}
