package github

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAppToken(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	now := time.Now().UTC()
	const installation = `{"id": 42}`
	for _, test := range []struct {
		name    string
		answers []appAnswer
		want    string // in the error; none if empty
	}{
		{"good",
			[]appAnswer{{200, now, installation},
				{201, now, `{"token": "ghs_x", "expires_at": "2030-01-02T03:04:05Z"}`}}, ""},
		{"clock",
			[]appAnswer{{401, now.Add(-10 * time.Minute),
				`{"message": "'Expiration time' claim ('exp') is too far in the future"}`}},
			"too far in the future; this machine's clock and GitHub's are 10m"},
		{"key", []appAnswer{{401, now, `{"message": "A JSON web token could not be decoded"}`}},
			"is the key one that was made for app 7"},
		{"not installed", []appAnswer{{404, now, `{"message": "Not Found"}`}}, "install app 7 for this repository"},
		{"suspended",
			[]appAnswer{{200, now, installation}, {403, now, `{"message": "This installation has been suspended"}`}},
			"is the installation of app 7 suspended?"},
		{"not for this repository",
			[]appAnswer{{200, now, installation}, {422, now, `{"message": "There is at least one repository"}`}},
			"refused: 422 There is at least one repository"},
		{"nothing", []appAnswer{{200, now, `{}`}}, "malformed answer: no installation in it"},
		{"no token", []appAnswer{{200, now, installation}, {201, now, `{}`}}, "malformed answer: no token in it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg, asked := appServer(t, test.answers)
			token, expires, err := AppToken(t.Context(), cfg, "7", key)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || !token.Empty() {
					t.Errorf("got %q, %v, want %q", token, err, test.want)
				}
				return
			}
			if err != nil || token.Reveal() != "ghs_x" || expires.Unix() != 1893553445 {
				t.Errorf("got %q, %s, %v", token, expires, err)
			}
			const both = "GET /repos/acme/gitops/installation, POST /app/installations/42/access_tokens"
			if got := strings.Join(*asked, ", "); got != both {
				t.Errorf("asked %s", got)
			}
		})
	}
}

// newKey returns the private key of an app, in PEM.
func newKey(t *testing.T) []byte {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})
}

func TestAppTokenUnasked(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	t.Run("no server", func(t *testing.T) {
		cfg := Config{BaseURL: "http://127.0.0.1:1", Repository: "acme/gitops", HTTPClient: new(http.Client)}
		if _, _, err := AppToken(t.Context(), cfg, "7", key); err == nil {
			t.Error("no error")
		}
		if _, _, err := AppToken(t.Context(), Config{}, "7", key); err == nil {
			t.Error("no error without a config")
		}
	})
	t.Run("keys", func(t *testing.T) {
		encrypted := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
			Headers: map[string]string{"DEK-Info": "AES"}, Bytes: []byte("x")})
		for data, want := range map[string]string{"": "not in PEM", string(encrypted): "it is encrypted"} {
			if _, _, err := AppToken(t.Context(), Config{}, "7", []byte(data)); err == nil ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	})
}

// appAnswer is an answer to an app.
type appAnswer struct {
	status int
	date   time.Time
	body   string
}

// appServer returns the configuration for a server that gives the answers in order, and the requests that it gets. It
// checks that the app identifies itself.
func appServer(t *testing.T, answers []appAnswer) (cfg Config, asked *[]string) {
	t.Helper()
	asked = new([]string)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := answers[len(*asked)]
		*asked = append(*asked, r.Method+" "+r.URL.Path)
		checkJWT(t, r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Date", a.date.Format(http.TimeFormat))
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body)) // The client notices what is missing.
	}))
	t.Cleanup(srv.Close)
	return Config{BaseURL: srv.URL, Repository: "acme/gitops", HTTPClient: new(http.Client)}, asked
}

// checkJWT checks what an app says of itself; who checks the signature is the forge of the conformance suite.
func checkJWT(t *testing.T, authorization string) {
	parts := strings.Split(strings.TrimPrefix(authorization, "Bearer "), ".")
	if len(parts) != 3 {
		t.Errorf("%d parts", len(parts))
		return
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Iss      string
		Iat, Exp int64
	}
	if err != nil || json.Unmarshal(data, &claims) != nil {
		t.Errorf("claims %q, %v", data, err)
	}
	if now := time.Now().Unix(); claims.Iss != "7" || claims.Iat > now-30 || claims.Exp-claims.Iat != 600 ||
		claims.Exp > now+9*60 {
		t.Errorf("claims %+v", claims)
	}
}
