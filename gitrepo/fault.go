package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"golang.org/x/crypto/ssh"

	"update-gitops-repo/gitrepo/internal/pack"
)

// fault makes err an ErrFault.
func fault(err error) error { return fmt.Errorf("%w: %w", ErrFault, err) }

// readError is what went wrong with a pack that has begun to arrive: it is not whole, or not what was sent.
func readError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err = fmt.Errorf("read pack: %w", err)
	for _, whole := range []error{
		pack.ErrBaseMissing, pack.ErrTooLarge, pack.ErrTooManyObjects,
	} {
		if errors.Is(err, whole) {
			return err
		}
	}
	return fault(err)
}

// pushError is what went wrong with a push that was sent. Unless the server has refused it, it may be done.
func pushError(ctx context.Context, err error) error {
	known := remoteError(ctx, err)
	for _, kind := range []error{ErrAuth, ErrNotFound, ErrMoved, ErrFault, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(known, kind) {
			return known
		}
	}
	if status, ok := errors.AsType[*githttp.Err](known); ok && status.StatusCode() < http.StatusInternalServerError {
		return fmt.Errorf("%w: %w", ErrRejected, known)
	}
	return fault(known)
}

// broken reports whether the connection broke, or what came over it is not as it was sent.
func broken(err error) bool {
	if IsTransient(err) {
		return true
	}
	for _, kind := range []error{packp.ErrEmptyInput, pktline.ErrInvalidPktLen} {
		if errors.Is(err, kind) {
			return true
		}
	}
	if _, ok := errors.AsType[*ssh.ExitMissingError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*packp.ErrUnexpectedData](err); ok {
		return true
	}
	// The library keeps no more than the text of some.
	text := err.Error()
	return strings.HasSuffix(text, "EOF") || strings.HasSuffix(text, "connection reset by peer") || strings.HasSuffix(text, pktline.ErrInvalidPktLen.Error())
}

// inner takes off the library's wrapper, which does not unwrap.
func inner(err error) error {
	if u, ok := errors.AsType[*plumbing.UnexpectedError](err); ok {
		return u.Err
	}
	return err
}

// smart is a http.RoundTripper that refuses what is not git's smart protocol, as clients have to
// (https://git-scm.com/docs/gitprotocol-http#_smart_server_response): a proxy's page, say. And it marks what only reads, so
// that it may be sent again.
type smart struct{ next http.RoundTripper }

func smartClient(c *http.Client) *http.Client {
	if c == nil {
		c = http.DefaultClient
	}
	git := *c
	if git.Transport == nil {
		git.Transport = http.DefaultTransport
	}
	git.Transport = smart{git.Transport}
	return &git
}

// RoundTrip implements http.RoundTripper.
func (s smart) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Content-Type") == "application/x-git-upload-pack-request" {
		r = r.Clone(r.Context())
		r.Header["Idempotency-Key"] = nil // Which net/http takes for a mark, and does not send.
	}
	response, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode == http.StatusOK && !strings.HasPrefix(kind, "application/x-git-"):
		err = fmt.Errorf("%s answered with %s (%s), not as a git server does; is this the repository's URL?", r.URL.Host, what(kind), response.Status)
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

func what(kind string) string {
	switch kind {
	case "text/html":
		return "a web page"
	case "":
		return "something"
	}
	return kind
}
