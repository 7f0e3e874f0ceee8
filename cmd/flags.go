package cmd

import (
	"strings"

	"update-gitops-repo/cmd/internal/forges"
	"update-gitops-repo/scm"
	"update-gitops-repo/template/image"
)

// flagGroup is a heading of -h and the flags below it.
type flagGroup struct {
	title string
	flags []flagSpec
}

// flags returns the table of all flags. Whatever knows flags reads it: the parser, the variables, the checks, the
// warnings, -h, the README's table, the man page and the completion of three shells.
func (c *config) flags() []flagGroup {
	return []flagGroup{
		{"Repository", c.repositoryFlags()},
		{"What to change", c.editFlags()},
		{"Commit", c.commitFlags()},
		{"Pull request", c.pullRequestFlags()},
		{"Run", c.runFlags()},
	}
}

func (c *config) repositoryFlags() []flagSpec {
	return []flagSpec{
		{name: "repo", into: &c.repo, isURL: true, fallback: "the origin of the checkout in -workdir",
			usage: "GitOps repository: https, http or ssh `URL`, git@host:path, or a path"},
		{name: "workdir", into: &c.workdir, preset: ".",
			usage: "`folder` with the checkout and the sources of -template"},
		{name: "base", into: &c.base, check: c.checkBranch, fallback: "the remote's default branch",
			usage: "`branch` that the change starts from and the pull request targets; " +
				"with -create-pull-request=false, where a new -branch starts"},
		{name: "token", into: &c.token,
			usage: "`token` for git over http and for the API; better given as " + envPrefix + "_TOKEN or in a file"},
		{name: "token-file", into: &c.tokenFile,
			usage: "`file` that holds the token"},
		{name: "username", into: &c.username, fallback: "the one that the forge expects",
			usage: "`user` that goes with the token over http"},
		{name: "github-app-id", into: &c.appID,
			usage: "`ID` of the GitHub App to authenticate as, instead of a token"},
		{name: "github-app-key-file", into: &c.appKeyFile,
			usage: "`file` with the app's private key"},
		{name: "ssh-key-file", into: &c.sshKeyFile, fallback: "the agent's keys and those of ~/.ssh",
			usage: "`file` with the private key for ssh"},
		{name: "ssh-known-hosts", into: &c.sshKnownHosts, fallback: "~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts",
			usage: "`file` with the host keys to trust"},
		{name: "ca-file", into: &c.caFile,
			usage: "`file` with more certificate authorities to trust, in PEM, for git and the API"},
		{name: "check-auth", into: &c.checkAuth,
			usage: "report which credential goes to which host and what it may do, and change nothing"},
	}
}

func (c *config) editFlags() []flagSpec {
	return []flagSpec{
		{name: "add", into: &c.adds, check: checkGlob,
			usage: "`glob` of files to commit as they are in the checkout of -workdir, new, changed or deleted; " +
				"it starts at the top of the checkout"},
		{name: "filepath", into: &c.filepaths, check: checkGlob,
			fallback: "**.tmpl if there are values and no -template",
			usage:    "`glob` of the templates to render, FILE.tmpl to FILE; * stays in a folder, ** crosses folders"},
		{name: "substitute", into: &c.substitutes,
			usage: "`KEY=VALUE` for the templates; a dotted key nests"},
		{name: "substitute-env", into: &c.substituteEnvs,
			usage: "`NAME` of an environment variable for the templates"},
		{name: "delims", into: &c.delims, fallback: "$({ and }) or $(< and >), whichever the file has",
			usage: "`LEFT,RIGHT`: delimiters of the templates"},
		{name: "template", into: &c.templates,
			usage: "`SRC:DEST`: render the local file SRC to DEST in the repository"},
		{name: "validate", into: &c.validate, preset: "true",
			usage: "refuse to commit a rendered YAML or JSON file that does not parse; " +
				"templates of another language, such as Helm's, and files larger than 2 MiB are not checked"},
		{name: "set", into: &c.sets,
			usage: "`FILE:PATH=VALUE`: set the YAML value that the yq path selects; FILE may be a glob; " +
				"a VALUE in double quotes is text"},
		{name: "set-missing", into: &c.setMissing, preset: "error", needs: "set",
			choices: []string{"error", "create", "skip"},
			usage: "`action` for a file in which the path of -set selects nothing: error, create it, " +
				"or skip the file if another one has it"},
		{name: "image", into: &c.images,
			usage: "`NAME=REF`: set the image NAME, wherever it is deployed, to REF; NAME:OLDTAG is only what has " +
				"that tag now, REF may be REPO:TAG, REPO@DIGEST, :TAG, @DIGEST, or REPO:* to keep the tag"},
		{name: "image-files", into: &c.imageFiles, needs: "image", check: checkGlob,
			fallback: image.DefaultFiles + ", without those of CI systems and docs/",
			usage:    "`glob` of the files in which -image looks"},
		{name: "image-missing", into: &c.imageMissing, preset: "ignore", choices: []string{"ignore", "add"},
			needs: "image",
			usage: "`action` if a kustomization that -image-files names has no entry for the image: ignore or add"},
		{name: "image-strict", into: &c.imageStrict, needs: "image",
			usage: "fail if -image leaves a place that may deploy the image, instead of a warning"},
		{name: "yq", into: &c.expressions,
			usage: "`FILE:EXPRESSION`: edit FILE, which may be a glob, with a yq expression"},
	}
}

