package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark/extension"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/escape/escapetest"
	"update-gitops-repo/secret"
	"update-gitops-repo/template"
)

// FuzzLog: a value is never a line of its own in the log.
func FuzzLog(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range []string{"text", "json"} {
			var out bytes.Buffer
			log, _ := newLogger(&config{logFormat: format, secrets: new(secret.Redactor)}, &out)
			log.Warn(s, "key", s)
			log.With(slog.Group("g", "key", s)).Info("phase", "error", fmt.Errorf("%s", s))
			if err := printError(&out, fmt.Errorf("%s", s)); err != nil {
				t.Fatal(err)
			}
			all := escapetest.Lines(strings.TrimSuffix(out.String(), "\n"))
			if len(all) != 4 || !strings.HasPrefix(all[2], "error: ") || !strings.HasPrefix(all[3], "hint: ") || out.String() != escape.Output(out.String()) {
				t.Errorf("%s: %q: %q", format, s, out.String())
			}
			for _, line := range all[:2] {
				if format == "json" && !json.Valid([]byte(line)) {
					t.Errorf("%q: %q", s, line)
				}
			}
		}
	})
}

// FuzzMessage: whatever a value or a message of one's own holds, git finds our trailers in the commit and no others.
func FuzzMessage(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, message := range []string{"", s, "x\n\nChange-Id: I1\nRef: $(< range .changes >)$(< .new >)$(< end >)", "x\n\nRef: 1$(< range .changes >)$(< print \"\\n\" .new >)$(< end >)", "Deploy $(< range .changes >)$(< .new >)$(< .old >)\n$(< end >)"} {
			p := &plan{app: "shop", revision: "1111111", message: message, sequence: 7, secrets: new(secret.Redactor)}
			r := &report{Files: []string{"a.yaml"}}
			if p.describe(r, []template.Change{{File: "a.yaml", Path: s, Old: s, New: s}}) != nil {
				continue // No template.
			}
			if strings.ContainsFunc(strings.NewReplacer("\n", "", "\t", "").Replace(r.message), escape.Hidden) || strings.ContainsFunc(r.title, escape.Hidden) {
				t.Errorf("%q: %q, %q", message, r.title, r.message)
			}
			if trailer(r.message, trailerApp) != "shop" || sequenceOf(r.message, "shop") != 7 || sequenceOf(r.message, "other") != 0 {
				t.Errorf("%q: %q", message, r.message)
			}
			cmd := exec.Command("git", "interpret-trailers", "--parse", "--no-divider")
			cmd.Stdin = strings.NewReader(r.message)
			cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
			out, err := cmd.Output()
			before, ok := strings.CutSuffix(string(out), "Update-App: shop\nUpdate-Revision: 1111111\nUpdate-Sequence: 7\n")
			own := message == s || strings.Contains(message, "Change-Id") && strings.HasPrefix(before, "Change-Id: I1\nRef:") && strings.Count(before, "\n") == 2 || before == "Ref: 1\n"
			if err != nil || !ok || strings.Contains("\n"+before, "\nUpdate-") || before != "" && !own {
				t.Errorf("%q: %v, %q of %q", message, err, out, r.message)
			}
		}
	})
}

// split is one text to a reader in the parser's pieces; and what ends a URL may count as behind it.
var split = regexp.MustCompile(`( AutoLink| Text)( Text)+`)

// FuzzBody: the text of a pull request has the same parts whatever the values, the names and the diff are.
func FuzzBody(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	shape := func(t *testing.T, s string) (string, string, string) {
		p := &plan{app: "shop", revision: "1111111", sequence: 7, secrets: new(secret.Redactor), link: "https://git.example.com/" + s}
		x := "x" + s // A value that is not empty has a span of its own in the table.
		r := &report{Files: []string{x}, diff: "--- a/a.yaml\n+++ b/a.yaml\n@@ -1,2 +1,2 @@\n " + s + "\n-" + s + "\n+" + s + "\n"}
		if err := p.describe(r, []template.Change{{File: x, Path: x, Old: x, New: x}}); err != nil {
			t.Fatal(err)
		}
		if findMarker(r.body) != (marker{"shop", 7}) {
			t.Errorf("%q: the marker is %+v", s, findMarker(r.body))
		}
		kinds, words := escapetest.Parse(t, r.body, extension.Linkify)
		words, _, _ = strings.Cut(words, "From ")
		return split.ReplaceAllString(strings.Join(kinds, " "), "$1"), words, r.body
	}
	f.Fuzz(func(t *testing.T, s string) {
		wantKinds, wantWords, _ := shape(t, "y")
		kinds, words, body := shape(t, s)
		if kinds != wantKinds || words != wantWords {
			t.Errorf("%q: %s, %q, want %s, %q, of\n%s", s, kinds, words, wantKinds, wantWords, body)
		}
	})
}

