package cmd

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What others wrote (values, names of files and branches, words of servers and hooks) goes out through one of these.

// oneLine is s in one line, with all of it to be seen.
func oneLine(s string) string { return visible(strings.Join(strings.Fields(s), " ")) }

// visible shows what a reader would not see, or what would steer a terminal or turn the direction of text
// (https://www.unicode.org/reports/tr9/), as Go writes it: "\x1b". Line ends and tabs stay.
func visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !hidden(r), r == '\n', r == '\t', r == '\r' && strings.HasPrefix(s[i+1:], "\n"):
			b.WriteString(s[i : i+n])
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// What CI systems look for in a step's output to be told something: GitHub Actions a name between two pairs of colons at the
// start of a line, white space aside, and its older form anywhere
// (https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs), as Azure Pipelines (##vso[) and TeamCity
// (##teamcity[) do. The address ::1 in a file of hosts is none.
var (
	colonCommand = regexp.MustCompile(`(?m)^([\s\p{Z}]*):(:[A-Za-z].*::)`)
	hashCommand  = regexp.MustCompile(`#(#\w*\[)`)
)

// printable is text for stdout or stderr: all of it to be seen, and no command to the CI system in it.
func printable(s string) string {
	return hashCommand.ReplaceAllString(colonCommand.ReplaceAllString(visible(s), `$1\x3a$2`), `\x23$1`)
}

// printableJSON is the same for JSON, which stays as it is for whoever reads it as such.
func printableJSON(data string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(data, "##", `\u0023\u0023`) {
		if hidden(r) && r != '\n' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// jsonWriter makes what goes through it, whole lines of JSON, printable.
type jsonWriter struct{ io.Writer }

// Write implements io.Writer.
func (w jsonWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, printableJSON(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// notice is what a forge acts on wherever it stands in a text: people and teams that are told, issues that are referred to,
// and closed (https://docs.gitlab.com/user/project/issues/managing_issues/#default-closing-pattern), and pipelines that are
// not run (https://docs.github.com/actions/how-tos/manage-workflow-runs/skip-workflow-runs).
var notice = regexp.MustCompile(`(?i)((?:^|\W)@)(\w)|((?:[#!]|\bGH-))(\d)|(\[)((?:skip|ci|no)[ -]|[\w-]+ skip\])|(\*NO_)(CI\*)` +
	`|(\b(?:clos|fix|resolv|implement))((?:e?[sd]?|ing):? +(?:\w+://|\w+-\d))`)

// quiet is s in one line in which a forge finds nobody to tell. What would be found is parted by a space of no width.
func quiet(s string) string {
	for s = oneLine(s); strings.ContainsAny(s, "@#![-*:"); {
		next := notice.ReplaceAllString(s, "$1$3$5$7$9\u200b$2$4$6$8$10")
		if next == s {
			return s
		}
		s = next // Of two side by side, the first holds what is before the second.
	}
	return s
}

// inMarkdown is s as words of somebody else in a text in Markdown: quiet, and unable to open a link, an image, HTML or code, to
// write a character by its number, or to be a command to the forge (https://docs.gitlab.com/user/project/quick_actions/).
// Within a span of code it has more backslashes than it should, but does not get out of it as anything else.
func inMarkdown(s string) string {
	return opening.ReplaceAllString(quiet(s), `\$0`)
}

var opening = regexp.MustCompile("^[/~]|[\\\\`<>\\[\\]]|&[#\\w]+;")

// escapeURL is a URL as a link's target, or as a link itself: what is no plain part of one is percent-encoded, so that it
// ends where it is meant to.
func escapeURL(s string) string {
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
