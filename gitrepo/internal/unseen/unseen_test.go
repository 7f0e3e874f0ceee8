package unseen_test

import (
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/internal/unseen"
)

func TestRune(t *testing.T) {
	t.Parallel()
	for _, r := range "\x00\t\n\r\x1b\x7f\u0085\u2028\u2029\u202e\u2066\u200f" {
		if !unseen.Rune(r) {
			t.Errorf("%U counts as seen", r)
		}
	}
	if i := strings.IndexFunc("aZ0 .-_/é漢\u00a0🙂\ufffd", unseen.Rune); i >= 0 {
		t.Errorf("the character at byte %d counts as unseen", i)
	}
}
