package rest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"update-gitops-repo/scm"
	"update-gitops-repo/scm/internal/rest"
	"update-gitops-repo/secret"
)

const token = "s3cr3t-t0ken"

func config(url string) scm.Config {
	return scm.Config{BaseURL: url, Repository: "acme/gitops", Token: secret.New(token), HTTPClient: new(http.Client)}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*scm.Config)
		want   string // in the error; none if empty
	}{
		{"good", func(*scm.Config) {}, ""},
		{"http", func(c *scm.Config) { c.BaseURL = "http://127.0.0.1:8080/api/v4" }, ""},
		{"sub-groups", func(c *scm.Config) { c.Repository = "acme/platform/eu-1/gitops" }, ""},
		{"dots", func(c *scm.Config) { c.Repository = "acme/.github" }, ""},
		{"no URL", func(c *scm.Config) { c.BaseURL = "" }, "want https://HOST/PATH"},
		{"no scheme", func(c *scm.Config) { c.BaseURL = "git.example.com/api/v4" }, "want https://HOST/PATH"},
		{"other scheme", func(c *scm.Config) { c.BaseURL = "ssh://git.example.com/api" }, "want https://HOST/PATH"},
		{"no host", func(c *scm.Config) { c.BaseURL = "https:///api/v4" }, "want https://HOST/PATH"},
		{"malformed URL", func(c *scm.Config) { c.BaseURL = "https://me:" + token + "@[" }, "malformed API URL"},
		{"credentials", func(c *scm.Config) { c.BaseURL = "https://me:" + token + "@git.example.com/" }, "credentials"},
		{"query", func(c *scm.Config) { c.BaseURL = "https://git.example.com/?private_token=" + token }, "query"},
		{"no client", func(c *scm.Config) { c.HTTPClient = nil }, "no HTTP client"},
		{"no token", func(c *scm.Config) { c.Token = secret.Text{} }, "no token"},
		{"line end", func(c *scm.Config) { c.Token = secret.New(token + "\n") }, "white space"},
		{"two tokens", func(c *scm.Config) { c.Token = secret.New(token + " " + token) }, "white space"},
		{"umlaut", func(c *scm.Config) { c.Token = secret.New(token + "ü") }, "no token has"},
		{"no repository", func(c *scm.Config) { c.Repository = "" }, `repository "": want OWNER/NAME`},
		{"no owner", func(c *scm.Config) { c.Repository = "gitops" }, "want OWNER/NAME"},
		{"empty owner", func(c *scm.Config) { c.Repository = "/gitops" }, "want OWNER/NAME"},
		{"slash at the end", func(c *scm.Config) { c.Repository = "acme/gitops/" }, "want OWNER/NAME"},
		{"up", func(c *scm.Config) { c.Repository = "acme/../gitops" }, "want OWNER/NAME"},
		{"query in the name", func(c *scm.Config) { c.Repository = "acme/gitops?x=y" }, "want OWNER/NAME"},
		{"space", func(c *scm.Config) { c.Repository = "acme/git ops" }, "want OWNER/NAME"},
		{"URL as the name", func(c *scm.Config) { c.Repository = "https://github.com/acme/gitops" }, "want OWNER/NAME"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := config("https://git.example.com/api/v4")
			test.change(&cfg)
			_, err := rest.New("forge", cfg)
			switch {
			case err == nil && test.want == "":
			case err == nil || test.want == "" || !strings.Contains(err.Error(), test.want):
				t.Errorf("got error %v, want %q", err, test.want)
			case !strings.HasPrefix(err.Error(), "forge: "):
				t.Errorf("error %v does not name the provider", err)
			case strings.Contains(err.Error(), token):
				t.Errorf("error %v holds the token", err)
			}
		})
	}
}

