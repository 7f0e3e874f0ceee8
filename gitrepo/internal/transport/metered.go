package transport

import (
	"io"
	"net/http"
	"strings"

	"update-gitops-repo/gitrepo/internal/pack"
)

// metered is a http.RoundTripper that counts the bytes of answers, reads bodies to their ends, and filters the list
// of references.
type metered struct {
	next  http.RoundTripper
	quota *pack.Quota
}

// RoundTrip implements http.RoundTripper.
func (m metered) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := m.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &meteredBody{response.Body, m.quota}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/x-git-") &&
		strings.HasSuffix(r.URL.Path, "/info/refs") {
		response.Body = struct {
			io.Reader
			io.Closer
		}{pack.Heads(response.Body), response.Body}
	}
	return response, nil
}

type meteredBody struct {
	io.ReadCloser
	quota *pack.Quota
}

// Read implements io.Reader.
func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if over := b.quota.Receive(n); over != nil {
		return 0, over
	}
	return n, err
}

// Close implements io.Closer. The client uses a connection again only if it has seen the body's end; the library
// stops some bytes before it, after git's last line. A longer rest is not read.
func (b *meteredBody) Close() error {
	_, _ = io.CopyN(io.Discard, b.ReadCloser, 64)
	return b.ReadCloser.Close()
}
