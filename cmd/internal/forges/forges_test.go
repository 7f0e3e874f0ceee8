package forges

import (
	"net/http"
	"strings"
	"testing"

	"update-gitops-repo/scm"
	"update-gitops-repo/secret"
)

// TestNamed: each forge is found by its name and its public host, and by no look-alike.
func TestNamed(t *testing.T) {
	for _, f := range table {
		if Named(f.Name).Name != f.Name || At(f.Host).Name != f.Name {
			t.Errorf("%s is not found", f.Name)
		}
		for _, host := range []string{f.Host + ".example.com", "my" + f.Host, f.Host + ".", ""} {
			if At(host).Name != "" {
				t.Errorf("%q is taken for %s", host, f.Name)
			}
		}
	}
	if got := Named("forge").Name + Named("").Name; got != "" {
		t.Errorf("an unknown name is %q", got)
	}
	if got := WithApps().Name; got != "github" {
		t.Errorf("%q has apps", got)
	}
}

// TestNames has what all forges have of a kind.
func TestNames(t *testing.T) {
	for _, test := range []struct {
		got  []string
		want string
	}{
		{Names(), "github gitlab"}, {Titles(), "GitHub GitLab"},
		{TokenVariables(), "GITHUB_TOKEN GH_TOKEN GITLAB_TOKEN"},
	} {
		if got := strings.Join(test.got, " "); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

// TestProvider: a provider has its forge's name, and with an error there is none, not even a nil one in an interface.
func TestProvider(t *testing.T) {
	for _, f := range table {
		cfg := scm.Config{
			BaseURL: f.APIURL("https", f.Host), Repository: "acme/gitops",
			Token: secret.New("t"), HTTPClient: http.DefaultClient,
		}
		if p, err := f.New(cfg); err != nil || p.Name() != f.Name {
			t.Errorf("%s: its provider is %v, %v", f.Name, p, err)
		}
		cfg.Repository = ""
		if p, err := f.New(cfg); err == nil || p != nil {
			t.Errorf("%s: without a repository its provider is %v, %v", f.Name, p, err)
		}
	}
}

// TestAPIURL: the public forges have their API elsewhere than servers of one's own.
func TestAPIURL(t *testing.T) {
	for _, test := range []struct{ scheme, host, github, gitlab string }{
		{"https", "github.com", "https://api.github.com/", "https://github.com/api/v4"},
		{"https", "git.example.com", "https://git.example.com/api/v3/", "https://git.example.com/api/v4"},
		{"https", "git.example.com:1", "https://git.example.com:1/api/v3/", "https://git.example.com:1/api/v4"},
		{"http", "127.0.0.1:8080", "http://127.0.0.1:8080/api/v3/", "http://127.0.0.1:8080/api/v4"},
	} {
		if got := Named("github").APIURL(test.scheme, test.host); got != test.github {
			t.Errorf("%s: %s, want %s", test.host, got, test.github)
		}
		if got := Named("gitlab").APIURL(test.scheme, test.host); got != test.gitlab {
			t.Errorf("%s: %s, want %s", test.host, got, test.gitlab)
		}
	}
}
