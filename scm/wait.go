package scm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Wait returns when pr is merged, by the forge or by somebody. If m is not nil, Wait merges pr itself, as m describes,
// once the forge lets it. It calls report with what pr waits for, whenever that changes. p must be a [Watcher], and a
// [Merger] if m is not nil.
//
// Errors are ErrNotMergeable with ErrClosed if pr is closed without being merged, ErrNotMergeable if waiting does not
// help, and those of the provider and of the context. As those of [Open], they name the step, and not the pull request.
func Wait(ctx context.Context, p Provider, pr PullRequest, m *Merge, report func(waits string)) error {
	err := wait(ctx, p, pr, m, report)
	// The time may be up during a pause or during a request, whose error would not say what it was for.
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%s: %w", waiting, ctx.Err())
	}
	if err != nil {
		return failed(waiting, err)
	}
	return nil
}

// waiting is the step of [Wait].
const waiting = "waiting for it to be merged"

func wait(ctx context.Context, p Provider, pr PullRequest, m *Merge, report func(waits string)) error {
	pause := &backoff.ExponentialBackOff{InitialInterval: time.Second, MaxInterval: 15 * time.Second, Multiplier: 1.5}
	pause.Reset()
	last := ""
	refused := 0 // refusals in a row while the status shows nothing to wait for
	for {
		s, err := p.(Watcher).Status(ctx, pr)
		switch {
		case err != nil:
			return err
		case s.Merged:
			return nil
		case s.Closed:
			return fmt.Errorf("%s: %w: %w", p.Name(), ErrNotMergeable, ErrClosed)
		case s.Final:
			return fmt.Errorf("%s: %w: %s", p.Name(), ErrNotMergeable, s.Waits)
		}
		if s.Waits != last && s.Waits != "" {
			report(s.Waits)
			last = s.Waits
		}
		if m != nil {
			err := p.(Merger).Merge(ctx, pr, *m)
			if refused++; s.Waits != "" {
				refused = 0
			}
			// The status does not show everything, such as a forbidden method or another head: retry once, then give
			// up.
			if !errors.Is(err, ErrNotMergeable) || refused == 2 {
				return err
			}
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
