package forge

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowClone: over a slow network git gets and sends the same bytes.
func TestSlowClone(t *testing.T) {
	s := start(t, GitHub, true)
	data := make([]byte, 100_000)
	rand.Read(data)
	seed(t, s, "main", map[string]string{"a": string(data)})
	s.SetNetwork(Network{Latency: time.Millisecond, Bandwidth: 10 << 20})
	clone := filepath.Join(t.TempDir(), "clone")
	git(t, "clone", "--quiet", s.CloneURL(repo), clone)
	if got, err := os.ReadFile(filepath.Join(clone, "a")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	rand.Read(data)
	write(t, filepath.Join(clone, "b"), string(data))
	git(t, "-C", clone, "add", "b")
	git(t, "-C", clone, "commit", "--quiet", "--message=b")
	git(t, "-C", clone, "push", "--quiet", "origin", "HEAD:main")
	at(t, s, "fsck", "--strict")
	if got := at(t, s, "rev-parse", "main:b"); got != git(t, "-C", clone, "rev-parse", "HEAD:b") {
		t.Errorf("the server has %s", got)
	}
}

// TestSlowEnds: a request that waits for the network ends with its client, and with the forge; nothing was served.
func TestSlowEnds(t *testing.T) {
	for name, n := range map[string]Network{"latency": {Latency: time.Hour}, "bandwidth": {Bandwidth: 1}} {
		for _, body := range []string{"", "0000"} {
			t.Run(name+" client "+body, func(t *testing.T) {
				testSlowEnd(t, n, body, func(_ *Server, cancel func()) { cancel() })
			})
			t.Run(name+" forge "+body, func(t *testing.T) {
				testSlowEnd(t, n, body, func(s *Server, _ func()) { _ = s.Close() })
			})
		}
	}
}

// testSlowEnd has a request end before its time. Close waits for the handler, and hangs if that does not end.
func testSlowEnd(t *testing.T, n Network, body string, end func(s *Server, cancel func())) {
	s := start(t, GitHub, true)
	s.SetNetwork(n)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	method, path := http.MethodGet, "/info/refs?service=git-upload-pack"
	if body != "" {
		method, path = http.MethodPost, "/git-upload-pack"
	}
	req, err := http.NewRequestWithContext(ctx, method, s.CloneURL(repo)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("git", token)
	failed := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		failed <- err
	}()
	for patience := time.Now().Add(time.Minute); len(s.Requests()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(patience) {
			t.Fatal("waited a minute for the request to arrive")
		}
	}
	end(s, cancel)
	select {
	case err = <-failed:
	case <-time.After(time.Minute):
		t.Fatal("waited a minute for the request to end")
	}
	if err == nil {
		t.Error("the request was answered")
	}
	if n.Latency > 0 && s.Requests()[0].Status != 0 {
		t.Errorf("the forge answered %d", s.Requests()[0].Status)
	}
}

// TestSlowPace: on a clock that only moves when everybody waits, a request takes its latency and the time of its bytes
// to the nanosecond, and two at once share the link.
func TestSlowPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{ctx: t.Context()}
		s.SetNetwork(Network{Latency: 40 * time.Millisecond, Bandwidth: 1000})
		h := s.slow(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, r.Body)
		}))
		exchange := func() {
			body := bytes.Repeat([]byte("x"), 30_000)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
			if !bytes.Equal(w.Body.Bytes(), body) {
				t.Errorf("%d bytes came back", w.Body.Len())
			}
		}
		start := time.Now()
		exchange()
		if got := time.Since(start); got != 60*time.Second+40*time.Millisecond {
			t.Errorf("one request took %v", got)
		}
		s.SetNetwork(Network{Bandwidth: 1000})
		h = s.slow(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 30_000)) }))
		start = time.Now()
		done := make(chan bool)
		for range 2 {
			go func() {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
				done <- true
			}()
		}
		<-done
		<-done
		if got := time.Since(start); got != 60*time.Second {
			t.Errorf("two at once took %v", got)
		}
	})
}
