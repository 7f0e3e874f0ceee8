package transport

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"update-gitops-repo/gitrepo/internal/pack"
)

// newClient returns a copy of the client, nil for http.DefaultClient, for git's requests to one server.
func newClient(c *http.Client, quota *pack.Quota) *http.Client {
	if c == nil {
		c = http.DefaultClient
	}
	git := *c
	if git.Transport == nil {
		git.Transport = http.DefaultTransport
	}
	git.Transport = metered{smart{git.Transport}, quota}
	return &git
}

// smart is a http.RoundTripper that refuses answers that are not git's smart protocol, as clients have to
// (https://git-scm.com/docs/gitprotocol-http#_smart_server_response): a proxy's page, for example. It marks requests
// that only read, so that they may be sent again.
type smart struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (s smart) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Content-Type") == "application/x-git-upload-pack-request" {
		r = r.Clone(r.Context())
		r.Header["Idempotency-Key"] = nil // A mark for net/http, which does not send it.
	}
	response, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode == http.StatusOK && !strings.HasPrefix(kind, "application/x-git-"):
		err = fmt.Errorf("%s answered with %s (%s), not as a git server does; is this the repository's URL?",
			r.URL.Host, describe(kind), response.Status)
		return nil, errors.Join(err, response.Body.Close())
	case response.StatusCode >= http.StatusBadRequest && kind == "text/html":
		// The library would make it a part of its error.
		if err := response.Body.Close(); err != nil {
			return nil, err
		}
		response.Body = http.NoBody
	}
	return response, nil
}

func describe(kind string) string {
	switch kind {
	case "text/html":
		return "a web page"
	case "":
		return "something"
	}
	return kind
}
