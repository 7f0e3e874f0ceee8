package retry

import (
	"errors"
	"testing"
	"testing/synctest"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
)

// TestDoNested checks that what is retried within something that is retried has no more tries for that.
func TestDoNested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		err := Do(t.Context(), discard, func() error {
			return Do(t.Context(), discard, func() error {
				tried++
				return &TransientError{errors.New("502 Bad Gateway")}
			})
		})
		if tried != MaxTries || err == nil || err.Error() != "502 Bad Gateway, 8 times in a row" {
			t.Errorf("%d tries: %v", tried, err)
		}
	})
}

// TestDo checks that it ends with the first success, or the first error that is not transient.
func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, want := range []error{nil, scm.ErrAuth} {
			tried := 0
			err := Do(t.Context(), discard, func() error {
				if tried++; tried < 3 {
					return errFault
				}
				return want
			})
			if tried != 3 || !errors.Is(err, want) {
				t.Errorf("%d tries: %v, want %v", tried, err, want)
			}
		}
	})
}

func TestIsTransient(t *testing.T) {
	fault := errors.Join(errors.New("x"), gitrepo.ErrFault)
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {scm.ErrAuth, false}, {gitrepo.ErrRejected, false},
		{fault, true}, {&TransientError{scm.ErrRefused}, true},
		{&GaveUpError{err: fault}, false}, {&TransientError{&GaveUpError{err: fault}}, false},
	} {
		if got := IsTransient(test.err); got != test.want {
			t.Errorf("%v: got %t", test.err, got)
		}
	}
}
