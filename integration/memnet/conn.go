package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is one end of a connection.
type conn struct {
	in, out       *stream
	local, remote address

	mu    sync.Mutex
	abort bool // see SetLinger
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

// Close implements net.Conn. The other end reads what was written and then io.EOF; what it writes is lost.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.abort {
		c.in.fail(syscall.ECONNRESET)
		c.out.fail(syscall.ECONNRESET)
	}
	c.out.closeWriter()
	c.in.closeReader()
	return nil
}

// SetLinger is as that of *net.TCPConn: after SetLinger(0), Close resets the connection, and what the other end has not
// read is lost.
func (c *conn) SetLinger(sec int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abort = sec == 0
	return nil
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	c.out.setWriteDeadline(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.setWriteDeadline(t)
	return nil
}

// wrap returns err as package net has it.
func (c *conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// maxBuffered is how many bytes a stream holds before a writer has to wait, about as many as a kernel's.
const maxBuffered = 256 << 10

// stream is one direction of a connection.
type stream struct {
	mu       sync.Mutex
	changed  *sync.Cond // told of every change of what follows
	buffered []byte
	failed   error // what both ends get
	noReader bool
	noWriter bool
	readBy   deadline
	writeBy  deadline
}

func newStream() *stream {
	s := new(stream)
	s.changed = sync.NewCond(&s.mu)
	return s
}

// deadline is when an operation ends at the latest.
type deadline struct {
	passed bool
	timer  *time.Timer
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.noReader:
			return 0, net.ErrClosed
		case s.failed != nil:
			return 0, s.failed
		case s.readBy.passed:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case len(s.buffered) > 0:
			n := copy(p, s.buffered)
			s.buffered = s.buffered[n:]
			s.changed.Broadcast()
			return n, nil
		case s.noWriter:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (written int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.noWriter:
			return written, net.ErrClosed
		case s.failed != nil:
			return written, s.failed
		case s.noReader:
			return written, syscall.EPIPE
		case s.writeBy.passed:
			return written, os.ErrDeadlineExceeded
		case written == len(p):
			return written, nil
		}
		if room := min(maxBuffered-len(s.buffered), len(p)-written); room > 0 {
			s.buffered = append(s.buffered, p[written:written+room]...)
			written += room
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

func (s *stream) change(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what()
	s.changed.Broadcast()
}

func (s *stream) fail(err error) { s.change(func() { s.failed = err }) }
func (s *stream) closeReader() {
	s.change(func() { s.noReader = true; s.readBy.stop(); s.writeBy.stop() })
}
func (s *stream) closeWriter() {
	s.change(func() { s.noWriter = true; s.readBy.stop(); s.writeBy.stop() })
}

func (s *stream) setReadDeadline(t time.Time)  { s.setDeadline(&s.readBy, t) }
func (s *stream) setWriteDeadline(t time.Time) { s.setDeadline(&s.writeBy, t) }

// setDeadline has what is waited for at t end; the zero time is never.
func (s *stream) setDeadline(d *deadline, t time.Time) {
	s.change(func() {
		d.stop()
		switch wait := time.Until(t); {
		case t.IsZero():
		case wait <= 0:
			d.passed = true
		default:
			var timer *time.Timer
			timer = time.AfterFunc(wait, func() {
				s.change(func() { d.passed = d.passed || d.timer == timer })
			})
			d.timer = timer
		}
	})
}

// stop makes d one that never comes.
func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
	*d = deadline{}
}
