// Package rest holds what the REST APIs of all forges have in common: authorization, errors and polling.
package rest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"update-gitops-repo/scm"
	"update-gitops-repo/secret"
)

// API is one repository behind a forge's REST API.
type API struct {
	Client *http.Client // adds the token, and refuses redirects to another origin
	Base   *url.URL     // the API's address; its path ends in a slash

	Pause time.Duration // upper limit of the first pause in Patiently; 500 ms, less in tests

	subject string // "github: acme/gitops"
	token   secret.Text
}

// New checks cfg, without any I/O, and returns the API for it. name is the provider's, for errors. A POST to a path
// that ends in one of repeatable may be sent twice: the second changes nothing, or is refused in a way that the caller
// understands.
func New(name string, cfg scm.Config, repeatable ...string) (*API, error) {
	fail := func(format string, args ...any) (*API, error) {
		return nil, fmt.Errorf(name+": "+format, args...)
	}
	base, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil:
		// The error of url.Parse holds the whole address, which may hold credentials.
		return fail("malformed API URL")
	case base.Scheme != "https" && base.Scheme != "http", base.Host == "":
		return fail("API URL %q: want https://HOST/PATH", base.Redacted())
	case base.User != nil:
		return fail("API URL %q: must not hold credentials", base.Redacted())
	case base.RawQuery != "" || base.Fragment != "":
		return fail("API URL for host %s: must not hold a query or a fragment", base.Host)
	case cfg.HTTPClient == nil:
		return fail("no HTTP client")
	case cfg.Token.Empty():
		return fail("no token")
	case strings.ContainsFunc(cfg.Token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }):
		return fail("the token holds white space, or characters that no token has")
	}
	parts := strings.Split(cfg.Repository, "/")
	if len(parts) < 2 || slices.ContainsFunc(parts, badPart) {
		return fail("repository %q: want OWNER/NAME", cfg.Repository)
	}
	base = base.JoinPath("/")

	client := *cfg.HTTPClient
	next := client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	client.Transport = authorized{base: base, token: cfg.Token, repeatable: repeatable, next: next}
	return &API{
		Client:  &client,
		Base:    base,
		Pause:   500 * time.Millisecond,
		subject: name + ": " + cfg.Repository,
		token:   cfg.Token,
	}, nil
}

// badPart reports whether s cannot be one part of a repository's path. GitHub's SDK puts the parts into URLs unescaped.
func badPart(s string) bool {
	return s == "" || s == "." || s == ".." || strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`?#%\:`, r)
	})
}

// authorized adds the token to requests. It refuses requests that a redirect sends to another origin: net/http would
// keep custom headers, and the SDKs' own transports would add the token again.
//
// It marks requests that may be sent twice as net/http does, by an Idempotency-Key without a value, which is not sent.
// A PATCH is one, because each that the providers send sets a value.
type authorized struct {
	base       *url.URL
	token      secret.Text
	repeatable []string
	next       http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != t.base.Scheme || req.URL.Host != t.base.Host {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, fmt.Errorf("redirected to %s://%s, which does not get the token; is this the API's URL?",
			req.URL.Scheme, req.URL.Host)
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+t.token.Reveal())
	ends := func(path string) bool { return strings.HasSuffix(req.URL.Path, path) }
	if req.Method == http.MethodPatch || req.Method == http.MethodPost && slices.ContainsFunc(t.repeatable, ends) {
		req.Header["Idempotency-Key"] = nil
	}
	return t.next.RoundTrip(req)
}

