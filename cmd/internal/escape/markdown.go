package escape

import (
	"fmt"
	"regexp"
	"strings"
)

// notice matches what a forge acts on wherever it stands in a text: people and teams to notify, issues to refer to and
// to close (https://docs.gitlab.com/user/project/issues/managing_issues/#default-closing-pattern), and pipelines to
// skip (https://docs.github.com/actions/how-tos/manage-workflow-runs/skip-workflow-runs).
var notice = regexp.MustCompile(`(?i)((?:^|\W)@)(\w)|((?:[#!]|\bGH-))(\d)` +
	`|(\[)((?:skip|ci|no)[ -]|[\w-]+ skip\])|(\*NO_)(CI\*)` +
	`|(\b(?:clos|fix|resolv|implement))((?:e?[sd]?|ing):? +(?:\w+://|\w+-\d))`)

// Inert returns s on one line and breaks @mentions, #references and [skip ci] with a space of no width, so that the
// forge acts on none.
func Inert(s string) string {
	for s = OneLine(s); strings.ContainsAny(s, "@#![-*:"); {
		next := notice.ReplaceAllString(s, "$1$3$5$7$9\u200b$2$4$6$8$10")
		if next == s {
			return s
		}
		s = next // Of two adjacent ones, the first match holds what stands before the second.
	}
	return s
}

// Markdown returns s, made [Inert], as words within somebody else's Markdown: it opens no link, image, HTML or code,
// writes no character by its number, and is no command to the forge
// (https://docs.gitlab.com/user/project/quick_actions/). Within a span of code it shows more backslashes than it
// should, but does not get out of the span as anything else.
func Markdown(s string) string {
	return opening.ReplaceAllString(Inert(s), `\$0`)
}

var opening = regexp.MustCompile("^[/~]|[\\\\`<>\\[\\]]|&[#\\w]+;")

// Literal returns s on one line, as text of which Markdown changes nothing
// (https://spec.commonmark.org/0.31.2/#backslash-escapes).
func Literal(s string) string { return active.ReplaceAllString(OneLine(s), `\$0`) }

var active = regexp.MustCompile("[\\\\`*_\\[\\]<>#~|&!]")

// URL returns s as a link or as a link's target. What is not a plain part of a URL is percent-encoded, so that the link
// ends where it is meant to.
func URL(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c > ' ' && c < 0x7f && !strings.ContainsRune("\"'()*<>[\\]^`{|}", rune(c)) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// maxCode is the number of characters that [Code] shows.
const maxCode = 120

// Code returns s as a span of code in a cell of a table (https://github.github.com/gfm/#tables-extension-), shortened
// to 120 characters. It is empty for nothing.
func Code(s string) string {
	s = Shorten(OneLine(s), maxCode)
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

// Block returns text as a block of code, within a fence that the text does not hold
// (https://spec.commonmark.org/0.31.2/#fenced-code-blocks).
func Block(language, text string) string {
	fence := "```"
	for _, run := range backticks.FindAllString(text, -1) {
		fence = max(fence, run+"`") // Of strings of backticks the longer one is the greater.
	}
	return fence + language + "\n" + text + fence
}

var backticks = regexp.MustCompile("`{3,}")

// Diff returns a diff as a block of code of at most size bytes, cut at the end of a line where the diff is longer.
func Diff(diff string, size int) string {
	const rest = "\n\nThe rest is left out here."
	shown := Visible(fullLines(diff, size)) // It may be longer, as may be the fence.
	text := Block("diff", shown)
	if len(diff) <= size && len(text) <= size {
		return text
	}
	return Block("diff", fullLines(shown, max(0, size-len(rest)-len(text)+len(shown)))) + rest
}

// fullLines returns as many of the lines of s as fit into size bytes.
func fullLines(s string, size int) string {
	if len(s) <= size {
		return s
	}
	return s[:strings.LastIndexByte(s[:size], '\n')+1]
}
