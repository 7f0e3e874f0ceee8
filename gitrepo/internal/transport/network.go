package transport

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// networkEndings are how a broken connection ends, for those who read from it or write to it.
var networkEndings = []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE}

// IsNetworkFailure reports whether err is a failure of the network that may be gone a moment later: a connection that
// broke, a timeout, a name server that does not answer. It knows no answers of servers. An unknown error is none, nor
// is one that stays: a host that does not exist, a refused certificate.
//
// A context's deadline looks like any other timeout. Callers check their context first.
func IsNetworkFailure(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		switch op.Op {
		case "proxyconnect": // Wraps whatever went wrong on the way to the proxy.
			return IsNetworkFailure(op.Err)
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
