// Package resttest serves scripted answers over HTTP, for what a forge says only now and then.
package resttest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Token is the token that Serve wants to see.
const Token = "s3cr3t-t0ken"

// Answer is one answer of a script.
type Answer struct {
	To     string // method, and the end of the path: "PUT /pulls/7/merge"; a query behind "?" must be contained
	Status int    // 200 if zero
	Type   string // content type, JSON if empty
	Header map[string]string
	Body   string
}

// Serve serves the answers in order and returns the server's URL. The test fails on a request that is not next, on a
// request without the token, and if answers are left at its end.
func Serve(t *testing.T, script ...Answer) string {
	t.Helper()
	next := make(chan Answer, len(script))
	for _, a := range script {
		next <- a
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := r.Method + " " + r.URL.EscapedPath()
		if r.Header.Get("Authorization") != "Bearer "+Token {
			t.Errorf("%s: Authorization: %q", got, r.Header.Get("Authorization"))
		}
		var a Answer
		select {
		case a = <-next:
		default:
			t.Errorf("%s: one request too many", got)
			return
		}
		method, rest, _ := strings.Cut(a.To, " ")
		path, query, _ := strings.Cut(rest, "?")
		if method != r.Method || !strings.HasSuffix(r.URL.EscapedPath(), path) || !strings.Contains(r.URL.RawQuery, query) {
			t.Errorf("got %s?%s, want %s", got, r.URL.RawQuery, a.To)
		}
		if a.Type == "" {
			a.Type = "application/json"
		}
		if a.Status == 0 {
			a.Status = http.StatusOK
		}
		w.Header().Set("Content-Type", a.Type)
		for k, v := range a.Header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(a.Status)
		w.Write([]byte(a.Body))
	}))
	t.Cleanup(func() {
		srv.Close()
		if n := len(next); n > 0 {
			t.Errorf("%d answers were not asked for, next: %s", n, (<-next).To)
		}
	})
	return srv.URL
}