// Error returns the error for what an SDK returned: the response, which may be nil, the forge's message, which may be
// empty, and the SDK's error, which counts only if there is no response or a malformed one. kind is one of package
// scm's errors, or nil for the one that the status means.
func (a *API) Error(kind error, resp *http.Response, message string, err error) error {
	if resp == nil {
		// The address in the error of net/http is long, and after a redirect it may hold anything; name the host only.
		if u, ok := errors.AsType[*url.Error](err); ok {
			return fmt.Errorf("%s: %s: %w", a.subject, a.Base.Host, u.Err)
		}
		return fmt.Errorf("%s: %w", a.subject, err)
	}
	status := resp.StatusCode
	html := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
	switch {
	case html && (status < 300 || status == http.StatusNotFound):
		return fmt.Errorf("%s: %s answered with a web page (%d %s); is this the API's URL?",
			a.subject, a.Base, status, http.StatusText(status))
	case status < 300 && kind == nil:
		return fmt.Errorf("%s: %s: malformed answer: %w", a.subject, a.Base, err)
	case html || message == "":
		message = http.StatusText(status)
	}
	message = oneLine(strings.ReplaceAll(message, a.token.Reveal(), "[token]"))
	message = strings.TrimPrefix(message, strconv.Itoa(status)+" ") // GitLab's often begin with it
	if kind == nil {
		kind = kindOf(status)
	}
	if status >= 300 { // GraphQL reports failures with status 200
		message = fmt.Sprint(status, " ", message)
	}
	if kind == nil {
		return fmt.Errorf("%s: %s: %s", a.subject, a.Base.Host, message)
	}
	return fmt.Errorf("%s: %w: %s", a.subject, kind, message)
}

// oneLine returns s on one line of at most 300 characters. It cuts between words, because the redactor would not
// recognize a part of a token.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	r := []rune(s)
	if len(r) <= 300 {
		return s
	}
	short := string(r[:299])
	return short[:strings.LastIndexByte(short, ' ')+1] + "…"
}

// Only returns the one of the pull requests that is from head to base, or scm.ErrNotFound. Forges filter by branch, but
// ignore a filter that they do not understand.
func (a *API) Only(prs []scm.PullRequest, head, base string) (scm.PullRequest, error) {
	for _, pr := range prs {
		if pr.Head == head && pr.Base == base {
			return pr, nil
		}
	}
	return scm.PullRequest{}, fmt.Errorf("%s: %w from %s to %s", a.subject, scm.ErrNotFound, head, base)
}

// Fail returns an error of the kind for a failure that this program noticed, not the forge.
func (a *API) Fail(kind error, format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", a.subject, kind, fmt.Sprintf(format, args...))
}

// Missing returns the names in want that are not in have, once each. It ignores case, as forges do in the names of
// users, teams and, except on GitLab, labels.
func Missing(have, want []string) []string {
	var missing []string
	for _, name := range want {
		same := func(other string) bool { return strings.EqualFold(name, other) }
		if !slices.ContainsFunc(have, same) && !slices.ContainsFunc(missing, same) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Names returns the name of each element of list; nil if there are none.
func Names[T any](list []T, name func(T) string) []string {
	var names []string
	for _, one := range list {
		names = append(names, name(one))
	}
	return names
}

// kindOf returns the error of package scm that a status means, or nil for a failure of the forge itself.
func kindOf(status int) error {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return scm.ErrAuth
	case status == http.StatusNotFound:
		return scm.ErrNoRepository
	case status >= 400 && status < 500:
		return scm.ErrRefused
	}
	return nil
}

// Patiently calls try until it succeeds, returns again as false, or has been called five times. Between calls it pauses
// for a random time (full jitter) below a limit that starts at Pause and doubles: 7.5 s in all at most. It is for
// answers that the forge changes by itself, not for transient failures. If ctx is done during a pause, the error wraps
// the context's and the last one of try.
func (a *API) Patiently(ctx context.Context, try func() (again bool, err error)) error {
	// With a factor of 1, an interval is random between 0 and twice its mean.
	intervals := &backoff.ExponentialBackOff{
		InitialInterval: a.Pause / 2, MaxInterval: math.MaxInt64, Multiplier: 2, RandomizationFactor: 1,
	}
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		again, err := try()
		last = err
		if err != nil && !again {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(intervals), backoff.WithMaxTries(5), backoff.WithMaxElapsedTime(0))
	if err == nil || errors.Is(err, last) {
		return last
	}
	return fmt.Errorf("%w (%w)", last, err)
}
