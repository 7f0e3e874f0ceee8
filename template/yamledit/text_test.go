package yamledit

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// lineStarts, which is made for speed, finds the lines that lineBreak does.
func TestLineStarts(t *testing.T) {
	t.Parallel()
	for _, src := range []string{"", "a", "a\n", "\n\n", "a\r\nb\rc\n\r", "é\u0085\u2028\u2029x\u2027", "\ufeffa\n",
		"\u0085", "\xc2", "\x85", "\xe2\x80", "\xa8"} {
		want := []int{0}
		if strings.HasPrefix(src, byteOrderMark) {
			want[0] = len(byteOrderMark)
		}
		for _, at := range lineBreak.FindAllStringIndex(src, -1) {
			want = append(want, at[1])
		}
		if got := lineStarts([]byte(src)); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", src, got, want)
		}
	}
}

// FuzzToken: wherever the parser sees a scalar, the token of it is found and reads the same on its own.
func FuzzToken(f *testing.F) {
	for _, src := range []string{
		"a: v\n", "a: 'v'\nb: \"w\"", "a: |\n  x\n y\n", "a: >2-\n   x\n\n  y\n# c\n", "- - x\n  - y\n",
		"{a: b, c, \"d\":e}", "a: &x !!str v # c\n", "\ufeffa: é\n", "a: x\r\n  y\r\n",
		"a: |+\n\n\n", "? a\n: b\n", "%YAML 1.2\n---\na: 1\n...\n", "--- |\n x\n--- 'y'\n", "a: \"x\\\n  y\"", "a:\n",
		"a: !!str\n", "a: ! x\n", "a: |1\n  x\n", "- |\n\tx\n", "a: >\n x\n  y\n\n z\n",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		docs, err := parseYAML([]byte(src))
		if err != nil || quirk.MatchString(src) {
			return
		}
		s := newSource("f.yaml", []byte(src), false)
		for _, n := range flat(docs) {
			if n.Kind != yaml.ScalarNode {
				continue
			}
			start, end, err := s.token(n)
			if err != nil || start > end || end > len(src) {
				t.Fatalf("%q: %q is not found: %d, %d, %v", src, n.Value, start, end, err)
			}
			if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
				again, err := parseYAML([]byte(src[start:end]))
				if err == nil && (len(again) != 1 || again[0].Value != n.Value) {
					t.Errorf("%q: %q at %d to %d reads otherwise", src, n.Value, start, end)
				}
			}
			if n.Style&block != 0 {
				b := s.bodyOf(n, end)
				if b.start < end || b.end < b.start || b.blanks < b.end || b.blanks > len(src) {
					t.Errorf("%q: %q has the body %+v", src, n.Value, b)
				}
			}
		}
	})
}
