package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"golang.org/x/crypto/ssh"

	"update-gitops-repo/gitrepo/internal/pack"
)

func status(code int, reason string) error {
	return plumbing.NewUnexpectedError(&githttp.Err{
		Response: &http.Response{StatusCode: code, Request: &http.Request{URL: &url.URL{}}}, Reason: reason,
	})
}

// TestRemoteError: each error of the library is of one kind, and in one line.
func TestRemoteError(t *testing.T) {
	t.Parallel()
	other := errors.New("none of these")
	for name, test := range map[string]struct {
		err, want error
		text      string
		refusal   bool // a whole fetch may succeed
	}{
		"wants credentials": {fmt.Errorf("%w: a\nb", transport.ErrAuthenticationRequired), ErrAuth,
			"says: authentication required: a b", false},
		"refuses credentials": {transport.ErrAuthorizationFailed, ErrAuth, "says: ", false},
		"handshake": {errors.New("ssh: handshake failed: ssh: unable to authenticate"),
			ErrAuth, "handshake", false},
		"host key":  {fmt.Errorf("ssh: handshake failed: %w", ErrHostKey), ErrHostKey, "", false},
		"not found": {fmt.Errorf("%w: x", transport.ErrRepositoryNotFound), ErrNotFound, "", false},
		"empty":     {transport.ErrEmptyRemoteRepository, ErrEmpty, "", true},
		"replaced":  {errors.New("fatal: git upload-pack: not our ref 1234"), ErrMoved, "not our ref", true},
		"sha256": {errors.New(`unexpected "object-format=sha256"`), nil,
			`objectFormat "sha256" is not supported`, true},
		"connection gone": {&url.Error{Op: "Get", Err: io.EOF}, ErrFault, "EOF", false},
		"killed":          {&ssh.ExitMissingError{}, ErrFault, "", false},
		"damaged lines":   {packp.NewErrUnexpectedData("no space", nil), ErrFault, "", false},
		"status":          {status(http.StatusInternalServerError, "out of order"), nil, "out of order", false},
		"unanswered":      {&url.Error{Op: "Get", Err: other}, other, "", false},
		"refusal":         {errors.New("fatal: filtering not allowed"), nil, "filtering", true},
	} {
		err := remoteError(t.Context(), test.err)
		if test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v; want %v with %q", name, err, test.want, test.text)
		}
		if got := refusal(t.Context(), err); got != test.refusal {
			t.Errorf("%s: refusal %t, want %t", name, got, test.refusal)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := remoteError(ctx, other); !errors.Is(err, context.Canceled) || refusal(ctx, other) {
		t.Errorf("canceled: %v", err)
	}
	if refusal(t.Context(), nil) {
		t.Error("no error is a refusal")
	}
}

// TestBrokenText: the library keeps no more than the text of most causes.
func TestBrokenText(t *testing.T) {
	t.Parallel()
	for _, ending := range endings {
		for _, err := range []error{ending, fmt.Errorf("%w", ending),
			fmt.Errorf("sending upload-req message: %s", ending)} {
			if !broken(err) {
				t.Errorf("%v is not a fault", err)
			}
		}
		if err := fmt.Errorf("%s is a word of the server's", ending); broken(err) {
			t.Errorf("%v is a fault", err)
		}
	}
}

// TestPushError: unless the server has refused a push, it may be done.
func TestPushError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ err, want error }{
		"wants credentials": {transport.ErrAuthenticationRequired, ErrAuth},
		"not found":         {transport.ErrRepositoryNotFound, ErrNotFound},
		"connection gone":   {io.ErrUnexpectedEOF, ErrFault},
		"too large":         {status(http.StatusRequestEntityTooLarge, "too large"), ErrRejected},
		"out of order":      {status(http.StatusBadGateway, ""), ErrFault},
		"unknown":           {errors.New("unknown"), ErrFault},
	} {
		if err := pushError(t.Context(), test.err); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestReportError(t *testing.T) {
	t.Parallel()
	report := func(unpack string, statuses ...string) *packp.ReportStatus {
		r := &packp.ReportStatus{UnpackStatus: unpack}
		for _, status := range statuses {
			r.CommandStatuses = append(r.CommandStatuses, &packp.CommandStatus{Status: status})
		}
		return r
	}
	for name, test := range map[string]struct {
		report *packp.ReportStatus
		want   error
		text   string
	}{
		"done": {report("ok", "ok"), nil, "<nil>"},
		"no unpack": {report("index-pack abnormal exit"), ErrRejected,
			"unpack: index-pack abnormal exit: not on Friday"},
		"hook":      {report("ok", "ok", "hook declined"), ErrRejected, "hook declined: not on Friday"},
		"lost race": {report("ok", "cannot lock ref 'refs/heads/x'"), ErrMoved, "cannot lock ref"},
	} {
		err := reportError(test.report, "not on\n  Friday\n")
		if !errors.Is(err, test.want) || !strings.Contains(fmt.Sprint(err), test.text) {
			t.Errorf("%s: %v; want %v with %q", name, err, test.want, test.text)
		}
	}
}

// TestLostRace: what git and the forges say of a branch that has moved, in their words.
func TestLostRace(t *testing.T) {
	t.Parallel()
	for _, status := range []string{
		"non-fast-forward", "fetch first", "stale info", "incorrect old value provided", "reference already exists",
		"cannot lock ref 'refs/heads/x': is at 1 but expected 2", "failed to update ref", "failed to lock",
	} {
		statuses := []*packp.CommandStatus{{Status: status}}
		err := reportError(&packp.ReportStatus{UnpackStatus: "ok", CommandStatuses: statuses}, "")
		if !errors.Is(err, ErrMoved) {
			t.Errorf("%s: %v, want %v", status, err, ErrMoved)
		}
	}
}

// TestSmart: an answer that is not git's protocol is an error.
func TestSmart(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = r.URL.Query()["type"]
		if r.URL.Path == "/failed" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, "body")
	}))
	defer server.Close()
	client := newClient(nil, pack.NewQuota(0))
	for _, test := range []struct{ path, body, text string }{
		{"/?type=application/x-git-upload-pack-result", "body", ""},
		{"/?type=text/html%3Bcharset=utf-8", "", "answered with a web page (200 OK)"},
		{"/?type=text/plain", "", "answered with text/plain (200 OK)"},
		{"/", "", "answered with something (200 OK)"},
		{"/failed?type=text/html", "", ""},
		{"/failed?type=text/plain", "body", ""},
	} {
		response, err := client.Get(server.URL + test.path)
		if test.text != "" {
			if err == nil || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%s: %v, want %q", test.path, err, test.text)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil || string(body) != test.body {
			t.Errorf("%s: %q, %v; want %q", test.path, body, err, test.body)
		}
	}
}

func TestNewWireScheme(t *testing.T) {
	t.Parallel()
	if _, err := NewWire(Remote{}); err == nil {
		t.Error("a URL without a scheme was accepted")
	}
}
