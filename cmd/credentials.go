package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode"

	"update-gitops-repo/cmd/internal/ci"
	gitcredential "update-gitops-repo/gitrepo/credential"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/scm"
	"update-gitops-repo/scm/github"
	"update-gitops-repo/secret"
)

// credential is what the program proves itself with to one host, and where that was found.
type credential struct {
	giturl.Credentials
	source string // for a person; empty when there is none
	notes  string // for a person: where there is one that does not count, and why
}

func login(username, password secret.Text, source string) credential {
	return credential{Credentials: giturl.Credentials{Username: username, Password: password}, source: source}
}

// wallet finds the credentials for one repository: for git, and for the API of its forge.
type wallet struct {
	config   *config
	repo     giturl.URL         // over http, see web
	fromURL  giturl.Credentials // what the repository's URL itself holds
	provider string             // empty: not known
	getenv   func(string) string
	settings *settings.Settings
	client   *http.Client
}

// apiConfig says how the forge's API is reached, but for the token.
func (w wallet) apiConfig() (scm.Config, *url.URL, error) {
	api := cmp.Or(w.config.scmURL, apiURL(w.provider, w.repo))
	u, err := url.Parse(api)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return scm.Config{}, nil, usage("give -scm-url=https://HOST/PATH, without credentials", "-scm-url is not the URL of an API")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return scm.Config{}, nil, usage("use https", "the token would be sent in plain text to http://%s", u.Host)
	}
	return scm.Config{BaseURL: api, Repository: w.repo.Repository(), HTTPClient: w.client}, u, nil
}

// app has GitHub give a token for the app that -github-app-id names.
func (w wallet) app(ctx context.Context) (credential, error) {
	key, err := os.ReadFile(w.config.appKeyFile)
	if err != nil {
		return credential{}, fmt.Errorf("-github-app-key-file: %w", err)
	}
	w.config.secrets.Add(secretsOfKey(key)...)
	config, _, err := w.apiConfig()
	if err != nil {
		return credential{}, err
	}
	token, _, err := github.AppToken(ctx, config, w.config.appID, key)
	return login(secret.New(forgeUsers["github"]), token, "GitHub App "+w.config.appID), err
}

// forgeUsers are the user names that go with a token over http, and the forges' own variables for tokens.
var (
	forgeUsers  = map[string]string{"github": "x-access-token", "gitlab": "oauth2", "": "git"}
	forgeTokens = map[string][]string{"github": {"GITHUB_TOKEN", "GH_TOKEN"}, "gitlab": {"GITLAB_TOKEN"}}
)

// git gives the credential for git over http, the first that is found of: the flags, the URL, the forge's variables, the job's
// token, and what git itself would take.
func (w wallet) git(ctx context.Context) (credential, error) {
	found, err := w.given(ctx)
	if err != nil || found.source != "" {
		return found, err
	}
	if variable, user := ci.JobToken(w.repo.HostPort(), w.getenv); variable != "" {
		return login(secret.New(user), secret.New(w.getenv(variable)), variable), nil
	}
	return w.stored(ctx, w.repo)
}

// api gives the credential for the forge's API: as git does, but for what is of no use there. An API on another host than
// the repository's, but for its subdomain "api", gets none that was found for the repository's.
func (w wallet) api(ctx context.Context, api *url.URL) (credential, error) {
	if host := strings.ToLower(api.Host); host != w.repo.HostPort() && host != "api."+w.repo.HostPort() {
		other, _, err := giturl.Parse(api.Scheme + "://" + api.Host + w.repo.Path)
		if err != nil {
			return credential{}, err
		}
		w.repo, w.fromURL = other, giturl.Credentials{}
	}
	found, err := w.given(ctx)
	if err != nil || found.source != "" {
		return found, err
	}
	return w.stored(ctx, w.repo)
}

// web is where a forge has a repository over http: with ssh the port says nothing of that.
func web(repo giturl.URL) giturl.URL {
	if repo.Scheme != "ssh" {
		return repo
	}
	return giturl.URL{Scheme: "https", Host: repo.Host, Path: "/" + strings.TrimLeft(repo.Path, "/")}
}

// given looks where a user or a pipeline has put a token for this program or this forge.
func (w wallet) given(ctx context.Context) (credential, error) {
	if w.config.appID != "" {
		return w.app(ctx)
	}
	c := login(secret.New(w.config.username), w.config.token.Text, w.config.tokenSource)
	if c.Password.Empty() && w.config.tokenFile != "" {
		data, err := os.ReadFile(w.config.tokenFile)
		if err != nil {
			return credential{}, fmt.Errorf("-token-file: %w", err)
		}
		c.Password, c.source = secret.New(strings.TrimSpace(string(data))), "the file "+w.config.tokenFile
		if c.Password.Empty() {
			return credential{}, fmt.Errorf("-token-file: %s is empty", w.config.tokenFile)
		}
	}
	if c.Password.Empty() && !w.fromURL.Password.Empty() {
		c.Password, c.source = w.fromURL.Password, "the repository's URL"
	}
	c.Username = cmp.Or(c.Username, w.fromURL.Username)
	for _, name := range forgeTokens[w.provider] {
		server := ci.Server(w.provider, w.getenv)
		if token := secret.New(strings.TrimSpace(w.getenv(name))); c.Password.Empty() && !token.Empty() && (server == "" || server == w.repo.HostPort()) {
			c.Password, c.source = token, name
		}
	}
	if c.Password.Empty() {
		return credential{}, nil
	}
	c.Username = cmp.Or(c.Username, secret.New(forgeUsers[w.provider]))
	if strings.ContainsFunc(c.Password.Reveal(), unicode.IsSpace) {
		return credential{}, errors.New("the token has white space in it")
	}
	return c, nil
}

// stored asks git's own settings.
func (w wallet) stored(ctx context.Context, u giturl.URL) (credential, error) {
	u.User = cmp.Or(w.config.username, w.fromURL.Username.Reveal())
	found, err := gitcredential.Find(ctx, w.settings, u)
	return credential{found.Credentials, found.Source, strings.Join(found.Notes, "; ")}, err
}
