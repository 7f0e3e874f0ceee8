// Package retry says which failures are transient, how often to retry, and how long to pause before that.
//
// There are three layers: [Transport] repeats a request, [Do] an operation such as opening the pull request, and [Pace]
// a run, from reading the branches on. A [GaveUpError] of one layer stops those around it.
package retry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"update-gitops-repo/gitrepo"
)

// MaxTries is how often something is tried that fails with transient errors. With the pauses in between, the last try
// is some 25 s after the first, on average.
const MaxTries = 8

// again is the level of warnings of which nobody has to know while the run succeeds.
const again = slog.LevelWarn + 1

// firstPause is the mean of the first pause.
const firstPause = 200 * time.Millisecond

// newPauses returns the pauses between tries, the first of that mean, each twice as long as the one before. Randomized
// by its whole length, an interval is between nothing and twice the mean: full jitter.
func newPauses(first time.Duration) *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval: first, MaxInterval: 75 * first, Multiplier: 2, RandomizationFactor: 1,
	}
}

// TransientError is a failure that another attempt may get past. A request that ends in one must not be repeated
// blindly, because the server may have carried it out; whoever knows how to find that out may start over.
type TransientError struct{ err error }

// Transient returns err as one that another attempt may get past.
func Transient(err error) error { return &TransientError{err} }

// Error implements error.
func (e *TransientError) Error() string { return e.err.Error() }

// Unwrap returns the failure.
func (e *TransientError) Unwrap() error { return e.err }

// GaveUpError is a failure after which retrying is pointless: it was tried MaxTries times, or the server asks for a
// pause that is longer than the time that is left.
type GaveUpError struct {
	Wait time.Duration // what the server asks for; 0: it was tried MaxTries times
	err  error
}

// Error implements error.
func (e *GaveUpError) Error() string {
	if e.Wait > 0 {
		wait := e.Wait.Round(time.Second)
		return fmt.Sprintf("%v; the server asks for a pause of %s, for which there is no time", e.err, wait)
	}
	return fmt.Sprintf("%v, %d times in a row", e.err, MaxTries)
}

// Unwrap returns the last failure.
func (e *GaveUpError) Unwrap() error { return e.err }

// IsTransient reports whether err is a failure of the network or of a server that another attempt may get past.
func IsTransient(err error) bool {
	if _, ok := errors.AsType[*GaveUpError](err); ok {
		return false
	}
	_, transient := errors.AsType[*TransientError](err)
	return transient || errors.Is(err, gitrepo.ErrFault)
}

// Do calls try until it succeeds or fails with an error that is not transient, at most MaxTries times, and then returns
// a GaveUpError so that callers that retry stop too. Calling try twice must do no harm.
func Do(ctx context.Context, log *slog.Logger, try func() error) error {
	tries := 0
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := try()
		tries++
		switch {
		case !IsTransient(err):
			err = permanent(err)
		case tries == MaxTries:
			err = permanent(&GaveUpError{err: err})
		}
		return struct{}{}, err
	}, backoff.WithBackOff(newPauses(firstPause)), backoff.WithMaxElapsedTime(0), backoff.WithNotify(notify(log)))
	return err
}

// notify returns a function that logs that something is retried.
func notify(log *slog.Logger) backoff.Notify {
	return func(err error, pause time.Duration) {
		log.Log(context.Background(), again, "starting again", "in", pause.Round(time.Millisecond), "reason", err)
	}
}

// permanent keeps an error from being retried.
func permanent(err error) error {
	if err == nil {
		return nil
	}
	return backoff.Permanent(err)
}
