package auth

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/forges"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/settings"
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

// newWallet returns the wallet of a repository, without options, on a machine with these variables.
func newWallet(t *testing.T, repo, forge string, vars ...string) Wallet {
	t.Helper()
	getenv := environment(vars...)
	found, err := settings.Read("", getenv)
	if err != nil {
		t.Fatal(err)
	}
	u, inURL, err := giturl.Parse(repo)
	if err != nil {
		t.Fatal(err)
	}
	return Wallet{
		Repo: OverHTTP(u), InURL: inURL, Forge: forges.Named(forge), Getenv: getenv, Settings: found,
		Client: http.DefaultClient, Secrets: new(secret.Redactor),
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// found is a credential in one line: USER:PASSWORD of SOURCE.
func found(c Credential) string {
	if c.Source == "" && c.Password.Empty() && c.Username.Empty() {
		return ""
	}
	return fmt.Sprintf("%s:%s of %s", c.Username.Reveal(), c.Password.Reveal(), c.Source)
}

// TestWallet: which credential counts, for git and for the API.
func TestWallet(t *testing.T) {
	const plain = "https://git.example.com/acme/gitops.git"
	const withLogin = "https://alex:from-url@git.example.com/acme/gitops.git"
	file := writeFile(t, "token", "from-file\n")
	netrc := writeFile(t, ".netrc", "machine git.example.com login kim password from-netrc\n")
	nobody := []string{"HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1"}
	kim := []string{"HOME=" + filepath.Dir(netrc), "GIT_CONFIG_NOSYSTEM=1"}
	with := func(more ...string) []string { return append(more, nobody...) }
	all := with("GITHUB_TOKEN=from-github", "GH_TOKEN=from-gh", "GITLAB_TOKEN=from-gitlab", "CI_JOB_TOKEN=from-job")
	given := Options{Token: secret.New("from-flag"), TokenSource: "-token", TokenFile: file}
	robot := Options{Username: "robot"}
	ofFile := "from-file of the file " + file
	const ofURL = "from-url of the repository's URL"
	const ofGitHub, ofGitLab = "from-github of GITHUB_TOKEN", "from-gitlab of GITLAB_TOKEN"
	for _, test := range []struct {
		name        string
		options     Options
		repo, forge string
		vars        []string
		git, api    string
	}{
		{"token before all", given, withLogin, "github", all, "alex:from-flag of -token", "="},
		{"file before URL", Options{TokenFile: file}, withLogin, "gitlab", all, "alex:" + ofFile, "="},
		{"URL before variables", Options{}, withLogin, "github", all, "alex:" + ofURL, "="},
		{"user before the URL's", robot, withLogin, "github", all, "robot:" + ofURL, "="},
		{"GITHUB_TOKEN", Options{}, plain, "github", all, "x-access-token:" + ofGitHub, "="},
		{"GH_TOKEN", Options{}, plain, "github", with("GH_TOKEN=from-gh"), "x-access-token:from-gh of GH_TOKEN", "="},
		{"GITLAB_TOKEN", Options{}, plain, "gitlab", all, "oauth2:" + ofGitLab, "="},
		{"a forge's variable goes to that forge only", Options{}, plain, "", all, "", "="},
		{"not to another forge", Options{}, plain, "gitlab", with("GITHUB_TOKEN=from-github"), "", "="},
		{
			"nor to another host of its kind", Options{}, plain, "github",
			append([]string{"GITHUB_SERVER_URL=https://github.com"}, all...), "", "=",
		},
		{"a token for an unknown forge", given, plain, "", nobody, "git:from-flag of -token", "="},
		{
			"the job's token is for git", Options{}, plain, "gitlab",
			with("CI_SERVER_URL=https://git.example.com", "CI_JOB_TOKEN=from-job"),
			"gitlab-ci-token:from-job of CI_JOB_TOKEN", "",
		},
		{
			"of the job's own host", Options{}, plain, "gitlab",
			with("CI_SERVER_URL=https://git.example.com:8443", "CI_JOB_TOKEN=from-job"), "", "=",
		},
		{"what git would take", Options{}, plain, "gitlab", kim, "kim:from-netrc of " + netrc, "="},
		{"for that user", Options{Username: "alex"}, plain, "gitlab", kim, "", "="},
	} {
		w := newWallet(t, test.repo, test.forge, test.vars...)
		w.Options = test.options
		got, err := w.Git(t.Context())
		if err != nil || found(got) != test.git {
			t.Errorf("%s: git gets %q, %v; want %q", test.name, found(got), err, test.git)
		}
		if !got.Password.Empty() && strings.Contains(w.Secrets.Redact(found(got)), got.Password.Reveal()) {
			t.Errorf("%s: the credential is not known as a secret", test.name)
		}
		if test.forge == "" {
			w.APIURL = "https://git.example.com/api/" // Where an unknown forge has it, nobody knows.
		}
		want := test.api
		if want == "=" {
			_, want, _ = strings.Cut(test.git, ":")
		}
		for _, scheme := range []string{"https", "ssh"} {
			w.Repo = OverHTTP(giturl.URL{Scheme: scheme, Host: w.Repo.Host, Path: w.Repo.Path})
			api, err := w.API(t.Context())
			got := ""
			if api.Source != "" {
				got = api.Config.Token.Reveal() + " of " + api.Source
			}
			if err != nil || got != want {
				t.Errorf("%s, %s: the API gets %q, %v; want %q", test.name, scheme, got, err, want)
			}
		}
	}
}

// TestAPIHost: what was found for the repository's host is not for an API elsewhere, and with ssh the port does not
// matter.
func TestAPIHost(t *testing.T) {
	netrc := writeFile(t, ".netrc", "machine git.example.com login kim password from-netrc\n")
	env := []string{"HOME=" + filepath.Dir(netrc), "GIT_CONFIG_NOSYSTEM=1"}
	actions := append([]string{"GITHUB_SERVER_URL=https://git.example.com", "GITHUB_TOKEN=from-github"}, env...)
	const ofURL = "the repository's URL"
	for _, test := range []struct {
		repo, api string
		vars      []string
		want      string
	}{
		{"https://git.example.com/acme/gitops.git", "https://git.example.com/api/v3/", env, netrc},
		{"https://git.example.com/acme/gitops.git", "https://api.git.example.com/", env, netrc},
		{"https://git.example.com/acme/gitops.git", "https://evil.example.com/", env, ""},
		{"https://kim:from-url@git.example.com/acme/gitops.git", "https://git.example.com/api/v3/", env, ofURL},
		{"https://kim:from-url@git.example.com/acme/gitops.git", "https://evil.example.com/", env, ""},
		{"https://git.example.com/acme/gitops.git", "https://evil.example.com/", actions, ""},
		{"git@ssh.example.com:acme/gitops.git", "https://git.example.com/api/v3/", env, netrc},
		{"git@git.example.com:acme/gitops.git", "", actions, "GITHUB_TOKEN"},
		{"ssh://git@git.example.com:2222/acme/gitops.git", "", actions, "GITHUB_TOKEN"},
	} {
		w := newWallet(t, test.repo, "github", test.vars...)
		w.APIURL = test.api
		if api, err := w.API(t.Context()); err != nil || api.Source != test.want {
			t.Errorf("%s, %s: the token of %q, %v; want that of %q", test.repo, test.api, api.Source, err, test.want)
		}
	}
}

// TestWalletRefuses what would show the token, and what is no token.
func TestWalletRefuses(t *testing.T) {
	nobody := []string{"HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1"}
	given := Options{Token: secret.New("t0ken"), TokenSource: "-token"}
	const repo, remote = "https://git.example.com/a/b", "http://git.example.com/a/b"
	key := writeFile(t, "key", "no key")
	for _, test := range []struct {
		options   Options
		repo      string
		git, api  string // in the error; none if empty
		isCommand bool   // the command line is wrong, not what it names
	}{
		{given, remote, "plain text to http://git.example.com", "plain text to http://git.example.com", true},
		{given, "http://127.0.0.1:1/a/b", "", "", false},
		{given, "http://localhost/a/b", "", "", false},
		{given, "http://[::1]/a/b", "", "", false},
		{Options{APIURL: "ftp://git.example.com"}, repo, "", "not the URL of an API", true},
		{Options{APIURL: "https://u@git.example.com"}, repo, "", "not the URL of an API", true},
		{Options{APIURL: "http://git.example.com"}, repo, "", "plain text", true},
		{Options{TokenFile: "/does/not/exist"}, repo, "-token-file: open", "-token-file: open", false},
		{Options{TokenFile: writeFile(t, "empty", "\n")}, repo, "is empty", "is empty", true},
		{Options{TokenFile: writeFile(t, "two", "a b")}, repo, "white space", "white space", false},
		{Options{AppID: "1", AppKeyFile: "/does/not/exist"}, repo, "-key-file: open", "-key-file: open", false},
		{Options{AppID: "1", AppKeyFile: key}, repo, "private key of app 1", "private key of app 1", false},
		{Options{AppID: "1", AppKeyFile: key, APIURL: "x"}, repo, "URL of an API", "URL of an API", true},
	} {
		w := newWallet(t, test.repo, "github", nobody...)
		w.Options = test.options
		_, gitErr := w.Git(t.Context())
		_, apiErr := w.API(t.Context())
		for _, v := range []struct {
			of, want string
			err      error
		}{{"git", test.git, gitErr}, {"the API", test.api, apiErr}} {
			if !says(v.err, v.want) {
				t.Errorf("%s, %+v: %s: got %v, want %q", test.repo, test.options, v.of, v.err, v.want)
			}
			if _, ok := usage.Hint(v.err); v.err != nil && ok != test.isCommand {
				t.Errorf("%v: is it the command line? %t", v.err, ok)
			}
		}
	}
}

// says reports whether an error has the words; without words, whether there is no error.
func says(err error, words string) bool {
	return words == "" && err == nil || words != "" && err != nil && strings.Contains(err.Error(), words)
}

// TestCredentialPrints: neither a credential nor a wallet prints what is secret in it.
func TestCredentialPrints(t *testing.T) {
	w := newWallet(t, "https://alex:s3cret@git.example.com/a/b", "github", "HOME="+t.TempDir())
	w.Token = secret.New("s3cret")
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{login("alex", secret.New("s3cret"), "-token"), w, w.Options} {
			got := fmt.Sprintf(format, v)
			if strings.Contains(got, "s3cret") || strings.Contains(got, fmt.Sprintf("%x", "s3cret")) {
				t.Errorf("%s prints %s", format, got)
			}
		}
	}
}
