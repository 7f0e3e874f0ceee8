package cmd

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
	"update-gitops-repo/template"
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

func TestCI(t *testing.T) {
	const sha = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	for _, test := range []struct {
		name string
		vars []string
	}{
		{"GitHub Actions", []string{"CI=true", "GITHUB_ACTIONS=true", "GITHUB_SHA=" + sha, "GITHUB_REPOSITORY=acme/shop"}},
		{"GitLab CI", []string{"CI=true", "GITLAB_CI=true", "CI_COMMIT_SHA=" + sha, "CI_PROJECT_PATH=acme/team/shop"}},
		{"Travis CI", []string{"CI=true", "TRAVIS=true", "TRAVIS_COMMIT=" + sha, "TRAVIS_REPO_SLUG=acme/shop"}},
		{"Codefresh", []string{"CF_BUILD_ID=5f", "CF_REVISION=" + sha, "CF_REPO_NAME=shop"}},
		{"CircleCI", []string{"CI=true", "CIRCLECI=true", "CIRCLE_SHA1=" + sha, "CIRCLE_PROJECT_REPONAME=shop"}},
		{"Jenkins", []string{"JENKINS_URL=https://ci.example.com/", "GIT_COMMIT=" + sha, "GIT_URL=https://git.example.com/acme/shop.git"}},
		{"Bitbucket Pipelines", []string{"CI=true", "BITBUCKET_BUILD_NUMBER=7", "BITBUCKET_COMMIT=" + sha, "BITBUCKET_REPO_SLUG=shop"}},
		{"Azure Pipelines", []string{"TF_BUILD=True", "BUILD_SOURCEVERSION=" + sha, "BUILD_REPOSITORY_NAME=acme/shop"}},
		{"Woodpecker", []string{"CI=woodpecker", "CI_SYSTEM_NAME=woodpecker", "CI_COMMIT_SHA=" + sha, "CI_REPO_NAME=shop"}},
		{"Drone", []string{"CI=true", "DRONE=true", "DRONE_COMMIT_SHA=" + sha, "DRONE_REPO_NAME=shop"}},
		{"Buildkite", []string{"CI=true", "BUILDKITE=true", "BUILDKITE_COMMIT=" + sha, "BUILDKITE_REPO=git@git.example.com:acme/shop.git"}},
	} {
		if got := detectCI(environment(test.vars...)).name; got != test.name {
			t.Errorf("%s is taken for %q", test.name, got)
		}
		p := mustPlan(t, environment(test.vars...), "-dry-run", "-repo=/srv/gitops", "-substitute=a=1")
		if p.app != "shop" || p.revision != sha || p.branch != "shop-1a2b3c4" {
			t.Errorf("%s: app %q, revision %q, branch %q", test.name, p.app, p.revision, p.branch)
		}
		p = mustPlan(t, environment(test.vars...), "-dry-run", "-repo=/srv/gitops", "-substitute=a=1", "-app=blog", "-git-revision=v1.2")
		if p.app != "blog" || p.revision != "v1.2" || p.branch != "blog-v1.2" {
			t.Errorf("%s, with flags: app %q, revision %q, branch %q", test.name, p.app, p.revision, p.branch)
		}
	}
	if len(ciSystems) != 11 {
		t.Errorf("%d CI systems are known, 11 are tested", len(ciSystems))
	}
	p := mustPlan(t, environment(), "-dry-run", "-repo=https://git.example.com/acme/gitops.git", "-substitute=a=1", "-git-revision=1")
	if p.app != "gitops" {
		t.Errorf("without a CI system the app is %q", p.app)
	}
}

func mustPlan(t *testing.T, getenv func(string) string, args ...string) *plan {
	t.Helper()
	c, err := parseConfig(args)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(c, getenv, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := environment("GITHUB_TOKEN=from-github", "GH_TOKEN=from-gh", "GITLAB_TOKEN=from-gitlab")
	inURL := gitrepo.Credentials{Username: "alex", Password: "from-url"}
	for _, test := range []struct {
		name     string
		config   config
		url      gitrepo.Credentials
		provider string
		getenv   func(string) string
		want     gitrepo.Credentials
	}{
		{"flag before all", config{token: newSecret("from-flag"), tokenSrc: file}, inURL, "github", all, gitrepo.Credentials{Username: "x-access-token", Password: "from-flag"}},
		{"file before URL", config{tokenSrc: file}, inURL, "gitlab", all, gitrepo.Credentials{Username: "oauth2", Password: "from-file"}},
		{"URL before variables", config{}, inURL, "github", all, gitrepo.Credentials{Username: "alex", Password: "from-url"}},
		{"-username before the URL's", config{username: "robot"}, inURL, "github", all, gitrepo.Credentials{Username: "robot", Password: "from-url"}},
		{"GITHUB_TOKEN", config{}, gitrepo.Credentials{}, "github", all, gitrepo.Credentials{Username: "x-access-token", Password: "from-github"}},
		{"GH_TOKEN", config{}, gitrepo.Credentials{}, "github", environment("GH_TOKEN=from-gh"), gitrepo.Credentials{Username: "x-access-token", Password: "from-gh"}},
		{"GITLAB_TOKEN", config{}, gitrepo.Credentials{}, "gitlab", all, gitrepo.Credentials{Username: "oauth2", Password: "from-gitlab"}},
		{"a forge's variable goes to that forge only", config{}, gitrepo.Credentials{}, "", all, gitrepo.Credentials{}},
		{"not to another forge", config{}, gitrepo.Credentials{}, "gitlab", environment("GITHUB_TOKEN=from-github"), gitrepo.Credentials{}},
	} {
		got, err := resolveCredentials(&test.config, test.url, test.provider, test.getenv)
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v; want %+v", test.name, got, err, test.want)
		}
	}
}

