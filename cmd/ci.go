package cmd

import (
	"net/url"
	"os"
	"strings"
)

// ciSystem is where a CI system's own variables hold the application's commit and name.
type ciSystem struct {
	name     string
	marker   string // the variable that is set there and nowhere else
	revision string
	app      string // its value's last path component counts: "acme/hello-world" is hello-world
	commit   string // where the commit can be seen, made of variables; empty where they do not tell
}

// ciSystems are the CI systems that are known, from their documentation on predefined variables.
var ciSystems = []ciSystem{
	{"GitHub Actions", "GITHUB_ACTIONS", "GITHUB_SHA", "GITHUB_REPOSITORY", "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/commit/$GITHUB_SHA"},
	{"GitLab CI", "GITLAB_CI", "CI_COMMIT_SHA", "CI_PROJECT_PATH", "$CI_PROJECT_URL/-/commit/$CI_COMMIT_SHA"},
	{"Travis CI", "TRAVIS", "TRAVIS_COMMIT", "TRAVIS_REPO_SLUG", ""},
	{"Codefresh", "CF_BUILD_ID", "CF_REVISION", "CF_REPO_NAME", "$CF_COMMIT_URL"},
	{"CircleCI", "CIRCLECI", "CIRCLE_SHA1", "CIRCLE_PROJECT_REPONAME", ""},
	{"Jenkins", "JENKINS_URL", "GIT_COMMIT", "GIT_URL", ""},
	{"Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", "BITBUCKET_COMMIT", "BITBUCKET_REPO_SLUG", "$BITBUCKET_GIT_HTTP_ORIGIN/commits/$BITBUCKET_COMMIT"},
	{"Azure Pipelines", "TF_BUILD", "BUILD_SOURCEVERSION", "BUILD_REPOSITORY_NAME", "$BUILD_REPOSITORY_URI/commit/$BUILD_SOURCEVERSION"},
	{"Woodpecker", "CI_SYSTEM_NAME", "CI_COMMIT_SHA", "CI_REPO_NAME", "$CI_PIPELINE_FORGE_URL"},
	{"Drone", "DRONE", "DRONE_COMMIT_SHA", "DRONE_REPO_NAME", "$DRONE_COMMIT_LINK"},
	{"Buildkite", "BUILDKITE", "BUILDKITE_COMMIT", "BUILDKITE_REPO", ""},
}

// detectCI gives the CI system that this runs in; the zero value when it is none that is known.
func detectCI(getenv func(string) string) ciSystem {
	for _, s := range ciSystems {
		if getenv(s.marker) != "" {
			return s
		}
	}
	return ciSystem{}
}

// appCommit is the application's commit; empty where it is not known. Buildkite tells HEAD for a build that was started without
// a commit, by hand or by a schedule: named after that, all such builds would share one branch.
func (s ciSystem) appCommit(getenv func(string) string) string {
	if commit := getenv(s.revision); commit != "HEAD" {
		return commit
	}
	return ""
}

// commitURL is where people can see the application's commit; empty where that is not known.
func (s ciSystem) commitURL(getenv func(string) string) string {
	complete := true
	text := os.Expand(s.commit, func(name string) string {
		value := getenv(name)
		complete = complete && value != ""
		return value
	})
	u, err := url.Parse(text)
	if err != nil || !complete || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	u.User = nil // Such as the organisation's name on Azure.
	return u.String()
}

// ciForges are the forges that run pipelines themselves, and the variable in which these find the forge's own URL: the one
// host whose kind is known whatever its name, and for which the pipeline's tokens are.
var ciForges = []struct{ provider, server string }{
	{"github", "GITHUB_SERVER_URL"},
	{"gitlab", "CI_SERVER_URL"},
}

// ciServer gives the host, with its port if it has one, of the forge of a kind that runs this pipeline; empty when none
// does.
func ciServer(provider string, getenv func(string) string) string {
	for _, f := range ciForges {
		if u, err := url.Parse(getenv(f.server)); f.provider == provider && err == nil {
			return strings.ToLower(u.Host)
		}
	}
	return ""
}
