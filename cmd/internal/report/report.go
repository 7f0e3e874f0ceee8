// Package report tells people and pipelines what a run does and has done: the log on stderr while it runs, and the
// report on stdout, the files of results and the summary of the step at its end.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"update-gitops-repo/cmd/internal/escape"
)

// Report is what a run did, as -output=json prints it.
type Report struct {
	Changed      bool         `json:"changed"`
	DryRun       bool         `json:"dryRun,omitempty"`
	Base         string       `json:"base,omitempty"`   // empty: it is not known yet
	Branch       string       `json:"branch,omitempty"` // the same
	Commit       string       `json:"commit,omitempty"` // the branch's tip, pushed now or before
	Files        []string     `json:"files,omitzero"`   // that differ from the base, sorted; nil: not known yet
	PullRequest  *PullRequest `json:"pullRequest,omitempty"`
	Patch        string       `json:"diff,omitempty"`         // of a dry run, as git applies it
	SupersededBy int64        `json:"supersededBy,omitempty"` // the sequence number of a newer build; 0: none
	Action       Action       `json:"action,omitempty"`       // that a dry run leaves out
	Would        string       `json:"would,omitempty"`        // the same in words: "open a pull request …"

	Diff    string  `json:"-"` // the Patch for people
	Summary Summary `json:"-"`
}

// Action is what a run would do that were not a dry run.
type Action string

// The actions of a dry run's report.
const (
	Open    Action = "open"    // a pull request, from a new branch
	Update  Action = "update"  // the branch, and open a pull request or update the one that is open
	Push    Action = "push"    // directly
	Nothing Action = "nothing" // since the change, or a newer one, is there already
)

// Summary is what only the summary of a step shows.
type Summary struct {
	Title string // of the change
	Diff  string // against the base; may be empty
}

// PullRequest is a pull request and what has become of it.
type PullRequest struct {
	Number int    `json:"number"`
	URL    string `json:"url"`
	State  string `json:"state"` // created, updated, unchanged, merged or closed
}

// Closed is the state of a pull request that was closed, because it is of no use any more or by somebody. The other
// states are scm's.
const Closed = "closed"

const merged = "merged" // scm's

// Standing returns what stands after a failure: "pull request #1 is open", or the branch; empty for nothing.
func (r Report) Standing() string {
	if pr := r.PullRequest; pr != nil {
		state := "open"
		if pr.State == Closed || pr.State == merged {
			state = pr.State
		}
		return fmt.Sprintf("pull request #%d is %s", pr.Number, state)
	}
	if r.Commit == "" || r.DryRun {
		return ""
	}
	return fmt.Sprintf("branch %q is pushed", r.Branch)
}

// Print writes the report in a format, "text" or "json", and in the latter how the run failed, too; nil: it did not.
// The last line of a text is what a caller wants: the URL of the pull request, or the commit.
func (r Report) Print(w io.Writer, format string, failure *Failure) error {
	if format == "json" {
		if r.Files == nil && failure == nil {
			r.Files = []string{} // An empty list, not null.
		}
		return PrintJSON(w, struct {
			Report
			*Failure
		}{r, failure})
	}
	text := r.text()
	if failure != nil {
		text = r.remains()
	}
	_, err := io.WriteString(w, escape.Output(text))
	return err
}

// PrintJSON writes v as a line of JSON.
func PrintJSON(w io.Writer, v any) error {
	e := json.NewEncoder(escape.JSONWriter{Writer: w})
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Altered says why git cannot make the change from the diff that Print writes in a format; empty if it can. Text has
// to be safe to look at, and says little of what cannot be read.
func (r Report) Altered(format string) string {
	switch {
	case format == "json":
		return ""
	case escape.Output(r.Diff) != r.Diff:
		return "characters of the diff are escaped, so that git cannot apply it; -output=json has it as it is"
	case r.Diff != r.Patch:
		return "the diff leaves out binary or very large files, so that git cannot apply it; -output=json has them"
	}
	return ""
}

func (r Report) text() string {
	switch pr := r.PullRequest; {
	case r.SupersededBy > 0:
		return fmt.Sprintf("superseded by %d\nnothing to change\n", r.SupersededBy)
	case len(r.Files) == 0 && pr != nil:
		return fmt.Sprintf("pull request #%d: %s: %s\nnothing to change\n", pr.Number, pr.State, pr.URL)
	case len(r.Files) == 0:
		return "nothing to change\n"
	case r.DryRun:
		return r.Diff
	}
	if r.PullRequest == nil {
		return r.landed() + r.Commit + "\n"
	}
	return r.landed() + r.PullRequest.lines()
}

// remains returns the text of a run that failed: what there is of a pull request, whose URL is worth having.
func (r Report) remains() string {
	switch {
	case r.PullRequest == nil:
		return ""
	case r.Commit == "":
		return r.PullRequest.lines()
	}
	return r.landed() + r.PullRequest.lines()
}

// landed returns the files, and a line about the commit on the branch.
func (r Report) landed() string {
	var b strings.Builder
	for _, f := range r.Files {
		fmt.Fprintln(&b, f)
	}
	verb := "pushed"
	if !r.Changed {
		verb = "already there"
	}
	fmt.Fprintf(&b, "branch %s, commit %.7s: %s\n", r.Branch, r.Commit, verb)
	return b.String()
}

// lines returns what has become of the pull request, and its URL.
func (pr PullRequest) lines() string {
	return fmt.Sprintf("pull request #%d: %s\n%s\n", pr.Number, pr.State, pr.URL)
}

// maxSummary is the size in bytes of a diff in a summary. GitHub takes 1 MiB a step.
const maxSummary = 500_000

// summary returns the run in GitHub's Markdown. failure is nil where it did not fail.
func (r Report) summary(failure *Failure) string {
	var b strings.Builder
	if failure != nil {
		message := escape.Block("", escape.OneLine(failure.Error)+"\n")
		fmt.Fprintf(&b, "**update-gitops-repo failed**\n\n%s\n\nHint: %s\n\n", message, escape.Literal(failure.Hint))
	} else if !r.Changed && r.PullRequest == nil && !r.DryRun {
		b.WriteString("**Nothing to change** in the GitOps repository.\n\n")
	}
	if r.Would != "" {
		fmt.Fprintf(&b, "**Dry run:** would %s\n\n", escape.Literal(r.Would))
	}
	title := escape.Literal(r.Summary.Title)
	if pr := r.PullRequest; pr != nil {
		if title != "" {
			title = ": " + title
		}
		fmt.Fprintf(&b, "**[Pull request #%d](<%s>)** %s%s\n\n", pr.Number, escape.URL(pr.URL), pr.State, title)
	} else if r.Changed && !r.DryRun {
		fmt.Fprintf(&b, "**%s**\n\n", title)
	}
	if r.Commit != "" {
		fmt.Fprintf(&b, "Commit %s on branch %s, from %s.\n\n",
			escape.Literal(escape.Shorten(r.Commit, 40)), escape.Literal(r.Branch), escape.Literal(r.Base))
	}
	if diff := r.Summary.Diff; diff != "" {
		fmt.Fprintf(&b, "<details><summary>Changed files: %d</summary>\n\n%s\n\n</details>\n\n",
			len(r.Files), escape.Diff(diff, maxSummary))
	}
	return b.String()
}
