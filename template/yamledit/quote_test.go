package yamledit

import (
	"bytes"
	"testing"
)

// FuzzQuote: whatever a scalar is to read, its token does, in every style, and nothing else comes of it.
func FuzzQuote(f *testing.F) {
	for _, value := range nasty {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, src := range []string{"k: v1 # c\nz: 1\n", "k: 'v1'\nz: 1\n", "k: \"v1\"\nz: 1\n", "k: |2\n  v1\nz: 1\n",
			"k: >+\n  v1\n\nz: 1\n", "{k: v1, z: 1}", "- v1\n- z\n"} {
			docs, err := parseYAML([]byte(src))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal([]byte(value), bytes.ToValidUTF8([]byte(value), []byte("?"))) {
				return // ParseAssignment refuses it
			}
			if err := setOne("f.yaml", []byte(src), scalars(docs)[0], value); err != nil {
				t.Errorf("%q to %q: %v", src, value, err)
			}
		}
	})
}
