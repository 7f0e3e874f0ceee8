package ci

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/escape/escapetest"
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

const sha = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"

// TestRead has the variables of every CI system, as its documentation shows them.
func TestRead(t *testing.T) {
	tested := map[string]bool{}
	for _, test := range []struct {
		system string
		page   string
		vars   []string
	}{
		{"GitHub Actions", "https://github.com/acme/shop/commit/" + sha, []string{
			"CI=true", "GITHUB_ACTIONS=true", "GITHUB_SHA=" + sha, "GITHUB_REPOSITORY=acme/shop",
			"GITHUB_SERVER_URL=https://github.com",
		}},
		{"GitLab CI", "https://gitlab.com/acme/team/shop/-/commit/" + sha, []string{
			"CI=true", "GITLAB_CI=true", "CI_COMMIT_SHA=" + sha, "CI_PROJECT_PATH=acme/team/shop",
			"CI_PROJECT_URL=https://gitlab.com/acme/team/shop",
		}},
		{"GitLab CI", "", []string{"GITLAB_CI=true", "CI_COMMIT_SHA=" + sha, "CI_PROJECT_PATH=acme/team/shop"}},
		{"Travis CI", "", []string{"CI=true", "TRAVIS=true", "TRAVIS_COMMIT=" + sha, "TRAVIS_REPO_SLUG=acme/shop"}},
		{"Codefresh", "https://github.com/acme/shop/commit/1", []string{
			"CF_BUILD_ID=5f", "CF_REVISION=" + sha, "CF_REPO_NAME=shop",
			"CF_COMMIT_URL=https://github.com/acme/shop/commit/1",
		}},
		{"Codefresh", "", []string{
			"CF_BUILD_ID=5f", "CF_REVISION=" + sha, "CF_REPO_NAME=shop", "CF_COMMIT_URL=javascript:alert(1)",
		}},
		{"CircleCI", "", []string{"CI=true", "CIRCLECI=true", "CIRCLE_SHA1=" + sha, "CIRCLE_PROJECT_REPONAME=shop"}},
		{"Jenkins", "", []string{
			"JENKINS_URL=https://ci.example.com/", "GIT_COMMIT=" + sha, "GIT_URL=https://git.example.com/acme/shop.git",
		}},
		{"Jenkins", "", []string{
			"JENKINS_URL=https://ci.example.com/", "GIT_COMMIT=" + sha, "GIT_URL=git@git.example.com:shop.git",
		}},
		{"Bitbucket Pipelines", "https://bitbucket.org/acme/shop/commits/" + sha, []string{
			"CI=true", "BITBUCKET_BUILD_NUMBER=7", "BITBUCKET_COMMIT=" + sha, "BITBUCKET_REPO_SLUG=shop",
			"BITBUCKET_GIT_HTTP_ORIGIN=https://bitbucket.org/acme/shop",
		}},
		{"Azure Pipelines", "https://dev.azure.com/acme/x/_git/shop/commit/" + sha, []string{
			"TF_BUILD=True", "BUILD_SOURCEVERSION=" + sha, "BUILD_REPOSITORY_NAME=acme/shop",
			"BUILD_REPOSITORY_URI=https://acme@dev.azure.com/acme/x/_git/shop",
		}},
		{"Woodpecker", "", []string{
			"CI=woodpecker", "CI_SYSTEM_NAME=woodpecker", "CI_COMMIT_SHA=" + sha, "CI_REPO_NAME=shop",
		}},
		{"Drone", "", []string{"CI=true", "DRONE=true", "DRONE_COMMIT_SHA=" + sha, "DRONE_REPO_NAME=shop"}},
		{"Buildkite", "", []string{
			"CI=true", "BUILDKITE=true", "BUILDKITE_COMMIT=" + sha, "BUILDKITE_REPO=git@git.example.com:acme/shop.git",
		}},
	} {
		tested[test.system] = true
		want := Build{System: test.system, App: "shop", Revision: sha, CommitURL: test.page}
		if got := Read(environment(test.vars...)); got != want {
			t.Errorf("%v\n got %+v\nwant %+v", test.vars, got, want)
		}
	}
	for _, s := range systems {
		if !tested[s.name] {
			t.Errorf("%s is not tested", s.name)
		}
	}
	if got := Read(environment("CI=true", "HOME=/root")); got != (Build{}) {
		t.Errorf("outside of all systems: %+v", got)
	}
	for _, ref := range []string{"HEAD", "refs/heads/main"} {
		vars := environment("BUILDKITE=true", "BUILDKITE_COMMIT="+ref, "BUILDKITE_REPO=git@git.example.com:acme/shop.git")
		if got := Read(vars); got.Revision != "" || got.App != "shop" {
			t.Errorf("a build without a commit, but %s: %+v", ref, got)
		}
	}
}

