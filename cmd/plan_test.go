package cmd

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/update"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/secret"
)

// environment is a getenv over fixed variables.
func environment(vars ...string) func(string) string {
	return func(name string) string {
		for _, v := range vars {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func mustPlan(t *testing.T, getenv func(string) string, args ...string) update.Plan {
	t.Helper()
	c, err := parseConfig(args, nil, &secret.Redactor{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(t.Context(), c, surroundings{getenv: getenv, client: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestNames: what the flags say counts before what the CI system says, and that before the repository's name.
func TestNames(t *testing.T) {
	const sha = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	actions := environment("GITHUB_ACTIONS=true", "GITHUB_SHA="+sha,
		"GITHUB_REPOSITORY=acme/shop", "GITHUB_SERVER_URL=https://github.com")
	const page = "https://github.com/acme/shop/commit/" + sha
	for _, test := range []struct {
		getenv                      func(string) string
		args                        string
		app, revision, branch, link string
	}{
		{actions, "", "shop", sha, "shop-1a2b3c4", page},
		{actions, "-app=blog", "blog", sha, "blog-1a2b3c4", page},
		{actions, "-git-revision=v1.2", "shop", "v1.2", "shop-v1.2", ""},
		{actions, "-branch=b -git-revision=" + sha, "shop", sha, "b", page},
		{environment(), "-git-revision=1", "gitops", "1", "gitops-1", ""},
	} {
		const always = "-dry-run -repo=https://git.example.com/acme/gitops.git -substitute=a=1 "
		p := mustPlan(t, test.getenv, strings.Fields(always+test.args)...)
		w := p.Composer
		if w.App != test.app || w.Revision != test.revision || p.Branch != test.branch || w.Link != test.link {
			t.Errorf("%s: app %q, revision %q, branch %q, link %q", test.args, w.App, w.Revision, p.Branch, w.Link)
		}
	}
}

// TestForgeByHost: a look-alike of a public forge is not one.
func TestForgeByHost(t *testing.T) {
	for host, want := range map[string]string{
		"github.com": "github", "gitlab.com": "gitlab", "github.com.example.com": "", "mygithub.com": "",
		"gitlab.example.com": "", "GitHub.com": "github", "github.com.": "",
	} {
		u, _, err := giturl.Parse("https://" + host + "/acme/gitops")
		if err != nil {
			t.Fatal(err)
		}
		if got := forgeOf(&config{}, u, environment()).Name; got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func newToken(value string) (t tokenFlag) {
	t.found = func(...secret.Text) {}
	_ = t.Set(value) // It always takes it.
	return t
}

// TestSecret: nothing that holds a secret prints it.
func TestSecret(t *testing.T) {
	s := newToken("s3cret")
	remote := gitrepo.Remote{Credentials: giturl.Login("alex", "s3cret")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{
			s, &s, config{token: s}, &config{token: s, signPassphrase: passphraseFlag(s)}, update.Plan{Remote: remote},
			check{remote: remote}, draft{remote: remote, wallet: auth.Wallet{Options: auth.Options{Token: s.Text}}},
		} {
			got := fmt.Sprintf(format, v)
			if strings.Contains(got, "s3cret") || strings.Contains(got, fmt.Sprintf("%x", "s3cret")) {
				t.Errorf("%s prints %s", format, got)
			}
		}
	}
}
