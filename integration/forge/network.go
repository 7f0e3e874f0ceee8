package forge

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Network is how slow the forge seems to its HTTP clients. The zero value is as fast as the machine.
type Network struct {
	Latency   time.Duration // between the arrival of each request and the moment when the forge begins to serve it
	Bandwidth int64         // bytes of bodies a second, each way, for all clients together; 0 for no limit
}

// SetNetwork slows down every HTTP request that arrives from now on, to git and to the API alike. Headers and
// handshakes cost nothing, and SSH is not slowed down. A request that waits ends with Close, and when its client goes
// away, which is noticed only once the request's body has been read.
func (s *Server) SetNetwork(n Network) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.network = &network{Network: n, closed: s.ctx.Done()}
}

// network is what SetNetwork has set, with one link each way.
type network struct {
	Network
	closed   <-chan struct{}
	up, down link
}

// slow serves as next does, at the pace of the network. A request that ends while it waits is cut off without an
// answer.
func (s *Server) slow(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		n := s.network
		s.mu.Unlock()
		if n == nil || n.Network == (Network{}) {
			next.ServeHTTP(w, r)
			return
		}
		if n.pause(r.Context(), n.Latency) != nil {
			panic(http.ErrAbortHandler)
		}
		if n.Bandwidth > 0 {
			x := &slowExchange{ResponseWriter: w, ReadCloser: r.Body, network: n, ctx: r.Context()}
			w, r.Body = x, x
		}
		next.ServeHTTP(w, r)
	})
}

// pause returns an error when ctx or the server ended before d was over.
func (n *network) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-n.closed:
		return http.ErrServerClosed
	}
}

// link is one direction of the network. Its bytes go one after the other, whoever sends them.
type link struct {
	mu   sync.Mutex
	free time.Time // when all that was sent so far will be through
}

// take returns how long it takes until another n bytes are through.
func (l *link) take(n int, bandwidth int64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(int64(n) * int64(time.Second) / bandwidth))
	return l.free.Sub(now)
}

// piece is how many bytes go over a link at once, so that requests take turns.
const piece = 8 << 10

// slowExchange is both ends of a request, each at the pace of its link.
type slowExchange struct {
	http.ResponseWriter
	io.ReadCloser
	network *network
	ctx     context.Context
}

func (x *slowExchange) Read(p []byte) (int, error) {
	n, err := x.ReadCloser.Read(p[:min(len(p), piece)])
	if wait := x.network.pause(x.ctx, x.network.up.take(n, x.network.Bandwidth)); wait != nil {
		return 0, wait
	}
	return n, err
}

func (x *slowExchange) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		next := p[written:min(written+piece, len(p))]
		if err := x.network.pause(x.ctx, x.network.down.take(len(next), x.network.Bandwidth)); err != nil {
			return written, err
		}
		n, err := x.ResponseWriter.Write(next)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Unwrap is for http.ResponseController.
func (x *slowExchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }
