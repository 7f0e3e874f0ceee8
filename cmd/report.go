package cmd

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"update-gitops-repo/scm"
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
	Diff        string       `json:"diff,omitempty"` // printed by a dry run only

	asked   bool             // whether found is what the forge says
	found   *scm.PullRequest // the one that was open before; nil: none
	message string           // the commit's
	title   string           // default of the pull request's title
	body    string           // default of the pull request's text
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
		if !out.DryRun {
			out.Diff = ""
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

// maxLines bounds the description: a commit message is for people, and GitHub takes a text of 65,536 characters only.
const maxLines, maxLine = 100, 300

// describe words the change: what happened to which file, as the commit's message and the pull request's title and text.
func (p *plan) describe(r *report, changes []template.Change) {
	of := map[string][]template.Change{}
	for _, c := range changes {
		of[c.File] = append(of[c.File], c)
	}
	var lines []string
	for _, name := range r.Files {
		if len(of[name]) == 0 {
			lines = append(lines, name)
		}
		for _, c := range of[name] {
			lines = append(lines, fmt.Sprintf("%s: %s: %s -> %s", name, c.Path, cmp.Or(c.Old, `""`), cmp.Or(c.New, `""`)))
		}
	}
	var b strings.Builder
	for i, line := range lines {
		if i == maxLines {
			fmt.Fprintf(&b, "- and %d more\n", len(lines)-maxLines)
			break
		}
		fmt.Fprintf(&b, "- %s\n", cut(oneLine(line), maxLine))
	}
	r.body = b.String()

	r.message = strings.TrimSpace(p.message)
	if r.message == "" {
		r.message = "Update " + p.app
		if p.revision != "" {
			r.message += " to " + shortRevision(p.revision)
		}
		r.message += "\n\n" + strings.TrimSpace(r.body)
	}
	title, _, _ := strings.Cut(r.message, "\n")
	r.title = cut(oneLine(title), maxTitle)
	r.message += "\n\n" + trailerApp + ": " + p.app + "\n"
	if p.revision != "" {
		r.message += trailerRevision + ": " + p.revision + "\n"
	}
}

// cut shortens a text to at most n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
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
	if strings.Contains(version(), "-") {
		revision = "" // A pseudo-version has it already.
	}
	_, err := fmt.Fprintf(w, "update-gitops-repo %s%s %s\n", version(), revision, runtime.Version())
	return err
}
