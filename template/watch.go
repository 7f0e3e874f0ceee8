package template

import (
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// maxHeap is by how much the memory in use may grow during an edit. A tenth of it serves for files of some megabytes.
const maxHeap = 1 << 30

// outcome is what an edit gives.
type outcome struct {
	files    map[string][]byte
	changes  []Change
	warnings []string
}

// watched calls do. If meanwhile the memory in use grows by more than limit, it returns an error for what at was last told,
// and leaves do to itself, which the end of the program has to follow: neither the YAML parser nor yq can be stopped, and
// a file, or an expression that makes copies of copies, needs little to ask for more than there is.
func watched(limit uint64, do func(at func(file, key string)) (outcome, error)) (outcome, error) {
	var last atomic.Pointer[Error]
	at := func(file, key string) { last.Store(&Error{File: file, Key: key}) }
	at("", "")
	type result struct {
		outcome outcome
		err     error
	}
	done := make(chan result, 1)
	start := inUse()
	go func() {
		o, err := do(at)
		done <- result{o, err}
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case r := <-done:
			return r.outcome, r.err
		case <-tick.C:
			if inUse() <= start+limit {
				continue
			}
			e := *last.Load()
			e.Err, e.Reason = ErrLimit, "to edit it would take more than "+mebibytes(int(limit))+" of memory"
			if e.Key != "" {
				e.Reason = e.Key + " would take more than " + mebibytes(int(limit)) + " of memory"
			}
			return outcome{}, &e
		}
	}
}

// inUse returns how many bytes the objects on the heap take.
func inUse() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
