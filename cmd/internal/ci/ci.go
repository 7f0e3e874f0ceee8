// Package ci knows what each CI system says about the build that it runs: the variables that it sets.
package ci

import (
	"cmp"
	"net/url"
	"os"
	"strings"
)

// system is a row of the table of CI systems: which of its variables holds what. Empty: the system has no such
// variable.
type system struct {
	name      string
	marker    string // set by this system only
	revision  string // the application's commit
	app       string // the last part of its value is the application's name: "shop" of acme/shop
	commitURL string // the page that shows the commit, made of variables

	forge    string // the forge that the system is a part of, as -scm-provider names it
	server   string // that forge's URL
	jobToken string // token for git that is valid while the job runs
	jobUser  string // user that goes with it: a name, not a variable

	// Files in which the system looks for what a step did, made of variables; see Files.
	outputs, summary, exports string

	// annotation returns the line that has the system show a problem beside the build; nil: there is no such line.
	annotation func(of Problem, text string) string
}

// systems is the table. To add a CI system, add a row from its documentation of predefined variables, and one to
// TestRead. Of two systems whose markers are both set, the first counts.
var systems = []system{
	{
		name: "GitHub Actions", marker: "GITHUB_ACTIONS", revision: "GITHUB_SHA", app: "GITHUB_REPOSITORY",
		commitURL: "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/commit/$GITHUB_SHA",
		forge:     "github", server: "GITHUB_SERVER_URL",
		// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
		outputs: "$GITHUB_OUTPUT", summary: "$GITHUB_STEP_SUMMARY", annotation: gitHubAnnotation,
	},
	{
		name: "GitLab CI", marker: "GITLAB_CI", revision: "CI_COMMIT_SHA", app: "CI_PROJECT_PATH",
		commitURL: "$CI_PROJECT_URL/-/commit/$CI_COMMIT_SHA",
		forge:     "gitlab", server: "CI_SERVER_URL",
		jobToken: "CI_JOB_TOKEN", jobUser: "gitlab-ci-token", // https://docs.gitlab.com/ci/jobs/ci_job_token/
	},
	{name: "Travis CI", marker: "TRAVIS", revision: "TRAVIS_COMMIT", app: "TRAVIS_REPO_SLUG"},
	{
		name: "Codefresh", marker: "CF_BUILD_ID", revision: "CF_REVISION", app: "CF_REPO_NAME",
		commitURL: "$CF_COMMIT_URL",
		// https://codefresh.io/docs/docs/pipelines/variables/#exporting-environment-variables-from-a-freestyle-step
		exports: "$CF_VOLUME_PATH/env_vars_to_export",
	},
	{name: "CircleCI", marker: "CIRCLECI", revision: "CIRCLE_SHA1", app: "CIRCLE_PROJECT_REPONAME"},
	{name: "Jenkins", marker: "JENKINS_URL", revision: "GIT_COMMIT", app: "GIT_URL"},
	{
		name: "Bitbucket Pipelines", marker: "BITBUCKET_BUILD_NUMBER", revision: "BITBUCKET_COMMIT",
		app: "BITBUCKET_REPO_SLUG", commitURL: "$BITBUCKET_GIT_HTTP_ORIGIN/commits/$BITBUCKET_COMMIT",
	},
	{
		name: "Azure Pipelines", marker: "TF_BUILD", revision: "BUILD_SOURCEVERSION", app: "BUILD_REPOSITORY_NAME",
		commitURL: "$BUILD_REPOSITORY_URI/commit/$BUILD_SOURCEVERSION", annotation: azureAnnotation,
	},
	{
		name: "Woodpecker", marker: "CI_SYSTEM_NAME", revision: "CI_COMMIT_SHA", app: "CI_REPO_NAME",
		commitURL: "$CI_PIPELINE_FORGE_URL",
	},
	{
		name: "Drone", marker: "DRONE", revision: "DRONE_COMMIT_SHA", app: "DRONE_REPO_NAME",
		commitURL: "$DRONE_COMMIT_LINK",
	},
	{name: "Buildkite", marker: "BUILDKITE", revision: "BUILDKITE_COMMIT", app: "BUILDKITE_REPO"},
}

