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

	"update-gitops-repo/template"
)

// The trailers (https://git-scm.com/docs/git-interpret-trailers) by which later runs know their own commits.
const (
	trailerApp      = "Update-App"
	trailerRevision = "Update-Revision"
	trailerSequence = "Update-Sequence"
)

// trailer gives the value of a trailer, the last one where there are several; empty when there is none. It looks at all
// paragraphs, since forges put their own behind ours when they squash.
func trailer(message, key string) string {
	value := ""
	for line := range strings.SplitSeq(message, "\n") {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			value = strings.TrimSpace(v)
		}
	}
	return value
}

// sequenceOf gives a commit's place in the order of an app's builds; 0 when it has none. The number counts only behind the
// app that it is for: what stands before may be anybody's words.
func sequenceOf(message, app string) int64 {
	i := strings.LastIndex("\n"+message, "\n"+trailerApp+":")
	if i < 0 || trailer(message[i:], trailerApp) != app {
		return 0
	}
	n, err := strconv.ParseInt(trailer(message[i:], trailerSequence), 10, 64)
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
	maxCell  = 120
	maxBody  = 60_000
)

// describe words the change: what happened to which file, as the commit's message and the pull request's title and text.
func (p *plan) describe(r *report, changes []template.Change) error {
	of := map[string][]template.Change{}
	for _, c := range changes {
		of[c.File] = append(of[c.File], c)
	}
	var rows []template.Change // one without a Path stands for a file of which no more is known
	for _, name := range r.Files {
		rows = append(rows, of[name]...)
		if len(of[name]) == 0 {
			rows = append(rows, template.Change{File: name})
		}
	}
	values := p.values(r, rows)
	for _, t := range []struct {
		flag, text string
		to         *string
	}{
		{"-commit-message", p.message, &r.message},
		{"-pr-title", p.pull.Title, &r.title},
		{"-pr-body", p.pull.Body, &r.body},
	} {
		text, err := p.words(t.flag, t.text, values)
		if err != nil {
			return err
		}
		*t.to = strings.TrimSpace(text)
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
	r.title = cut(oneLine(r.title), maxTitle)
	if p.pull.Body == "" {
		r.body = p.defaultBody(r, rows)
	}
	r.body = cut(r.body, maxBody) + "\n\n" + marker{p.app, p.sequence}.String()
	r.message += "\n\n" + p.trailers()
	return nil
}

// words renders a text that may be a template, see values.
func (p *plan) words(flag, text string, values template.Values) (string, error) {
	out, err := p.edits.renderer.Text(flag, []byte(text), values)
	if errors.Is(err, template.ErrNoAction) {
		return text, nil
	}
	return string(out), err
}

// values is what the templates of message, title and text see.
func (p *plan) values(r *report, rows []template.Change) template.Values {
	changes := []map[string]any{}
	for _, c := range rows {
		if c.Path != "" {
			changes = append(changes, map[string]any{"file": c.File, "path": c.Path, "old": c.Old, "new": c.New})
		}
	}
	return template.Values{
		"app": p.app, "revision": p.revision, "shortRevision": shortRevision(p.revision),
		"base": r.Base, "branch": r.Branch, "files": slices.Clone(r.Files), "changes": changes,
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
		fmt.Fprintf(&b, "- %s\n", cut(oneLine(line), maxLine))
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
			old, now = code(cmp.Or(c.Old, `""`)), code(cmp.Or(c.New, `""`))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(c.File), code(c.Path), old, now)
	}
	end := ""
	if p.link != "" {
		end = "\n\nFrom " + p.link
	}
	if room := maxBody - b.Len() - len(end); r.diff != "" && room > 0 {
		fmt.Fprintf(&b, "\n<details><summary>Diff</summary>\n\n%s\n\n</details>", foldedDiff(r.diff, room))
	}
	return strings.TrimSpace(b.String() + end)
}

// foldedDiff is a diff as a block of code, cut at a line where it is longer than room.
func foldedDiff(diff string, room int) string {
	if len(diff) <= room {
		return fenced("diff", diff)
	}
	return fenced("diff", diff[:strings.LastIndexByte(diff[:room], '\n')+1]) + "\n\nThe rest is left out here."
}

// code is s as a span of code in a cell of a table (https://github.github.com/gfm/#tables-extension-), empty for nothing.
func code(s string) string {
	s = cut(oneLine(s), maxCell)
	if s == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if fence != "`" {
		s = " " + s + " "
	}
	return fence + strings.ReplaceAll(s, "|", `\|`) + fence
}

// cut shortens a text to at most n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
