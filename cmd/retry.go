package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/gitrepo"
)

// maxTries is how often something is tried that fails with what may pass. With the pauses between, the last try is some 25 s
// after the first, on average.
const maxTries = 8

// firstPause is the mean of the first pause between tries.
const firstPause = 200 * time.Millisecond

// newPause gives the pauses between tries, of which the first has that mean. Randomized by its whole length, an interval is
// between nothing and twice the mean: full jitter.
func newPause(first time.Duration) *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{InitialInterval: first, MaxInterval: 75 * first, Multiplier: 2, RandomizationFactor: 1}
}

// lostError is a failure of the network or of a server in a request that must not just be sent again, for it may have been
// carried out. Whoever knows how to find that out may start again.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// gaveUpError is a failure after which it is pointless to try again: it has been tried often enough, or the server asks for
// more patience than there is time.
type gaveUpError struct {
	err  error
	asks time.Duration // what the server wants to be waited; 0: it was tried maxTries times
}

func (e *gaveUpError) Error() string {
	if e.asks > 0 {
		return fmt.Sprintf("%v; the server wants to be asked again in %s, for which there is no time", e.err, e.asks.Round(time.Second))
	}
	return fmt.Sprintf("%v, %d times in a row", e.err, maxTries)
}
func (e *gaveUpError) Unwrap() error { return e.err }

// mayPass tells whether to start again after err.
func mayPass(err error) bool {
	if _, ok := errors.AsType[*gaveUpError](err); ok {
		return false
	}
	_, lost := errors.AsType[*lostError](err)
	return lost || errors.Is(err, gitrepo.ErrFault)
}

// again calls try until it fails with nothing that may pass, or has failed too often; then whoever called it does not try
// all that again. try has to be something that can be done twice.
func again(ctx context.Context, log *slog.Logger, try func() error) error {
	tries := 0
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := try()
		tries++
		switch {
		case !mayPass(err):
			err = permanent(err)
		case tries == maxTries:
			err = permanent(&gaveUpError{err: err})
		}
		return struct{}{}, err
	}, backoff.WithBackOff(newPause(firstPause)), backoff.WithMaxElapsedTime(0), backoff.WithNotify(tell(log)))
	return err
}

// tell logs that something is going to be tried again.
func tell(log *slog.Logger) backoff.Notify {
	return func(err error, wait time.Duration) {
		log.Warn("starting again", "in", wait.Round(time.Millisecond), "reason", err)
	}
}

// retrying is a http.RoundTripper that sends a request again where the network or the server fails in a way that may pass,
// as often as maxTries says and for as long as the request's context lasts. It waits as the server asks
// (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after,
// https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit,
// https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers).
//
// What a server refuses for the time being is sent again whatever it is. What it may have carried out is sent again only if
// the request says that it may be repeated: by its method, or as net/http has it, by an Idempotency-Key without a value,
// which is not sent. Else the error is a lostError.
type retrying struct {
	next    http.RoundTripper
	log     *slog.Logger
	silence time.Duration // how long a server may leave a request that may be repeated without a further byte
	pause   time.Duration // the mean of the first one
}

// RoundTrip implements http.RoundTripper.
func (t retrying) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close() // Each try has a copy. An error of closing what was not read says nothing.
	}
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return nil, errors.New("a request that cannot be sent again") // No library that is in use makes any.
	}
	pause := &politePause{ExponentialBackOff: newPause(t.pause)}
	return backoff.Retry(r.Context(), func() (*http.Response, error) {
		response, err := t.try(r)
		if err != nil && r.Context().Err() != nil {
			return nil, permanent(err)
		}
		f := judge(response, err)
		deadline, limited := r.Context().Deadline()
		pause.tries++
		switch {
		case f.err == nil:
			return response, permanent(err)
		case limited && f.wait > time.Until(deadline):
			return nil, permanent(&gaveUpError{f.err, f.wait})
		case !repeatable(r) && !f.refused:
			return nil, permanent(&lostError{f.err})
		case pause.tries == maxTries:
			return nil, permanent(&gaveUpError{err: f.err})
		}
		pause.least = f.wait
		return nil, f.err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, wait time.Duration) {
		t.log.Warn("trying again", "in", wait.Round(time.Millisecond), "reason", err, "request", r.Method+" "+r.URL.Redacted())
	}))
}

// politePause adds what the server asks to be waited.
type politePause struct {
	*backoff.ExponentialBackOff
	least time.Duration
	tries int
}

// NextBackOff implements backoff.BackOff.
func (p *politePause) NextBackOff() time.Duration {
	return p.least + p.ExponentialBackOff.NextBackOff()
}

func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	_, ok := r.Header["Idempotency-Key"]
	return ok
}

// errSilent is a server that does not answer, or stops in the midst of it.
var errSilent = errors.New("the server has fallen silent")

// maxAnswer is how long an answer may be that is read as a whole.
const maxAnswer = 64 << 20

