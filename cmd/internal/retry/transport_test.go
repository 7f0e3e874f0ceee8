package retry

import (
	"context"
	"crypto/tls"
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
	"time"
)

// transport returns a Transport over next that hardly pauses.
func transport(next http.RoundTripper) Transport {
	return Transport{Next: next, Log: discard, Silence: time.Minute, FirstPause: time.Microsecond}
}

type answer func(http.ResponseWriter)

// status answers with a message as GitHub does.
func status(code int, header ...string) answer {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		io.WriteString(w, `{"message": "words"}`)
	}
}

// body answers with a status and a body of that type.
func body(code int, kind, text string, header ...string) answer {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(code)
		io.WriteString(w, text)
	}
}

// TestTransport has what does not end; the walk in integration/faults_test.go has what one fault comes to.
func TestTransport(t *testing.T) {
	const (
		longAgo = "Sat, 01 Jan 2000 00:00:00 GMT"
		never   = "32503680000" // in the year 3000
		often   = MaxTries
	)
	long := body(503, "text/plain", strings.Repeat("long ", 59)+"half-a-secret")
	graphQL := body(200, "text/plain", `{"errors": [{"type": "RATE_LIMITED"}]}`,
		"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "0")
	secondary := body(403, "application/json; charset=utf-8", `{"message": "You have exceeded a secondary rate limit"}`)
	halfJSON := body(200, "application/json", `{"a": `)
	cutOff := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "x")
	}
	for _, test := range []struct {
		name   string
		method string
		marked bool // as idempotent
		answer answer
		want   string // in the error; empty: the answer arrives
		asked  int
		again  bool // the error is transient
	}{
		{"down", "GET", false, status(503), "503 Service Unavailable: words, 8 times in a row", often, false},
		{"down, marked", "POST", true, status(502), "502 Bad Gateway: words, 8 times in a row", often, false},
		{"down, put", "PUT", false, status(500), "500 Internal Server Error: words, 8 times in a row", often, false},
		{"down behind Cloudflare", "GET", false, status(522), "522: words, 8 times in a row", often, false},
		{"not implemented", "GET", false, status(501), "", 1, false},
		{"down, once", "POST", false, status(503), "503 Service Unavailable: words", 1, true},
		{"down, once, patch", "PATCH", false, status(504), "504 Gateway Timeout: words", 1, true},
		{"busy", "POST", false, status(429), "429 Too Many Requests: words, 8 times in a row", often, false},
		{
			"busy, now", "POST", false, status(503, "Retry-After", "0"),
			"503 Service Unavailable: words, 8 times in a row", often, false,
		},
		{"busy, past", "GET", false, status(503, "Retry-After", longAgo), "8 times in a row", often, false},
		{
			"busy for long", "GET", false, status(429, "Retry-After", "7200"),
			"429 Too Many Requests: words; the server asks for a pause of 2h0m0s, for which there is no time", 1, false,
		},
		{"busy for ever", "GET", false, status(429, "Retry-After", "99999999999"), "asks for a pause of", 1, false},
		{"a long message", "GET", false, long, "long long …, 8 times in a row", often, false},
		{
			"GitLab's limit", "GET", false, status(429, "RateLimit-Remaining", "0", "RateLimit-Reset", never),
			"asks for a pause of", 1, false,
		},
		{"GraphQL's limit", "POST", false, graphQL, "API rate limit exceeded, 8 times in a row", often, false},
		{
			"the last one before the limit", "GET", false,
			status(200, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "0"), "", 1, false,
		},
		{
			"secondary limit", "GET", false, secondary,
			"403 Forbidden: You have exceeded a secondary rate limit; the server asks for a pause of 1m0s", 1, false,
		},
		{"forbidden", "GET", false, status(403), "", 1, false},
		{
			"forbidden, not the last one", "GET", false,
			status(403, "X-RateLimit-Remaining", "1", "X-RateLimit-Reset", "0"), "", 1, false,
		},
		{"cut off", "GET", false, cutOff, "unexpected EOF, 8 times in a row", often, false},
		{"half of JSON", "GET", false, halfJSON, "half an answer: unexpected EOF, 8 times in a row", often, false},
		{"fine", "POST", false, status(200), "", 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			asked, err := send(t, test.method, test.marked, test.answer)
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if IsTransient(err) != test.again {
				t.Errorf("%v: transient: %t", err, !test.again)
			}
			if asked != test.asked {
				t.Errorf("asked %d times, want %d", asked, test.asked)
			}
		})
	}
}

