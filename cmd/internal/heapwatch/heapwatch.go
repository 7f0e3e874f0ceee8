// Package heapwatch bounds the memory of work that cannot be stopped.
package heapwatch

import (
	"fmt"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// Limit is by how much the memory in use may grow during an edit, in bytes. A tenth of it serves for files of some
// megabytes.
const Limit = 1 << 30

// Error says that an edit would take more memory than it may.
type Error struct {
	File  string // what was edited; empty when it is unknown
	Key   string // the path, the expression or the image that it was edited by; empty when it is unknown
	Limit uint64 // in bytes
}

// Error returns the file, and what would take too much.
func (e *Error) Error() string {
	what := "to edit it"
	if e.Key != "" {
		what = e.Key
	}
	return fmt.Sprintf("%s: %s would take more than %d MiB of memory", e.File, what, e.Limit>>20)
}

// Run calls do. If meanwhile the memory in use grows by more than limit, it returns an *Error for what progress was
// last told, and leaves do to itself, which the end of the program has to follow: neither the YAML parser nor yq can be
// stopped, and a file, or an expression that makes copies of copies, needs little to ask for more than there is.
func Run[T any](limit uint64, do func(progress func(file, key string)) (T, error)) (T, error) {
	var last atomic.Pointer[Error]
	progress := func(file, key string) { last.Store(&Error{File: file, Key: key, Limit: limit}) }
	progress("", "")
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	start := inUse()
	go func() {
		value, err := do(progress)
		done <- result{value, err}
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case r := <-done:
			return r.value, r.err
		case <-tick.C:
			if inUse() > start+limit {
				var none T
				return none, last.Load()
			}
		}
	}
}

// inUse returns how many bytes the objects on the heap take.
func inUse() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
