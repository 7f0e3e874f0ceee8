package cmd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
	"update-gitops-repo/secret"
)

// What one fault comes to the walk in integration/faults_test.go tells; this is about what does not end.
func TestRetrying(t *testing.T) {
	for _, test := range []struct {
		name   string
		method string
		mark   bool // that it may be repeated
		answer func(http.ResponseWriter)
		want   string // in the error; empty: the answer arrives
		asked  int
		again  bool // whoever knows what it was about may start again
	}{
		{"down", "GET", false, status(503), "503 Service Unavailable: words, 8 times in a row", 8, false},
		{"down, marked", "POST", true, status(502), "502 Bad Gateway: words, 8 times in a row", 8, false},
		{"down, put", "PUT", false, status(500), "500 Internal Server Error: words, 8 times in a row", 8, false},
		{"down behind Cloudflare", "GET", false, status(522), "522: words, 8 times in a row", 8, false},
		{"not implemented", "GET", false, status(501), "", 1, false},
		{"down, once", "POST", false, status(503), "503 Service Unavailable: words", 1, true},
		{"down, once, patch", "PATCH", false, status(504), "504 Gateway Timeout: words", 1, true},
		{"busy", "POST", false, status(429), "429 Too Many Requests: words, 8 times in a row", 8, false},
		{"busy, now", "POST", false, status(503, "Retry-After", "0"), "503 Service Unavailable: words, 8 times in a row", 8, false},
		{"busy, past", "GET", false, status(503, "Retry-After", "Sat, 01 Jan 2000 00:00:00 GMT"), "8 times in a row", 8, false},
		{"busy for long", "GET", false, status(429, "Retry-After", "7200"), "429 Too Many Requests: words; the server wants to be asked again in 2h0m0s", 1, false},
		{"busy for ever", "GET", false, status(429, "Retry-After", "99999999999"), "wants to be asked again in", 1, false},
		{"long words", "GET", false, func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(503)
			io.WriteString(w, strings.Repeat("long ", 59)+"half-a-secret")
		}, "long long …, 8 times in a row", 8, false},
		{"GitLab's limit", "GET", false, status(429, "RateLimit-Remaining", "0", "RateLimit-Reset", "32503680000"), "wants to be asked again in", 1, false},
		{"GraphQL's limit", "POST", false, func(w http.ResponseWriter) {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", "0")
			io.WriteString(w, `{"errors": [{"type": "RATE_LIMITED"}]}`)
		}, "API rate limit exceeded, 8 times in a row", 8, false},
		{"the last one before the limit", "GET", false, status(200, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "0"), "", 1, false},
		{"secondary limit", "GET", false, func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(403)
			io.WriteString(w, `{"message": "You have exceeded a secondary rate limit"}`)
		}, "403 Forbidden: You have exceeded a secondary rate limit; the server wants to be asked again in 1m0s", 1, false},
		{"forbidden", "GET", false, status(403), "", 1, false},
		{"forbidden, not the last one", "GET", false, status(403, "X-RateLimit-Remaining", "1", "X-RateLimit-Reset", "0"), "", 1, false},
		{"cut off", "GET", false, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "x")
		}, "unexpected EOF, 8 times in a row", 8, false},
		{"fine", "POST", false, status(200), "", 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan string, 100)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					body = []byte(err.Error())
				}
				asked <- string(body) + r.Header.Get("Idempotency-Key")
				test.answer(w)
			}))
			defer srv.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, test.method, srv.URL, strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			if test.mark {
				r.Header["Idempotency-Key"] = nil
			}
			client := http.Client{Transport: retrying{
				next: http.DefaultTransport, log: slog.New(slog.DiscardHandler), silence: time.Minute, pause: time.Microsecond,
			}}
			response, err := client.Do(r)
			if err == nil {
				err = response.Body.Close()
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if mayPass(err) != test.again {
				t.Errorf("%v: may pass: %t", err, !test.again)
			}
			if len(asked) != test.asked {
				t.Errorf("asked %d times, want %d", len(asked), test.asked)
			}
			for range len(asked) {
				if got := <-asked; got != "body" {
					t.Errorf("sent %q", got)
				}
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// closing counts how often it is closed.
type closing struct {
	io.Reader
	closed *int
}

func (c closing) Close() error { *c.closed++; return nil }

// Of an answer that is an error nothing is left: it is read or closed, and comes with nothing else.
func TestRetryingCloses(t *testing.T) {
	for _, test := range []struct {
		name, kind string
		status     int
		body       io.Reader
		tries      int
	}{
		{"without an end", "application/json", 200, neverEnding{}, 1},
		{"git's, but a failure", "application/x-git-upload-pack-result", 503, strings.NewReader("x"), maxTries},
	} {
		closed := 0
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://forge.example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := retrying{log: slog.New(slog.DiscardHandler), silence: time.Minute, pause: time.Microsecond, next: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: test.status, Header: http.Header{"Content-Type": {test.kind}}, Body: closing{test.body, &closed}}, nil
		})}.RoundTrip(r)
		if response != nil || err == nil || closed != test.tries {
			t.Errorf("%s: %v, %v, closed %d times", test.name, response, err, closed)
		}
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

// A server that says nothing, or nothing more.
func TestSilence(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"from the start": func(http.ResponseWriter) {},
		"in between": func(w http.ResponseWriter) {
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
		},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			<-r.Context().Done()
		}))
		client := http.Client{Transport: retrying{
			next: http.DefaultTransport, log: slog.New(slog.DiscardHandler), silence: 20 * time.Millisecond, pause: time.Microsecond,
		}}
		if _, err := client.Get(srv.URL); err == nil || !strings.Contains(err.Error(), "the server has fallen silent for 20ms, 8 times in a row") {
			t.Errorf("%s: %v", name, err)
		}
		srv.Close()
	}
}

