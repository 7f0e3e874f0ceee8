package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pair returns both ends of a connection.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	var n Network
	l, err := n.Listen()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	client, err = n.Dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return client, <-accepted
}

// TestConn: the errors are those of a TCP connection.
func TestConn(t *testing.T) {
	t.Run("written bytes are read, and then the end", func(t *testing.T) {
		client, server := pair(t)
		go func() {
			io.WriteString(client, strings.Repeat("x", 3*maxBuffered))
			client.Close()
		}()
		got, err := io.ReadAll(server)
		if err != nil || len(got) != 3*maxBuffered {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write to a closed end: %v", err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read from an end that was closed: %v", err)
		}
	})
	t.Run("a reset connection fails at both ends", func(t *testing.T) {
		client, server := pair(t)
		io.WriteString(server, "lost")
		_ = server.(*conn).SetLinger(0)
		server.Close()
		for range 2 {
			if n, err := client.Read(make([]byte, 1)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("read: %d, %v", n, err)
			}
			if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("write: %v", err)
			}
		}
	})
}

// TestDeadline waits for an hour of the bubble's clock, which passes at once.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		start := time.Now()
		_ = client.SetReadDeadline(start.Add(time.Hour))
		_, err := client.Read(make([]byte, 1))
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(start); waited != time.Hour {
			t.Errorf("waited for %v", waited)
		}
		_ = client.SetReadDeadline(time.Time{})
		io.WriteString(server, "x")
		if n, err := client.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("without a deadline: %d, %v", n, err)
		}
	})
}

// TestRefused: a closed listener takes no connections.
func TestRefused(t *testing.T) {
	var n Network
	l, err := n.Listen()
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if !n.Has(addr) {
		t.Errorf("no listener at %s", addr)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := n.Dial(t.Context(), addr); n.Has(addr) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("closed: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
}

// TestHTTP: an answer that takes a minute of the bubble's clock, with more patience than that and with less.
func TestHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Network
		l, err := n.Listen()
		if err != nil {
			t.Fatal(err)
		}
		server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(time.Minute):
				io.WriteString(w, r.Host)
			case <-r.Context().Done():
			}
		})}
		go func() { _ = server.Serve(l) }()
		defer server.Close()
		client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _,
			addr string) (net.Conn, error) {
			return n.Dial(ctx, addr)
		}}}
		start := time.Now()
		response, err := client.Get("http://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != l.Addr().String() {
			t.Errorf("got %q, %v", body, err)
		}
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("waited for %v", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(request); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a second's patience: %v", err)
		}
	})
}
