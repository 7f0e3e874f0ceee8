package cmd

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/template"
)

// The trailers (https://git-scm.com/docs/git-interpret-trailers) by which later runs know their own commits.
const (
	trailerApp      = "Update-App"
	trailerRevision = "Update-Revision"
	trailerSequence = "Update-Sequence"
)

// trailers gives the lines of a message that are trailers, as git has it: those of the last paragraph, which is not the
// first, if it has nothing else. And of those before it that have nothing else, since a forge that squashes puts a paragraph
// of its own behind ours, GitHub below a line of dashes.
func trailers(message string) []string {
	paragraphs := blankLines.Split(strings.TrimSpace(message), -1)
	first := len(paragraphs)
	for first > 1 && onlyTrailers.MatchString(paragraphs[first-1]) {
		first--
	}
	return strings.Split(strings.Join(paragraphs[first:], "\n"), "\n")
}

var (
	blankLines   = regexp.MustCompile(`\n(?:[ \t\r]*\n)+`)
	onlyTrailers = regexp.MustCompile(`^(?:-+|[A-Za-z0-9-]+[ \t]*:.*(?:\n[ \t].*|\n[A-Za-z0-9-]+[ \t]*:.*)*)$`)
)

// trailer gives the value of a trailer, the last one where there are several; empty when there is none.
func trailer(message, key string) string { return lastOf(trailers(message), key) }

func lastOf(trailers []string, key string) string {
	value := ""
	for _, line := range trailers {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			value = strings.TrimSpace(v)
		}
	}
	return value
}

// sequenceOf gives a commit's place in the order of an app's builds; 0 when it has none. The number counts only behind the
// app that it is for: what stands before may be anybody's words.
func sequenceOf(message, app string) int64 {
	lines := trailers(message)
	for i, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, trailerApp+":") {
			lines = lines[i:]
			break
		}
	}
	if lastOf(lines, trailerApp) != app {
		return 0
	}
	n, err := strconv.ParseInt(lastOf(lines, trailerSequence), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// marker is the comment in a pull request's text, unseen by people, by which later runs know their own.
type marker struct {
	App      string `json:"app"`
	Sequence int64  `json:"sequence,omitempty"`
}

var markerComment = regexp.MustCompile(`<!-- update-gitops-repo (\{.*\}) -->`)

// String gives the comment. JSON escapes what could end it.
func (m marker) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		return "" // Of a string and a number, never.
	}
	return "<!-- update-gitops-repo " + string(text) + " -->"
}

// findMarker gives the last marker of a text; the zero value when there is none.
func findMarker(body string) marker {
	var m marker
	if all := markerComment.FindAllStringSubmatch(body, -1); len(all) > 0 {
		if json.Unmarshal([]byte(all[len(all)-1][1]), &m) != nil {
			return marker{}
		}
	}
	return m
}

// What a description holds at most. A commit message is for people. Of a pull request's text, GitHub takes 65,536
// characters and GitLab more.
const (
	maxLines = 100
	maxLine  = 300
	maxBody  = 60_000
)

// describe words the change: what happened to which file, as the commit's message and the pull request's title and text.
func (p *plan) describe(r *report, changes []template.Change) error {
	of := map[string][]template.Change{}
	for _, c := range changes {
		// Before they are cut, which may leave a part; and a secret that is to go from a file is no reason to fail.
		c.Path, c.Old, c.New = p.secrets.Redact(c.Path), p.secrets.Redact(c.Old), p.secrets.Redact(c.New)
		of[c.File] = append(of[c.File], c)
	}
	var rows []template.Change // one without a Path stands for a file of which no more is known
	for _, name := range r.Files {
		rows = append(rows, of[name]...)
		if len(of[name]) == 0 {
			rows = append(rows, template.Change{File: name})
		}
	}
	r.diff = p.secrets.Redact(r.diff) // What it quotes may be quoted once more.
	for _, t := range []struct {
		flag, text string
		value      func(string) string
		to         *string
	}{
		{"-commit-message", p.message, escape.Inert, &r.message},
		{"-pr-title", p.pull.Title, escape.Inert, &r.title},
		{"-pr-body", p.pull.Body, escape.Markdown, &r.body},
	} {
		if t.text == "" {
			*t.to = ""
			continue // Of many changes, making the values fit takes its time.
		}
		text, err := p.words(t.flag, t.text, p.values(r, rows, t.value))
		if err != nil {
			return err
		}
		*t.to = strings.TrimSpace(escape.Visible(strings.ReplaceAll(text, "\r\n", "\n")))
	}
	if r.message == "" {
		r.message = "Update " + p.app
		if p.revision != "" {
			r.message += " to " + shortRevision(p.revision)
		}
		r.message += "\n\n" + bullets(rows)
	}
	if r.title == "" {
		r.title, _, _ = strings.Cut(r.message, "\n")
	}
	r.title = escape.Shorten(p.secrets.Redact(escape.OneLine(r.title)), maxTitle)
	if p.pull.Body == "" {
		r.body = p.defaultBody(r, rows)
	}
	r.body = escape.Shorten(p.secrets.Redact(r.body), maxBody) + "\n\n" + marker{p.app, p.sequence}.String()
	r.message += gap(p.message, r.message) + p.trailers()
	return nil
}

