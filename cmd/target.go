package cmd

import (
	"cmp"
	"context"
	"strings"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/gitrepo/ssh"
)

// target is the repository that the flags, or the checkout, name.
type target struct {
	url      giturl.URL
	inURL    giturl.Credentials // what the URL as it was given holds
	settings *settings.Settings // git's, for this repository
	checkout workdir
}

// workdir is the checkout in -workdir; the zero value where nothing asks for one.
type workdir struct {
	*checkout.Checkout
	settings *settings.Settings // git's, with those of the checkout
}

// findTarget reads the checkout, where -add takes files from it or -repo is empty, and git's settings.
func findTarget(c *config, getenv func(string) string) (target, error) {
	general, err := settings.Read("", getenv)
	if err != nil {
		return target{}, err
	}
	t, repo := target{settings: general}, c.repo
	if repo == "" || len(c.adds.values) > 0 {
		if t.checkout, err = openCheckout(c.workdir, getenv); err != nil {
			return target{}, err
		}
	}
	if repo == "" {
		// The checkout's own settings are for this repository; with -repo, it may well be a checkout of another.
		t.settings = t.checkout.settings
		if repo, err = t.checkout.Origin(); err != nil {
			return target{}, err
		}
	}
	if t.url, t.inURL, err = giturl.Parse(t.settings.Rewrite(repo)); err != nil {
		return target{}, usage.Errorf("give -repo as https://HOST/OWNER/NAME, ssh://, git@HOST:OWNER/NAME or a path",
			"-repo: %v", err)
	}
	c.secrets.Add(auth.SecretsOfLogin(t.inURL.Username.Reveal(), t.inURL.Password.Reveal())...)
	return t, nil
}

// openCheckout finds the checkout that holds dir.
func openCheckout(dir string, getenv func(string) string) (workdir, error) {
	found, err := checkout.Open(dir)
	if err != nil {
		return workdir{}, err
	}
	own, err := settings.Read(found.Root(), getenv)
	return workdir{found, own}, err
}

// newWallet returns what finds the credentials for the target.
func newWallet(c *config, t target, s surroundings) (auth.Wallet, error) {
	w := auth.Wallet{
		Options: auth.Options{
			Username: c.username, Token: c.token.Text, TokenSource: c.tokenSource, TokenFile: c.tokenFile,
			AppID: c.appID, AppKeyFile: c.appKeyFile, APIURL: c.scmURL,
		},
		Repo: auth.OverHTTP(t.url), InURL: t.inURL,
		Getenv: s.getenv, Settings: t.settings, Client: s.client, Secrets: c.secrets,
	}
	w.Forge = forgeOf(c, w.Repo, s.getenv)
	if c.appID != "" && w.Forge.AppToken == nil {
		return auth.Wallet{}, usage.Errorf("give a token", "%s has no GitHub Apps", w.Forge.Title)
	}
	return w, nil
}

// newRemote returns how git reaches the target, and where its credential was found.
func newRemote(ctx context.Context, c *config, t target, w auth.Wallet) (r gitrepo.Remote, source string, err error) {
	found := ssh.FromSettings(t.settings)
	r = gitrepo.Remote{
		URL: t.url, Checkout: t.checkout.Checkout, HTTPClient: w.Client,
		MaxFetch: int64(c.maxFetch), Refusals: &gitrepo.Refusals{},
		SSH: ssh.Options{
			KeyFile: cmp.Or(c.sshKeyFile, found.KeyFile), KnownHostsFile: cmp.Or(c.sshKnownHosts, found.KnownHostsFile),
		},
		KeyRead: func(key []byte) { c.secrets.Add(auth.SecretsOfKey(key)...) },
	}
	if strings.HasPrefix(t.url.Scheme, "http") {
		found, err := w.Git(ctx)
		if err != nil {
			return gitrepo.Remote{}, "", err
		}
		r.Credentials, source = found.Credentials, found.Source
	}
	return r, source, nil
}
