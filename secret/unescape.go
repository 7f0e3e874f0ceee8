package secret

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// match returns how many bytes at the beginning of text spell form, escaped or not; 0 if they do not. Where there are
// several ways to read them, the longest counts. open is as for at.
func match(form string, text []byte) (longest int, open bool) {
	plain := 0
	for plain < len(form) && plain < len(text) && text[plain] == form[plain] && !escapes(text[plain]) {
		plain++
	}
	switch {
	case plain == len(form):
		return plain, false
	case plain == len(text):
		return 0, true
	case !escapes(text[plain]):
		return 0, false
	}
	type place struct{ form, text int } // up to where both are read
	todo := []place{{plain, plain}}
	seen := map[place]bool{} // A row of escapes has exponentially many readings, but few places.
	for len(todo) > 0 {
		here := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if here.form == len(form) {
			longest = max(longest, here.text)
			continue
		}
		ways, n, more := read(text[here.text:])
		open = open || more
		for _, way := range ways[:n] {
			means := string(way.means[:way.length])
			next := place{here.form + len(means), here.text + way.size}
			if strings.HasPrefix(form[here.form:], means) && !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return longest, open
}

// escapes reports whether c may stand for another character, alone or with those that follow.
func escapes(c byte) bool { return c == '%' || c == '\\' || c == '+' }

// reading is one way to read the beginning of a text.
type reading struct {
	means  [utf8.UTFMax]byte
	length int // of means, in bytes
	size   int // of what was read, in bytes
}

func runeReading(means rune, size int) (r reading) {
	r.length, r.size = utf8.EncodeRune(r.means[:], means), size
	return r
}

func byteReading(means byte, size int) reading {
	return reading{means: [utf8.UTFMax]byte{means}, length: 1, size: size}
}

// read returns the n ways to read the beginning of text: literally, and as an escape. open reports that more text might
// make it another escape. It returns an array because it runs for each character of what is pushed.
func read(text []byte) (ways [3]reading, n int, open bool) {
	if len(text) == 0 {
		return ways, 0, true
	}
	ways[0] = byteReading(text[0], 1)
	switch text[0] {
	case '+':
		ways[1] = byteReading(' ', 1)
		return ways, 2, false
	case '%':
		c, ok, more := hexadecimal(text[1:], 2)
		if !ok {
			return ways, 1, more
		}
		ways[1] = byteReading(byte(c), 3)
		return ways, 2, false
	case '\\':
		if len(text) == 1 {
			return ways, 1, true
		}
		ways[1] = byteReading(text[1], 2)
		coded, ok, more := readCode(text)
		if !ok {
			return ways, 2, more
		}
		ways[2] = coded
		return ways, 3, false
	}
	return ways, 1, false
}

// readCode reads \n, \x2f, \u002f, \U0000002f and the like at the beginning of text, which is a backslash and at least
// one more byte. more reports that the text ends too early to tell.
func readCode(text []byte) (r reading, ok, more bool) {
	digits := 0
	switch text[1] {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		i := strings.IndexByte("abfnrtv", text[1])
		if i < 0 {
			return reading{}, false, false
		}
		return byteReading("\a\b\f\n\r\t\v"[i], 2), true, false
	}
	c, ok, more := hexadecimal(text[2:], digits)
	switch {
	case !ok:
		return reading{}, false, more
	case digits == 2:
		return byteReading(byte(c), 4), true, false
	case utf16.IsSurrogate(rune(c)):
		return readSurrogates(rune(c), text)
	}
	return runeReading(rune(c), 2+digits), true, false
}

// readSurrogates reads the second half of a pair such as \ud83d\ude00, given the first, which text begins with.
func readSurrogates(high rune, text []byte) (r reading, ok, more bool) {
	const size = len(`\u0000`)
	second := text[size:]
	if len(second) >= 2 && (second[0] != '\\' || second[1] != 'u') {
		return reading{}, false, false
	}
	low, ok, more := hexadecimal(second[min(2, len(second)):], 4)
	if !ok {
		return reading{}, false, more
	}
	return runeReading(utf16.DecodeRune(high, rune(low)), 2*size), true, false
}

// hexadecimal reads that many digits. more reports that the text ends before there are enough.
func hexadecimal(text []byte, digits int) (value uint32, ok, more bool) {
	for i := range digits {
		if i == len(text) {
			return 0, false, true
		}
		c := text[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false, false
		}
		value = value<<4 | uint32(c)
	}
	return value, true, false
}