// Build is what a CI system says about the build that it runs. Any field may be empty.
type Build struct {
	System    string // "GitHub Actions"; empty outside of all systems that are known
	App       string // the application's name
	Revision  string // its commit
	CommitURL string // the page that shows the commit, without credentials
}

// Read returns what the CI system that runs this build says of it, or the zero Build if the system is unknown.
func Read(getenv func(string) string) Build {
	for _, s := range systems {
		if getenv(s.marker) == "" {
			continue
		}
		return Build{
			System: s.name, App: appName(getenv(s.app)), Revision: commit(getenv(s.revision)),
			CommitURL: page(s.commitURL, getenv),
		}
	}
	return Build{}
}

// appName returns the last part of acme/shop, https://HOST/acme/shop.git or git@HOST:shop.git.
func appName(repository string) string {
	repository = strings.TrimSuffix(repository, ".git")
	return repository[strings.LastIndexAny(repository, "/:")+1:]
}

// commit returns the revision unless it is HEAD, as Buildkite has it for a build that was started without a commit, by
// hand or by a schedule, or another ref. A branch with that in its name would be one for all such builds.
func commit(revision string) string {
	if revision == "HEAD" || strings.HasPrefix(revision, "refs/") {
		return ""
	}
	return revision
}

// page returns the URL that the variables in pattern make, or nothing when one of them is empty or they make no URL.
func page(pattern string, getenv func(string) string) string {
	u, err := url.Parse(expand(pattern, getenv))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	u.User = nil // Such as the organisation's name on Azure.
	return u.String()
}

// expand returns pattern with the values of its variables; nothing when one of them is empty.
func expand(pattern string, getenv func(string) string) string {
	complete := true
	text := os.Expand(pattern, func(name string) string {
		value := getenv(name)
		complete = complete && value != ""
		return value
	})
	if !complete {
		return ""
	}
	return text
}

// Files are those in which CI systems look for what a step did. Each is empty when there is none.
type Files struct {
	Outputs string // lines name=value, for later steps
	Summary string // Markdown, for people
	Exports string // lines NAME=VALUE, which become variables of later steps
}

// FindFiles returns the files that any CI system's variables name.
func FindFiles(getenv func(string) string) Files {
	var f Files
	for _, s := range systems {
		f.Outputs = cmp.Or(f.Outputs, expand(s.outputs, getenv))
		f.Summary = cmp.Or(f.Summary, expand(s.summary, getenv))
		f.Exports = cmp.Or(f.Exports, expand(s.exports, getenv))
	}
	return f
}

// Server returns the host, HOST or HOST:PORT in lower case, of the forge of that kind that runs this pipeline; empty
// when none does.
func Server(forge string, getenv func(string) string) string {
	for _, s := range systems {
		if s.forge == forge && s.server != "" {
			return s.host(getenv)
		}
	}
	return ""
}

// Forge returns the kind of the forge at host that runs this pipeline; empty when that is another host, or no forge
// runs it. This is the one host whose kind is known whatever its name.
func Forge(host string, getenv func(string) string) string {
	for _, s := range systems {
		if s.server != "" && host != "" && s.host(getenv) == host {
			return s.forge
		}
	}
	return ""
}

func (s system) host(getenv func(string) string) string {
	u, err := url.Parse(getenv(s.server))
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// JobToken returns the variable with the token that the forge at host has given this job for git, and the user that
// goes with it; both are empty when there is none. With such a token, the forge's API does nothing that is needed here.
func JobToken(host string, getenv func(string) string) (variable, user string) {
	for _, s := range systems {
		if s.jobToken != "" && getenv(s.jobToken) != "" && host != "" && s.host(getenv) == host {
			return s.jobToken, s.jobUser
		}
	}
	return "", ""
}

// TokenVariables returns the variables in which CI systems have tokens.
func TokenVariables() []string {
	var names []string
	for _, s := range systems {
		if s.jobToken != "" {
			names = append(names, s.jobToken)
		}
	}
	return names
}