// status answers with words as GitHub does.
func status(code int, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		io.WriteString(w, `{"message": "words"}`)
	}
}

// What is there to stay is told at once, and an end of the context ends all.
func TestRetryingNot(t *testing.T) {
	client := http.Client{Transport: retrying{
		next: http.DefaultTransport, log: slog.New(slog.DiscardHandler), silence: time.Minute, pause: time.Hour,
	}}
	srv := httptest.NewTLSServer(nil)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	defer srv.Close()
	if _, err := client.Get(srv.URL); err == nil || mayPass(err) || !isCertificate(err) {
		t.Errorf("an unknown certificate: %v", err)
	}
	unknown := http.Client{Transport: retrying{next: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		},
	}, log: slog.New(slog.DiscardHandler), silence: time.Minute, pause: time.Hour}}
	if _, err := unknown.Get("http://forge.example.com/"); err == nil || mayPass(err) {
		t.Errorf("an unknown host: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		status(503)(w)
		time.AfterFunc(50*time.Millisecond, cancel)
	}))
	defer down.Close()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, down.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(r); !errors.Is(err, context.Canceled) || mayPass(err) {
		t.Errorf("an end while it waits: %v", err)
	}
}

// TestProxy: what keeps a proxy from connecting may pass as a server's own failures do, and what it refuses does not; nor does
// one that is none.
func TestProxy(t *testing.T) {
	for _, test := range []struct {
		scheme string
		status int
		want   string
		asked  int32
	}{
		{"http", 407, "the proxy says: 407 Proxy Authentication Required", 1},
		{"http", 403, "the proxy says: 403 Forbidden", 1},
		{"http", 503, "the proxy says: 503 Service Unavailable, 8 times in a row", maxTries},
		{"https", 200, "tls: first record does not look like a TLS handshake", 0},
	} {
		var asked atomic.Int32
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(test.status)
		}))
		client, err := newClient("", time.Minute, slog.New(slog.DiscardHandler), &secret.Redactor{})
		if err != nil {
			t.Fatal(err)
		}
		r := client.Transport.(retrying)
		r.pause = time.Microsecond
		client.Transport = r
		tried := 0
		r.next.(logged).next.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) {
			tried++
			return url.Parse(strings.Replace(proxy.URL, "http", test.scheme, 1))
		}
		_, err = client.Get("https://forge.example.com/")
		if err == nil || !strings.HasSuffix(err.Error(), test.want) || asked.Load() != test.asked || tried != max(1, int(test.asked)) {
			t.Errorf("%d over %s: asked %d times: %v", test.status, test.scheme, asked.Load(), err)
		}
		proxy.Close()
	}
}

// What is tried within something that is tried has no more tries for that.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried, log := 0, slog.New(slog.DiscardHandler)
		err := again(t.Context(), log, func() error {
			return again(t.Context(), log, func() error {
				tried++
				return &lostError{errors.New("502 Bad Gateway")}
			})
		})
		if tried != maxTries || err == nil || err.Error() != "502 Bad Gateway, 8 times in a row" {
			t.Errorf("%d tries: %v", tried, err)
		}
	})
}

func TestMayPass(t *testing.T) {
	fault := errors.Join(errors.New("x"), gitrepo.ErrFault)
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {scm.ErrAuth, false}, {gitrepo.ErrRejected, false}, {fault, true}, {&lostError{scm.ErrRefused}, true},
		{&gaveUpError{err: fault}, false}, {&lostError{&gaveUpError{err: fault}}, false},
	} {
		if got := mayPass(test.err); got != test.want {
			t.Errorf("%v: got %t", test.err, got)
		}
	}
}
