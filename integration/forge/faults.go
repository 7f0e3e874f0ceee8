package forge

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is a way in which an HTTP request fails.
type Fault string

// The faults of the network and of proxies. A Server panics at an unknown one.
const (
	NoFault   Fault = ""
	Reset     Fault = "reset"     // the connection is reset before anything is done
	Hang      Fault = "hang"      // nothing is done, and no answer comes until the client goes or Close is called
	Stuck     Fault = "stuck"     // it is done, and no answer comes either
	Lost      Fault = "lost"      // it is done, and the connection is reset before the answer
	Half      Fault = "half"      // it is done, and the connection ends in the middle of the answer's body
	Truncated Fault = "truncated" // it is done, and the answer is a whole one with the first half of the body
	Corrupt   Fault = "corrupt"   // it is done, and a byte in the middle of the answer's body is changed
	Slow      Fault = "slow"      // it is done, and the answer comes in small pieces
	Page      Fault = "page"      // nothing is done, and the answer is a proxy's page with status 200
	Page502   Fault = "page 502"  // the same with status 502
)

// The faults of the server, with its answer in the form that its kind has for it. Nothing is done.
const (
	Internal         Fault = "500"
	BadGateway       Fault = "502"
	Unavailable      Fault = "503"
	UnavailableFor   Fault = "503, seconds" // with Retry-After: 1
	UnavailableUntil Fault = "503, date"    // with Retry-After as a date, at most two seconds from now
	Timeout          Fault = "504"
	TooMany          Fault = "429"
	TooManyFor       Fault = "429, seconds"    // with Retry-After: 1
	Secondary        Fault = "secondary limit" // GitHub's 403 with Retry-After: 1
	SecondaryBare    Fault = "secondary limit, bare"
	Exhausted        Fault = "limit"      // 403 with x-ratelimit-remaining: 0 and -reset at most two seconds from now
	ExhaustedFor     Fault = "limit, 1 h" // the same with -reset in an hour
	BadRequest       Fault = "400"
	Unauthorized     Fault = "401"
	Forbidden        Fault = "403"
	NotFound         Fault = "404"
	Invalid          Fault = "422"
)

// Words are in the answer of every fault of the server.
const Words = "Words of the fault"

// FailRequests makes each HTTP request from now on fail as which returns; n counts them from 0. which is called for one
// request at a time; nil ends it.
func (s *Server) FailRequests(which func(n int, r *http.Request) Fault) {
	s.faults.set(which)
}

// FailSSH makes each command over SSH from now on, such as "git-upload-pack '/acme/gitops.git'", fail as which returns;
// n counts them from 0. The faults are Reset, Lost and Half, where the answer is all that comes after the references.
func (s *Server) FailSSH(which func(n int, command string) Fault) {
	s.sshFaults.set(which)
}

// Random returns a function for FailRequests that fails a share of the requests, between 0 and 1, with random ones of
// the faults.
func Random(seed uint64, share float64, faults ...Fault) func(int, *http.Request) Fault {
	random := rand.New(rand.NewPCG(seed, seed))
	return func(int, *http.Request) Fault {
		if random.Float64() >= share {
			return NoFault
		}
		return faults[random.IntN(len(faults))]
	}
}

// faults is what FailRequests or FailSSH was called with.
type faults[R any] struct {
	mu    sync.Mutex
	which func(int, R) Fault
	n     int
	until map[string]time.Time // when a client may repeat a request, as it was told
	hasty int
}

// Hasty is how many requests came again sooner than the server had asked for when it refused them.
func (s *Server) Hasty() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.hasty
}

// wait notes when a client was told to repeat a request.
func (f *faults[R]) wait(r *http.Request, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.until == nil {
		f.until = map[string]time.Time{}
	}
	f.until[r.Method+" "+r.URL.String()] = until
}

// came counts a request that comes too soon.
func (f *faults[R]) came(r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Now().Before(f.until[r.Method+" "+r.URL.String()]) {
		f.hasty++
	}
}

func (f *faults[R]) set(which func(int, R) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.which, f.n = which, 0
}

func (f *faults[R]) next(r R) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.which == nil {
		return NoFault
	}
	f.n++
	return f.which(f.n-1, r)
}

