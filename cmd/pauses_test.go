package cmd

import (
	"testing"
	"time"
)

// TestPauses: on average a pause is as long as attempts take, and grows when nobody lands.
func TestPauses(t *testing.T) {
	p := newPauses()
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
		p.after(step.took, step.moved)
		p.RandomizationFactor = 0 // The mean alone.
		mean := p.NextBackOff()
		if mean != step.mean {
			t.Errorf("step %d: the mean is %v, want %v", i, mean, step.mean)
		}
	}
	p = newPauses()
	for range 3 {
		p.after(time.Microsecond, true)
	}
	if p.InitialInterval != minPause {
		t.Errorf("attempts that take no time have pauses of %v", p.InitialInterval)
	}
	for range 1000 {
		p.Reset()
		if d := p.NextBackOff(); d < 0 || d > 2*minPause {
			t.Fatalf("a pause of %v", d)
		}
	}
}
