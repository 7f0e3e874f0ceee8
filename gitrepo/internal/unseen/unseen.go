// Package unseen knows the characters that names must not have because a reader does not see them.
package unseen

import "unicode"

// Rune reports whether a character breaks lines, steers terminals or turns the direction of text.
func Rune(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}