// fail puts faults between the client and next.
func (s *Server) fail(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.faults.came(r)
		f := s.faults.next(r)
		switch f {
		case NoFault:
			next.ServeHTTP(w, r)
		case Reset:
			reset(w)
		case Hang, Stuck:
			if f == Stuck {
				next.ServeHTTP(&answer{header: http.Header{}}, r)
			}
			io.Copy(io.Discard, r.Body) // so that the server sees the client go
			select {
			case <-r.Context().Done():
			case <-s.ctx.Done():
			}
		case Lost:
			next.ServeHTTP(&answer{header: http.Header{}}, r)
			reset(w)
		case Half, Truncated, Corrupt, Slow:
			a := &answer{header: http.Header{}}
			next.ServeHTTP(a, r)
			a.spoil(w, f)
		case Page, Page502:
			w.Header().Set("Content-Type", "text/html")
			if f == Page502 {
				w.WriteHeader(http.StatusBadGateway)
			}
			io.WriteString(w, "<html><body><h1>"+Words+"</h1></body></html>")
		default:
			s.refuse(w, r, f)
		}
	})
}

// reset drops the client's connection as a router that has forgotten it does.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2, which no test needs
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok { // TLS has none
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// answer is one that is kept.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(p []byte) (int, error) { a.WriteHeader(http.StatusOK); return a.body.Write(p) }
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// spoil sends the answer with a fault.
func (a *answer) spoil(w http.ResponseWriter, f Fault) {
	a.WriteHeader(http.StatusOK)
	body := a.body.Bytes()
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	control := http.NewResponseController(w)
	half := body[:len(body)/2]
	switch f {
	case Half:
		w.WriteHeader(a.status)
		w.Write(half)
		_ = control.Flush()
		panic(http.ErrAbortHandler)
	case Truncated:
		w.Header().Set("Content-Length", fmt.Sprint(len(half)))
		body = half
	case Corrupt:
		body = bytes.Clone(body)
		if len(body) > 0 {
			body[len(half)] ^= 0x55
		}
	}
	w.WriteHeader(a.status)
	if f != Slow {
		w.Write(body) // fails only when the client has closed the connection
		return
	}
	for piece := range slices.Chunk(body, max(len(body)/20, 1)) {
		w.Write(piece)
		_ = control.Flush()
		time.Sleep(5 * time.Millisecond)
	}
}

// refuse answers as the server does when it will not, or cannot.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, f Fault) {
	status, known := map[Fault]int{
		Internal: 500, BadGateway: 502, Unavailable: 503, UnavailableFor: 503, UnavailableUntil: 503, Timeout: 504,
		TooMany: 429, TooManyFor: 429, Secondary: 403, SecondaryBare: 403, Exhausted: 403, ExhaustedFor: 403,
		BadRequest: 400, Unauthorized: 401, Forbidden: 403, NotFound: 404, Invalid: 422,
	}[f]
	if !known {
		panic("forge: unknown fault " + f)
	}
	h, words, docs := w.Header(), Words, gitHubDocs
	soon := time.Now().Add(2 * time.Second).Truncate(time.Second)
	switch f {
	case UnavailableFor, TooManyFor, Secondary:
		h.Set("Retry-After", "1")
		s.faults.wait(r, time.Now().Add(time.Second))
	case UnavailableUntil:
		h.Set("Retry-After", soon.UTC().Format(http.TimeFormat))
		s.faults.wait(r, soon)
	case Exhausted:
		h.Set("X-RateLimit-Reset", fmt.Sprint(soon.Unix()))
		s.faults.wait(r, soon)
	case ExhaustedFor:
		h.Set("X-RateLimit-Reset", fmt.Sprint(soon.Add(time.Hour).Unix()))
	}
	switch f {
	case Exhausted, ExhaustedFor:
		h.Set("X-RateLimit-Remaining", "0")
		words = "API rate limit exceeded. " + Words
	case Secondary, SecondaryBare:
		// https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
		words = "You have exceeded a secondary rate limit. " + Words
		docs = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	}
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		io.WriteString(w, words)
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if s.cfg.Kind == GitHub {
		fmt.Fprintf(w, `{"message": %q, "documentation_url": %q, "status": "%d"}`, words, docs, status)
	} else {
		fmt.Fprintf(w, `{"message": %q}`, fmt.Sprint(status, " ", words))
	}
}

// cutOff drops what is written beyond a limit.
type cutOff struct {
	io.Writer
	mu   sync.Mutex
	left int // negative: there is no limit yet
}

func (c *cutOff) limit(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left = 0; f == Half {
		c.left = 64
	}
}

// Write implements io.Writer.
func (c *cutOff) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	passes := p
	if c.left >= 0 {
		passes = p[:min(len(p), c.left)]
		c.left -= len(passes)
	}
	if _, err := c.Writer.Write(passes); err != nil {
		return 0, err
	}
	return len(p), nil
}
