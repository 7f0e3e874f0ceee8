package report

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

// ErrResults says that a file for later steps of the pipeline cannot be written.
var ErrResults = errors.New("write the results")

// Results is where later steps of the pipeline look for what a run did, in addition to stdout. Each place is empty when
// it is not wanted.
type Results struct {
	secrets *secret.Redactor
	dir     string   // a file a result, as Tekton reads them
	env     []string // files of lines NAME=VALUE
	github  string   // GITHUB_OUTPUT
	summary string   // GITHUB_STEP_SUMMARY
}

// OpenResults finds the places: the folder dir, the file env, and what the CI's own variables say, from
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions and
// https://codefresh.io/docs/docs/pipelines/variables/#exporting-environment-variables-from-a-freestyle-step. It makes
// the folder and the files, so that a run that cannot tell what it did does not start; the error is ErrResults for a
// file.
func OpenResults(dir, env string, getenv func(string) string, secrets *secret.Redactor) (Results, error) {
	r := Results{secrets: secrets, dir: dir, github: getenv("GITHUB_OUTPUT"), summary: getenv("GITHUB_STEP_SUMMARY")}
	if env != "" {
		r.env = append(r.env, env)
	}
	if volume := getenv("CF_VOLUME_PATH"); volume != "" {
		r.env = append(r.env, filepath.Join(volume, "env_vars_to_export"))
	}
	names := append([]string{r.github, r.summary}, r.env...)
	if r.dir != "" {
		if err := os.MkdirAll(r.dir, 0o777); err != nil {
			return Results{}, fmt.Errorf("-result-dir: %w", err)
		}
		names = append(names, filepath.Join(r.dir, "changed")) // The folder may be there already, and another's.
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := appendTo(name, ""); err != nil {
			return Results{}, fmt.Errorf("%w: %w", ErrResults, err)
		}
	}
	return r, nil
}

// WantsDiff reports whether some place shows the diff.
func (r Results) WantsDiff() bool { return r.summary != "" }

// result is one of the results. Each is there after every run, empty where there is nothing to tell.
type result struct{ name, value string }

func (r Report) results() []result {
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

// Write tells every place what the run did, and how it failed unless failure is nil. The error is ErrResults.
func (r Results) Write(done Report, failure error) error {
	var errs []error
	var github, env strings.Builder
	for _, v := range done.results() {
		v.value = r.secrets.Redact(v.value)
		if r.dir != "" {
			errs = append(errs, os.WriteFile(filepath.Join(r.dir, v.name), []byte(v.value), 0o666))
		}
		fmt.Fprintf(&github, "%s=%s\n", v.name, v.value)
		name := "GITOPS_" + strings.ToUpper(strings.ReplaceAll(v.name, "-", "_"))
		fmt.Fprintf(&env, "%s=%s\n", name, shellWord(v.value))
	}
	for _, name := range r.env {
		errs = append(errs, appendTo(name, env.String()))
	}
	if r.github != "" {
		errs = append(errs, appendTo(r.github, github.String()))
	}
	if r.summary != "" {
		errs = append(errs, appendTo(r.summary, r.secrets.Redact(done.summary(failure))))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", ErrResults, err)
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

// shellWord returns s as a shell and a dotenv file both read it: in quotes only where a shell needs them, since not
// every reader of such files takes them off.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
