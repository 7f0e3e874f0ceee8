// Package auth decides which credential proves what to whom. A [Wallet] finds the credential for git and the one for
// the API of a forge, and hands none to a host that it is not for. [CheckGit] and [CheckAPI] ask what these credentials
// may do. The functions SecretsIn... and SecretsOf... find the secrets in what is read or sent, for the redactor.
package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode"

	"update-gitops-repo/cmd/internal/ci"
	"update-gitops-repo/cmd/internal/forges"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo/credential"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/scm"
	"update-gitops-repo/secret"
)

// Credential is what the program proves itself with to one host.
type Credential struct {
	giturl.Credentials
	Source string   // where it was found, for a person; empty when there is none
	Notes  []string // for a person: which that are there do not count, and why
}

func login(user string, password secret.Text, source string) Credential {
	return Credential{Credentials: giturl.Credentials{Username: secret.New(user), Password: password}, Source: source}
}

// Options is what the command line says of credentials. Any field may be empty.
type Options struct {
	Username    string
	Token       secret.Text
	TokenSource string // where Token was given, for a person
	TokenFile   string
	AppID       string // of an app, in place of a token; AppKeyFile has its private key
	AppKeyFile  string
	APIURL      string // of the forge's API; empty: where the forge has it by default
}

// Wallet finds the credentials for one repository. Each secret is registered with Secrets as soon as it is read.
type Wallet struct {
	Options
	Repo     giturl.URL         // the repository over http, as [OverHTTP] returns it
	InURL    giturl.Credentials // what the repository's URL itself holds
	Forge    forges.Forge       // zero: not known
	Getenv   func(string) string
	Settings *settings.Settings
	Client   *http.Client
	Secrets  *secret.Redactor
}

// OverHTTP returns the URL that a forge has for repo over http. The port of an ssh URL says nothing about that.
func OverHTTP(repo giturl.URL) giturl.URL {
	if repo.Scheme != "ssh" {
		return repo
	}
	return giturl.URL{Scheme: "https", Host: repo.Host, Path: "/" + strings.TrimLeft(repo.Path, "/")}
}

// Git returns the credential for git over http; the zero Credential when there is none. It looks into the options, the
// URL, the forge's variables, the CI job's token and git's own settings, in this order. A credential that would go over
// a network in plain text is a usage error.
func (w Wallet) Git(ctx context.Context) (Credential, error) {
	found, err := w.given(ctx)
	if err == nil && found.Source == "" {
		found, err = w.jobOrStored(ctx)
	}
	if err != nil {
		return Credential{}, err
	}
	w.Secrets.Add(SecretsOfLogin(found.Username.Reveal(), found.Password.Reveal())...)
	if w.Repo.Scheme == "http" && found.Source != "" && !isLoopback(w.Repo.Host) {
		return Credential{}, plainText(w.Repo.HostPort())
	}
	return found, nil
}

func (w Wallet) jobOrStored(ctx context.Context) (Credential, error) {
	if variable, user := ci.JobToken(w.Repo.HostPort(), w.Getenv); variable != "" {
		return login(user, secret.New(w.Getenv(variable)), variable), nil
	}
	return w.stored(ctx, w.Repo)
}

// API is how the forge's API is reached.
type API struct {
	URL    string
	Source string     // of the credential, as in Credential; empty when there is none
	Notes  []string   // on the credential, as in Credential
	Config scm.Config // for a provider; its Token is empty when there is none
}

// API returns how the API of w.Forge is reached. It looks for a credential as Git does, but leaves out the CI job's
// token, with which an API does nothing that is needed here. An API on another host than the repository gets no
// credential that was found for the repository's host, unless it is the subdomain "api" of that.
func (w Wallet) API(ctx context.Context) (API, error) {
	config, address, err := w.apiConfig()
	if err != nil {
		return API{}, err
	}
	if host := strings.ToLower(address.Host); host != w.Repo.HostPort() && host != "api."+w.Repo.HostPort() {
		other, _, err := giturl.Parse(address.Scheme + "://" + address.Host + w.Repo.Path)
		if err != nil {
			return API{}, err
		}
		w.Repo, w.InURL = other, giturl.Credentials{}
	}
	found, err := w.given(ctx)
	if err == nil && found.Source == "" {
		found, err = w.stored(ctx, w.Repo)
	}
	if err != nil {
		return API{}, err
	}
	w.Secrets.Add(found.Password)
	config.Token = found.Password
	return API{config.BaseURL, found.Source, found.Notes, config}, nil
}

