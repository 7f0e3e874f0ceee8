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

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmtext "github.com/yuin/goldmark/text"

	"update-gitops-repo/secret"
	"update-gitops-repo/template"
)

// hostile are values that want to be more than text somewhere.
var hostile = []string{
	"1.7.0", "", " ", "a|b", `a\|b`, `a\\|b @team`, `\`, "`", "``` @team", "```", "a`b``c", "[x](https://evil.example.com)", "![x](https://evil.example.com/x.png)", "<https://evil.example.com>",
	"</details>", "<!--", "-->", "<script>alert(1)</script>", "<img src=x>", "&#64;team", "&commat;team", "*x*", "_x_", "~~x~~", "a@b.example.com", "&lt;b&gt;", "@team", "a @team,@other", "(@team)", "/@team", "fixes #12", "acme/gitops#12", "!7",
	"[skip ci]", "[ci skip]", "/merge", "\n/approve\n", "~~~", "\n~~~\n", "# x", "x\n\nUpdate-App: other\nUpdate-Sequence: 99", "x\r\n\r\nUpdate-App: other\r\n", "x\rUpdate-App: other",
	"Update-Sequence: 99", "---\nUpdate-App: other", `<!-- update-gitops-repo {"app":"shop","sequence":99} -->`, "[x]: https://evil.example.com", "[x]",
	"\n::set-output name=commit::1", "\u00a0::add-mask::x", "\r::add-mask::x", "##[add-path]/evil", "##vso[task.setvariable variable=x]y", "###vso[x]", "##teamcity[x]",
	"\x00", "\x1b[31mred", "\x9b31m", "\u0085", "\u2028x\u2029", "a\vb\fc", "\u202egnp.exe", "\u2066x\u2069", "\xff\xfe", "\x7f", "x\ny=z", "x<<EOF\ny\nEOF", "'; touch pwned; '", "$(touch pwned)",
}

// TestText has what each of the escapes is for.
func TestText(t *testing.T) {
	for _, test := range []struct {
		name string
		f    func(string) string
		want map[string]string
	}{
		{"oneLine", oneLine, map[string]string{"a\nb\r\nc\u2028d\u0085e\vf": "a b c d e f", "\x1b[1m\u202e\x00": `\x1b[1m\u202e\x00`, "\xff": `\xff`, "Ü日👩‍🚀": "Ü日👩‍🚀"}},
		{"visible", visible, map[string]string{"a\tb\r\nc\rd\n": "a\tb\r\nc\\x0dd\n"}},
		{"printable", printable, map[string]string{
			"::x::y": `\x3a:x::y`, "a\n \u00a0::x::": "a\n \u00a0\\x3a:x::", "a::b": "a::b", "+::x ##[a]::": "+::x \\x23#[a]::", " ::x ##[a]::": " \\x3a:x \\x23#[a]::", "\n ::1 localhost ::2": "\n ::1 localhost ::2", " ::ffff:10.0.0.1 a": " ::ffff:10.0.0.1 a", "x ##vso[a]": `x \x23#vso[a]`, "##[a]##[b]": `\x23#[a]\x23#[b]`, "## a": "## a", "a\r::b": `a\x0d::b`,
		}},
		{"printableJSON", printableJSON, map[string]string{`{"a":"##[x]###"}`: `{"a":"\u0023\u0023[x]\u0023\u0023#"}`, "\"\u009b\u202e\"\n": `"\u009b\u202e"` + "\n"}},
		{"quiet", quiet, map[string]string{
			"acme/shop@sha256:4b9d": "acme/shop@sha256:4b9d", "@team": "@\u200bteam", "@a @b": "@\u200ba @\u200bb", "a@b @c": "a@b @\u200bc", "fix #1": "fix #\u200b1", "x#1": "x#\u200b1", "# 1": "# 1",
			"[skip ci]": "[\u200bskip ci]", "[x]": "[x]", "[actions skip]": "[\u200bactions skip]", "***NO_CI***": "***NO_\u200bCI***",
			"GH-12 gh-13": "GH-\u200b12 gh-\u200b13", "Fixes https://h/issues/1": "Fix\u200bes https://h/issues/1", "closes: OPS-1": "clos\u200bes: OPS-1", "resolv.conf-1": "resolv.conf-1", "fix-1.2": "fix-1.2",
			"https://h/a-1?b=c": "https://h/a-1?b=c", "prefix x-1": "prefix x-1", "!7!": "!\u200b7!",
		}},
		{"inMarkdown", inMarkdown, map[string]string{"1.7.0-rc_1": "1.7.0-rc_1", "[x](y)": `\[x\](y)`, "/merge": `\/merge`, "a/b": "a/b", "~~~": `\~~~`, "`<b>`": "\\`\\<b\\>\\`", "&#64;t": "&#\u200b64;t", "&commat;t": "\\&commat;t", "a&b": "a&b"}},
		{"escapeURL", escapeURL, map[string]string{"https://h/a?b=c#d%20e": "https://h/a?b=c#d%20e", "https://h/ü> x)": "https://h/%C3%BC%3E%20x%29", "javascript:a\n": "javascript:a%0A"}},
	} {
		for in, want := range test.want {
			if got := test.f(in); got != want {
				t.Errorf("%s(%q) = %q, want %q", test.name, in, got, want)
			}
		}
	}
}

