package secret_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"update-gitops-repo/secret"
)

func redactor(secrets ...string) *secret.Redactor {
	r := &secret.Redactor{}
	for _, s := range secrets {
		r.Add(secret.New(s))
	}
	return r
}

func TestRedact(t *testing.T) {
	t.Parallel()
	const token = `gh/p_T0k+e"n&é%`
	std, raw := base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
	inJSON, _ := json.Marshal(token)
	lower := strings.ToLower(url.QueryEscape("x"+token)) + " "
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"nothing in it", "nothing in it"},
		{token, "***"},
		{"a" + token + "b" + token, "a***b***"},
		{token + token, "***"},
		{url.PathEscape(token) + " " + url.QueryEscape(token), "*** ***"},
		{lower, lower}, // It has T and T is not t.
		{"gh%2fp_T0k%2be%22n%26%c3%a9%25", "***"},
		{"gh%2Fp%5FT0k+e%22n&%C3%a9%", "***"},
		{string(inJSON), `"***"`},
		{`gh\/p_T0k+e\"n\u0026\u00E9%`, "***"},
		{fmt.Sprintf("%q", token), `"***"`},
		{fmt.Sprintf("%+q", token), `"***"`},
		{`gh/p\_T0k+e"n\&é%`, "***"},
		{"Authorization: Basic " + std([]byte(token)), "Authorization: Basic ***=="},
		{"Basic " + std([]byte("alex:"+token)), "Basic YWxleDp***"},
		{"Basic " + std([]byte("a:"+token)), "Basic YTp***"},
		{raw([]byte("ab:"+token)) + ".", "YWI6***."},
		{url.QueryEscape(std([]byte("ab:" + token))), "YWI6***%3D%3D"},
		{token[:len(token)-1], token[:len(token)-1]},
	} {
		if got := redactor(token).Redact(test.in); got != test.want {
			t.Errorf("%s\ngot  %s\nwant %s", test.in, got, test.want)
		}
		if redactor(token).Finds([]byte(test.in)) != (test.in != test.want) {
			t.Errorf("Finds in %q", test.in)
		}
	}

}

// TestRedactOverlap: the longest secret counts, and of two that overlap no rest is left.
func TestRedactOverlap(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want string }{
		{"x token-and-more x", "x *** x"},
		{"x token-and- x", "x ***-and- x"},
		{"x-oken-and-more-yet-another x", "x-oken-and-***-another x"},
		{"token-and-more-yet", "***"},
	} {
		if got := redactor("token", "token-and-more", "more-yet").Redact(test.in); got != test.want {
			t.Errorf("%s: got %s, want %s", test.in, got, test.want)
		}
	}

}

// TestRedactEdges covers secrets too short to be looked for, white space as errors are printed with, and secrets made
// of the characters of masks.
func TestRedactEdges(t *testing.T) {
	t.Parallel()
	if got := redactor("", "a", "abc").Redact("abc a YWJj"); got != "abc a YWJj" {
		t.Errorf("short ones: %s", got)
	}
	if got := redactor("two  words\nmore").Redact("two words more, two++words%0Amore"); got != "***, ***" {
		t.Errorf("white space: %s", got)
	}
	for _, s := range []string{"a***", "****", "***b", "*#*#"} {
		if got := redactor(s).Redact("a" + s + s[:3] + "*b"); strings.Contains(got, s) {
			t.Errorf("%s: %s", s, got)
		}
	}
}

