package cmd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/heapwatch"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/cmd/internal/update"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/scm"
	"update-gitops-repo/template"
	"update-gitops-repo/template/glob"
	"update-gitops-repo/template/image"
	"update-gitops-repo/template/yamledit"
)

const hintSameBranch = "give another -branch, or -create-pull-request=false to push directly"

// exitCode is 2 for a wrong command line and 1 for everything else.
func exitCode(err error) int {
	if _, ok := usage.Hint(err); ok {
		return 2
	}
	return 1
}

// printError writes the two lines that every failure ends in.
func printError(w io.Writer, err error) error {
	_, werr := fmt.Fprintf(w, "error: %s\nhint: %s\n", escape.Output(escape.OneLine(err.Error())), escape.Output(escape.OneLine(hint(err))))
	return werr
}

// both is two errors, either of which may be nil, in one line, of which errors.Join would make two.
func both(a, b error) error {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return fmt.Errorf("%w; %w", a, b)
}

// hint says what to do next.
func hint(err error) string {
	if hint, ok := usage.Hint(err); ok {
		return hint
	}
	flag := ""
	if edit, ok := errors.AsType[*edits.Error](err); ok {
		flag = edit.Flag
	}
	if e, ok := errors.AsType[*template.Error](err); ok {
		return templateHint(e)
	}
	if e, ok := errors.AsType[*glob.Error](err); ok {
		return globHint(e, flag)
	}
	if e, ok := errors.AsType[*yamledit.Error](err); ok {
		return editHint(e, flag)
	}
	if _, ok := errors.AsType[*heapwatch.Error](err); ok {
		return "simplify the expression, or edit a smaller file"
	}
	if _, ok := errors.AsType[*update.ForeignError](err); ok {
		return "choose another -branch, or give -force-push to replace those commits"
	}
	var gaveUp *retry.GaveUpError
	switch {
	case errors.Is(err, update.ErrNoDefault):
		return "give -base"
	case errors.Is(err, update.ErrSecret):
		return "leave it out: what is pushed cannot be taken back"
	case errors.Is(err, update.ErrSameBranch):
		return hintSameBranch
	case errors.Is(err, context.DeadlineExceeded):
		return "give it more time with -timeout, or see with -verbose where it goes"
	case errors.Is(err, context.Canceled):
		return "it was interrupted; run it again, it picks up where it was"
	case errors.As(err, &gaveUp) && gaveUp.Wait > 0:
		return "run it again then, or give it more time with -timeout"
	case errors.Is(err, gitrepo.ErrHostKey):
		return "compare the fingerprint with the one that the forge publishes, then add the host's line to known_hosts, or give -ssh-known-hosts"
	case errors.Is(err, gitrepo.ErrAuth):
		return "check that the token (or ssh key) is valid and may write to the repository; -check-auth says which one it is and where it was found"
	case errors.Is(err, checkout.ErrNoFile):
		return "check the glob of -add against the checkout; what .gitignore names is not taken"
	case errors.Is(err, checkout.ErrFiltered):
		return "have git itself commit that file, or leave it out of -add"
	case errors.Is(err, gitrepo.ErrConflict):
		return "make the checkout anew from the branch, and run again what wrote the files"
	case errors.Is(err, auth.ErrAccess):
		return "give another token, or this one more rights; see above where it was found"
	case isCertificate(err):
		return "if the authority is your own, give its certificates with -ca-file or SSL_CERT_FILE"
	case errors.Is(err, gitrepo.ErrNotFound):
		return "check -repo, and that the token may see the repository"
	case errors.Is(err, gitrepo.ErrTooLarge):
		return "if the repository is that large, give a larger -max-fetch; partial clone on the server makes it need less"
	case errors.Is(err, gitrepo.ErrEmpty):
		return "push a first commit to it"
	case errors.Is(err, gitrepo.ErrNoBranch):
		return "check -base (or the remote's default branch), and that the branch was pushed"
	case errors.Is(err, checkout.ErrNoCheckout):
		return "give -repo, or -workdir with a checkout of the GitOps repository"
	case errors.Is(err, gitrepo.ErrPath):
		return "choose another path; only regular files in the repository's own folders are written"
	case errors.Is(err, gitrepo.ErrRejected):
		return "the words above say what stands in the way; where a branch is protected, the change can go through a pull request"
	case errors.Is(err, gitrepo.ErrMoved):
		return "the branch is very busy; run it again"
	case errors.Is(err, scm.ErrAuth):
		return "the token needs the right to read and write pull requests"
	case errors.Is(err, scm.ErrNoRepository):
		return "check -scm-provider and -scm-url, and that the token may see the repository"
	case errors.Is(err, scm.ErrNotMergeable):
		return "the pull request is open; if its base has just moved, run it again, else see there what it waits for"
	case errors.Is(err, scm.ErrRefused):
		return "the forge's words above say why; when that is mended, run it again"
	case errors.Is(err, report.ErrResults):
		return "the folder has to be there, and the user that the step runs as has to be allowed to write to it"
	case gaveUp != nil, retry.IsTransient(err):
		return "the network or the server has failed; run it again, it picks up where it was"
	case isPathError(err):
		return "check the path, and who may read it; the sources of -template start at -workdir"
	}
	return "run it again with -verbose to see each step"
}

func isCertificate(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

func isPathError(err error) bool {
	_, ok := errors.AsType[*fs.PathError](err)
	return ok
}

func globHint(e *glob.Error, flag string) string {
	switch {
	case errors.Is(e, glob.ErrLimit):
		return "name the folders that count in the glob"
	case flag == "-image":
		return "check the image's name, and with -image-files where it is looked for"
	}
	return "check the name or glob against the base branch; * stays in a folder, ** crosses folders"
}

func templateHint(e *template.Error) string {
	switch {
	case errors.Is(e, template.ErrLimit):
		return "look for what repeats or calls itself without end"
	case errors.Is(e, template.ErrInvalid):
		return "correct the template, or the value that it puts there; -validate=false commits it as it is"
	case errors.Is(e, template.ErrMissingKey) && e.Key == "":
		return "give the value that the template looks up with -substitute, or correct the template"
	case errors.Is(e, template.ErrMissingKey):
		return fmt.Sprintf("add -substitute=%s=VALUE, or correct the template", strings.TrimPrefix(e.Key, "."))
	case errors.Is(e, template.ErrSyntax) && e.Delims != "":
		return fmt.Sprintf("correct the template; if the file's own text has %s in it, choose other delimiters with -delims", e.Delims)
	case errors.Is(e, template.ErrDelims):
		return "choose the pair that counts with -delims"
	case errors.Is(e, template.ErrNoAction):
		return "check -filepath, and -delims if the templates have delimiters of their own"
	}
	return "correct the template"
}

// editHint returns what to do about an edit of a YAML file, which a flag asked for.
func editHint(e *yamledit.Error, flag string) string {
	switch {
	case errors.Is(e, image.ErrNotDeployed):
		return "check the image's name, and with -image-files where it is looked for"
	case flag == "-image":
		return "set that place by hand, or leave its file out with -image-files"
	case flag == "-yq" && errors.Is(e, yamledit.ErrNoNode):
		return "check the expression's paths against the file"
	case flag == "-yq" && errors.Is(e, yamledit.ErrUneditable):
		return "check the expression: it has to yield the whole document, as assignments and del() do"
	case errors.Is(e, yamledit.ErrSyntax):
		return "correct the file; it has to be valid YAML"
	case errors.Is(e, yamledit.ErrNoNode):
		return "check the path against the file; -set-missing=create adds what is not there"
	}
	return "choose a path to single values"
}
