package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"update-gitops-repo/gitrepo"
)

const (
	// maxRuns is how often a run starts over. Of eight writers at one branch without a pause, one in a hundred loses 30
	// races.
	maxRuns = 100
	// maxSame is how often a branch may be found at the same tip by runs that all lose their race to it. It allows for
	// a few seconds, with the pauses, in which somebody holds a lock for good reason.
	maxSame = 8
	// minPause is about the time that a push to a fast server takes.
	minPause = 50 * time.Millisecond
)

// Pace decides whether a run starts over after a failure, and after which pause. A run that lost a race to its branch
// starts over for as long as the branch moves: every lost race is another writer's success, so this ends once the
// others are done. After a transient failure it starts over up to MaxTries times in a row.
type Pace struct {
	log    *slog.Logger
	began  time.Time                   // of the latest run
	took   time.Duration               // runs of late
	races  backoff.ExponentialBackOff  // pauses after a lost race
	faults *backoff.ExponentialBackOff // pauses after a transient failure

	tip    string // of the branch, when it was last read
	same   int    // how often it was read so in a row
	runs   int
	failed int   // transiently, in a row
	last   error // for which the run started over
}

// NewPace returns the pace of a run's first start.
func NewPace(log *slog.Logger) *Pace {
	return &Pace{log: log, faults: newPauses(firstPause), races: backoff.ExponentialBackOff{
		// Full jitter, see newPauses.
		InitialInterval: minPause, MaxInterval: 2 * time.Second, Multiplier: 1.5, RandomizationFactor: 1,
	}}
}

// Start notes that the run starts, for the first time or over.
func (p *Pace) Start() { p.began = time.Now() }

// Saw notes the tip of the branch as the run found it, empty if there is no branch. A branch that others keep moving is
// worth another run. One that stands still refuses pushes for a reason that only sounds like a lost race, such as a
// stale lock.
func (p *Pace) Saw(tip string) {
	if tip != p.tip {
		p.tip, p.same = tip, 0
	}
	p.same++
}

// Again returns nil, after the pause, when the run is to start over because of err. Otherwise it returns the error that
// the run ends with: err, a GaveUpError, gitrepo.ErrRejected, or the context's, which wrap err.
func (p *Pace) Again(ctx context.Context, err error) error {
	p.learn(time.Since(p.began))
	p.runs++
	if !IsTransient(err) && !errors.Is(err, gitrepo.ErrMoved) {
		if ctx.Err() != nil && p.last != nil {
			err = fmt.Errorf("%w, after: %w", err, p.last)
		}
		return err
	}
	p.last = err
	pause, err := p.pause(err)
	if err != nil || p.runs == maxRuns {
		return cmp.Or(err, p.last)
	}
	if ctx.Err() == nil {
		if IsTransient(p.last) {
			notify(p.log)(p.last, pause)
		} else {
			p.log.Info("lost a race, starting again", "reason", p.last)
		}
	}
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w, after: %w", context.Cause(ctx), p.last)
	}
}

// pause returns the pause after a failure, or the error to end with.
func (p *Pace) pause(err error) (time.Duration, error) {
	if IsTransient(err) {
		p.tip, p.same = "", 0 // Not because of somebody's lock.
		if p.failed++; p.failed == MaxTries {
			return 0, &GaveUpError{err: err}
		}
		return p.faults.NextBackOff(), nil
	}
	p.failed = 0 // The server has answered.
	p.faults.Reset()
	if p.same > maxSame {
		return 0, fmt.Errorf("%w, although the branch has not moved: %w", gitrepo.ErrRejected, err)
	}
	return p.races.NextBackOff(), nil
}

// learn adapts the pauses to how long runs take: while others land, that time is the best measure of how many they are.
// For a branch that does not move, the pauses grow.
func (p *Pace) learn(took time.Duration) {
	p.took = (cmp.Or(p.took, took) + took) / 2
	if p.same == 1 {
		p.races.InitialInterval = min(max(p.took, minPause), p.races.MaxInterval)
		p.races.Reset()
	}
}
