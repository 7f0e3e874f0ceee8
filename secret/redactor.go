package secret

import (
	"io"
	"slices"
	"strings"
	"sync"
)

// Shortest is the length in bytes of the shortest secret that a Redactor looks for. Shorter ones are parts of ordinary
// words, and easy to guess whether they are shown or not.
const Shortest = 4

// Redactor takes secrets out of texts. It finds a secret
//
//   - as it is,
//   - in base64: both alphabets, padded or not, also as a part of something longer such as user:password,
//   - and either of these with any of its characters escaped as in URLs (%2F, + for a space), in JSON and Go's quotes
//     (\u002f, \x2f, \", \/), or in Markdown (\_).
//
// The zero value knows no secret. A Redactor may be used by several goroutines.
type Redactor struct {
	mu    sync.RWMutex
	known map[string]bool
	first [256][]string // forms of the known secrets, by first byte
	mask  string        // what replaces a secret
}

// masks are the characters that a mask can be made of. None of them can be a part of an escape.
const masks = "*#~^!$&|;@?<>(){}[]"

// Add registers secrets: each as it is, and with its white space collapsed to single spaces, because errors are printed
// on one line. Secrets shorter than [Shortest] are ignored.
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
	// A mask of a character that is in no form cannot complete a form together with the text around it.
	for _, c := range masks {
		if r.mask = strings.Repeat(string(c), 3); !r.has(byte(c)) {
			break
		}
	}
}

// has reports whether c is in a form of a known secret.
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

// Redact returns text with each secret replaced by a mask. Secrets that overlap or touch share one mask.
func (r *Redactor) Redact(text string) string {
	var b strings.Builder
	w := r.Writer(&b)
	_, _ = io.WriteString(w, text) // A strings.Builder never fails.
	_ = w.Flush()
	return b.String()
}

// Finds reports whether text holds a secret.
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

// Writer returns a writer that redacts what is written and passes it on to w.
func (r *Redactor) Writer(w io.Writer) *Writer { return &Writer{redactor: r, to: w} }

// Writer redacts what is written to it. It keeps back the end of the text while that may be the beginning of a secret;
// call [Writer.Flush] at the end. A Writer may be used by several goroutines.
type Writer struct {
	redactor *Redactor
	to       io.Writer

	mu     sync.Mutex
	held   []byte // not yet passed on
	cover  int    // bytes at the beginning of held that belong to a secret already masked
	masked bool   // the last output was a mask
}

// Write implements io.Writer. It returns the errors of the writer below.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, p...)
	return len(p), w.pass(false)
}

// Flush writes what was kept back. Call it at the end of the text.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pass(true)
}

// Unwrap returns the writer below.
func (w *Writer) Unwrap() io.Writer { return w.to }

// pass redacts what is held and passes it on: all of it at the end of the text, else as far as no secret may have
// begun.
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
		if w.cover == 0 {
			out, w.masked = append(out, w.held[i]), false
			continue
		}
		if !w.masked {
			out, w.masked = append(out, r.mask...), true
		}
		w.cover--
	}
	w.held = append(w.held[:0], w.held[i:]...)
	if len(out) == 0 {
		return nil
	}
	_, err := w.to.Write(out)
	return err
}

// at returns the length of the longest secret that text, which is not empty, begins with; 0 for none. open reports that
// more text might make it a longer one.
func (r *Redactor) at(text []byte) (longest int, open bool) {
	if r.known == nil || len(r.first[text[0]]) == 0 && !escapes(text[0]) {
		return 0, false
	}
	ways, n, open := read(text)
	for _, way := range ways[:n] {
		for _, form := range r.first[way.means[0]] {
			length, more := match(form, text)
			longest, open = max(longest, length), open || more
		}
	}
	return longest, open
}
