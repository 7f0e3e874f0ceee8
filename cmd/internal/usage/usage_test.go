package usage_test

import (
	"errors"
	"fmt"
	"testing"

	"update-gitops-repo/cmd/internal/usage"
)

func TestError(t *testing.T) {
	err := fmt.Errorf("plan: %w", usage.Errorf("give 100% of them", "-set %q", "a"))
	if err.Error() != `plan: -set "a"` {
		t.Errorf("got %q", err)
	}
	if hint, ok := usage.Hint(err); !ok || hint != "give 100% of them" {
		t.Errorf("the hint is %q, %t", hint, ok)
	}
	if hint, ok := usage.Hint(errors.New("other")); ok || hint != "" {
		t.Errorf("another error has the hint %q", hint)
	}
}
