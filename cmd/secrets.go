package cmd

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/secret"
)

// errSecret is a secret of this run's in what would be pushed, where it could not be taken back. That is refused rather than
// redacted, since whoever wrote it meant something else to be there.
var errSecret = errors.New("there is a token, key or password of this run in it")

// tokenVariables may hold a token, of use for this run or not; urlVariables may have a password in a URL
// (https://pkg.go.dev/net/http#ProxyFromEnvironment).
var (
	tokenVariables = []string{"GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN"}
	urlVariables   = []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"}
)

// secretsOf are the secrets in the environment.
func secretsOf(getenv func(string) string) []secret.Text {
	var found []secret.Text
	for _, name := range tokenVariables {
		// One that is "none" shall not take that word from every text; if it is used all the same, it counts.
		if token := strings.TrimSpace(getenv(name)); len(token) >= minToken {
			found = append(found, secret.New(token))
		}
	}
	for _, name := range urlVariables {
		found = append(found, secretsInURL(getenv(name))...)
	}
	for f := range all(new(config).flags()) {
		if f.isURL {
			found = append(found, secretsInURL(getenv(f.variable()))...)
		}
	}
	return found
}

// userinfo is what stands before the host of a URL, whether or not the rest of it makes sense.
var userinfo = regexp.MustCompile(`([^/:@]*)(?::([^/@]*))?@`)

// secretsInURL are the passwords in a URL, or in what was to be one.
func secretsInURL(s string) []secret.Text {
	var found []secret.Text
	for _, m := range userinfo.FindAllStringSubmatch(s, -1) {
		found = append(found, secretsOfLogin(m[1], m[2])...)
		user, err := url.PathUnescape(m[1])
		password, perr := url.PathUnescape(m[2])
		if err == nil && perr == nil {
			found = append(found, secretsOfLogin(user, password)...)
		}
	}
	return found
}

// minToken is the length from which on what may be a token is taken for one: the forges' have 20 characters and more.
const minToken = 16

// secretsOfLogin are a password, and in its place the user: forges take a token there, too
// (https://github.blog/security/easier-builds-and-deployments-using-git-over-https-and-oauth/).
func secretsOfLogin(user, password string) []secret.Text {
	if password != "" && password != "x-oauth-basic" {
		return []secret.Text{secret.New(password)}
	}
	if len(user) >= minToken {
		return []secret.Text{secret.New(user)}
	}
	return nil
}

// secretsOfRequest are what a request authenticates with, wherever that was found: before anybody can have it echoed.
func secretsOfRequest(r *http.Request) []secret.Text {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if user, password, ok := r.BasicAuth(); ok {
		return secretsOfLogin(user, password)
	}
	if !strings.EqualFold(scheme, "Basic") {
		return []secret.Text{secret.New(value)}
	}
	data, _ := base64.StdEncoding.DecodeString(value) // What is none has no name and password.
	return []secret.Text{secret.New(value), secret.New(string(data))}
}

// secretsOfKey are the lines of a private key in PEM or OpenPGP's armor, each of which is shown as little as the whole.
func secretsOfKey(key []byte) []secret.Text {
	var found []secret.Text
	for line := range strings.Lines(string(key)) {
		line = strings.TrimSpace(line)
		if len(line) >= minKeyLine && !strings.ContainsAny(line, " :") && !strings.HasPrefix(line, "-----") {
			found = append(found, secret.New(line))
		}
	}
	return found
}

// minKeyLine leaves out what could be any word: the last line of a key, and the checksum of an armor.
const minKeyLine = 16

// checkSecrets refuses a change with a secret in what is pushed: names, message, or a file that had it not before.
func (p *plan) checkSecrets(ctx context.Context, before, after *gitrepo.Snapshot, r *progress) error {
	for _, v := range []struct{ what, text string }{
		{"the branch's name", r.Branch},
		{"the commit's author or committer", strings.Join([]string{p.author.Name, p.author.Email, p.committer.Name, p.committer.Email}, "\n")},
		{"the name of a file", strings.Join(r.Files, "\n")},
		{"the commit message", r.message},
		{"the pull request's labels, people or milestone", strings.Join(slices.Concat(p.pull.Labels, p.pull.Reviewers, p.pull.Assignees, []string{p.pull.Milestone}), "\n")},
	} {
		if p.secrets.Finds([]byte(v.text)) {
			return fmt.Errorf("%s: %w", v.what, errSecret)
		}
	}
	now, then := after.Files(ctx), before.Files(ctx)
	for _, name := range r.Files {
		file, err := newSide(now, name)
		if err != nil {
			return err
		}
		if !p.secrets.Finds(file.data) {
			continue
		}
		if file, err = newSide(then, name); err != nil {
			return err
		}
		if !p.secrets.Finds(file.data) {
			return fmt.Errorf("%s: %w", name, errSecret)
		}
	}
	return nil
}
