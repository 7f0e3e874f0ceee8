package scm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Wait waits until pr is merged: by the forge or by somebody, or by this program as m says as soon as the forge lets it, if
// m is not nil. report is called with what it waits for, whenever that changes. The error is ErrNotMergeable when pr is
// closed without being merged, with ErrClosed, and when waiting will not help, else the provider's or the context's. p has to be a
// [Watcher], and a [Merger] where m is not nil.
func Wait(ctx context.Context, p Provider, pr PullRequest, m *Merge, report func(waits string)) error {
	pause := &backoff.ExponentialBackOff{InitialInterval: time.Second, MaxInterval: 15 * time.Second, Multiplier: 1.5}
	pause.Reset()
	last := ""
	refused := 0 // how often in a row, although nothing seemed to stand in the way
	for {
		s, err := p.(Watcher).Status(ctx, pr)
		switch {
		case err != nil:
			return err
		case s.Merged:
			return nil
		case s.Closed:
			return fmt.Errorf("%s: pull request #%d: %w: %w", p.Name(), pr.Number, ErrNotMergeable, ErrClosed)
		case s.Final:
			return fmt.Errorf("%s: pull request #%d: %w: %s", p.Name(), pr.Number, ErrNotMergeable, s.Waits)
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
			// What the status does not show, such as a method that is forbidden or another head, does not pass either.
			if !errors.Is(err, ErrNotMergeable) || refused == 2 {
				return err
			}
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
			return fmt.Errorf("%s: pull request #%d: waiting for it to be merged: %w", p.Name(), pr.Number, ctx.Err())
		}
	}
}
