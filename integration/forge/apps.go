package forge

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// apps are the GitHub Apps that a forge knows, and the tokens that it gave them. It has a lock of its own: tokens are
// looked up where the store is held and where it is not.
type apps struct {
	mu     sync.Mutex
	all    []app // an installation's number is its app's index plus one
	tokens map[string]appToken
}

type app struct {
	id    string
	key   *rsa.PublicKey
	repos []string // where it is installed
}

type appToken struct {
	repos   []string
	expires time.Time
}

// AddApp makes a GitHub App known by its application ID or client ID, with the public half of its private key, and
// installs it in repos. Its API is below /app/ and /repos/OWNER/NAME/installation, as
// https://docs.github.com/rest/apps/apps has it. A token that it gets there serves the API as Config.Token does, and
// git as the password of the user x-access-token, in the repositories that it was asked for; for an hour, or until
// ExpireAppTokens.
func (s *Server) AddApp(id string, key *rsa.PublicKey, repos ...string) {
	a := s.cfg.apps
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, app{id, key, repos})
}

// ExpireAppTokens ends all tokens that apps have got so far.
func (s *Server) ExpireAppTokens() {
	a := s.cfg.apps
	a.mu.Lock()
	defer a.mu.Unlock()
	for token, t := range a.tokens {
		t.expires = time.Now()
		a.tokens[token] = t
	}
}

// knows reports whether token is one that an app has got and may still use.
func (a *apps) knows(token string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.tokens[token]
	return ok && time.Now().Before(t.expires)
}

// reach reports whether an app's token is good for repo.
func (a *apps) reach(token, repo string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.tokens[token].repos, repo)
}

// hide takes the tokens, the expired ones too, out of text.
func (a *apps) hide(text string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for token := range a.tokens {
		text = strings.ReplaceAll(text, token, "[token]")
	}
	return text
}

// routeApps adds what apps ask as themselves.
func (s *Server) routeApps(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v3/repos/{owner}/{name}/installation", s.asApp(s.appInstallation))
	mux.HandleFunc("POST /api/v3/app/installations/{id}/access_tokens", s.asApp(s.appAccessToken))
}

// asApp finds the app that the JSON web token (RFC 7519) of a request is from.
func (s *Server) asApp(answer func(r *http.Request, number int) reply) http.HandlerFunc {
	return s.api(func(r *http.Request) reply {
		jwt, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		number, status, wrong := s.cfg.apps.identify(jwt, time.Now())
		if wrong != "" {
			return gitHubError(status, wrong)
		}
		return answer(r, number)
	})
}

// identify returns the number of the app that signed jwt, or GitHub's status and words for what is wrong with it.
func (a *apps) identify(jwt string, now time.Time) (number, status int, wrong string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	const unreadable = "A JSON web token could not be decoded"
	signed, signature, ok := cutLast(jwt, ".")
	header, payload, two := strings.Cut(signed, ".")
	var head struct{ Alg, Typ string }
	var claims struct {
		Iss any
		Iat *int64
		Exp *int64
	}
	if !ok || !two || !part(header, &head) || !part(payload, &claims) || head.Alg != "RS256" {
		return 0, http.StatusUnauthorized, unreadable
	}
	i := slices.IndexFunc(a.all, func(app app) bool { return app.id == fmt.Sprint(claims.Iss) })
	if i < 0 {
		return 0, http.StatusNotFound, "Integration not found"
	}
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	digest := sha256.Sum256([]byte(signed))
	if err != nil || rsa.VerifyPKCS1v15(a.all[i].key, crypto.SHA256, digest[:], raw) != nil {
		return 0, http.StatusUnauthorized, unreadable
	}
	switch {
	case claims.Iat == nil || time.Unix(*claims.Iat, 0).After(now):
		wrong = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	case claims.Exp == nil || !time.Unix(*claims.Exp, 0).After(now):
		wrong = "'Expiration time' claim ('exp') must be a numeric value representing " +
			"the future time at which the assertion expires"
	case time.Unix(*claims.Exp, 0).After(now.Add(10 * time.Minute)):
		wrong = "'Expiration time' claim ('exp') is too far in the future"
	}
	return i + 1, http.StatusUnauthorized, wrong
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// part decodes one part of a JSON web token.
func part(encoded string, out any) bool {
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	return err == nil && json.Unmarshal(data, out) == nil
}

// installed is the app of that number. The caller does not hold the apps' lock.
func (a *apps) installed(number int) app {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[number-1]
}

func (s *Server) appInstallation(r *http.Request, number int) reply {
	repo := r.PathValue("owner") + "/" + r.PathValue("name")
	app := s.cfg.apps.installed(number)
	if !slices.Contains(app.repos, repo) {
		return gitHubError(http.StatusNotFound, "Not Found")
	}
	return reply{status: http.StatusOK, body: object{
		"id": number, "account": object{"login": r.PathValue("owner")}, "repository_selection": "selected",
		"permissions": appPermissions,
	}}
}

var appPermissions = object{"contents": "write", "pull_requests": "write", "metadata": "read"}

func (s *Server) appAccessToken(r *http.Request, number int) reply {
	if r.PathValue("id") != strconv.Itoa(number) {
		return gitHubError(http.StatusNotFound, "Not Found")
	}
	var in struct {
		Repositories []string `json:"repositories"` // without their owners
	}
	if err := decode(r, &in); err != nil {
		return gitHubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	given := appToken{expires: time.Now().Add(time.Hour).Truncate(time.Second)}
	for _, repo := range s.cfg.apps.installed(number).repos {
		_, name, _ := strings.Cut(repo, "/")
		if in.Repositories == nil || slices.Contains(in.Repositories, name) {
			given.repos = append(given.repos, repo)
		}
	}
	if len(given.repos) < cmp.Or(len(in.Repositories), 1) {
		return gitHubError(http.StatusUnprocessableEntity,
			"There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	token := "ghs_" + rand.Text()
	a := s.cfg.apps
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[token] = given
	return reply{status: http.StatusCreated, body: object{
		"token": token, "expires_at": given.expires.UTC(), "permissions": appPermissions,
		"repository_selection": "selected",
	}}
}