// send sends a request, marked as idempotent or not, to a server that answers so. It returns how often the server was
// asked.
func send(t *testing.T, method string, marked bool, answer answer) (asked int, err error) {
	t.Helper()
	bodies := make(chan string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			sent = []byte(err.Error())
		}
		bodies <- string(sent) + r.Header.Get("Idempotency-Key")
		answer(w)
	}))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, srv.URL, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	if marked {
		r.Header["Idempotency-Key"] = nil
	}
	client := http.Client{Transport: transport(http.DefaultTransport)}
	response, err := client.Do(r)
	if err == nil {
		err = response.Body.Close()
	}
	asked = len(bodies)
	for range asked {
		if got := <-bodies; got != "body" {
			t.Errorf("sent %q", got)
		}
	}
	return asked, err
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// closing counts how often it is closed.
type closing struct {
	io.Reader
	closed *int
}

func (c closing) Close() error { *c.closed++; return nil }

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

// TestTransportCloses checks that the body of an answer that is an error is closed, and that no answer comes with an
// error.
func TestTransportCloses(t *testing.T) {
	for _, test := range []struct {
		name, kind string
		status     int
		body       io.Reader
		tries      int
	}{
		{"without an end", "application/json", 200, neverEnding{}, 1},
		{"git's, but a failure", "application/x-git-upload-pack-result", 503, strings.NewReader("x"), MaxTries},
	} {
		closed := 0
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://forge.example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport(roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: test.status,
				Header:     http.Header{"Content-Type": {test.kind}},
				Body:       closing{test.body, &closed},
			}, nil
		})).RoundTrip(r)
		if response != nil || err == nil || closed != test.tries {
			t.Errorf("%s: %v, %v, closed %d times", test.name, response, err, closed)
		}
	}
}

// TestTransportOnce checks that a body that cannot be sent twice is refused at once.
func TestTransportOnce(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://forge.example.com/", io.MultiReader())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transport(nil).RoundTrip(r); err == nil || err.Error() != "a request that cannot be repeated" {
		t.Errorf("got %v", err)
	}
}

// TestSilence has a server that sends nothing, or nothing more.
func TestSilence(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"from the start": func(http.ResponseWriter) {},
		"in between": func(w http.ResponseWriter) {
			io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
		},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			<-r.Context().Done()
		}))
		patient := transport(http.DefaultTransport)
		patient.Silence = 20 * time.Millisecond
		client := http.Client{Transport: patient}
		_, err := client.Get(srv.URL)
		if err == nil || !strings.Contains(err.Error(), "the server stopped sending for 20ms, 8 times in a row") {
			t.Errorf("%s: %v", name, err)
		}
		srv.Close()
	}
}

// TestTransportNot checks that an error that is not transient is returned at once, and that the end of the context ends
// a pause.
func TestTransportNot(t *testing.T) {
	slow := transport(http.DefaultTransport)
	slow.FirstPause = time.Hour
	client := http.Client{Transport: slow}
	srv := httptest.NewTLSServer(nil)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	defer srv.Close()
	var untrusted *tls.CertificateVerificationError
	if _, err := client.Get(srv.URL); !errors.As(err, &untrusted) || IsTransient(err) {
		t.Errorf("an unknown certificate: %v", err)
	}
	slow.Next = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}}
	unknown := http.Client{Transport: slow}
	if _, err := unknown.Get("http://forge.example.com/"); err == nil || IsTransient(err) {
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
	if _, err := client.Do(r); !errors.Is(err, context.Canceled) || IsTransient(err) {
		t.Errorf("an end within a pause: %v", err)
	}
}

// TestProxy checks that a proxy that cannot connect is asked again, as a server that fails; one that refuses is not,
// nor is a server that is no proxy.
func TestProxy(t *testing.T) {
	for _, test := range []struct {
		scheme string
		status int
		want   string
		asked  int32
	}{
		{"http", 407, "the proxy says: 407 Proxy Authentication Required", 1},
		{"http", 403, "the proxy says: 403 Forbidden", 1},
		{"http", 503, "the proxy says: 503 Service Unavailable, 8 times in a row", MaxTries},
		{"https", 200, "tls: first record does not look like a TLS handshake", 0},
	} {
		var asked atomic.Int32
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(test.status)
		}))
		tried := 0
		client := http.Client{Transport: transport(&http.Transport{
			OnProxyConnectResponse: CheckProxy,
			Proxy: func(*http.Request) (*url.URL, error) {
				tried++
				return url.Parse(strings.Replace(proxy.URL, "http", test.scheme, 1))
			},
		})}
		_, err := client.Get("https://forge.example.com/")
		if err == nil || !strings.HasSuffix(err.Error(), test.want) ||
			asked.Load() != test.asked || tried != max(1, int(test.asked)) {
			t.Errorf("%d over %s: asked %d times: %v", test.status, test.scheme, asked.Load(), err)
		}
		proxy.Close()
	}
}