// apiConfig returns how the forge's API is reached, but for the token, and its address.
func (w Wallet) apiConfig() (scm.Config, *url.URL, error) {
	api := w.APIURL
	if api == "" && w.Forge.APIURL != nil {
		api = w.Forge.APIURL(w.Repo.Scheme, w.Repo.HostPort())
	}
	u, err := url.Parse(api)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return scm.Config{}, nil, usage.Errorf("give -scm-url=https://HOST/PATH, without credentials",
			"-scm-url is not the URL of an API")
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return scm.Config{}, nil, plainText(u.Host)
	}
	return scm.Config{BaseURL: api, Repository: w.Repo.Repository(), HTTPClient: w.Client}, u, nil
}

// given returns the credential that a user or a pipeline has provided for this program or this forge.
func (w Wallet) given(ctx context.Context) (Credential, error) {
	if w.AppID != "" {
		return w.app(ctx)
	}
	password, source, err := w.givenPassword()
	if err != nil || password.Empty() {
		return Credential{}, err
	}
	if strings.ContainsFunc(password.Reveal(), unicode.IsSpace) {
		return Credential{}, errors.New("the token contains white space")
	}
	user := cmp.Or(w.Username, w.InURL.Username.Reveal(), w.Forge.User, "git")
	return login(user, password, source), nil
}

// givenPassword returns the token or password, and where it was found.
func (w Wallet) givenPassword() (password secret.Text, source string, err error) {
	switch {
	case !w.Token.Empty():
		return w.Token, w.TokenSource, nil
	case w.TokenFile != "":
		return w.fromFile()
	case !w.InURL.Password.Empty():
		return w.InURL.Password, "the repository's URL", nil
	}
	// In a pipeline that a forge runs, its variables are for that forge's host.
	if server := ci.Server(w.Forge.Name, w.Getenv); server != "" && server != w.Repo.HostPort() {
		return secret.Text{}, "", nil
	}
	for _, name := range w.Forge.Tokens {
		if token := secret.New(strings.TrimSpace(w.Getenv(name))); !token.Empty() {
			return token, name, nil
		}
	}
	return secret.Text{}, "", nil
}

func (w Wallet) fromFile() (token secret.Text, source string, err error) {
	data, err := os.ReadFile(w.TokenFile)
	if err != nil {
		return secret.Text{}, "", fmt.Errorf("-token-file: %w", err)
	}
	if token = secret.New(strings.TrimSpace(string(data))); token.Empty() {
		return secret.Text{}, "", usage.Errorf("write the token into it; is the secret that it comes from filled?",
			"-token-file: %s is empty", w.TokenFile)
	}
	return token, "the file " + w.TokenFile, nil
}

// app asks the forge for a token of the app.
func (w Wallet) app(ctx context.Context) (Credential, error) {
	key, err := os.ReadFile(w.AppKeyFile)
	if err != nil {
		return Credential{}, fmt.Errorf("-github-app-key-file: %w", err)
	}
	w.Secrets.Add(SecretsOfKey(key)...)
	config, _, err := w.apiConfig()
	if err != nil {
		return Credential{}, err
	}
	token, err := w.Forge.AppToken(ctx, config, w.AppID, key)
	return login(w.Forge.User, token, "GitHub App "+w.AppID), err
}

// stored asks git's own settings.
func (w Wallet) stored(ctx context.Context, u giturl.URL) (Credential, error) {
	u.User = cmp.Or(w.Username, w.InURL.Username.Reveal())
	found, err := credential.Find(ctx, w.Settings, u)
	return Credential{found.Credentials, found.Source, found.Notes}, err
}

func plainText(host string) error {
	return usage.Errorf("use https", "the token would be sent in plain text to http://%s", host)
}

// isLoopback reports whether a host is this machine, where nobody listens in.
func isLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
