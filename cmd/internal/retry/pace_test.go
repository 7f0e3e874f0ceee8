package retry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"update-gitops-repo/gitrepo"
)

var discard = slog.New(slog.DiscardHandler)

// TestPacePauses checks that on average a pause is as long as runs take, and grows when nobody lands.
func TestPacePauses(t *testing.T) {
	p := NewPace(discard)
	for i, step := range []struct {
		took  time.Duration
		moved bool
		mean  time.Duration
	}{
		{400 * time.Millisecond, true, 400 * time.Millisecond},
		{200 * time.Millisecond, true, 300 * time.Millisecond},
		{300 * time.Millisecond, false, 450 * time.Millisecond},
		{300 * time.Millisecond, false, 675 * time.Millisecond},
		{300 * time.Millisecond, true, 300 * time.Millisecond},
		{time.Hour, true, 2 * time.Second},
		{time.Millisecond, false, 2 * time.Second},
	} {
		if p.same++; step.moved {
			p.same = 1
		}
		p.learn(step.took)
		p.races.RandomizationFactor = 0 // The mean alone.
		mean := p.races.NextBackOff()
		if mean != step.mean {
			t.Errorf("step %d: the mean is %v, want %v", i, mean, step.mean)
		}
	}
	p = NewPace(discard)
	for range 3 {
		p.same = 1
		p.learn(time.Microsecond)
	}
	if p.races.InitialInterval != minPause {
		t.Errorf("runs that take no time have pauses of %v", p.races.InitialInterval)
	}
	for range 1000 {
		p.races.Reset()
		if d := p.races.NextBackOff(); d < 0 || d > 2*minPause {
			t.Fatalf("a pause of %v", d)
		}
	}
}

var (
	errMoved = fmt.Errorf("main: %w", gitrepo.ErrMoved)
	errFault = fmt.Errorf("main: %w", gitrepo.ErrFault)
)

// TestPaceEnds checks how often a run starts over, and the error that it ends with.
func TestPaceEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		// run returns the error of the nth run, from 1 on, and the tip of its branch.
		run  func(n int) (tip string, err error)
		runs int
		want string
		kind error
	}{
		{
			"not transient", func(int) (string, error) { return "a", gitrepo.ErrAuth }, 1,
			"authentication failed", gitrepo.ErrAuth,
		},
		{
			"transient", func(int) (string, error) { return "a", errFault }, 8,
			"main: transfer failed, 8 times in a row", errFault,
		},
		{
			"transient, not in a row",
			func(n int) (string, error) {
				if n%8 == 0 {
					return fmt.Sprint(n), errMoved
				}
				return "a", errFault
			}, 100, "main: transfer failed", errFault,
		},
		{
			"a branch that moves", func(n int) (string, error) { return fmt.Sprint(n), errMoved }, 100,
			"main: branch moved", errMoved,
		},
		{
			"a branch that stands still",
			func(n int) (string, error) { return fmt.Sprint(min(n, 30)), errMoved }, 38,
			"push refused, although the branch has not moved: main: branch moved", gitrepo.ErrRejected,
		},
		{
			"a branch that stands still, with faults",
			func(n int) (string, error) {
				if n == 8 {
					return "a", errFault
				}
				return "a", errMoved
			}, 17, "push refused, although the branch has not moved: main: branch moved", gitrepo.ErrRejected,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := NewPace(discard)
			runs := 0
			var err error
			for err == nil {
				p.Start()
				runs++
				tip, failure := test.run(runs)
				p.Saw(tip)
				err = p.Again(t.Context(), failure)
			}
			if runs != test.runs || err.Error() != test.want || !errors.Is(err, test.kind) {
				t.Errorf("%s: %d runs, %v; want %d, %s", test.name, runs, err, test.runs, test.want)
			}
		})
	}
}

// TestPaceInterrupted checks that the end of the context ends a pause, and that the error says what the pause was for.
func TestPaceInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := NewPace(slog.New(slog.NewTextHandler(&log, nil)))
		p.Start()
		if err := p.Again(t.Context(), errMoved); err != nil {
			t.Errorf("a lost race: %v", err)
		}
		p.Start()
		if err := p.Again(t.Context(), errFault); err != nil {
			t.Errorf("a fault: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		time.Sleep(time.Second)
		p.Start()
		err := p.Again(ctx, ctx.Err())
		if err == nil || err.Error() != "context deadline exceeded, after: main: transfer failed" {
			t.Errorf("an end while it runs: %v", err)
		}
		p.faults.RandomizationFactor = 0 // No pause of no length.
		err = p.Again(ctx, errFault)
		if !errors.Is(err, context.DeadlineExceeded) ||
			!strings.HasSuffix(err.Error(), ", after: main: transfer failed") {
			t.Errorf("an end before a pause: %v", err)
		}
		if got := log.String(); strings.Count(got, "\n") != 2 ||
			!strings.Contains(got, `msg="lost a race, starting again"`) ||
			!strings.Contains(got, `level=WARN+1 msg="starting again"`) {
			t.Errorf("logged %s", got)
		}
	})
}