// FuzzBodyTemplate: a value in somebody's own text is words and nothing else, alone or in the midst of others, and tells nobody.
func FuzzBodyTemplate(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	mention := regexp.MustCompile(`(^|\W)@\w|[#!]\d`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, body := range []string{"$(< range .changes >)$(< .new >)$(< end >)", "See $(< range .changes >)$(< .new >)$(< end >) here", "`$(< range .changes >)$(< .new >)$(< end >)`"} {
			p := &plan{app: "shop", secrets: new(secret.Redactor)}
			p.pull.Body = body
			r := &report{Files: []string{"a.yaml"}}
			if err := p.describe(r, []template.Change{{File: "a.yaml", Path: ".x", Old: "", New: s}}); err != nil {
				t.Fatal(err)
			}
			kinds, words := escapetest.Parse(t, r.body)
			for _, kind := range kinds {
				inSpan := kind == "CodeSpan" && body[0] == '`'
				if slices.Contains([]string{"Link", "Image", "AutoLink", "FencedCodeBlock", "CodeSpan"}, kind) && !inSpan || strings.HasPrefix(kind, "RawHTML") ||
					strings.HasPrefix(kind, "HTMLBlock") && kind != "HTMLBlock"+(marker{App: "shop"}).String() {
					t.Errorf("%q in %q: %s", s, body, kind)
				}
			}
			if mention.MatchString(words) || strings.HasPrefix(r.body, "/") || findMarker(r.body) != (marker{App: "shop"}) {
				t.Errorf("%q in %q: %q, %q", s, body, words, r.body)
			}
		}
	})
}

// FuzzOutputs: each place has the five results, whatever they hold.
func FuzzOutputs(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	names := []string{"changed", "branch", "commit", "pull-request-url", "pull-request-number"}
	f.Fuzz(func(t *testing.T, s string) {
		dir := t.TempDir()
		o := outputs{secrets: new(secret.Redactor), dir: dir, env: []string{filepath.Join(dir, "env")}, github: filepath.Join(dir, "github"), summary: filepath.Join(dir, "summary")}
		r := &report{Changed: true, Base: s, Branch: s, Commit: s, Files: []string{s}, title: s, diff: "+" + s + "\n", PullRequest: &pullRequest{Number: 1, URL: "https://git.example.com/" + s, State: "created"}}
		if err := o.write(r, fmt.Errorf("%s", s)); err != nil {
			t.Fatal(err)
		}
		read := func(name string) string {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsFunc(strings.NewReplacer("\r\n", "", "\n", "", "\t", "").Replace(string(data)), escape.Hidden) {
				t.Errorf("%q: %s has control characters: %q", s, name, data)
			}
			return string(data)
		}
		github, env := escapetest.Lines(read("github")), escapetest.Lines(read("env"))
		if len(github) != 6 || len(env) != 6 {
			t.Fatalf("%q: %q, %q", s, github, env)
		}
		for i, name := range names {
			value := read(name)
			// Of = and << the first says how a value is given.
			if github[i] != name+"="+value {
				t.Errorf("%q: %q", s, github[i])
			}
			quoted, ok := strings.CutPrefix(env[i], "GITOPS_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"=")
			if inner := strings.ReplaceAll(quoted, `'\''`, ""); !ok || quoted != value && strings.Trim(inner, "'") != strings.ReplaceAll(value, "'", "") {
				t.Errorf("%q: %q", s, env[i])
			}
		}
		kinds, _ := escapetest.Parse(t, read("summary"))
		if i := slices.IndexFunc(kinds, func(k string) bool { return k == "Image" || k == "AutoLink" || strings.HasPrefix(k, "RawHTML") }); i >= 0 {
			t.Errorf("%q: the summary has %s: %s", s, kinds[i], read("summary"))
		}
		if n := len(slices.DeleteFunc(kinds, func(k string) bool { return k != "Link" })); n != 1 {
			t.Errorf("%q: the summary has %d links: %s", s, n, read("summary"))
		}
	})
}