// TestWriter writes in pieces of every size: the output is the same, and what cannot begin a secret is not kept back.
func TestWriter(t *testing.T) {
	t.Parallel()
	r := redactor("s3cret-token")
	const text = "a s3cret-token, s3cret%2dtoken and s3cret\n"
	for size := 1; size <= len(text); size++ {
		var b strings.Builder
		inPieces(t, r.Writer(&b), text, size)
		if got := b.String(); got != "a ***, *** and s3cret\n" { // No secret begins with a line break.
			t.Errorf("in pieces of %d: %q", size, got)
		}
	}

	var b strings.Builder
	w := r.Writer(&b)
	for _, step := range []struct{ write, want string }{
		{"line s3c", "line "},
		{"one", "line s3cone"},
		{" s3cret", "line s3cone "},
	} {
		if _, err := w.Write([]byte(step.write)); err != nil || b.String() != step.want {
			t.Errorf("after %q: %q, %v", step.write, b.String(), err)
		}
	}
	r.Add(secret.New("one s3")) // Late, but not too late for what is kept back.
	if err := w.Flush(); err != nil || b.String() != "line s3cone s3cret" {
		t.Errorf("flushed: %q, %v", b.String(), err)
	}
	if w.Unwrap() != &b {
		t.Error("Unwrap")
	}

	w = r.Writer(full{})
	if _, err := w.Write([]byte("text")); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

// inPieces writes text in pieces of size bytes.
func inPieces(t *testing.T, w io.Writer, text string, size int) {
	t.Helper()
	for rest := text; rest != ""; {
		n := min(size, len(rest))
		if written, err := w.Write([]byte(rest[:n])); written != n || err != nil {
			t.Fatal(written, err)
		}
		rest = rest[n:]
	}
}

// BenchmarkFinds measures the check of the files that are pushed: one token, and YAML that does not hold it.
func BenchmarkFinds(b *testing.B) {
	r := redactor("ghp_16C7e42F292c6912E7710c838347Ae178B4a")
	const manifest = "apiVersion: apps/v1\nkind: Deployment\nspec:\n" +
		"  image: ghcr.io/acme/shop@sha256:0123456789abcdef\n  command: [\"a b\", 'c%20d\\n']\n"
	text := []byte(strings.Repeat(manifest, 1000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if r.Finds(text) {
			b.Fatal("found")
		}
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// FuzzRedactor compares the redactor with the same rules as a regular expression: no form of a secret passes, however
// the text is cut, and a text without any passes unchanged.
func FuzzRedactor(f *testing.F) {
	f.Add("token", "a token, %74oken", uint8(1))
	f.Add("a b+c%", "a+b%2Bc%25 YSBiK2Ml", uint8(2))
	f.Add(`\\\\\\\\`, `\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\`, uint8(3))
	f.Add("%25%25", "%25%25%2525%25", uint8(3))
	f.Add("aaaa", "aaaaaaaaaaaaa", uint8(4))
	f.Add("****", "a*******b", uint8(1))
	f.Add("é😀x", `\u00e9\ud83d\ude00x \U000000e9\xf0\x9f\x98\x80x`, uint8(5))
	f.Add("line\nbreak", `line\nbreak line%0abreak line break`, uint8(7))
	user := base64.StdEncoding.EncodeToString([]byte("a:s3cret-token"))
	f.Add("s3cret-token", "Basic YWxleDpzM2NyZXQtdG9rZW4= "+user, uint8(9))
	f.Fuzz(func(t *testing.T, s, text string, size uint8) {
		if len(s) < secret.Shortest || len(s) > 100 || len(text) > 2000 || strings.ContainsAny(s, "&|@?<>(){}[]") {
			t.Skip() // The last are what is left to make a mask of.
		}
		encoded := base64.StdEncoding.EncodeToString([]byte(text + s + text))
		for _, in := range []string{text, text + s + text, text + url.QueryEscape(s), encoded} {
			checkRedacted(t, s, in, int(size)+1)
		}
	})
}

// checkRedacted redacts a text that may hold the secret s, as a whole and in pieces of size bytes, and compares the
// result with what the pattern of s matches.
func checkRedacted(t *testing.T, s, in string, size int) {
	t.Helper()
	r := redactor(s)
	var b strings.Builder
	w := r.Writer(&b)
	inPieces(t, w, in, size)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if whole := r.Redact(in); got != whole {
		t.Errorf("secret %q, text %q: %q in pieces, %q as a whole", s, in, got, whole)
	}
	if r.Finds([]byte(in)) != (got != in) {
		t.Errorf("secret %q, text %q: Finds", s, in)
	}
	// A regular expression matches runes, so each byte is made one.
	before, after := pattern(s).MatchString(latin(in)), pattern(s).MatchString(latin(got))
	if after || before != (got != in) || !before && strings.Contains(in, s) {
		t.Errorf("secret %q, text %q, got %q; matched before: %t, after: %t", s, in, got, before, after)
	}
}

// latin returns s with each byte as a rune of its own.
func latin(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// pattern returns a regular expression for every form of a secret.
func pattern(s string) *regexp.Regexp {
	var all []string
	for _, s := range []string{s, strings.Join(strings.Fields(s), " ")} {
		if len(s) < secret.Shortest {
			continue
		}
		all = append(all, spelled(s))
		for before := range 3 {
			// In bits: the digits that are the secret's alone.
			digits := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + s + "xx"))
			start, end := (before*8+5)/6, (before+len(s))*8/6
			own := digits[start:end]
			all = append(all, spelled(own), spelled(strings.NewReplacer("+", "-", "/", "_").Replace(own)))
		}
	}
	return regexp.MustCompile(`(?s)` + strings.Join(all, "|"))
}

// spelled returns a regular expression for s with any of its characters escaped.
func spelled(s string) string {
	var b strings.Builder
	for s != "" {
		c, size := utf8.DecodeRuneInString(s)
		ways := []string{bytewise(s[:size])}
		if c != utf8.RuneError {
			ways = append(ways, fmt.Sprintf(`\\u(?i:%04x)|\\U(?i:%08x)`, c, c))
		}
		if c > 0xffff {
			c -= 0x10000
			ways = append(ways, fmt.Sprintf(`\\u(?i:%04x)\\u(?i:%04x)`, 0xd800+c>>10, 0xdc00+c&0x3ff))
		}
		b.WriteString("(?:" + strings.Join(ways, "|") + ")")
		s = s[size:]
	}
	return b.String()
}

// bytewise returns a regular expression for s with any of its bytes escaped.
func bytewise(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		literal := regexp.QuoteMeta(string(rune(c)))
		ways := []string{`\\?` + literal, fmt.Sprintf(`(?:%%|\\x)(?i:%02x)`, c)}
		if c == ' ' {
			ways = append(ways, `\+`)
		}
		if j := strings.IndexByte("\a\b\f\n\r\t\v", c); j >= 0 {
			ways = append(ways, `\\`+"abfnrtv"[j:j+1])
		}
		if c < 0x80 {
			ways = append(ways, fmt.Sprintf(`\\u(?i:%04x)|\\U(?i:%08x)`, c, c))
		}
		b.WriteString("(?:" + strings.Join(ways, "|") + ")")
	}
	return b.String()
}
