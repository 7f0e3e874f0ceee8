package forge

import (
	"net/http"
	"slices"
	"strings"
)

// The names of the tokens that a Server knows, as Request.Auth has them, and of any other.
const (
	authToken = "token"
	authJob   = "job"
	authRead  = "read"
	authApp   = "app"
	authOther = "other"
)

// jobUser is the only user that GitLab knows a job's token by.
const jobUser = "gitlab-ci-token"

// appUser is the user that git knows an app's token by.
const appUser = "x-access-token"

// who names a token; that of an empty one is empty.
func (c Config) who(token string) string {
	switch token {
	case "":
		return ""
	case c.Token:
		return authToken
	case c.JobToken:
		return authJob
	case c.ReadToken:
		return authRead
	}
	if c.apps.knows(token) {
		return authApp
	}
	return authOther
}

// hide takes the known tokens out of text.
func (c Config) hide(text string) string {
	for _, token := range []string{c.Token, c.JobToken, c.ReadToken} {
		if token != "" {
			text = strings.ReplaceAll(text, token, "[token]")
		}
	}
	return c.apps.hide(text)
}

// credentials lists what came with r to say who asks, wherever a client of git or of the APIs may put it: the names of
// the tokens, and the ways in which they came.
func (c Config) credentials(r *http.Request) (names, ways []string) {
	add := func(way, token string) {
		if name := c.who(token); name != "" {
			names, ways = append(names, name), append(ways, way)
		}
	}
	for _, value := range r.Header.Values("Authorization") {
		scheme, token, two := strings.Cut(value, " ")
		if !two {
			scheme, token = "", value
		}
		if user, password, ok := (&http.Request{Header: http.Header{"Authorization": {value}}}).BasicAuth(); ok {
			token = password
			if known := c.who(user); known != "" && known != authOther || password == "" {
				token = user // GitHub takes a token there, too
			}
		}
		add(strings.ToLower(scheme), token)
	}
	for _, name := range []string{"Private-Token", "Job-Token", "Proxy-Authorization"} {
		for _, value := range r.Header.Values(name) {
			add(strings.ToLower(name), value)
		}
	}
	for _, name := range []string{"private_token", "access_token", "job_token"} {
		add("query", r.URL.Query().Get(name))
	}
	return names, ways
}

// gitUser checks the credentials of a git client, and returns the name of the token and that of the user.
func (c Config) gitUser(r *http.Request) (name, user string, ok bool) {
	user, password, _ := r.BasicAuth()
	name = c.who(password)
	known := []string{authToken, authRead}
	if c.Kind == GitLab && user == jobUser {
		known = append(known, authJob)
	}
	if user == appUser {
		known = append(known, authApp)
	}
	return name, user, slices.Contains(known, name)
}

// writes reports whether r is to change something.
func writes(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }
