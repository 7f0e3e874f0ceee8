// Package escapetest holds what the tests of escaped text share: hostile values, and readers of the result.
package escapetest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmtext "github.com/yuin/goldmark/text"
)

// Hostile are values that would be more than text somewhere.
var Hostile = []string{
	// Plain ones.
	"1.7.0", "", " ", "a@b.example.com",
	// Tables and code in Markdown.
	"a|b", `a\|b`, `a\\|b @team`, `\`, "`", "``` @team", "```", "a`b``c", "~~~", "\n~~~\n",
	// Links, images and HTML.
	"[x](https://evil.example.com)", "![x](https://evil.example.com/x.png)", "<https://evil.example.com>",
	"[x]: https://evil.example.com", "[x]", "</details>", "<!--", "-->", "<script>alert(1)</script>", "<img src=x>",
	"&#64;team", "&commat;team", "&lt;b&gt;", "*x*", "_x_", "~~x~~", "# x",
	// What a forge acts on.
	"@team", "a @team,@other", "(@team)", "/@team", "fixes #12", "acme/gitops#12", "!7", "[skip ci]", "[ci skip]",
	"/merge", "\n/approve\n",
	// Trailers and markers.
	"x\n\nUpdate-App: other\nUpdate-Sequence: 99", "x\r\n\r\nUpdate-App: other\r\n", "x\rUpdate-App: other",
	"Update-Sequence: 99", "---\nUpdate-App: other", `<!-- update-gitops-repo {"app":"shop","sequence":99} -->`,
	// Commands to a CI system.
	"\n::set-output name=commit::1", "\u00a0::add-mask::x", "\r::add-mask::x", "##[add-path]/evil",
	"##vso[task.setvariable variable=x]y", "###vso[x]", "##teamcity[x]",
	// Characters that are not seen, or steer a terminal.
	"\x00", "\x1b[31mred", "\x9b31m", "\u0085", "\u2028x\u2029", "a\vb\fc", "\u202egnp.exe", "\u2066x\u2069",
	"\xff\xfe", "\x7f",
	// A shell, and files of variables.
	"x\ny=z", "x<<EOF\ny\nEOF", "'; touch pwned; '", "$(touch pwned)",
}

var lineEnd = regexp.MustCompile("\r\n|[\n\r\v\f\u0085\u2028\u2029]")

// Lines returns the lines that some reader of a log finds in s: .NET's, a browser's, or a terminal's.
func Lines(s string) []string { return lineEnd.Split(s, -1) }

// Parse reads a text as GitHub's Markdown, with further extensions. It returns the kinds of its nodes in the order of
// the text, those of HTML with the HTML itself, and the words that stand outside of code.
func Parse(t *testing.T, markdown string, more ...goldmark.Extender) (kinds []string, words string) {
	t.Helper()
	source := []byte(markdown)
	extensions := append(more, extension.Table, extension.Strikethrough, extension.TaskList)
	doc := goldmark.New(goldmark.WithExtensions(extensions...)).Parser().Parse(gmtext.NewReader(source))
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
