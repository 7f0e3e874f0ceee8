package retry

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
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Transport is a http.RoundTripper that repeats a request where the network or the server fails transiently, up to
// MaxTries times and for as long as the request's context lasts. It pauses for as long as the server asks
// (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after,
// https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit,
// https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers).
//
// What a server refuses for the time being is repeated whatever it is. What the server may have carried out is repeated
// only if the request is idempotent: by its method, or as net/http has it, by an Idempotency-Key without a value, which
// is not sent. Else the error is an TransientError.
type Transport struct {
	Next http.RoundTripper
	Log  *slog.Logger

	// Silence is how long a server may send nothing in answer to an idempotent request.
	Silence time.Duration
	// FirstPause is the mean of the first pause; 0 means 200 ms.
	FirstPause time.Duration
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }() // Each try has a copy.
	}
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return nil, errors.New("a request that cannot be repeated") // No library that is in use makes one.
	}
	if t.FirstPause == 0 {
		t.FirstPause = firstPause
	}
	pause, tries := &politePause{ExponentialBackOff: newPauses(t.FirstPause)}, 0
	return backoff.Retry(r.Context(), func() (*http.Response, error) {
		response, err := t.try(r)
		tries++
		if err != nil && r.Context().Err() != nil {
			return nil, permanent(err)
		}
		f := classify(response, err)
		deadline, limited := r.Context().Deadline()
		switch {
		case f.err == nil:
			return response, permanent(err)
		case limited && f.wait > time.Until(deadline):
			return nil, permanent(&GaveUpError{err: f.err, Wait: f.wait})
		case !idempotent(r) && !f.refused:
			return nil, permanent(&TransientError{f.err})
		case tries == MaxTries:
			return nil, permanent(&GaveUpError{err: f.err})
		}
		pause.least = f.wait
		return nil, f.err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0), backoff.WithNotify(t.notify(r)))
}

// notify returns a function that logs that a request is repeated.
func (t Transport) notify(r *http.Request) backoff.Notify {
	return func(err error, pause time.Duration) {
		request := r.Method + " " + r.URL.Redacted()
		pause = pause.Round(time.Millisecond)
		t.Log.Log(r.Context(), again, "trying again", "in", pause, "reason", err, "request", request)
	}
}

// politePause adds the pause that the server asks for.
type politePause struct {
	*backoff.ExponentialBackOff
	least time.Duration
}

// NextBackOff implements backoff.BackOff.
func (p *politePause) NextBackOff() time.Duration {
	return p.least + p.ExponentialBackOff.NextBackOff()
}

// idempotent reports whether sending r twice does what sending it once does.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	_, ok := r.Header["Idempotency-Key"]
	return ok
}

// maxAnswer is the size in bytes up to which an answer is read as a whole.
const maxAnswer = 64 << 20

// try sends the request once. It reads all answers as a whole, so that one that breaks off is a failed request, except
// for what git reads: references and packs, of which not all may be wanted.
func (t Transport) try(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	body := &timedBody{ctx: ctx, stop: func() { cancel(nil) }}
	if idempotent(r) {
		body.silence, body.timer = t.Silence, time.AfterFunc(t.Silence, func() { cancel(errSilent) })
	}
	sent := r.Clone(ctx)
	if r.GetBody != nil {
		copied, err := r.GetBody()
		if err != nil {
			cancel(nil)
			return nil, err
		}
		sent.Body = copied
	}
	response, err := t.Next.RoundTrip(sent)
	if body.timer != nil {
		body.timer.Stop()
	}
	if err != nil {
		err = body.explain(err)
		body.stop()
		return nil, err
	}
	body.ReadCloser = response.Body
	response.Body = body
	kind := contentType(response)
	if response.StatusCode == http.StatusOK && strings.HasPrefix(kind, "application/x-git-upload-pack-") {
		return response, nil
	}
	data, err := readAll(body, kind)
	if err != nil {
		return nil, err // With both, net/http would write to stderr.
	}
	response.Body = &readBody{bytes.NewReader(data), data}
	return response, nil
}

// readAll reads and closes the body of an answer of that type.
func readAll(body io.ReadCloser, kind string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	err = errors.Join(err, body.Close())
	if err == nil && len(data) > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	if err == nil && kind == "application/json" && len(data) > 0 {
		var all json.RawMessage
		if json.NewDecoder(bytes.NewReader(data)).Decode(&all) == io.ErrUnexpectedEOF {
			err = fmt.Errorf("half an answer: %w", io.ErrUnexpectedEOF)
		}
	}
	return data, err
}

// contentType returns the media type of an answer, without parameters.
func contentType(response *http.Response) string {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return kind
}

// errSilent is a server that does not answer, or stops in the midst of it.
var errSilent = errors.New("the server stopped sending")

// timedBody is the body of an answer. Reading it fails when the server stops sending.
type timedBody struct {
	io.ReadCloser
	ctx     context.Context // of the request
	silence time.Duration
	timer   *time.Timer // nil: the server may take as long as it likes
	stop    func()
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	if b.timer != nil { // The reader's own time does not count.
		b.timer.Reset(b.silence)
		defer b.timer.Stop()
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = b.explain(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *timedBody) Close() error {
	defer b.stop()
	return b.ReadCloser.Close()
}

// explain returns err, or the silence that caused it.
func (b *timedBody) explain(err error) error {
	if context.Cause(b.ctx) == errSilent {
		return fmt.Errorf("%w for %s", errSilent, b.silence)
	}
	return err
}

// readBody is a body that has been read and can be read again.
type readBody struct {
	io.Reader
	data []byte
}

// Close implements io.Closer.
func (*readBody) Close() error { return nil }
