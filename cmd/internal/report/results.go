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

// Places are the folder and the files in which later steps of the pipeline look for what a run did. Each is empty when
// it is not wanted.
type Places struct {
	Dir     string   // folder with one file per result, as Tekton reads them
	Env     []string // files to append lines NAME=VALUE to
	Outputs string   // file to append lines name=value to, as GitHub Actions reads them
	Summary string   // file to append Markdown to, for people
}

// Results writes what a run did to all places.
type Results struct {
	Places
	secrets *secret.Redactor
}

// OpenResults makes the folder and the files, so that a run that cannot write its results does not start. The error is
// ErrResults for a file.
func OpenResults(p Places, secrets *secret.Redactor) (Results, error) {
	names := append([]string{p.Outputs, p.Summary}, p.Env...)
	if p.Dir != "" {
		if err := os.MkdirAll(p.Dir, 0o777); err != nil {
			return Results{}, fmt.Errorf("-result-dir: %w", err)
		}
		names = append(names, filepath.Join(p.Dir, "changed")) // The folder may be there already, and another's.
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := appendTo(name, ""); err != nil {
			return Results{}, fmt.Errorf("%w: %w", ErrResults, err)
		}
	}
	return Results{p, secrets}, nil
}

// WantsDiff reports whether some place shows the diff.
func (r Results) WantsDiff() bool { return r.Summary != "" }

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

// Write writes to every place what the run did, and how it failed unless failure is nil. The error is ErrResults.
func (r Results) Write(done Report, failure *Failure) error {
	var errs []error
	var github, env strings.Builder
	for _, v := range done.results() {
		v.value = r.secrets.Redact(v.value)
		if r.Dir != "" {
			errs = append(errs, os.WriteFile(filepath.Join(r.Dir, v.name), []byte(v.value), 0o666))
		}
		fmt.Fprintf(&github, "%s=%s\n", v.name, v.value)
		name := "GITOPS_" + strings.ToUpper(strings.ReplaceAll(v.name, "-", "_"))
		fmt.Fprintf(&env, "%s=%s\n", name, shellWord(v.value))
	}
	for _, name := range r.Env {
		errs = append(errs, appendTo(name, env.String()))
	}
	if r.Outputs != "" {
		errs = append(errs, appendTo(r.Outputs, github.String()))
	}
	if r.Summary != "" {
		errs = append(errs, appendTo(r.Summary, r.secrets.Redact(done.summary(failure))))
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
