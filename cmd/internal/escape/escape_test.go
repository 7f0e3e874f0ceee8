package escape

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/escape/escapetest"
)

// TestEscapes has what each of the escapes is for.
func TestEscapes(t *testing.T) {
	for _, test := range []struct {
		name string
		f    func(string) string
		want map[string]string
	}{
		{"OneLine", OneLine, map[string]string{
			"a\nb\r\nc\u2028d\u0085e\vf": "a b c d e f", "\x1b[1m\u202e\x00": `\x1b[1m\u202e\x00`, "\xff": `\xff`,
			"Ü日👩‍🚀": "Ü日👩‍🚀",
		}},
		{"Visible", Visible, map[string]string{"a\tb\r\nc\rd\n": "a\tb\r\nc\\x0dd\n"}},
		{"Output", Output, map[string]string{
			"::x::y": `\x3a:x::y`, "a\n \u00a0::x::": "a\n \u00a0\\x3a:x::", "a::b": "a::b",
			"+::x ##[a]::": "+::x \\x23#[a]::", " ::x ##[a]::": " \\x3a:x \\x23#[a]::",
			"\n ::1 localhost ::2": "\n ::1 localhost ::2", " ::ffff:10.0.0.1 a": " ::ffff:10.0.0.1 a",
			"x ##vso[a]": `x \x23#vso[a]`, "##[a]##[b]": `\x23#[a]\x23#[b]`, "## a": "## a", "a\r::b": `a\x0d::b`,
		}},
		{"JSON", JSON, map[string]string{
			`{"a":"##[x]###"}`: `{"a":"\u0023\u0023[x]\u0023\u0023#"}`, "\"\u009b\u202e\"\n": `"\u009b\u202e"` + "\n",
		}},
		{"Inert", Inert, map[string]string{
			"acme/shop@sha256:4b9d": "acme/shop@sha256:4b9d", "@team": "@\u200bteam", "@a @b": "@\u200ba @\u200bb",
			"a@b @c": "a@b @\u200bc", "fix #1": "fix #\u200b1", "x#1": "x#\u200b1", "# 1": "# 1",
			"[skip ci]": "[\u200bskip ci]", "[x]": "[x]", "[actions skip]": "[\u200bactions skip]",
			"***NO_CI***": "***NO_\u200bCI***", "GH-12 gh-13": "GH-\u200b12 gh-\u200b13",
			"Fixes https://h/issues/1": "Fix\u200bes https://h/issues/1", "closes: OPS-1": "clos\u200bes: OPS-1",
			"resolv.conf-1": "resolv.conf-1", "fix-1.2": "fix-1.2", "https://h/a-1?b=c": "https://h/a-1?b=c",
			"prefix x-1": "prefix x-1", "!7!": "!\u200b7!",
		}},
		{"Markdown", Markdown, map[string]string{
			"1.7.0-rc_1": "1.7.0-rc_1", "[x](y)": `\[x\](y)`, "/merge": `\/merge`, "a/b": "a/b", "~~~": `\~~~`,
			"`<b>`": "\\`\\<b\\>\\`", "&#64;t": "&#\u200b64;t", "&commat;t": "\\&commat;t", "a&b": "a&b",
		}},
		{"Literal", Literal, map[string]string{
			"a_b\n*c*": `a\_b \*c\*`, "[x](y)": `\[x\](y)`, "<b> & #1": `\<b\> \& \#1`,
		}},
		{"URL", URL, map[string]string{
			"https://h/a?b=c#d%20e": "https://h/a?b=c#d%20e", "https://h/ü> x)": "https://h/%C3%BC%3E%20x%29",
			"javascript:a\n": "javascript:a%0A",
		}},
		{"Code", Code, map[string]string{
			"": "", "a": "`a`", "a`b``c": "``` a`b``c ```", "a|b\nc": "`a\\|b c`",
			strings.Repeat("ü", 121): "`" + strings.Repeat("ü", 119) + "…`",
		}},
	} {
		for in, want := range test.want {
			if got := test.f(in); got != want {
				t.Errorf("%s(%q) = %q, want %q", test.name, in, got, want)
			}
		}
	}
}

// TestDiff checks that a diff ends at a line, in a fence that it does not hold, within the size that it is given.
func TestDiff(t *testing.T) {
	const rest = "\n\nThe rest is left out here."
	for _, test := range []struct {
		diff string
		size int
		want string
	}{
		{"-a\n+b\n", 100, "```diff\n-a\n+b\n```"},
		{"-```\n+````\n", 100, "`````diff\n-```\n+````\n`````"},
		{strings.Repeat("-x\n", 100), 60, "```diff\n" + strings.Repeat("-x\n", 7) + "```" + rest},
		{strings.Repeat("\x1b", 20) + "\n", 60, "```diff\n```" + rest},
	} {
		got := Diff(test.diff, test.size)
		if got != test.want || len(got) > test.size {
			t.Errorf("Diff(%.20q, %d) = %q (%d bytes), want %q", test.diff, test.size, got, len(got), test.want)
		}
	}
}

var (
	command     = regexp.MustCompile(`^::[A-Za-z].*::`)
	hashBracket = regexp.MustCompile(`##\w*\[`)
)

// FuzzOutput checks that no CI system finds a command in what is printed, and no terminal one of its own.
func FuzzOutput(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := Output(s)
		for _, line := range escapetest.Lines(out) {
			if command.MatchString(strings.TrimSpace(line)) || hashBracket.MatchString(line) ||
				strings.ContainsFunc(strings.ReplaceAll(line, "\t", ""), Hidden) {
				t.Errorf("%q: %q", s, out)
			}
		}
		data, err := json.Marshal(map[string]string{"x": s})
		if err != nil {
			t.Fatal(err)
		}
		var before, after map[string]string
		var b strings.Builder
		if n, err := (JSONWriter{&b}).Write(data); n != len(data) || err != nil {
			t.Fatalf("%q: wrote %d of %d bytes, %v", s, n, len(data), err)
		}
		text := b.String()
		err = json.Unmarshal([]byte(text), &after)
		if err != nil || strings.ContainsFunc(text, Hidden) || strings.Contains(text, "##") {
			t.Errorf("%q: %v, %s", s, err, text)
		}
		if err := json.Unmarshal(data, &before); err != nil || before["x"] != after["x"] {
			t.Errorf("%q: %v, %q has become %q", s, err, before["x"], after["x"])
		}
	})
}
