package cmd

import (
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/secret"
)

func TestUserAgent(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.WriteString(w, r.UserAgent()); err != nil {
			t.Error(err)
		}
	}))
	defer srv.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "some library")
	client, err := newClient("", time.Minute, slog.New(slog.DiscardHandler), &secret.Redactor{})
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != "update-gitops-repo/"+version() {
		t.Errorf("the server saw %q, %v", got, err)
	}
}

// TestProxyRefuses checks that the client tells what a proxy says, which the transport's own error does not have.
func TestProxyRefuses(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	client, err := newClient("", time.Minute, slog.New(slog.DiscardHandler), &secret.Redactor{})
	if err != nil {
		t.Fatal(err)
	}
	transport := client.Transport.(retry.Transport).Next.(logged).next.(*http.Transport)
	transport.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	_, err = client.Get("https://forge.example.com/")
	if err == nil || !strings.HasSuffix(err.Error(), "the proxy says: 407 Proxy Authentication Required") {
		t.Errorf("got %v", err)
	}
}

// Whatever a request authenticates with is not shown from then on, wherever it came from.
func TestRequestsAreSecret(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, test := range []struct{ header, secret string }{
		{"Bearer made-of-a-key", "made-of-a-key"}, {"token s3cret", "s3cret"},
		{basic("alex:s3cret"), "s3cret"},
		{basic("a-token-of-20-characters:x-oauth-basic"), "a-token-of-20-characters"},
		{basic("no-colon"), "no-colon"},
	} {
		var secrets secret.Redactor
		client, err := newClient("", time.Minute, slog.New(slog.DiscardHandler), &secrets)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", test.header)
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if got := secrets.Redact("alex, x-oauth-basic: " + test.secret); got != "alex, x-oauth-basic: ***" {
			t.Errorf("%s: %s", test.header, got)
		}
	}
}
