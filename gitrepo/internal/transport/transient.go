package transport

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// networkEndings are how a broken connection ends, for those who read from it or write to it.
var networkEndings = []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE}

// IsTransient reports whether err is a failure of the network that may be gone a moment later: a connection that broke,
// a timeout, a name server that does not answer. An unknown error is not transient: a host that does not exist, or a
// refused certificate, stays as it is.
//
// A context's deadline looks like any other timeout. Callers check their context first.
func IsTransient(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		switch op.Op {
		case "proxyconnect": // Wraps whatever went wrong on the way to the proxy.
			return IsTransient(op.Err)
		case "remote error", "local error": // TLS alerts.
			return false
		}
		return true
	}
	for _, kind := range networkEndings {
		if errors.Is(err, kind) {
			return true
		}
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
