package secret

import "encoding/base64"

// forms returns what a secret looks like unescaped: itself, and in base64. There, what precedes the secret shifts its
// bits by none, two or four; only the digits that hold nothing else are always the same. So is the last digit where the
// encoded text ends with the secret.
func forms(s string) []string {
	out := []string{s}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			bits := 8 * (before + len(s))
			digits := encoding.EncodeToString([]byte("\x00\x00"[:before] + s))
			start := (8*before + 5) / 6
			out = append(out, digits[start:bits/6], digits[start:])
		}
	}
	return out
}