// TestREADME: the README names the systems of the table, and no others.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(readme), "default to the variables of ")
	list, _, ok := strings.Cut(list, ", and `-app`")
	if !ok {
		t.Fatal("the README has no list of CI systems")
	}
	got := regexp.MustCompile(`, | and `).Split(strings.ReplaceAll(list, "\n", " "), -1)
	var want []string
	for _, s := range systems {
		want = append(want, s.name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the README has %q, the table %q", got, want)
	}
}

// TestFindFiles has the files of the systems that have some.
func TestFindFiles(t *testing.T) {
	for _, test := range []struct {
		vars []string
		want Files
	}{
		{[]string{"GITHUB_OUTPUT=/o", "GITHUB_STEP_SUMMARY=/s"}, Files{Outputs: "/o", Summary: "/s"}},
		{[]string{"CF_VOLUME_PATH=/codefresh/volume"}, Files{Exports: "/codefresh/volume/env_vars_to_export"}},
		{[]string{"GITHUB_ACTIONS=true", "CF_BUILD_ID=1"}, Files{}},
	} {
		if got := FindFiles(environment(test.vars...)); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.vars, got, test.want)
		}
	}
}

// TestForge: which forge a host is, only the pipeline that it runs tells; for that host alone are the job's tokens.
func TestForge(t *testing.T) {
	github := environment("GITHUB_SERVER_URL=https://Git.Example.com")
	gitlab := environment("CI_SERVER_URL=https://git.example.com:8443", "CI_JOB_TOKEN=t")
	for _, test := range []struct {
		getenv func(string) string
		host   string
		want   string
	}{
		{github, "git.example.com", "github"}, {github, "git.example.com:8443", ""}, {github, "", ""},
		{gitlab, "git.example.com:8443", "gitlab"}, {gitlab, "git.example.com", ""},
		{environment(), "", ""}, {environment("CI_SERVER_URL=%"), "", ""},
	} {
		if got := Forge(test.host, test.getenv); got != test.want {
			t.Errorf("%s is a %q, want %q", test.host, got, test.want)
		}
	}
	for kind, want := range map[string]string{"github": "git.example.com", "gitlab": "", "gitea": ""} {
		if got := Server(kind, github); got != want {
			t.Errorf("the %s that runs the pipeline is %q, want %q", kind, got, want)
		}
	}
	for host, want := range map[string]string{
		"git.example.com:8443": "CI_JOB_TOKEN gitlab-ci-token", "git.example.com": " ", "": " ",
	} {
		if variable, user := JobToken(host, gitlab); variable+" "+user != want {
			t.Errorf("%s: %q %q, want %q", host, variable, user, want)
		}
	}
	if !slices.Contains(TokenVariables(), "CI_JOB_TOKEN") {
		t.Errorf("the variables with tokens are %q", TokenVariables())
	}
}

// TestAnnotation checks that a problem is one command of the system that runs, whatever is in it, and that the system
// reads back what was written.
func TestAnnotation(t *testing.T) {
	for _, test := range []struct {
		variable, begins string
		decode           *strings.Replacer
	}{
		{"GITHUB_ACTIONS", "::error title=update-gitops-repo::",
			strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n")},
		{"TF_BUILD", "##vso[task.logissue type=error]update-gitops-repo: ",
			strings.NewReplacer("%AZP25", "%", "%0D", "\r", "%0A", "\n")},
	} {
		for _, words := range append(escapetest.Hostile, "100%", "%0A::x::", "%25", "%AZP25", "]", ";") {
			text := words + "\nhint: " + words
			line := Annotation(environment(test.variable+"=true"), Error, text)
			data, begins := strings.CutPrefix(line, test.begins)
			if !begins || len(escapetest.Lines(line)) != 1 || strings.Contains(data, "##vso[") {
				t.Errorf("%s: %q: %q", test.variable, text, line)
			}
			if got := test.decode.Replace(data); got != escape.Output(text) {
				t.Errorf("%s: %q is read as %q", test.variable, text, got)
			}
		}
	}
	if got := Annotation(environment("GITHUB_ACTIONS=true"), Warning, "x"); !strings.HasPrefix(got, "::warning ") {
		t.Errorf("a warning: %q", got)
	}
	for _, variable := range []string{"GITLAB_CI", "NONE"} {
		if got := Annotation(environment(variable+"=true"), Error, "text"); got != "" {
			t.Errorf("%s: %q", variable, got)
		}
	}
}
