// Package message says in words what a change does: in the commit's message, and in the title and the body of the pull
// request. It also reads what earlier runs wrote.
package message

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/secret"
	"update-gitops-repo/template"
	"update-gitops-repo/template/yamledit"
)

// The sizes of what is written. A commit message is for people. GitHub takes a body of 65,536 characters, GitLab a
// larger one. Both take a title of 248 characters: GitHub stores 256, and GitLab 255 with "Draft: ".
const (
	maxLines = 100
	maxLine  = 300
	maxBody  = 60_000
	maxTitle = 248
)

// ErrNothing: a template renders to nothing that a reader sees.
var ErrNothing = errors.New("renders to nothing")

// Composer says what changes of one app do.
type Composer struct {
	App      string
	Revision string // of the app; may be empty
	Link     string // to that revision, for people; may be empty
	Sequence int64  // the number of the build; 0: it has none
	SignOff  string // who signs off, "NAME <ADDRESS>"; empty: nobody

	// Commit, Title and Body are templates over .app .revision .shortRevision .base .branch .files .changes, which
	// Renderer renders. An empty one means a text of our own.
	Commit, Title, Body string
	Renderer            template.Renderer

	Secrets *secret.Redactor // redacts what goes to the forge
}

// Change is a change to say something about.
type Change struct {
	Base, Branch string
	Files        []string          // whose contents, mode or existence change
	Notes        map[string]string // by file, what to say of it besides its values, such as "new"
	Values       []yamledit.Change // that are known to change in them
	Diff         string            // of the files
}

// Text is what is said of a change.
type Text struct {
	Commit string // the message, with trailers
	Title  string
	Body   string // with a [Marker]
}

// Compose returns what to say of a change. The error is that of a template, or ErrNothing.
func (c Composer) Compose(change Change) (Text, error) {
	rows := c.rows(change)
	var text Text
	for _, t := range []struct {
		flag, template string
		escape         func(string) string
		to             *string
	}{
		{"-commit-message", c.Commit, escape.Inert, &text.Commit},
		{"-pr-title", c.Title, escape.Inert, &text.Title},
		{"-pr-body", c.Body, escape.Markdown, &text.Body},
	} {
		if t.template == "" {
			continue // Of many changes, escaping the values takes its time.
		}
		out, err := c.render(t.flag, t.template, c.values(change, rows, t.escape))
		if err != nil {
			return Text{}, err
		}
		if *t.to = visible(out); *t.to == "" {
			return Text{}, fmt.Errorf("%s %w: %q", t.flag, ErrNothing, t.template)
		}
	}
	if text.Commit == "" {
		text.Commit = c.defaultCommit(change.Notes, rows)
	}
	if text.Title == "" {
		text.Title, _, _ = strings.Cut(text.Commit, "\n")
	}
	text.Title = escape.Shorten(c.Secrets.Redact(escape.OneLine(text.Title)), maxTitle)
	if c.Body == "" {
		text.Body = c.defaultBody(change, rows)
	}
	marker := Marker{c.App, c.Sequence}
	text.Body = escape.Shorten(c.Secrets.Redact(text.Body), maxBody) + "\n\n" + marker.String()
	text.Commit += separator(c.Commit, text.Commit) + c.trailers()
	return text, nil
}

// visible returns a text in lines as Unix has them, with nothing in it that no reader sees.
func visible(text string) string {
	return strings.TrimSpace(escape.Visible(strings.ReplaceAll(text, "\r\n", "\n")))
}

// ofChange finds in a template what may differ from change to change.
var ofChange = regexp.MustCompile(`base|branch|files|changes`)

// anyChange is a change that has a value for everything that a template may look up.
var anyChange = Change{
	Base: "main", Branch: "update", Files: []string{"a.yaml"},
	Values: []yamledit.Change{{File: "a.yaml", Path: ".tag", Old: "1", New: "2"}},
}

// Check renders a template as Compose would, whatever changes, and returns an error that only another template avoids.
// It is ErrNothing only where no change makes a difference. flag is where it was given; no text means no template.
func (c Composer) Check(flag, text string) error {
	if text == "" {
		return nil
	}
	isNothing := !ofChange.MatchString(text)
	for _, change := range []Change{{}, anyChange} {
		out, err := c.render(flag, text, c.values(change, c.rows(change), escape.OneLine))
		for _, kind := range []error{template.ErrSyntax, template.ErrDelims, template.ErrMissingKey} {
			if errors.Is(err, kind) {
				return err
			}
		}
		if isNothing = isNothing && err == nil && visible(out) == ""; !isNothing {
			return nil
		}
	}
	return fmt.Errorf("%s %w: %q", flag, ErrNothing, text)
}

