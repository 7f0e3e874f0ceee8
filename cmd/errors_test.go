package cmd

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/escape/escapetest"
)

// FuzzPrintError checks that an error is two lines, whatever it holds.
func FuzzPrintError(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		if err := printError(&out, fmt.Errorf("%s", s)); err != nil {
			t.Fatal(err)
		}
		lines := escapetest.Lines(strings.TrimSuffix(out.String(), "\n"))
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "error: ") || !strings.HasPrefix(lines[1], "hint: ") ||
			out.String() != escape.Output(out.String()) {
			t.Errorf("%q: %q", s, out.String())
		}
	})
}
