package pack

import (
	"fmt"
	"sync/atomic"
)

// Quota limits how many bytes a server may send, counted twice: as they arrive and as they are unpacked. Its methods
// may be called from several goroutines.
type Quota struct {
	max                int64
	received, unpacked atomic.Int64
}

// NewQuota returns a quota of max bytes; 0 means no limit.
func NewQuota(max int64) *Quota { return &Quota{max: max} }

// Receive counts n bytes that have arrived. Errors: ErrTooLarge.
func (q *Quota) Receive(n int) error { return q.count(&q.received, int64(n)) }

func (q *Quota) unpack(n int64) error { return q.count(&q.unpacked, n) }

func (q *Quota) count(total *atomic.Int64, n int64) error {
	if q.max > 0 && (n < 0 || n > q.max || total.Add(n) > q.max) {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, q.max)
	}
	return nil
}