func (c *config) commitFlags() []flagSpec {
	return []flagSpec{
		{name: "git-revision", into: &c.revision, check: checkRevision, fallback: "what the CI system says",
			usage: "`commit` of the application"},
		{name: "app", into: &c.app, check: checkFilled,
			fallback: "what the CI system says, else the name of the repository",
			usage:    "`name` of the application"},
		{name: "branch", into: &c.branch, check: c.checkBranch,
			fallback: "APP-SHA7; with -create-pull-request=false, the base",
			usage:    "`branch` to commit to"},
		{name: "commit-message", into: &c.message, isText: true, fallback: "what changed",
			usage: "`message` of the commit; like -pr-title and -pr-body, it is a template over .app .revision " +
				".shortRevision .base .branch .files .changes"},
		{name: "author-name", into: &c.authorName, isText: true, preset: "update-gitops-repo", check: checkIdentity,
			usage: "`name` of the commit's author"},
		{name: "author-email", into: &c.authorEmail, isText: true, check: checkIdentity,
			preset: "update-gitops-repo@localhost", usage: "`address` of the commit's author"},
		{name: "committer-name", into: &c.committerName, isText: true, fallback: "the author's", check: checkIdentity,
			usage: "`name` of the committer"},
		{name: "committer-email", into: &c.committerEmail, isText: true, fallback: "the author's", check: checkIdentity,
			usage: "`address` of the committer"},
		{name: "signoff", into: &c.signoff,
			usage: "add a Signed-off-by line for the committer"},
		{name: "sign-key-file", into: &c.signKeyFile,
			usage: "`file` with the OpenPGP or ssh key to sign the commit with"},
		{name: "sign-passphrase", into: &c.signPassphrase,
			usage: "`passphrase` of that key; better given as " + envPrefix + "_SIGN_PASSPHRASE or in a file"},
		{name: "sign-passphrase-file", into: &c.signPassphraseFile,
			usage: "`file` that holds the passphrase"},
		{name: "commit-via-api", into: &c.commitViaAPI,
			usage: "have the forge make the commit; GitHub signs it"},
		{name: "sequence", into: &c.sequence,
			usage: "`number` of the build; do nothing if a build of the app with a higher number came first"},
		{name: "force-push", into: &c.forcePush, needs: pullRequests, because: "the branch is only ever added to",
			usage: "replace a branch that has someone else's commits"},
	}
}

// pullRequests is the flag that turns pull requests off, which others need.
const pullRequests = "create-pull-request"

