package cmd

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/escape/escapetest"
	"update-gitops-repo/cmd/internal/heapwatch"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/cmd/internal/update"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/scm"
	"update-gitops-repo/secret"
	"update-gitops-repo/template"
	"update-gitops-repo/template/glob"
	"update-gitops-repo/template/image"
	"update-gitops-repo/template/yamledit"
)

// printError writes an error as the program does.
func printError(w io.Writer, err error) error {
	return program{secrets: new(secret.Redactor)}.failure(err).Print(w)
}

// FuzzPrintError checks that an error is two lines, whatever it holds.
func FuzzPrintError(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		if err := printError(&out, fmt.Errorf("%s", s)); err != nil {
			t.Fatal(err)
		}
		lines := escapetest.Lines(strings.TrimSuffix(out.String(), "\n"))
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "error: ") || !strings.HasPrefix(lines[1], "hint: ") ||
			out.String() != escape.Output(out.String()) {
			t.Errorf("%q: %q", s, out.String())
		}
	})
}

// TestHints checks that every kind of error has a hint of its own, and that only the command line has exit code 2.
func TestHints(t *testing.T) {
	rendering := func(kind error) error { return &template.Error{Err: kind} }
	editing := func(kind error) error { return &yamledit.Error{Err: kind} }
	for _, err := range []error{
		gitrepo.ErrAuth, gitrepo.ErrNotFound, gitrepo.ErrEmpty, gitrepo.ErrNoBranch, gitrepo.ErrPath, gitrepo.ErrMoved,
		gitrepo.ErrRejected, gitrepo.ErrHostKey, gitrepo.ErrTooLarge, gitrepo.ErrConflict, gitrepo.ErrFault,
		checkout.ErrNoCheckout, checkout.ErrNoFile, checkout.ErrFiltered,
		scm.ErrAuth, scm.ErrNoRepository, scm.ErrRefused, scm.ErrNotMergeable,
		update.ErrNoDefault, update.ErrSameBranch, update.ErrSecret, &update.ForeignError{},
		update.ErrBranchLeft, scm.ErrClosed,
		context.DeadlineExceeded, context.Canceled,
		&fs.PathError{Err: fs.ErrNotExist}, &tls.CertificateVerificationError{}, auth.ErrAccess, report.ErrResults,
		errStdout,
		&retry.GaveUpError{}, &retry.GaveUpError{Wait: time.Hour},
		rendering(template.ErrMissingKey), rendering(template.ErrDelims), rendering(template.ErrNoAction),
		rendering(template.ErrExecute), rendering(template.ErrLimit), rendering(template.ErrInvalid),
		editing(yamledit.ErrSyntax), editing(yamledit.ErrNoNode), editing(yamledit.ErrUneditable),
		editing(image.ErrNotDeployed), &heapwatch.Error{},
		&glob.Error{Err: glob.ErrNoMatch}, &glob.Error{Err: glob.ErrLimit},
	} {
		wrapped := fmt.Errorf("subject: %w", err)
		if h := hint(wrapped); h == "" || h == hintGeneral || strings.Contains(h, "%") {
			t.Errorf("%v has no hint of its own but %q", err, h)
		}
		if exitCode(wrapped) != 1 {
			t.Errorf("%v: exit code %d", err, exitCode(wrapped))
		}
	}
	var b bytes.Buffer
	if err := printError(&b, usage.Errorf("do it", "line one\nline two")); err != nil {
		t.Fatal(err)
	}
	if b.String() != "error: line one line two\nhint: do it\n" || exitCode(usage.Errorf("", "")) != 2 {
		t.Errorf("printed %q", b.String())
	}
}

// TestHintsOfInterrupts checks that a run which was cut short says so, whatever step it was in: that step is not at
// fault.
func TestHintsOfInterrupts(t *testing.T) {
	for _, step := range []error{update.ErrBranchLeft, scm.ErrRefused, gitrepo.ErrFault, auth.ErrAccess} {
		for _, cut := range []error{context.Canceled, context.DeadlineExceeded} {
			if got := hint(fmt.Errorf("%w: %w", step, cut)); got != hint(cut) {
				t.Errorf("%v: %v: the hint is %q", step, cut, got)
			}
		}
	}
}

// TestHintsOfFlags checks the hints that depend on which flag asked for the edit, and on what the error is about.
func TestHintsOfFlags(t *testing.T) {
	for _, test := range []struct {
		flag string
		err  error
		want string
	}{
		{"-yq", &heapwatch.Error{}, "simplify the expression"},
		{"-template", &template.Error{Err: template.ErrLimit}, "look for what repeats"},
		{"-template", &template.Error{Err: template.ErrMissingKey, Key: ".a.b"}, "add -substitute=a.b=VALUE"},
		{"-template", &template.Error{Err: template.ErrMissingKey}, "give the value that the template looks up"},
		{
			"-template", &template.Error{Err: template.ErrSyntax, Delims: "$(<"},
			"correct the template; if the file's own text has $(< ",
		},
		{"-image", &glob.Error{Err: glob.ErrNoMatch}, "check the image's name"},
		{"-image", &glob.Error{Err: glob.ErrLimit}, "check the name or glob"},
		{"-set", &glob.Error{Err: glob.ErrNoMatch}, "check the name or glob"},
		{"-image", &yamledit.Error{Err: image.ErrNotDeployed}, "check the image's name"},
		{"-image", &yamledit.Error{Err: yamledit.ErrUneditable}, "set that place by hand"},
		{"-yq", &yamledit.Error{Err: yamledit.ErrUneditable}, "check the expression: "},
		{"-set", &yamledit.Error{Err: yamledit.ErrUneditable}, "choose a path to single values"},
		{"-yq", &yamledit.Error{Err: yamledit.ErrNoNode}, "check the expression's paths"},
		{"-set", &yamledit.Error{Err: yamledit.ErrNoNode}, "check the path against the file"},
		{"-set", &yamledit.Error{Err: yamledit.ErrSyntax}, "correct the file"},
	} {
		if got := hint(&edits.Error{Flag: test.flag, Err: test.err}); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s, %v: %q, want %q", test.flag, test.err, got, test.want)
		}
	}
}

// TestHintsExplained checks that the README's troubleshooting has every hint, word for word but for what is filled in.
func TestHintsExplained(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "../README.md"), "\n## Troubleshooting\n")
	section, _, _ = strings.Cut(section, "\n## ")
	section = strings.NewReplacer("`", "", `\*`, "*").Replace(section)
	texts := []string{hintGeneral}
	for _, h := range hints {
		texts = append(texts, h.text)
	}
	for _, h := range editHints {
		texts = append(texts, h.text)
	}
	for _, text := range texts {
		if !regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(text), "%s", ".+")).MatchString(section) {
			t.Errorf("the README does not explain the hint: %s", text)
		}
	}
}
