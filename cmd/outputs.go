package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/secret"
)

// outputs is where later steps of the pipeline look for what a run did, beside stdout. Each is empty when there is no such
// place.
type outputs struct {
	secrets *secret.Redactor // takes them out
	dir     string           // -result-dir: a file a result, as Tekton reads them
	env     []string         // files that take lines NAME=VALUE: -result-env, and Codefresh's own
	github  string           // GITHUB_OUTPUT
	summary string           // GITHUB_STEP_SUMMARY
}

// newOutputs takes the places from the flags and from the CI's own variables:
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions and
// https://codefresh.io/docs/docs/pipelines/variables/#exporting-environment-variables-from-a-freestyle-step. It makes the
// folder of -result-dir and the files, so that a run that cannot tell what it did does not start.
func newOutputs(c *config, getenv func(string) string) (outputs, error) {
	o := outputs{secrets: c.secrets, dir: c.resultDir, github: getenv("GITHUB_OUTPUT"), summary: getenv("GITHUB_STEP_SUMMARY")}
	if c.resultEnv != "" {
		o.env = append(o.env, c.resultEnv)
	}
	if volume := getenv("CF_VOLUME_PATH"); volume != "" {
		o.env = append(o.env, filepath.Join(volume, "env_vars_to_export"))
	}
	if o.dir != "" {
		if err := os.MkdirAll(o.dir, 0o777); err != nil {
			return outputs{}, fmt.Errorf("-result-dir: %w", err)
		}
	}
	names := append([]string{o.github, o.summary}, o.env...)
	if o.dir != "" {
		names = append(names, filepath.Join(o.dir, "changed")) // The folder may be there already, and another's.
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := appendTo(name, ""); err != nil {
			return outputs{}, fmt.Errorf("%w: %w", errResults, err)
		}
	}
	return o, nil
}

// result is one of the outputs. All are there after every run, empty where there is nothing to tell.
type result struct{ name, value string }

func (r *report) results() []result {
	number, url := "", ""
	if r.PullRequest != nil {
		number, url = strconv.Itoa(r.PullRequest.Number), r.PullRequest.URL
	}
	return []result{
		{"changed", strconv.FormatBool(r.Changed)},
		{"branch", escape.OneLine(r.Branch)},
		{"commit", escape.OneLine(r.Commit)},
		{"pull-request-url", escape.OneLine(url)},
		{"pull-request-number", number},
	}
}

// write tells every place what the run did, and how it failed unless failure is nil.
func (o outputs) write(r *report, failure error) error {
	var errs []error
	var github, env strings.Builder
	for _, v := range r.results() {
		v.value = o.secrets.Redact(v.value)
		if o.dir != "" {
			errs = append(errs, os.WriteFile(filepath.Join(o.dir, v.name), []byte(v.value), 0o666))
		}
		fmt.Fprintf(&github, "%s=%s\n", v.name, v.value)
		fmt.Fprintf(&env, "GITOPS_%s=%s\n", strings.ToUpper(strings.ReplaceAll(v.name, "-", "_")), shellWord(v.value))
	}
	for _, name := range o.env {
		errs = append(errs, appendTo(name, env.String()))
	}
	if o.github != "" {
		errs = append(errs, appendTo(o.github, github.String()))
	}
	if o.summary != "" {
		errs = append(errs, appendTo(o.summary, o.secrets.Redact(r.summary(failure))))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", errResults, err)
	}
	return nil
}

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]*$`)

// shellWord is s as a shell and a dotenv file both read it: in quotes only where a shell needs them, since not every reader
// of such files takes them off.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// maxSummary keeps the diff well below the 1 MiB that GitHub takes a step.
const maxSummary = 500_000

// summary is the run in GitHub's Markdown.
func (r *report) summary(failure error) string {
	var b strings.Builder
	if failure != nil {
		fmt.Fprintf(&b, "**update-gitops-repo failed**\n\n%s\n\n", escape.Block("", escape.OneLine(failure.Error())+"\n"))
	} else if !r.Changed && r.PullRequest == nil {
		b.WriteString("**Nothing to change** in the GitOps repository.\n\n")
	}
	if r.PullRequest != nil {
		fmt.Fprintf(&b, "**[Pull request #%d](<%s>)** %s: %s\n\n", r.PullRequest.Number, escape.URL(r.PullRequest.URL), r.PullRequest.State, escape.Literal(r.title))
	} else if r.Changed {
		fmt.Fprintf(&b, "**%s**\n\n", escape.Literal(r.title))
	}
	if r.Commit != "" {
		fmt.Fprintf(&b, "Commit %s on branch %s, from %s.\n\n", escape.Literal(escape.Shorten(r.Commit, 40)), escape.Literal(r.Branch), escape.Literal(r.Base))
	}
	if r.diff != "" {
		fmt.Fprintf(&b, "<details><summary>Changed files: %d</summary>\n\n%s\n\n</details>\n\n", len(r.Files), escape.Diff(r.diff, maxSummary))
	}
	return b.String()
}