// gap parts a message from our trailers. What it has of its own at its end, such as Co-authored-by or Change-Id, stays in the
// last paragraph, where git and the forges look for trailers. No value gets there as one: each line begins with a key that
// the words have, before values came into them.
func gap(words, message string) string {
	last := func(s string) string {
		paragraphs := blankLines.Split(strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")), -1)
		if p := paragraphs[len(paragraphs)-1]; len(paragraphs) > 1 && onlyTrailers.MatchString(p) && p[0] != '-' {
			return p
		}
		return ""
	}
	own, now := last(words), last(message)
	if own == "" || now == "" || strings.Count(own, "\n") != strings.Count(now, "\n") || strings.Contains("\n"+now, "\nUpdate-") {
		return "\n\n"
	}
	return "\n"
}

// words renders a text that may be a template, see values.
func (p *plan) words(flag, text string, values template.Values) (string, error) {
	out, err := p.edits.renderer.Text(flag, []byte(text), values)
	if errors.Is(err, template.ErrNoAction) {
		return text, nil
	}
	return string(out), err
}

// values is what the templates of message, title and text see, each made fit to stand there.
func (p *plan) values(r *report, rows []template.Change, fit func(string) string) template.Values {
	changes := []map[string]any{}
	for _, c := range rows {
		if c.Path != "" {
			changes = append(changes, map[string]any{"file": fit(c.File), "path": fit(c.Path), "old": fit(c.Old), "new": fit(c.New)})
		}
	}
	files := []string{}
	for _, name := range r.Files {
		files = append(files, fit(name))
	}
	return template.Values{
		"app": fit(p.app), "revision": fit(p.revision), "shortRevision": fit(shortRevision(p.revision)),
		"base": fit(r.Base), "branch": fit(r.Branch), "files": files, "changes": changes,
	}
}

func (p *plan) trailers() string {
	text := trailerApp + ": " + p.app + "\n"
	if p.revision != "" {
		text += trailerRevision + ": " + p.revision + "\n"
	}
	if p.sequence > 0 {
		text += fmt.Sprintf("%s: %d\n", trailerSequence, p.sequence)
	}
	if p.signoff {
		text += fmt.Sprintf("Signed-off-by: %s <%s>\n", p.committer.Name, p.committer.Email)
	}
	return text
}

// bullets is the changes as the lines of a commit message.
func bullets(rows []template.Change) string {
	var b strings.Builder
	for i, c := range rows {
		if i == maxLines {
			fmt.Fprintf(&b, "- and %d more\n", len(rows)-maxLines)
			break
		}
		line := c.File
		if c.Path != "" {
			line += fmt.Sprintf(": %s: %s -> %s", c.Path, cmp.Or(c.Old, `""`), cmp.Or(c.New, `""`))
		}
		fmt.Fprintf(&b, "- %s\n", escape.Shorten(escape.Inert(line), maxLine))
	}
	return strings.TrimSpace(b.String())
}

// defaultBody is what a reviewer wants to see: each value before and after, the diff, and where the change comes from.
func (p *plan) defaultBody(r *report, rows []template.Change) string {
	var b strings.Builder
	b.WriteString("| File | Path | Old | New |\n|---|---|---|---|\n")
	for i, c := range rows {
		if i == maxLines {
			fmt.Fprintf(&b, "| and %d more | | | |\n", len(rows)-maxLines)
			break
		}
		old, now := "", ""
		if c.Path != "" {
			old, now = escape.Code(cmp.Or(c.Old, `""`)), escape.Code(cmp.Or(c.New, `""`))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", escape.Code(c.File), escape.Code(c.Path), old, now)
	}
	end := ""
	if p.link != "" {
		end = "\n\nFrom " + escape.URL(p.link)
	}
	before, after := "\n<details><summary>Diff</summary>\n\n", "\n\n</details>"
	if room := maxBody - b.Len() - len(before+after+end); r.diff != "" && room > 100 {
		b.WriteString(before + escape.Diff(r.diff, room) + after)
	}
	return strings.TrimSpace(b.String() + end)
}