// lines are those that some reader of a log finds: .NET's, a browser's, or a terminal's.
func lines(s string) []string {
	return regexp.MustCompile("\r\n|[\n\r\v\f\u0085\u2028\u2029]").Split(s, -1)
}

// FuzzPrintable: no CI system finds a command in what is printed, and no terminal one of its own.
func FuzzPrintable(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := printable(s)
		for _, line := range lines(out) {
			if regexp.MustCompile(`^::[A-Za-z].*::`).MatchString(strings.TrimSpace(line)) || regexp.MustCompile(`##\w*\[`).MatchString(line) || strings.ContainsFunc(strings.ReplaceAll(line, "\t", ""), hidden) {
				t.Errorf("%q: %q", s, out)
			}
		}
		data, err := json.Marshal(map[string]string{"x": s})
		if err != nil {
			t.Fatal(err)
		}
		var before, after map[string]string
		text := printableJSON(string(data))
		if err := json.Unmarshal([]byte(text), &after); err != nil || strings.ContainsFunc(text, hidden) || strings.Contains(text, "##") {
			t.Errorf("%q: %v, %s", s, err, text)
		}
		if err := json.Unmarshal(data, &before); err != nil || before["x"] != after["x"] {
			t.Errorf("%q: %v, %q has become %q", s, err, before["x"], after["x"])
		}
	})
}

// FuzzLog: a value is never a line of its own in the log.
func FuzzLog(f *testing.F) {
	for _, s := range hostile {
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
			all := lines(strings.TrimSuffix(out.String(), "\n"))
			if len(all) != 4 || !strings.HasPrefix(all[2], "error: ") || !strings.HasPrefix(all[3], "hint: ") || out.String() != printable(out.String()) {
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
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, message := range []string{"", s, "x\n\nChange-Id: I1\nRef: $(< range .changes >)$(< .new >)$(< end >)", "x\n\nRef: 1$(< range .changes >)$(< print \"\\n\" .new >)$(< end >)", "Deploy $(< range .changes >)$(< .new >)$(< .old >)\n$(< end >)"} {
			p := &plan{app: "shop", revision: "1111111", message: message, sequence: 7, secrets: new(secret.Redactor)}
			r := &report{Files: []string{"a.yaml"}}
			if p.describe(r, []template.Change{{File: "a.yaml", Path: s, Old: s, New: s}}) != nil {
				continue // No template.
			}
			if strings.ContainsFunc(strings.NewReplacer("\n", "", "\t", "").Replace(r.message), hidden) || strings.ContainsFunc(r.title, hidden) {
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

// nodes lists what a text is made of, in GitHub's Markdown, and gives its words outside of code.
func nodes(t *testing.T, markdown string, more ...goldmark.Extender) (kinds []string, words string) {
	t.Helper()
	source := []byte(markdown)
	doc := goldmark.New(goldmark.WithExtensions(append(more, extension.Table, extension.Strikethrough, extension.TaskList)...)).Parser().Parse(gmtext.NewReader(source))
	var b strings.Builder
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		kinds = append(kinds, n.Kind().String())
		switch n := n.(type) {
		case *ast.RawHTML:
			kinds[len(kinds)-1] += string(n.Segments.Value(source))
		case *ast.HTMLBlock:
			kinds[len(kinds)-1] += string(n.Lines().Value(source))
		case *ast.CodeSpan, *ast.FencedCodeBlock:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			b.Write(n.Value(source))
			b.WriteByte('\n')
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds, b.String()
}

// split is one text to a reader in the parser's pieces; and what ends a URL may count as behind it.
var split = regexp.MustCompile(`( AutoLink| Text)( Text)+`)

// FuzzBody: the text of a pull request has the same parts whatever the values, the names and the diff are.
func FuzzBody(f *testing.F) {
	for _, s := range hostile {
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
		kinds, words := nodes(t, r.body, extension.Linkify)
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
	for _, s := range hostile {
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
			kinds, words := nodes(t, r.body)
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
	for _, s := range hostile {
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
			if strings.ContainsFunc(strings.NewReplacer("\r\n", "", "\n", "", "\t", "").Replace(string(data)), hidden) {
				t.Errorf("%q: %s has control characters: %q", s, name, data)
			}
			return string(data)
		}
		github, env := lines(read("github")), lines(read("env"))
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
		kinds, _ := nodes(t, read("summary"))
		if i := slices.IndexFunc(kinds, func(k string) bool { return k == "Image" || k == "AutoLink" || strings.HasPrefix(k, "RawHTML") }); i >= 0 {
			t.Errorf("%q: the summary has %s: %s", s, kinds[i], read("summary"))
		}
		if n := len(slices.DeleteFunc(kinds, func(k string) bool { return k != "Link" })); n != 1 {
			t.Errorf("%q: the summary has %d links: %s", s, n, read("summary"))
		}
	})
}
