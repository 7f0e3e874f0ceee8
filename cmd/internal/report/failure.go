package report

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"update-gitops-repo/cmd/internal/escape"
)

// Failure is how a run failed, as -output=json prints it.
type Failure struct {
	Error    string `json:"error"` // one line, as is the hint
	Hint     string `json:"hint"`  // what to do next
	ExitCode int    `json:"exitCode"`
}

// Print writes the two lines that every failure ends in.
func (f Failure) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "error: %s\nhint: %s\n", escape.Output(f.Error), escape.Output(f.Hint))
	return err
}

// Log logs the failure, with what is known of the run, as one record for machines.
func (f Failure) Log(ctx context.Context, log *slog.Logger, known Report) {
	attrs := []slog.Attr{
		slog.String("error", f.Error), slog.String("hint", f.Hint), slog.Int("exitCode", f.ExitCode),
		slog.Bool("changed", known.Changed),
	}
	for _, text := range []struct{ name, value string }{
		{"base", known.Base}, {"branch", known.Branch}, {"commit", known.Commit},
	} {
		if text.value != "" {
			attrs = append(attrs, slog.String(text.name, text.value))
		}
	}
	if pr := known.PullRequest; pr != nil {
		attrs = append(attrs, slog.Group("pullRequest", "number", pr.Number, "url", pr.URL, "state", pr.State))
	}
	log.LogAttrs(ctx, slog.LevelError, "failed", attrs...)
}
