// Package forges is the table of the forges that the program works with, one row each.
package forges

import (
	"context"

	"update-gitops-repo/scm"
	"update-gitops-repo/scm/github"
	"update-gitops-repo/scm/gitlab"
	"update-gitops-repo/secret"
)

// Forge is what differs from forge to forge but for its API, which is the provider's. The zero Forge is an unknown one.
type Forge struct {
	Name   string   // as -scm-provider names it
	Title  string   // as its makers write it
	Host   string   // of the public one
	User   string   // that goes with a token for git over http
	Tokens []string // variables in which users have the forge's token, the first that is set counts

	// APIURL returns the address of the API of a forge whose web pages are at scheme://host.
	APIURL func(scheme, host string) string
	// New returns the provider for one repository, without any I/O.
	New func(scm.Config) (scm.Provider, error)
	// AppToken asks the forge for a token of the app that has the key; nil where a forge has no apps.
	AppToken func(ctx context.Context, cfg scm.Config, appID string, key []byte) (secret.Text, error)
}

// table has a row a forge. To add a forge, add a package below scm, and its row here.
var table = []Forge{
	{
		Name: "github", Title: "GitHub", Host: "github.com", User: "x-access-token",
		Tokens: []string{"GITHUB_TOKEN", "GH_TOKEN"},
		APIURL: github.APIURL,
		New:    func(cfg scm.Config) (scm.Provider, error) { return provider(github.New(cfg)) },
		AppToken: func(ctx context.Context, cfg scm.Config, appID string, key []byte) (secret.Text, error) {
			token, _, err := github.AppToken(ctx, cfg, appID, key)
			return token, err
		},
	},
	{
		Name: "gitlab", Title: "GitLab", Host: "gitlab.com", User: "oauth2",
		Tokens: []string{"GITLAB_TOKEN"},
		APIURL: gitlab.APIURL,
		New:    func(cfg scm.Config) (scm.Provider, error) { return provider(gitlab.New(cfg)) },
	},
}

// provider returns p as the interface; nil with an error, and not a nil pointer in it.
func provider[P scm.Provider](p P, err error) (scm.Provider, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Names returns the names of all forges, as -scm-provider takes them.
func Names() []string {
	var names []string
	for _, f := range table {
		names = append(names, f.Name)
	}
	return names
}

// Titles returns how the makers of all forges write their names.
func Titles() []string {
	var titles []string
	for _, f := range table {
		titles = append(titles, f.Title)
	}
	return titles
}

// Named returns the forge of that name; the zero Forge when there is none.
func Named(name string) Forge { return find(func(f Forge) bool { return f.Name == name }) }

// At returns the forge whose public host that is, exactly: a look-alike must not be handed a token. It returns the zero
// Forge when there is none.
func At(host string) Forge { return find(func(f Forge) bool { return f.Host == host }) }

// WithApps returns the forge that gives tokens to apps. There is one: the key is sent nowhere, and what it signs is
// good for that forge alone.
func WithApps() Forge { return find(func(f Forge) bool { return f.AppToken != nil }) }

func find(is func(Forge) bool) Forge {
	for _, f := range table {
		if is(f) {
			return f
		}
	}
	return Forge{}
}

// TokenVariables returns the variables in which users have any forge's token.
func TokenVariables() []string {
	var names []string
	for _, f := range table {
		names = append(names, f.Tokens...)
	}
	return names
}
