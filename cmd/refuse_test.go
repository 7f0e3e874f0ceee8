package cmd

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/secret"
)

// unreachable is a network on which every request is a mistake.
type unreachable struct{ t *testing.T }

// RoundTrip implements http.RoundTripper.
func (u unreachable) RoundTrip(r *http.Request) (*http.Response, error) {
	u.t.Errorf("%s %s is asked", r.Method, r.URL)
	return nil, errors.New("unreachable")
}

// draftOf returns the draft for the arguments, on a machine without a network.
func draftOf(t *testing.T, getenv func(string) string, args ...string) (draft, error) {
	t.Helper()
	c, err := parseConfig(args, nil, &secret.Redactor{})
	if err != nil {
		return draft{}, err
	}
	client := &http.Client{Transport: unreachable{t}}
	return newDraft(t.Context(), c, surroundings{getenv: getenv, client: client})
}

// TestRefused: what flags alone tell to be wrong is refused before anything else is looked at, with a hint.
func TestRefused(t *testing.T) {
	const good = "-repo=https://git.example.com/acme/gitops -git-revision=1 -set=a.yaml:.b=1"
	for _, test := range []struct{ args, want string }{
		{good + " -output=xml", `-output "xml" is not known`},
		{good + " -log-format=", "-log-format: the value is empty"},
		{good + " -scm-provider=forge", `-scm-provider "forge" is not known`},
		{good + " -branch=a..b", `-branch: "a..b"`},
		{good + " -base=a..b", `-base: "a..b"`},
		{good + " -author-name=a<b", "-author-name"},
		{good + " -pr-label=ok -pr-label=a\u202eb", "-pr-label"},
		{good + " -pr-milestone=a\x1bb", "-pr-milestone"},
		{good + " -add=/etc/**", "-add"},
		{good + " -filepath=[", "-filepath"},
		{good + " -image-files=", "-image-files: the value is empty"},
		{good + " -timeout=0s", "-timeout must be positive"},
		{good + " -branch=main -base=main", `-branch and -base are both "main"`},
		{good + " -sequence=-1", "-sequence must be positive"},
		{good + " -sequence=0", "-sequence must be positive, not 0"},
		{good + " -auto-merge -merge-pull-request", "both given"},
		{good + " -pr-draft -merge-pull-request", "both given"},
		{good + " -pr-body=a -pr-body-file=b", "both given"},
		{good + " -github-app-id=1", "belong together"},
		{good + " -sign-key-file=a -commit-via-api", "both given"},
		{"-repo=https://git.example.com/acme/gitops -git-revision=1 -image-files=*.yaml", "nothing to do"},
		{good + " -substitute=image", `"image" has no =`},
		{good + " -substitute=a=1 -substitute=a.b=2", "-substitute: "},
		{good + " -substitute-env=NOT_SET", `"NOT_SET" is not set`},
		{good + " -substitute=A.B=1 -substitute-env=A", "-substitute-env: "},
		{good + " -template=a.yaml", "not a source and a destination"},
		{good + " -template=a.yaml:../b", "-template: ../b"},
		{good + " -set=a.yaml", `-set "a.yaml"`},
		{good + " -image=a", `-image "a"`},
		{good + " -yq=a.yaml", `-yq "a.yaml"`},
		{good + " -delims=x", `-delims "x"`},
		{good + " -sign-key-file=/does/not/exist", "-sign-key-file: open"},
		{good + " -sign-key-file=flags.go -sign-passphrase-file=/does/not/exist", "-sign-passphrase-file: open"},
		{good + " -sign-key-file=flags.go -sign-passphrase=x", "-sign-key-file flags.go: "},
		{good + " -repo=", "-repo: the value is empty"},
		{"-git-revision=1 -set=a.yaml:.b=1", "not a usable checkout"},
		{good + " -repo=svn://git.example.com/x", "-repo: "},
		{good + " -app=a\tb", "-app"},
		{good + " -app=a..b", "a branch of app and revision"},
		{good + " -git-revision=", "-git-revision: the value is empty"},
		{"-repo=https://git.example.com/acme/gitops -set=a.yaml:.b=1", "the branch cannot be named"},
		{good + " -base=gitops-1", "is the base itself"},
		{good + " -scm-provider=gitlab -github-app-id=1 -github-app-key-file=a", "GitLab has no GitHub Apps"},
		{good + " -token-file=/does/not/exist", "-token-file: open"},
		{good + " -pr-body-file=/does/not/exist", "-pr-body-file: open"},
		{good + " -pr-title=$(<.nope>)", "nope"},
		{good + " -commit-message=$(<", "-commit-message"},
		{good + " -nosuchflag", "unknown flag -nosuchflag"},
		{good + " argument", "unexpected argument after 3 flags"},
		{good + " -token=a -token-file=b", "both given"},
		{good + " -max-fetch=2GB", "want a size such as"},
		{good + " -config=/does/not/exist", "-config: "},
		{good + " -config=flags.go", "configuration file flags.go"},
	} {
		getenv := environment("HOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "A=1")
		_, err := draftOf(t, getenv, append(strings.Split(test.args, " "), "-workdir="+t.TempDir())...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\ngot %v, want %q", test.args, err, test.want)
			continue
		}
		file := strings.Contains(test.want, ": open") || strings.Contains(test.want, "checkout")
		if hint, ok := usage.Hint(err); ok == file || ok && hint == "" {
			t.Errorf("%v: the hint of a wrong command line is %q, %t", err, hint, ok)
		}
	}
	// A dry run commits nothing by the API, so that the key may stay: it is only read.
	dry := good + " -sign-key-file=/does/not/exist -commit-via-api -dry-run"
	if _, err := draftOf(t, environment("HOME="+t.TempDir()), strings.Split(dry, " ")...); err == nil ||
		!strings.Contains(err.Error(), "-sign-key-file: open") {
		t.Errorf("a dry run: %v", err)
	}
	if _, err := draftOf(t, environment("HOME="+t.TempDir()), strings.Split(good, " ")...); err != nil {
		t.Errorf("without any of it: %v", err)
	}
}

// TestVariableRefused: a value that a flag's variable must not have.
func TestVariableRefused(t *testing.T) {
	_, err := parseConfig([]string{"-set=a.yaml:.b=1"}, []string{envPrefix + "_WAIT=perhaps"}, &secret.Redactor{})
	if hint, _ := usage.Hint(err); err == nil || !strings.Contains(err.Error(), envPrefix+"_WAIT") ||
		!strings.Contains(hint, "a switch takes true or false") {
		t.Errorf("got %v, %q", err, hint)
	}
}

// TestTokenSource: the token and its file are two names for one thing, so that only the first source of either counts.
func TestTokenSource(t *testing.T) {
	file := t.TempDir() + "/flags.yaml"
	write(t, file, "token: of-the-file\n")
	for _, test := range []struct{ args, variable, token, source string }{
		{"-token=t", "v", "t", "-token"},
		{"-token-file=f", "v", "", ""},
		{"-wait", "v", "v", envPrefix + "_TOKEN"},
		{"-wait", "", "of-the-file", "the file of -config"},
	} {
		var secrets secret.Redactor
		environ := []string{envPrefix + "_TOKEN=" + test.variable}
		c, err := parseConfig([]string{test.args, "-config=" + file}, environ, &secrets)
		if err != nil {
			t.Fatal(err)
		}
		if c.token.Reveal() != test.token || c.tokenSource != test.source {
			t.Errorf("%s, variable %q: the token %q of %q", test.args, test.variable, c.token.Reveal(), c.tokenSource)
		}
	}
}
