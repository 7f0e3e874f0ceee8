package cmd

import (
	"context"
	"io"

	"update-gitops-repo/cmd/internal/ci"
	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/report"
)

// failure returns err as it is told, without secrets; nil for none.
func (p program) failure(err error) *report.Failure {
	if err == nil {
		return nil
	}
	line := func(text string) string { return escape.OneLine(p.secrets.Redact(text)) }
	return &report.Failure{Error: line(err.Error()), Hint: line(hint(err)), ExitCode: exitCode(err)}
}

// printFailure ends the log with what went wrong: two lines for people, with one before them for the CI system if that
// shows such lines beside the build; or a record for machines, which has what is known, too.
func (p program) printFailure(ctx context.Context, c *config, done account, err error) error {
	failure := p.failure(err)
	if c.logsJSON() {
		known, _ := done.(report.Report) // Nothing is known of another account.
		failure.Log(ctx, p.log, known)
		return nil
	}
	if line := ci.Annotation(p.getenv, ci.Error, failure.Error+"\nhint: "+failure.Hint); line != "" {
		if _, err := io.WriteString(p.stderr, line+"\n"); err != nil {
			return err
		}
	}
	return failure.Print(p.stderr)
}
