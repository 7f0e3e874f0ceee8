package forge

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// jwt signs claims, whose times count in seconds from now.
func jwt(t *testing.T, key *rsa.PrivateKey, header string, claims object) string {
	t.Helper()
	if header == "" {
		header = `{"alg":"RS256","typ":"JWT"}`
	}
	absolute := object{}
	for name, value := range claims {
		if seconds, ok := value.(int); ok && name != "iss" {
			value = time.Now().Unix() + int64(seconds)
		}
		absolute[name] = value
	}
	payload, err := json.Marshal(absolute)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}

// askAsApp asks where an app is installed.
func askAsApp(t *testing.T, s *Server, jwt string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("GET", s.URL()+"/api/v3/repos/acme/gitops/installation", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+jwt)
	status, _, out := send(t, req)
	return status, text(t, out)
}

func TestIdentifyApp(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, GitHub, false)
	s.AddApp("7", &key.PublicKey, repo)
	for _, tc := range []struct {
		name   string
		header string
		claims object
		status int
		want   string // in the answer
	}{
		{"good", "", object{"iss": "7", "iat": -60, "exp": 540}, 200, `"id":1`},
		{"number", "", object{"iss": 7, "iat": -60, "exp": 540}, 200, `"id":1`},
		{"another app", "", object{"iss": "8", "iat": -60, "exp": 540}, 404, "Integration not found"},
		{"from the future", "", object{"iss": "7", "iat": 60, "exp": 540}, 401, "'Issued at' claim"},
		{"undated", "", object{"iss": "7", "exp": 540}, 401, "'Issued at' claim"},
		{"expired", "", object{"iss": "7", "iat": -60, "exp": -1}, 401, "must be a numeric value"},
		{"for ever", "", object{"iss": "7", "iat": -60}, 401, "must be a numeric value"},
		{"too long", "", object{"iss": "7", "iat": -60, "exp": 660}, 401, "is too far in the future"},
		{"not signed", `{"alg":"none"}`, object{"iss": "7", "iat": -60, "exp": 540}, 401, "could not be decoded"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, out := askAsApp(t, s, jwt(t, key, tc.header, tc.claims))
			if status != tc.status || !strings.Contains(out, tc.want) {
				t.Errorf("got %d %s", status, out)
			}
		})
	}
	for _, bad := range []string{"", "x", "a.b.c", token} {
		if status, out := askAsApp(t, s, bad); status != 401 {
			t.Errorf("%q: got %d %s", bad, status, out)
		}
	}
}
