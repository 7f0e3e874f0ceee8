package secret

import (
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// Shortest is the length in bytes from which on a secret is taken out of texts. Shorter ones are in many words that have
// nothing to do with them, and guessed in no time whether they are shown or not.
const Shortest = 4

// Redactor takes secrets out of texts, in each of these forms and in any mixture of their escapes: plain, in base64 (both
// alphabets, padded or not, also as a part of something longer, such as user:password), and either of them with characters
// escaped as in URLs (%2F, + for a space), JSON and Go's quotes (\u002f, \x2f, \", \/), or Markdown (\_). The zero value knows
// none. It may be used by several goroutines.
type Redactor struct {
	mu    sync.RWMutex
	known map[string]bool
	first [256][]string // the forms, by their first bytes
	mask  string
}

// masks are what a secret may be replaced by. None can be a part of an escape.
const masks = "*#~^!$&|;@?<>(){}[]"

// Add has the redactor know more secrets. Each is looked for from now on, as it is and with its white space made single
// spaces, which is how errors are printed. What is shorter than Shortest is left out.
func (r *Redactor) Add(secrets ...Text) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range secrets {
		r.add(t.Reveal())
		r.add(strings.Join(strings.Fields(t.Reveal()), " "))
	}
}

func (r *Redactor) add(s string) {
	if len(s) < Shortest || r.known[s] {
		return
	}
	if r.known == nil {
		r.known = map[string]bool{}
	}
	r.known[s] = true
	for _, form := range forms(s) {
		if list := &r.first[form[0]]; !slices.Contains(*list, form) {
			*list = append(*list, form)
		}
	}
	// What no form has in it cannot, beside its neighbours, make one anew.
	for _, c := range masks {
		if r.mask = strings.Repeat(string(c), 3); !r.has(byte(c)) {
			break
		}
	}
}

func (r *Redactor) has(c byte) bool {
	for _, list := range r.first {
		for _, form := range list {
			if strings.IndexByte(form, c) >= 0 {
				return true
			}
		}
	}
	return false
}

// forms are what a secret looks like, but for escapes: itself, and in base64. What stands before it there moves its bits by
// none, two or four, and only the digits that hold nothing else are always the same. The last one is too, where the text ends
// with the secret.
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

// Redact gives the text with a mask in place of each secret, and of secrets that overlap or touch.
func (r *Redactor) Redact(text string) string {
	var b strings.Builder
	w := r.Writer(&b)
	_, _ = io.WriteString(w, text) // A strings.Builder never fails.
	_ = w.Flush()
	return b.String()
}

// Finds tells whether there is a secret in the text.
func (r *Redactor) Finds(text []byte) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for i := range text {
		if n, _ := r.at(text[i:]); n > 0 {
			return true
		}
	}
	return false
}

// Writer gives a writer that redacts what goes to w.
func (r *Redactor) Writer(w io.Writer) *Writer { return &Writer{redactor: r, to: w} }

// Writer redacts what is written. It holds the end of it back as long as a secret may have begun there. It may be used by
// several goroutines.
type Writer struct {
	redactor *Redactor
	to       io.Writer

	mu     sync.Mutex
	held   []byte
	cover  int  // so many bytes to come belong to a secret
	masked bool // the last thing that was written is a mask
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, p...)
	return len(p), w.pass(false)
}

// Flush writes what was held back; it is for the end of the text.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pass(true)
}

// Unwrap gives what is written to.
func (w *Writer) Unwrap() io.Writer { return w.to }

func (w *Writer) pass(end bool) error {
	r := w.redactor
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]byte, 0, len(w.held))
	i := 0
	for ; i < len(w.held); i++ {
		n, open := r.at(w.held[i:])
		if open && !end {
			break
		}
		w.cover = max(w.cover, n)
		switch {
		case w.cover == 0:
			out, w.masked = append(out, w.held[i]), false
		case !w.masked:
			out, w.masked = append(out, r.mask...), true
			fallthrough
		default:
			w.cover--
		}
	}
	w.held = append(w.held[:0], w.held[i:]...)
	if len(out) == 0 {
		return nil
	}
	_, err := w.to.Write(out)
	return err
}

// at gives the length of the longest secret that the text begins with, 0 for none; open tells that with more text there may
// be another one.
func (r *Redactor) at(text []byte) (longest int, open bool) {
	if r.known == nil || len(r.first[text[0]]) == 0 && !escapes(text[0]) {
		return 0, false
	}
	readings, n, open := read(text)
	for _, reading := range readings[:n] {
		for _, form := range r.first[reading.means[0]] {
			n, more := match(form, text)
			longest, open = max(longest, n), open || more
		}
	}
	return longest, open
}

// match gives the length of what the text begins with, if that is the form, escaped or not; the longest where there are several
// ways to read it. Open is as for at.
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
	seen := map[place]bool{} // Of many escapes in a row there may be more ways to read them than there is time.
	for len(todo) > 0 {
		here := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if here.form == len(form) {
			longest = max(longest, here.text)
			continue
		}
		readings, n, more := read(text[here.text:])
		open = open || more
		for _, reading := range readings[:n] {
			means := string(reading.means[:reading.length])
			next := place{here.form + len(means), here.text + reading.size}
			if strings.HasPrefix(form[here.form:], means) && !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return longest, open
}

// escapes tells whether a character may stand for another one, alone or with those behind it.
func escapes(c byte) bool { return c == '%' || c == '\\' || c == '+' }

// reading is one way to read the beginning of a text.
type reading struct {
	means  [utf8.UTFMax]byte
	length int // of means
	size   int // of what is read
}

func newReading(means rune, size int) (r reading) {
	r.length, r.size = utf8.EncodeRune(r.means[:], means), size
	return r
}

func newByteReading(means byte, size int) reading {
	return reading{means: [utf8.UTFMax]byte{means}, length: 1, size: size}
}

// read gives the n ways to read the beginning of a text: as it stands, and as an escape. Open tells that it may be another
// escape with more text.
func read(text []byte) (readings [3]reading, n int, open bool) {
	if len(text) == 0 {
		return readings, 0, true
	}
	readings[0], n = newByteReading(text[0], 1), 1
	add := func(r reading) {
		readings[n] = r
		n++
	}
	switch text[0] {
	case '+':
		add(newByteReading(' ', 1))
	case '%':
		c, ok, more := hexadecimal(text[1:], 2)
		if open = more; ok {
			add(newByteReading(byte(c), 3))
		}
	case '\\':
		if len(text) == 1 {
			return readings, n, true
		}
		add(newByteReading(text[1], 2))
		digits := 0
		switch text[1] {
		case 'x':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		default:
			if i := strings.IndexByte("abfnrtv", text[1]); i >= 0 {
				add(newByteReading("\a\b\f\n\r\t\v"[i], 2))
			}
			return readings, n, false
		}
		c, ok, more := hexadecimal(text[2:], digits)
		switch open = more; {
		case !ok:
		case digits == 2:
			add(newByteReading(byte(c), 4))
		case utf16.IsSurrogate(rune(c)):
			const size = len(`\u0000`)
			if second := text[size:]; len(second) < 2 || second[0] == '\\' && second[1] == 'u' {
				low, ok, more := hexadecimal(second[min(2, len(second)):], 4)
				if open = more; ok {
					add(newReading(utf16.DecodeRune(rune(c), rune(low)), 2*size))
				}
			}
		default:
			add(newReading(rune(c), 2+digits))
		}
	}
	return readings, n, open
}

// hexadecimal reads digits; more tells that the text ends before there are enough.
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