func (c *config) pullRequestFlags() []flagSpec {
	return []flagSpec{
		{name: pullRequests, into: &c.createPull, preset: "true",
			usage: "open a pull request, or update the one that is open; =false pushes to -branch directly"},
		{name: "merge-pull-request", into: &c.mergePull, needs: pullRequests,
			usage: "merge the pull request at once"},
		{name: "merge-method", into: &c.mergeMethod, preset: scm.MergeCommit,
			choices: []string{scm.MergeCommit, scm.MergeSquash, scm.MergeRebase},
			usage:   "`method`: merge, squash or, on GitHub, rebase"},
		{name: "auto-merge", into: &c.autoMerge, needs: pullRequests,
			usage: "have the forge merge the pull request once its checks and approvals are complete"},
		{name: "wait", into: &c.wait, needs: pullRequests,
			usage: "wait until the pull request is merged, at most for -timeout"},
		{name: "delete-branch", into: &c.deleteBranch, needs: pullRequests,
			usage: "delete the branch once the pull request is merged"},
		{name: "supersede", into: &c.supersede, needs: pullRequests,
			usage: "close the app's older pull requests, with a comment, and delete their branches"},
		{name: "pr-title", into: &c.pullTitle, isText: true, fallback: "the first line of the commit message",
			usage: "`title` of the pull request"},
		{name: "pr-body", into: &c.pullBody, fallback: "the values that changed and the diff",
			usage: "`text` of the pull request, in Markdown"},
		{name: "pr-body-file", into: &c.pullBodyFile,
			usage: "`file` with the text of the pull request"},
		{name: "pr-label", into: &c.labels, isText: true, check: checkLine,
			usage: "`label` to add to the pull request"},
		{name: "pr-reviewer", into: &c.reviewers, isText: true, check: checkLine,
			usage: "`user` to ask for a review, or on GitHub a team as ORG/TEAM"},
		{name: "pr-assignee", into: &c.assignees, isText: true, check: checkLine,
			usage: "`user` to assign the pull request to"},
		{name: "pr-milestone", into: &c.milestone, isText: true, check: checkLine,
			usage: "`title` of the pull request's milestone"},
		{name: "pr-draft", into: &c.draft,
			usage: "open the pull request as a draft"},
		{name: "scm-provider", into: &c.scmProvider, choices: forges.Names(),
			fallback: "known for github.com, gitlab.com and the forge that runs the pipeline",
			usage:    "`name` of the forge: " + strings.Join(forges.Names(), " or ")},
		{name: "scm-url", into: &c.scmURL, isURL: true,
			fallback: "https://api.github.com/; else /api/v3/ or /api/v4 on the repository's host",
			usage:    "base `URL` of the forge's API"},
	}
}

func (c *config) runFlags() []flagSpec {
	return []flagSpec{
		{name: "dry-run", into: &c.dryRun,
			usage: "print the change as a unified diff; push nothing"},
		{name: "output", into: &c.output, preset: "text", choices: []string{"text", "json"},
			usage: "`format` of the report on stdout: text or json"},
		{name: "result-dir", into: &c.resultDir,
			usage: "`folder` for the results, one file each: changed, branch, commit, pull-request-url, " +
				"pull-request-number; for Tekton, /tekton/results"},
		{name: "result-env", into: &c.resultEnv,
			usage: "`file` to append the results to, as GITOPS_CHANGED=true and so on"},
		{name: "verbose", into: &c.verbose,
			usage: "log every step and request to stderr, not only the phases of the run"},
		{name: "log-format", into: &c.logFormat, preset: "text", choices: []string{"text", "json"},
			usage: "`format` of the log: text or json"},
		{name: "timeout", into: &c.timeout, preset: "10m0s",
			usage: "`time` limit for the whole run"},
		{name: "max-fetch", into: &c.maxFetch, preset: "2GiB",
			usage: "fail if the git server sends more than this `size`, packed or unpacked: " +
				"a number of bytes, or with KiB, MiB or GiB"},
		{name: "config", into: &c.file,
			usage: "YAML `file` of flags: keys are names without the dash, a list repeats the flag"},
		{name: "version", into: &c.version, interactive: true,
			usage: "print the version"},
		{name: "h", alias: "help", into: &c.help, interactive: true,
			usage: "print this help"},
	}
}
