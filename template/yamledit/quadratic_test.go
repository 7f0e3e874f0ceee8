package yamledit

import (
	"strings"
	"testing"
)

// What takes time with the square of its size would not come to an end here.
func TestNothingQuadratic(t *testing.T) {
	t.Parallel()
	spaces := strings.Repeat(" ", 2_000_000)
	if got := setText(t, "f.yaml", "a: x"+spaces+"y\nb: 1\n", "a", "v2"); got != "a: v2\nb: 1\n" {
		t.Errorf("got %d bytes", len(got))
	}
	list := "[" + strings.Repeat(`"v1",`, 300_000) + "1]"
	if got := setText(t, "f.json", list, "a", "v2"); got != "["+strings.Repeat(`"v2",`, 300_000)+`"v2"]` {
		t.Errorf("got %d bytes", len(got))
	}
}
