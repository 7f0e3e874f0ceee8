package forge

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// requestLog remembers what was asked. An entry is made when a request arrives and grows before its bytes leave, so a
// client that has its answer finds it in the log.
type requestLog struct {
	mu      sync.Mutex
	entries []Request
}

func (l *requestLog) snapshot() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// record logs what next serves, and serves nothing once Close has begun to wait.
func (s *Server) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.busy.TryRLock() {
			return
		}
		defer s.busy.RUnlock()
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		names, ways := s.cfg.credentials(r)
		l := &s.log
		l.mu.Lock()
		x := &exchange{ResponseWriter: w, ReadCloser: r.Body, log: l, index: len(l.entries)}
		l.entries = append(l.entries, Request{
			Method: r.Method, Scheme: scheme, Host: r.Host, Path: s.cfg.hide(r.RequestURI),
			Auth: strings.Join(names, ","), Via: strings.Join(ways, ","),
		})
		l.mu.Unlock()
		r.Body = x
		next.ServeHTTP(x, r)
	})
}

// exchange is both ends of one request, each counting.
type exchange struct {
	http.ResponseWriter
	io.ReadCloser
	log   *requestLog
	index int
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) note(f func(*Request)) {
	x.log.mu.Lock()
	defer x.log.mu.Unlock()
	f(&x.log.entries[x.index])
}

func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.ReadCloser.Read(p)
	x.note(func(r *Request) { r.In += int64(n) })
	return n, err
}

func (x *exchange) WriteHeader(status int) {
	x.note(func(r *Request) { r.Status = status })
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (int, error) {
	x.note(func(r *Request) {
		if r.Status == 0 {
			r.Status = http.StatusOK
		}
		r.Out += int64(len(p))
	})
	return x.ResponseWriter.Write(p)
}
