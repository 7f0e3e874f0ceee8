// Package escape prepares untrusted text for the place where it is shown. Values, names of files and branches, and the
// words of servers and hooks come from others: each reaches a terminal, a log, a file of results, a commit message or a
// pull request through one of these functions.
package escape

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// OneLine returns s on one line, with runs of white space as one space and hidden characters as in [Visible].
func OneLine(s string) string { return Visible(strings.Join(strings.Fields(s), " ")) }

// Visible returns s with each character for which [Hidden] holds written as in Go: "\x1b". Bytes that are not UTF-8 are
// written so too. Line ends and tabs stay.
func Visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !Hidden(r), r == '\n', r == '\t', r == '\r' && strings.HasPrefix(s[i+1:], "\n"):
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

// Hidden reports whether a reader would not see r, or r would steer a terminal or turn the direction of text
// (https://www.unicode.org/reports/tr9/).
func Hidden(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// Shorten returns at most n characters of s, the last of them an ellipsis where s has more.
func Shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