func TestProviderByHost(t *testing.T) {
	for host, want := range map[string]string{
		"github.com": "github", "gitlab.com": "gitlab", "github.com.example.com": "", "mygithub.com": "", "gitlab.example.com": "", "GITHUB.com.": "",
	} {
		u, _, err := gitrepo.ParseURL("https://" + host + "/acme/gitops")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := providerName(&config{}, u); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", host, got, err, want)
		}
	}
}

func newSecret(value string) (s secret) {
	_ = s.Set(value) // It always takes it.
	return s
}

func TestSecret(t *testing.T) {
	s := newSecret("s3cret")
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{s, &s, config{token: s}, &config{token: s}} {
			if got := fmt.Sprintf(format, v); strings.Contains(got, "s3cret") {
				t.Errorf("%s prints %s", format, got)
			}
		}
	}
}

func TestTrailer(t *testing.T) {
	p := &plan{app: "shop", revision: "1111111"}
	for _, text := range []string{"", "Deploy", "Deploy\n\nUpdate-App: other\n"} {
		p.message = text
		m := p.commitMessage(&report{subject: "Update shop", body: "- a.yaml\n"})
		if trailer(m, trailerApp) != "shop" || trailer(m, trailerRevision) != "1111111" {
			t.Errorf("trailers are lost in %q", m)
		}
	}
	for message, want := range map[string]string{
		"x": "", "x\n\nUpdate-App: a": "a", "Update-App: a\n\nmore": "", "x\n\nUpdate-App: a\nUpdate-App: b\n": "b", "x\n\nUpdate-Apple: a": "",
	} {
		if got := trailer(message, trailerApp); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

func TestShortRevision(t *testing.T) {
	for revision, want := range map[string]string{
		"1a2b3c4d5e6f": "1a2b3c4", "1A2B3C4D": "1A2B3C4", "1a2b": "1a2b", "v1.2.3-rc.1": "v1.2.3-rc.1", "": "",
	} {
		if got := shortRevision(revision); got != want {
			t.Errorf("%q: %q, want %q", revision, got, want)
		}
	}
}

// TestHints: every kind of error has a hint of its own, and 2 is for the command line alone.
func TestHints(t *testing.T) {
	general := hint(errors.New("something"))
	for _, err := range []error{
		gitrepo.ErrAuth, gitrepo.ErrNotFound, gitrepo.ErrEmpty, gitrepo.ErrNoBranch, gitrepo.ErrPath, gitrepo.ErrMoved, gitrepo.ErrRejected, gitrepo.ErrNoCheckout,
		scm.ErrAuth, scm.ErrNoRepository, scm.ErrRefused, scm.ErrNotMergeable,
		context.DeadlineExceeded, context.Canceled, fs.ErrNotExist, fs.ErrPermission, &foreignError{},
		&template.Error{Err: template.ErrMissingKey, Key: ".a"}, &template.Error{Err: template.ErrSyntax}, &template.Error{Err: template.ErrSyntax, Delims: "$(<"},
		&template.Error{Err: template.ErrDelims}, &template.Error{Err: template.ErrNoAction}, &template.Error{Err: template.ErrNoMatch},
		&template.Error{Err: template.ErrNoNode}, &template.Error{Err: template.ErrUneditable}, &template.Error{Err: template.ErrExecute},
	} {
		wrapped := fmt.Errorf("subject: %w", err)
		if h := hint(wrapped); h == "" || h == general {
			t.Errorf("%v has no hint of its own", err)
		}
		if exitCode(wrapped) != 1 {
			t.Errorf("%v: exit code %d", err, exitCode(wrapped))
		}
	}
	var b bytes.Buffer
	if err := printError(&b, usage("do it", "line one\nline two")); err != nil {
		t.Fatal(err)
	}
	if b.String() != "error: line one line two\nhint: do it\n" || exitCode(usage("", "")) != 2 {
		t.Errorf("printed %q", b.String())
	}
}

// TestHelp: every flag is in -h, in a group.
func TestHelp(t *testing.T) {
	var b bytes.Buffer
	if err := printHelp(&b); err != nil {
		t.Fatal(err)
	}
	flags, groups := new(config).flagSet()
	grouped := map[string]bool{"help": true} // -h stands for it.
	for _, g := range groups {
		for _, name := range g.flags {
			grouped[name] = true
			if flags.Lookup(name) == nil {
				t.Errorf("-%s is in -h and does not exist", name)
			}
		}
	}
	flags.VisitAll(func(f *flag.Flag) {
		if !grouped[f.Name] {
			t.Errorf("-%s is not in -h", f.Name)
		}
	})
	for line := range strings.Lines(b.String()) {
		if len(strings.TrimRight(line, "\n")) > 88 {
			t.Errorf("too long: %s", line)
		}
	}
}
