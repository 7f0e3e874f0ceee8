package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"update-gitops-repo/template"
)

// report is what a run did, as -output=json prints it.
type report struct {
	Changed     bool         `json:"changed"`
	DryRun      bool         `json:"dryRun,omitempty"`
	Base        string       `json:"base"`
	Branch      string       `json:"branch"`
	Commit      string       `json:"commit,omitempty"` // the branch's tip, pushed now or before
	Files       []string     `json:"files"`            // that differ from the base, sorted
	PullRequest *pullRequest `json:"pullRequest,omitempty"`
	Diff        string       `json:"diff,omitempty"` // of a dry run

	subject string // default of the commit's subject and the pull request's title
	body    string // default of the pull request's text
}

type pullRequest struct {
	Number int    `json:"number"`
	URL    string `json:"url"`
	State  string `json:"state"` // created, updated, unchanged or merged
}

// print writes the report; as text, the last line is what a caller wants.
func (r *report) print(w io.Writer, format string) error {
	if format == "json" {
		out := *r
		if out.Files == nil {
			out.Files = []string{} // An empty list, not null.
		}
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(out)
	}
	_, err := io.WriteString(w, r.text())
	return err
}

func (r *report) text() string {
	switch {
	case len(r.Files) == 0:
		return "nothing to change\n"
	case r.DryRun:
		return r.Diff
	}
	var b strings.Builder
	for _, f := range r.Files {
		fmt.Fprintln(&b, f)
	}
	verb := "pushed"
	if !r.Changed {
		verb = "already there"
	}
	fmt.Fprintf(&b, "branch %s, commit %.7s: %s\n", r.Branch, r.Commit, verb)
	if r.PullRequest == nil {
		fmt.Fprintln(&b, r.Commit)
		return b.String()
	}
	fmt.Fprintf(&b, "pull request #%d: %s\n%s\n", r.PullRequest.Number, r.PullRequest.State, r.PullRequest.URL)
	return b.String()
}

// The trailers (https://git-scm.com/docs/git-interpret-trailers) by which later runs know their own commits.
const (
	trailerApp      = "Update-App"
	trailerRevision = "Update-Revision"
)

// trailer gives the value of a trailer, the last one where there are several; empty when there is none.
func trailer(message, key string) string {
	paragraphs := strings.Split(strings.TrimSpace(message), "\n\n")
	value := ""
	for line := range strings.SplitSeq(paragraphs[len(paragraphs)-1], "\n") {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			value = strings.TrimSpace(v)
		}
	}
	return value
}

// describe words the change: a subject, and a Markdown list of what happened to which file.
func (p *plan) describe(names []string, changes []template.Change) (subject, body string) {
	subject = "Update " + p.app
	if p.revision != "" {
		subject += " to " + shortRevision(p.revision)
	}
	var b strings.Builder
	for _, name := range names {
		set := false
		for _, c := range changes {
			if c.File == name {
				fmt.Fprintf(&b, "- %s: %s: %s -> %s\n", name, c.Path, oneLine(c.Old), oneLine(c.New))
				set = true
			}
		}
		if !set {
			fmt.Fprintf(&b, "- %s\n", name)
		}
	}
	return subject, b.String()
}

// commitMessage is -commit-message or the description, and the trailers.
func (p *plan) commitMessage(r *report) string {
	text := strings.TrimSpace(p.message)
	if text == "" {
		text = r.subject + "\n\n" + strings.TrimSpace(r.body)
	}
	text += "\n\n" + trailerApp + ": " + p.app + "\n"
	if p.revision != "" {
		text += trailerRevision + ": " + p.revision + "\n"
	}
	return text
}

// version is the module's version, or the revision it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}

func printVersion(w io.Writer) error {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " (" + s.Value + ")"
			}
		}
	}
	_, err := fmt.Fprintf(w, "update-gitops-repo %s%s %s\n", version(), revision, runtime.Version())
	return err
}
