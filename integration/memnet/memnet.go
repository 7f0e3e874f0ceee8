// Package memnet is a network in memory, for tests with a clock of their own: in a bubble of testing/synctest, whoever
// waits for a connection of it waits durably, so the clock moves on. Its connections fail with the kernel's errors.
package memnet

import (
	"context"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// Network connects those who dial an address with its listener. The zero value has no listeners.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	last      int // the number of the newest listener
}

// Listen returns a listener with an address that no other listener of n had before: 127.1.0.0/16 with port 8080, which
// a client takes for the machine's own. Only Dial reaches it.
func (n *Network) Listen() (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	if n.last >= 1<<16 {
		return nil, fmt.Errorf("listen: %w", syscall.EADDRNOTAVAIL)
	}
	l := &listener{
		network: n,
		addr:    address(fmt.Sprintf("127.1.%d.%d:8080", n.last>>8, n.last&0xff)),
		conns:   make(chan net.Conn),
		closed:  make(chan struct{}),
	}
	if n.listeners == nil {
		n.listeners = map[string]*listener{}
	}
	n.listeners[l.addr.String()] = l
	return l, nil
}

// Has reports whether there is a listener with that address.
func (n *Network) Has(addr string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.listeners[addr] != nil
}

// Dial connects to a listener of n. It fails with ECONNREFUSED when nobody listens, and when ctx is done.
func (n *Network) Dial(ctx context.Context, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[addr]
	n.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: address(addr), Err: syscall.ECONNREFUSED}
	if l == nil {
		return nil, refused
	}
	up, down := newStream(), newStream()
	client := &conn{in: down, out: up, local: "127.0.0.1:0", remote: l.addr}
	select {
	case l.conns <- &conn{in: up, out: down, local: l.addr, remote: client.local}:
		return client, nil
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.addr, Err: ctx.Err()}
	}
}

// address is the address of an end of a connection.
type address string

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }

// listener implements net.Listener.
type listener struct {
	network *Network
	addr    address
	conns   chan net.Conn
	closed  chan struct{}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if l.network.listeners[l.addr.String()] != l {
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	delete(l.network.listeners, l.addr.String())
	close(l.closed)
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.addr }
