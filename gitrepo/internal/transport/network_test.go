package transport

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
)

func TestIsNetworkFailure(t *testing.T) {
	t.Parallel()
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"no such host":             {dial(&net.DNSError{Err: "no such host", IsNotFound: true}), false},
		"name server out of order": {dial(&net.DNSError{Err: "server misbehaving", IsTemporary: true}), true},
		"connection refused":       {dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), true},
		"connection reset":         {fmt.Errorf("read: %w", syscall.ECONNRESET), true},
		"broken pipe":              {fmt.Errorf("write: %w", syscall.EPIPE), true},
		"closed connection":        {fmt.Errorf("read: %w", net.ErrClosed), true},
		"end of the stream":        {&url.Error{Op: "Get", Err: io.EOF}, true},
		"end within the stream":    {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		"timeout":                  {os.ErrDeadlineExceeded, true},
		"TLS alert by the server":  {&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, false},
		"TLS alert by the client":  {&net.OpError{Op: "local error", Err: errors.New("tls: bad record MAC")}, false},
		"certificate":              {&url.Error{Op: "Get", Err: x509.UnknownAuthorityError{}}, false},
		"proxy out of reach":       {&net.OpError{Op: "proxyconnect", Err: dial(syscall.ECONNREFUSED)}, true},
		"proxy refuses":            {&net.OpError{Op: "proxyconnect", Err: errors.New("Forbidden")}, false},
		"canceled":                 {context.Canceled, false},
		"unknown":                  {errors.New("x"), false},
	} {
		if got := IsNetworkFailure(test.err); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
