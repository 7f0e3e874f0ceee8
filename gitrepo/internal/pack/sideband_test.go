package pack

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestDemuxErrors: the server's own words and what breaks the stream are errors, and long words are cut off.
func TestDemuxErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	for name, test := range map[string]struct{ stream, want string }{
		"server's error": {"000c\x03refused0000", "the server says: refused"},
		"a long one": {
			fmt.Sprintf("%04x\x03%s0000", len(long)+5, long), "the server says: " + long[:maxMessage],
		},
		"unknown band": {"0006\x09x", "a line on band 9"},
		"no length":    {"zzzz", `"zzzz" where a line begins`},
		"length of 3":  {"0003", "a line of length 3"},
		"ends early":   {"0009\x01PA", "unexpected EOF"},
		"no end":       {"0006\x01P", "unexpected EOF"},
		"progress":     {"0009\x02ti", "unexpected EOF"},
	} {
		if _, err := io.ReadAll(Demux(strings.NewReader(test.stream))); err == nil || err.Error() != test.want {
			t.Errorf("%s: got %.200v, want %.200s", name, err, test.want)
		}
	}
	if maxMessage < 500 {
		t.Error("what hooks say has no room")
	}
}