// A redirect to another origin gets neither the token nor the request.
func TestRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s with Authorization %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	var seen []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.URL.Path+" "+r.Header.Get("Authorization"))
		switch r.URL.Path {
		case "/api/renamed":
			http.Redirect(w, r, "/api/here", http.StatusTemporaryRedirect)
		case "/api/away":
			http.Redirect(w, r, elsewhere.URL+"/?private_token="+token, http.StatusTemporaryRedirect)
		}
	}))
	defer srv.Close()
	api, err := rest.New("forge", config(srv.URL+"/api"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := api.Base.String(), srv.URL+"/api/"; got != want {
		t.Errorf("base %s, want %s", got, want)
	}

	resp, err := api.Client.Post(api.Base.String()+"renamed", "", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got, want := strings.Join(seen, ", "), "/api/renamed Bearer "+token+", /api/here Bearer "+token; got != want {
		t.Errorf("seen %s, want %s", got, want)
	}

	_, err = api.Client.Post(api.Base.String()+"away", "", strings.NewReader("x"))
	if err == nil {
		t.Fatal("no error")
	}
	err = api.Error(nil, nil, "", err)
	if got := err.Error(); !strings.Contains(got, "redirected to "+elsewhere.URL) || strings.Contains(got, token) {
		t.Errorf("got error %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A redirect from https to http on the same host would send the token in clear.
func TestRedirectToPlainHTTP(t *testing.T) {
	t.Parallel()
	var sent []string
	cfg := config("https://git.example.com/api")
	cfg.HTTPClient.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, r.URL.String())
		response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}
		if r.URL.Scheme == "https" {
			response.StatusCode = http.StatusTemporaryRedirect
			response.Header.Set("Location", "http://git.example.com/api/pulls")
		}
		return response, nil
	})
	api, err := rest.New("forge", cfg)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := api.Client.Get(api.Base.String() + "pulls")
	if err == nil {
		_ = resp.Body.Close()
	}
	const want = "redirected to http://git.example.com, which does not get the token"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
	if got := strings.Join(sent, ", "); got != "https://git.example.com/api/pulls" {
		t.Errorf("sent: %s", got)
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	api, err := rest.New("forge", config("https://git.example.com/api"))
	if err != nil {
		t.Fatal(err)
	}
	const subject = "forge: acme/gitops: "
	for _, test := range []struct {
		name   string
		kind   error
		status int
		html   bool
		words  string
		is     error // nil: none of the kinds
		want   string
	}{
		{"401", nil, 401, false, "Bad credentials", scm.ErrAuth, "access denied: 401 Bad credentials"},
		{"403", nil, 403, false, "", scm.ErrAuth, "access denied: 403 Forbidden"},
		{"403 web page", nil, 403, true, "", scm.ErrAuth, "access denied: 403 Forbidden"},
		{"404", nil, 404, false, "Not Found", scm.ErrNoRepository,
			"no such repository, or the token cannot see it: 404 Not Found"},
		{"404 web page", nil, 404, true, "", nil,
			"https://git.example.com/api/ answered with a web page (404 Not Found); is this the API's URL?"},
		{"200 web page", nil, 200, true, "", nil,
			"https://git.example.com/api/ answered with a web page (200 OK); is this the API's URL?"},
		{"200", nil, 200, false, "", io.ErrUnexpectedEOF,
			"https://git.example.com/api/: malformed answer: unexpected EOF"},
		{"400", nil, 400, false, "title is missing", scm.ErrRefused, "refused: 400 title is missing"},
		{"409", nil, 409, false, "exists", scm.ErrRefused, "refused: 409 exists"},
		{"409 on merge", scm.ErrNotMergeable, 409, false, "moved", scm.ErrNotMergeable, "cannot be merged: 409 moved"},
		{"502", nil, 502, true, "<html>", nil, "git.example.com: 502 Bad Gateway"},
		{"token", nil, 422, false, "bad " + token + ", really", scm.ErrRefused, "refused: 422 bad [token], really"},
		{"lines", nil, 422, false, " a\r\n\tb\n", scm.ErrRefused, "refused: 422 a b"},
		{"long", nil, 422, false, strings.Repeat("ä ", 500), scm.ErrRefused,
			"refused: 422 " + strings.Repeat("ä ", 149) + "…"},
		{"a long word", nil, 422, false, "No " + strings.Repeat("ä", 1000), scm.ErrRefused, "refused: 422 No …"},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp := &http.Response{StatusCode: test.status, Header: http.Header{"Content-Type": {"application/json"}}}
			if test.html {
				resp.Header.Set("Content-Type", "text/html; charset=utf-8")
			}
			err := api.Error(test.kind, resp, test.words, io.ErrUnexpectedEOF)
			if got := err.Error(); got != subject+test.want {
				t.Errorf("got  %s\nwant %s", got, subject+test.want)
			}
			for _, kind := range []error{scm.ErrAuth, scm.ErrNoRepository, scm.ErrRefused, scm.ErrNotMergeable,
				io.ErrUnexpectedEOF} {
				if is := errors.Is(err, kind); is != (kind == test.is) {
					t.Errorf("is %v: %t", kind, is)
				}
			}
		})
	}
	if got, want := api.Error(nil, nil, "", io.EOF).Error(), subject+"EOF"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPatiently(t *testing.T) {
	t.Parallel()
	errNotYet, errNever := errors.New("not yet"), errors.New("never")
	for _, test := range []struct {
		name  string
		tries []error // nil: success
		calls int
		want  error
	}{
		{"at once", []error{nil}, 1, nil},
		{"later", []error{errNotYet, errNotYet, nil}, 3, nil},
		{"pointless", []error{errNotYet, errNever, nil}, 2, errNever},
		{"bounded", []error{errNotYet, errNotYet, errNotYet, errNotYet, errNotYet, nil}, 5, errNotYet},
	} {
		t.Run(test.name, func(t *testing.T) {
			api, err := rest.New("forge", config("https://git.example.com/api"))
			if err != nil {
				t.Fatal(err)
			}
			api.Pause = time.Microsecond
			calls := 0
			err = api.Patiently(t.Context(), func() (bool, error) {
				err := test.tries[calls]
				calls++
				return err == errNotYet, err
			})
			if calls != test.calls || err != test.want {
				t.Errorf("got %d calls and error %v, want %d and %v", calls, err, test.calls, test.want)
			}
		})
	}

	t.Run("context", func(t *testing.T) {
		api, err := rest.New("forge", config("https://git.example.com/api"))
		if err != nil {
			t.Fatal(err)
		}
		api.Pause = 1 << 62 // only the end of the context ends the pause
		ctx, cancel := context.WithCancel(t.Context())
		err = api.Patiently(ctx, func() (bool, error) { cancel(); return true, errNotYet })
		if !errors.Is(err, context.Canceled) || !errors.Is(err, errNotYet) {
			t.Errorf("got error %v", err)
		}
	})
}

func newAPI(t *testing.T) *rest.API {
	t.Helper()
	api, err := rest.New("forge", config("https://git.example.com/api"))
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func TestOnly(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	list := []scm.PullRequest{
		{Number: 1, Head: "change", Base: "staging"},
		{Number: 2, Head: "other", Base: "main"},
		{Number: 3, Head: "change", Base: "main"},
	}
	if pr, err := api.Only(list, "change", "main"); err != nil || pr.Number != 3 {
		t.Errorf("got #%d, %v, want #3", pr.Number, err)
	}
	_, err := api.Only(list[:2], "change", "main")
	if want := "forge: acme/gitops: no open pull request from change to main"; !errors.Is(err, scm.ErrNotFound) ||
		err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	err := newAPI(t).Fail(scm.ErrRefused, "no user %s", "kim")
	if want := "forge: acme/gitops: refused: no user kim"; !errors.Is(err, scm.ErrRefused) || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	got := rest.Missing([]string{"Ann", "bob"}, []string{"ann", "cleo", "BOB", "Cleo", "dan"})
	if want := []string{"cleo", "dan"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := rest.Missing([]string{"ann"}, []string{"ANN"}); got != nil {
		t.Errorf("nothing is missing, got %q", got)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	if got := rest.Names([]string{" a", "b "}, strings.TrimSpace); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q", got)
	}
	if got := rest.Names(nil, strings.TrimSpace); got != nil {
		t.Errorf("got %q, want nil", got)
	}
}

// TestRepeatable: a PATCH, and a POST to a path that the provider names, are marked as net/http marks what may be sent
// twice. Nothing else is.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method, path string
		want         bool
	}{
		{http.MethodPatch, "/pulls/7", true},
		{http.MethodPost, "/issues/7/labels", true},
		{http.MethodPost, "/pulls", false},
		{http.MethodPost, "/labels/7", false},
		{http.MethodPut, "/issues/7/labels", false},
	} {
		marked := false
		cfg := config("https://git.example.com/api")
		cfg.HTTPClient.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
			_, marked = req.Header["Idempotency-Key"]
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})
		api, err := rest.New("forge", cfg, "/labels")
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), test.method, "https://git.example.com/api"+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := api.Client.Do(req); err != nil {
			t.Fatal(err)
		}
		if marked != test.want {
			t.Errorf("%s %s: marked %t, want %t", test.method, test.path, marked, test.want)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
