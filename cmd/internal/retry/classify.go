package retry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/gitrepo"
)

// failure is a transient failure of a request.
type failure struct {
	err     error         // nil: there is none
	wait    time.Duration // the shortest pause that the server asks for
	refused bool          // the server has certainly done nothing
}

// classify returns what is transiently wrong with an answer, or with a request that got none because of err.
func classify(response *http.Response, err error) failure {
	if err != nil {
		if passes(err) {
			return failure{err: err}
		}
		return failure{}
	}
	wait, asked := pauseAsked(response.Header)
	f := failure{wait: wait}
	switch response.StatusCode {
	case http.StatusOK:
		if !asked || !strings.Contains(bodyOf(response), `"RATE_LIMITED"`) {
			return failure{}
		}
		// https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#exceeding-the-rate-limit
		return failure{err: errors.New("API rate limit exceeded"), wait: wait, refused: true}
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout,
		// Cloudflare's, which stands before gitlab.com:
		// https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
		520, 521, 522, 523, 524:
	case http.StatusServiceUnavailable:
		f.refused = asked // A server that knows when to come again has not begun.
	case http.StatusTooManyRequests:
		f.refused = true
	case http.StatusForbidden:
		secondary := strings.Contains(strings.ToLower(serverMessage(response)), "secondary rate limit")
		if !secondary && !asked {
			return failure{}
		}
		if f.refused = true; !asked {
			f.wait = time.Minute // GitHub's documentation asks for it.
		}
	default:
		return failure{}
	}
	status := strings.TrimSpace(fmt.Sprint(response.StatusCode, " ", http.StatusText(response.StatusCode)))
	f.err = errors.New(strings.TrimSuffix(status+": "+serverMessage(response), ": "))
	return f
}

// passes reports whether a request that failed with err may succeed a moment later.
func passes(err error) bool {
	if proxy, ok := errors.AsType[*ProxyError](err); ok {
		return proxy.Status >= http.StatusBadGateway && proxy.Status <= http.StatusGatewayTimeout
	}
	if errors.Is(err, errSilent) || gitrepo.IsNetworkFailure(err) {
		return true
	}
	// The errors of HTTP/2 have no exported types.
	text := err.Error()
	return strings.Contains(text, "http2: ") || strings.Contains(text, "stream error: ")
}

// ProxyError is a proxy that does not connect to the server.
type ProxyError struct{ Status int }

// Error implements error.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy says: %d %s", e.Status, http.StatusText(e.Status))
}

// CheckProxy returns a ProxyError unless a proxy has connected. It is for http.Transport's OnProxyConnectResponse: the
// transport's own error has only the text of the status.
func CheckProxy(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode != http.StatusOK {
		return &ProxyError{response.StatusCode}
	}
	return nil
}

// pauseAsked returns the pause that a server asks for, and whether it asks for one. The server's own clock counts.
func pauseAsked(h http.Header) (pause time.Duration, asked bool) {
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	after := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(after, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(seconds) * time.Second, true // Beyond the range, the most that there is.
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

// serverMessage returns what a server says in the body of a refusal, on one line; nothing of a page for people.
func serverMessage(response *http.Response) string {
	kind := contentType(response)
	refusal := struct{ Message string }{}
	switch body := bodyOf(response); {
	case kind == "text/plain":
		refusal.Message = body
	case kind != "application/json" || json.Unmarshal([]byte(body), &refusal) != nil:
		return ""
	}
	line := escape.OneLine(refusal.Message)
	short := escape.Shorten(line, 300)
	if short != line { // Half a word could be half a secret, which the redactor does not find.
		short = short[:strings.LastIndexByte(short, ' ')+1] + "…"
	}
	return short
}

// bodyOf returns the body of an answer that was read as a whole; of what git reads, nothing.
func bodyOf(response *http.Response) string {
	b, ok := response.Body.(*readBody)
	if !ok {
		return ""
	}
	return string(b.data)
}