// rows returns what is known to change: of each file its values, or an entry without a path where nothing more is
// known, or there is more to say.
func (c Composer) rows(change Change) []yamledit.Change {
	of := map[string][]yamledit.Change{}
	for _, v := range change.Values {
		// A secret that an edit removes is no reason to fail. It is redacted before anything is cut, which may leave a
		// part of it.
		v.Path, v.Old, v.New = c.Secrets.Redact(v.Path), c.Secrets.Redact(v.Old), c.Secrets.Redact(v.New)
		of[v.File] = append(of[v.File], v)
	}
	var rows []yamledit.Change
	for _, name := range change.Files {
		rows = append(rows, of[name]...)
		if len(of[name]) == 0 || change.Notes[name] != "" {
			rows = append(rows, yamledit.Change{File: name})
		}
	}
	return rows
}

// render renders a text that may be a template, over the values of [Composer.values].
func (c Composer) render(flag, text string, values template.Values) (string, error) {
	out, err := c.Renderer.Text(flag, []byte(text), values)
	if errors.Is(err, template.ErrNoAction) {
		return text, nil
	}
	return string(out), err
}

// values returns what templates see, each value escaped for where the template's result is shown.
func (c Composer) values(change Change, rows []yamledit.Change, escape func(string) string) template.Values {
	changes := []map[string]any{}
	for _, r := range rows {
		if r.Path != "" {
			changes = append(changes, map[string]any{
				"file": escape(r.File), "path": escape(r.Path), "old": escape(r.Old), "new": escape(r.New),
			})
		}
	}
	files := []string{}
	for _, name := range change.Files {
		files = append(files, escape(name))
	}
	return template.Values{
		"app": escape(c.App), "revision": escape(c.Revision), "shortRevision": escape(ShortRevision(c.Revision)),
		"base": escape(change.Base), "branch": escape(change.Branch), "files": files, "changes": changes,
	}
}

// separator returns what stands between a message and our trailers. Trailers that the template has at its own end, such
// as Co-authored-by or Change-Id, stay in the last paragraph, where git and the forges look for them. No value becomes
// a trailer: each line begins with a key that the template has, before values are inserted.
func separator(text, message string) string {
	own, now := lastTrailers(text), lastTrailers(message)
	if own == "" || now == "" || strings.Count(own, "\n") != strings.Count(now, "\n") ||
		strings.Contains("\n"+now, "\nUpdate-") {
		return "\n\n"
	}
	return "\n"
}

// lastTrailers returns the last paragraph of a text if it has nothing but trailers, else "".
func lastTrailers(s string) string {
	paragraphs := blankLines.Split(strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")), -1)
	last := paragraphs[len(paragraphs)-1]
	if len(paragraphs) > 1 && onlyTrailers.MatchString(last) && last[0] != '-' {
		return last
	}
	return ""
}

func (c Composer) trailers() string {
	text := trailerApp + ": " + c.App + "\n"
	if c.Revision != "" {
		text += trailerRevision + ": " + c.Revision + "\n"
	}
	if c.Sequence > 0 {
		text += fmt.Sprintf("%s: %d\n", trailerSequence, c.Sequence)
	}
	if c.SignOff != "" {
		text += "Signed-off-by: " + c.SignOff + "\n"
	}
	return text
}

// defaultCommit names the app and lists the changes.
func (c Composer) defaultCommit(notes map[string]string, rows []yamledit.Change) string {
	subject := "Update " + c.App
	if c.Revision != "" {
		subject += " to " + ShortRevision(c.Revision)
	}
	var b strings.Builder
	for i, r := range rows {
		if i == maxLines {
			fmt.Fprintf(&b, "- and %d more\n", len(rows)-maxLines)
			break
		}
		line := r.File
		switch note := notes[r.File]; {
		case r.Path != "":
			line += fmt.Sprintf(": %s: %s -> %s", r.Path, textOf(r.Old, r.Added), textOf(r.New, r.Deleted))
		case note != "":
			line += ": " + note
		}
		fmt.Fprintf(&b, "- %s\n", escape.Shorten(escape.Inert(line), maxLine))
	}
	return subject + "\n\n" + strings.TrimSpace(b.String())
}

// textOf returns what to show of a value, which may be an empty string, or none at all.
func textOf(value string, isNone bool) string {
	if isNone {
		return "none"
	}
	return cmp.Or(value, `""`)
}

// commitHash matches a full hash, or an abbreviated one that does not look like the number of a build.
var commitHash = regexp.MustCompile(`(?i)^(?:[0-9a-f]{40}|[0-9a-f]{64}|[0-9]*[a-f][0-9a-f]*)$`)

// ShortRevision returns the first 7 digits of a commit's hash, and all of anything else, such as a tag.
func ShortRevision(revision string) string {
	if len(revision) > 7 && commitHash.MatchString(revision) {
		return revision[:7]
	}
	return revision
}