// try sends the request once. All answers but what git reads are read as a whole, so that what
// breaks off is a failed request; of references and packs not all may be wanted.
func (t retrying) try(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	w := &watched{stop: func() { cancel(nil) }}
	if repeatable(r) {
		w.silence, w.timer = t.silence, time.AfterFunc(t.silence, func() { cancel(errSilent) })
	}
	sent := r.Clone(ctx)
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			cancel(nil)
			return nil, err
		}
		sent.Body = body
	}
	response, err := t.next.RoundTrip(sent)
	if w.timer != nil {
		w.timer.Stop()
	}
	if err != nil {
		err = w.explain(ctx, err)
		w.stop()
		return nil, err
	}
	w.ReadCloser, w.ctx = response.Body, ctx
	response.Body = w
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if response.StatusCode == http.StatusOK && strings.HasPrefix(kind, "application/x-git-upload-pack-") {
		return response, nil
	}
	data, err := io.ReadAll(io.LimitReader(w, maxAnswer+1))
	err = errors.Join(err, w.Close())
	if err == nil && len(data) > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	if err == nil && kind == "application/json" && len(data) > 0 {
		var all json.RawMessage
		if json.NewDecoder(bytes.NewReader(data)).Decode(&all) == io.ErrUnexpectedEOF {
			err = fmt.Errorf("half an answer: %w", io.ErrUnexpectedEOF)
		}
	}
	if err != nil {
		return nil, err // With both, net/http would write to stderr.
	}
	response.Body = &whole{bytes.NewReader(data), data}
	return response, nil
}

// watched is the body of an answer that ends when the server stops sending.
type watched struct {
	io.ReadCloser
	ctx     context.Context
	silence time.Duration
	timer   *time.Timer // nil: it may take as long as it likes
	stop    func()
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	if w.timer != nil { // Time that the reader takes is none of the server's.
		w.timer.Reset(w.silence)
		defer w.timer.Stop()
	}
	n, err := w.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = w.explain(w.ctx, err)
	}
	return n, err
}

// Close implements io.Closer.
func (w *watched) Close() error {
	defer w.stop()
	return w.ReadCloser.Close()
}

func (w *watched) explain(ctx context.Context, err error) error {
	if context.Cause(ctx) == errSilent {
		return fmt.Errorf("%w for %s", errSilent, w.silence)
	}
	return err
}

// failure is what is wrong with an answer.
type failure struct {
	err     error         // nil: nothing, or nothing that passes
	wait    time.Duration // what the server asks for at least
	refused bool          // nothing was done, for sure
}

func judge(response *http.Response, err error) failure {
	if err != nil {
		if passes(err) {
			return failure{err: err}
		}
		return failure{}
	}
	wait, said := asked(response.Header)
	f := failure{wait: wait}
	switch response.StatusCode {
	case http.StatusOK:
		if !said || !strings.Contains(bodyOf(response), `"RATE_LIMITED"`) {
			return failure{}
		}
		// https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#exceeding-the-rate-limit
		return failure{err: errors.New("API rate limit exceeded"), wait: wait, refused: true}
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout,
		520, 521, 522, 523, 524: // As Cloudflare says it, which is before gitlab.com (https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/).
	case http.StatusServiceUnavailable:
		f.refused = said // Who knows when to come again has not begun.
	case http.StatusTooManyRequests:
		f.refused = true
	case http.StatusForbidden:
		if secondary := strings.Contains(strings.ToLower(words(response)), "secondary rate limit"); !secondary && !said {
			return failure{}
		}
		if f.refused = true; !said {
			f.wait = time.Minute // As GitHub wants it where it does not say.
		}
	default:
		return failure{}
	}
	status := strings.TrimSpace(fmt.Sprint(response.StatusCode, " ", http.StatusText(response.StatusCode)))
	f.err = errors.New(strings.TrimSuffix(status+": "+words(response), ": "))
	return f
}

// asked is how long the server asks to be left alone, and whether it does. Its points in time are by its own clock.
func asked(h http.Header) (wait time.Duration, does bool) {
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	after := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(after, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(seconds) * time.Second, true // The most that there is, where it is more.
	}
	if at, err := http.ParseTime(after); err == nil {
		return max(at.Sub(now), 0), true
	}
	for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-"} { // GitHub's, GitLab's
		reset, err := strconv.ParseInt(h.Get(prefix+"Reset"), 10, 64)
		if h.Get(prefix+"Remaining") == "0" && err == nil {
			return max(time.Unix(reset, 0).Sub(now), 0), true
		}
	}
	return 0, false
}

// words are what a server says in the body of a refusal: one line, none of a page for people.
func words(response *http.Response) string {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	said := struct{ Message string }{}
	switch body := bodyOf(response); {
	case kind == "text/plain":
		said.Message = body
	case kind != "application/json" || json.Unmarshal([]byte(body), &said) != nil:
		return ""
	}
	line := escape.OneLine(said.Message)
	short := escape.Shorten(line, 300)
	if short != line { // Half a word could be half a secret, which nobody knows again.
		short = short[:strings.LastIndexByte(short, ' ')+1] + "…"
	}
	return short
}

// bodyOf is the body, which can be read again; nothing of what git reads, which has not been read as a whole.
func bodyOf(response *http.Response) string {
	b, ok := response.Body.(*whole)
	if !ok {
		return ""
	}
	return string(b.data)
}

// whole is a body that has been read.
type whole struct {
	io.Reader
	data []byte
}

// Close implements io.Closer.
func (*whole) Close() error { return nil }

// passes reports whether an error of HTTP may be gone a moment later.
func passes(err error) bool {
	if proxy, ok := errors.AsType[*proxyError](err); ok {
		return proxy.status >= http.StatusBadGateway && proxy.status <= http.StatusGatewayTimeout
	}
	if errors.Is(err, errSilent) || gitrepo.IsTransient(err) {
		return true
	}
	// The errors of HTTP/2 have no exported types.
	text := err.Error()
	return strings.Contains(text, "http2: ") || strings.Contains(text, "stream error: ")
}
