// Package rest holds what the REST APIs of all forges have in common: authorization, errors, and patience.
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
	Client *http.Client // authorized for the API's host, deaf to redirects that leave it
	Base   *url.URL     // the API's address; its path ends in a slash

	Pause time.Duration // upper limit of the first pause in Patiently, half a second unless a test is in a hurry

	subject string // "github: acme/gitops"
	token   secret.Text
}

// New checks cfg, without any I/O, and returns the API for it. The name is the provider's, for errors. A POST to a path that
// ends in one of repeatable may be sent twice: the second changes nothing, or is refused with what the caller understands.
func New(name string, cfg scm.Config, repeatable ...string) (*API, error) {
	fail := func(format string, args ...any) (*API, error) {
		return nil, fmt.Errorf(name+": "+format, args...)
	}
	base, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil:
		// url.Parse repeats the whole address, which may hold credentials.
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

// badPart reports whether s cannot be one part of a repository's path. GitHub's SDK puts the parts into URLs as they are.
func badPart(s string) bool {
	return s == "" || s == "." || s == ".." || strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`?#%\:`, r)
	})
}

// authorized adds the token to requests, and marks those that may be repeated as net/http has it, with an Idempotency-Key
// without a value, which is not sent. All that the providers PATCH is set to a value. It refuses those that a redirect sends to another origin: net/http would keep
// custom headers, and the SDKs' own transports would add the token anew.
type authorized struct {
	base       *url.URL
	token      secret.Text
	repeatable []string
	next       http.RoundTripper
}

func (t authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != t.base.Scheme || req.URL.Host != t.base.Host {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, fmt.Errorf("redirected to %s://%s, which does not get the token; is this the API's URL?", req.URL.Scheme, req.URL.Host)
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+t.token.Reveal())
	ends := func(path string) bool { return strings.HasSuffix(req.URL.Path, path) }
	if req.Method == http.MethodPatch || req.Method == http.MethodPost && slices.ContainsFunc(t.repeatable, ends) {
		req.Header["Idempotency-Key"] = nil
	}
	return t.next.RoundTrip(req)
}

// Error makes the error to return from what an SDK gave: the response, which may be nil, the forge's words, which may be
// empty, and the SDK's error, which is used only where no forge has spoken. The kind is one of package scm's errors, or
// nil for the one that the status stands for.
func (a *API) Error(kind error, resp *http.Response, words string, err error) error {
	if resp == nil {
		// The host is enough: the address that net/http names is long, and after a redirect it may hold anything.
		if u, ok := errors.AsType[*url.Error](err); ok {
			return fmt.Errorf("%s: %s: %w", a.subject, a.Base.Host, u.Err)
		}
		return fmt.Errorf("%s: %w", a.subject, err)
	}
	status := resp.StatusCode
	html := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
	switch {
	case html && (status < 300 || status == http.StatusNotFound):
		return fmt.Errorf("%s: %s answered with a web page (%d %s); is this the API's URL?", a.subject, a.Base, status, http.StatusText(status))
	case status < 300 && kind == nil:
		return fmt.Errorf("%s: %s: malformed answer: %w", a.subject, a.Base, err)
	case html || words == "":
		words = http.StatusText(status)
	}
	words = oneLine(strings.ReplaceAll(words, a.token.Reveal(), "[token]"))
	words = strings.TrimPrefix(words, strconv.Itoa(status)+" ") // GitLab's often begin with it
	if kind == nil {
		kind = kindOf(status)
	}
	if status >= 300 { // any other says nothing
		words = fmt.Sprint(status, " ", words)
	}
	if kind == nil {
		return fmt.Errorf("%s: %s: %s", a.subject, a.Base.Host, words)
	}
	return fmt.Errorf("%s: %w: %s", a.subject, kind, words)
}

// oneLine makes one line of s, of no more than 300 characters. It leaves out whole words: a part of one could be a part of a
// token, in an encoding, that nobody knows again.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	r := []rune(s)
	if len(r) <= 300 {
		return s
	}
	short := string(r[:299])
	return short[:strings.LastIndexByte(short, ' ')+1] + "…"
}

// NotFound returns scm.ErrNotFound for the two branches.
func (a *API) NotFound(head, base string) error {
	return fmt.Errorf("%s: %w from %s to %s", a.subject, scm.ErrNotFound, head, base)
}

// Fail returns an error of the kind where it is not the forge that says so.
func (a *API) Fail(kind error, format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", a.subject, kind, fmt.Sprintf(format, args...))
}

// Missing returns what of want is not in have, once each. Forges do not tell upper from lower case in the names of users,
// teams and, but for GitLab, labels.
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

// Names returns the name of each in list; nil for an empty one.
func Names[T any](list []T, name func(T) string) []string {
	var names []string
	for _, one := range list {
		names = append(names, name(one))
	}
	return names
}

// kindOf returns the error of package scm that a status stands for, or nil.
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

// Patiently calls try until it succeeds, says that trying again is pointless, or has been called five times; and pauses
// between calls for a random time (full jitter) below a limit that starts at Pause and doubles: 7.5 s in all at most.
// When ctx ends during a pause, the error wraps the context's as well as the last one of try.
func (a *API) Patiently(ctx context.Context, try func() (again bool, err error)) error {
	// Randomized by its whole length, an interval is between nothing and twice the mean.
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
