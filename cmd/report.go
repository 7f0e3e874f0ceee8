package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/scm"
)

// report is what a run did, as -output=json prints it.
type report struct {
	Changed      bool         `json:"changed"`
	DryRun       bool         `json:"dryRun,omitempty"`
	Base         string       `json:"base"`
	Branch       string       `json:"branch"`
	Commit       string       `json:"commit,omitempty"` // the branch's tip, pushed now or before
	Files        []string     `json:"files"`            // that differ from the base, sorted
	PullRequest  *pullRequest `json:"pullRequest,omitempty"`
	Diff         string       `json:"diff,omitempty"`         // of a dry run
	SupersededBy int64        `json:"supersededBy,omitempty"` // the sequence number of a newer build, because of which nothing was done

	asked   bool             // whether found is what the forge says
	found   *scm.PullRequest // the one that was open before; nil: none
	diff    string           // against the base; may be empty where nobody needs it
	message string           // the commit's
	title   string           // the pull request's
	body    string           // the pull request's, with its marker
}

type pullRequest struct {
	Number int    `json:"number"`
	URL    string `json:"url"`
	State  string `json:"state"` // created, updated, unchanged, merged or closed
}

// stateClosed is that of a pull request that was closed, since there was no use for it any more.
const stateClosed = "closed"

// print writes the report; as text, the last line is what a caller wants.
func (r *report) print(w io.Writer, format string) error {
	if format == "json" {
		out := *r
		if out.Files == nil {
			out.Files = []string{} // An empty list, not null.
		}
		e := json.NewEncoder(escape.JSONWriter{Writer: w})
		e.SetEscapeHTML(false)
		return e.Encode(out)
	}
	_, err := io.WriteString(w, escape.Output(r.text()))
	return err
}

func (r *report) text() string {
	switch {
	case r.SupersededBy > 0:
		return fmt.Sprintf("superseded by %d\nnothing to change\n", r.SupersededBy)
	case len(r.Files) == 0 && r.PullRequest != nil:
		return fmt.Sprintf("pull request #%d: %s: %s\nnothing to change\n", r.PullRequest.Number, r.PullRequest.State, r.PullRequest.URL)
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

// What the linker is told (-X) where Go can't read it from a repository, as when the image is built.
var buildVersion, buildRevision string

// version is the version given at build time, else the module's, which holds the revision where there is no tag.
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
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
	if buildRevision != "" {
		revision = " (" + buildRevision + ")"
	}
	_, err := fmt.Fprintf(w, "update-gitops-repo %s%s %s\n", version(), revision, runtime.Version())
	return err
}
