// Package resttest serves scripted answers over HTTP, for answers that a forge gives only rarely.
package resttest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"update-gitops-repo/scm"
)

// Token is the token that Serve expects.
const Token = "s3cr3t-t0ken"

// Answer is one answer of a script.
type Answer struct {
	To     string // method and end of the path, "PUT /pulls/7/merge"; "?" and a part of the query may follow
	Status int    // default: 200
	Type   string // content type; default: JSON
	Header map[string]string
	Body   string
}

// Serve serves the answers in order and returns the server's URL. The test fails on an unexpected request, on a request
// without the token, and if answers are left at its end.
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
		expected := method == r.Method && strings.HasSuffix(r.URL.EscapedPath(), path)
		if !expected || !strings.Contains(r.URL.RawQuery, query) {
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
		_, _ = w.Write([]byte(a.Body)) // The client notices what is missing.
	}))
	t.Cleanup(func() {
		srv.Close()
		if n := len(next); n > 0 {
			t.Errorf("%d answers were not asked for, next: %s", n, (<-next).To)
		}
	})
	return srv.URL
}

// CheckError fails the test unless err begins with subject, "github: acme/gitops: ", ends with message, and is of the
// kind and of no other; nil means that it has no kind of package scm.
func CheckError(t *testing.T, err error, subject string, kind error, message string) {
	t.Helper()
	if err == nil || !strings.HasSuffix(err.Error(), message) || !strings.HasPrefix(err.Error(), subject) {
		t.Fatalf("got error %v, want %s…%s", err, subject, message)
	}
	for _, other := range []error{
		scm.ErrNotFound, scm.ErrAuth, scm.ErrNoRepository, scm.ErrRefused, scm.ErrNotMergeable,
		scm.ErrClosed, scm.ErrMoved,
	} {
		if is := errors.Is(err, other); is != (other == kind) {
			t.Errorf("error %v is %v: %t", err, other, is)
		}
	}
}
