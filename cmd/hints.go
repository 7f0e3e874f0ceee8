package cmd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/heapwatch"
	"update-gitops-repo/cmd/internal/message"
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

// exitCode returns 2 for a wrong command line and 1 for everything else.
func exitCode(err error) int {
	if _, ok := usage.Hint(err); ok {
		return 2
	}
	return 1
}

// both joins two errors, either of which may be nil, on one line; errors.Join would make two.
func both(first, second error) error {
	if first == nil || second == nil {
		return cmp.Or(first, second)
	}
	return fmt.Errorf("%w; %w", first, second)
}

// hint returns what to do about err.
func hint(err error) string {
	hint := hintFor(err)
	if as[*update.UnfinishedError](err) && !strings.Contains(hint, hintGoesOn) {
		return hint + "; the next run goes on from there"
	}
	return hint
}

// hintFor returns what to do about the kind of err.
func hintFor(err error) string {
	if hint, ok := usage.Hint(err); ok {
		return hint
	}
	flag := ""
	if failed, ok := errors.AsType[*edits.Error](err); ok {
		flag = failed.Flag
	}
	for _, h := range editHints {
		if h.flag != "" && h.flag != flag || !h.is(err) {
			continue
		}
		if h.about == nil {
			return h.text
		}
		if about := h.about(err); about != "" {
			return fmt.Sprintf(h.text, about)
		}
	}
	for _, h := range hints {
		if h.is(err) {
			return h.text
		}
	}
	return hintGeneral
}

const (
	hintSameBranch = "give another -branch, or -create-pull-request=false to push directly"
	hintImage      = "check the image's name, and with -image-files where it is looked for"
	hintNothing    = "correct the template, or leave it out for the default text"
	hintGoesOn     = "picks up where it was"
	hintGeneral    = "run it again with -verbose to see each step"
)

// hints say what to do about each kind of error. The first that fits counts.
var hints = []struct {
	is   func(error) bool
	text string
}{
	// The plan, held against the repository.
	{as[*update.ForeignError], "choose another -branch, or give -force-push to replace those commits"},
	{kind(update.ErrNoDefault), "give -base"},
	{kind(update.ErrSecret), "leave it out: what is pushed cannot be taken back"},
	{kind(update.ErrSameBranch), hintSameBranch},
	{kind(message.ErrNothing), hintNothing},

	// Time.
	{kind(context.DeadlineExceeded), "give it more time with -timeout, or see with -verbose where it goes"},
	{kind(context.Canceled), "it was interrupted; run it again, it " + hintGoesOn},
	{asksForPause, "run it again then, or give it more time with -timeout"},

	// Git.
	{kind(update.ErrBranchLeft), "delete the branch by hand, or run it again once the token may"},
	{kind(gitrepo.ErrHostKey), "compare the fingerprint with the one that the forge publishes, " +
		"then add the host's line to known_hosts, or give -ssh-known-hosts"},
	{kind(gitrepo.ErrAuth), "check that the token (or ssh key) is valid and may write to the repository; " +
		"-check-auth says which one it is and where it was found"},
	{kind(checkout.ErrNoFile), "check the glob of -add against the checkout; what .gitignore names is not taken"},
	{kind(checkout.ErrFiltered), "have git itself commit that file, or leave it out of -add"},
	{kind(gitrepo.ErrConflict), "make the checkout anew from the branch, and run again what wrote the files"},
	{kind(auth.ErrAccess), "give another token, or this one more rights; see above where it was found"},
	{as[*tls.CertificateVerificationError], "if the authority is your own, " +
		"give its certificates with -ca-file or SSL_CERT_FILE"},
	{kind(gitrepo.ErrNotFound), "check -repo, and that the token may see the repository"},
	{kind(gitrepo.ErrTooLarge), "if the repository is that large, give a larger -max-fetch; " +
		"partial clone on the server makes it need less"},
	{kind(gitrepo.ErrEmpty), "push a first commit to it"},
	{kind(gitrepo.ErrNoBranch), "check -base (or the remote's default branch), and that the branch was pushed"},
	{kind(checkout.ErrNoCheckout), "give -repo, or -workdir with a checkout of the GitOps repository"},
	{kind(gitrepo.ErrPath), "choose another path; only regular files in the repository's own folders are written"},
	{kind(gitrepo.ErrNoRoom), "choose another -branch, or delete the one that is there"},
	{kind(gitrepo.ErrRejected), "see the server's message; " +
		"a change to a protected branch can go through a pull request"},
	{kind(gitrepo.ErrMoved), "the branch is very busy; run it again"},

	// The forge's API.
	{kind(scm.ErrAuth), "the token needs the right to read and write pull requests"},
	{kind(scm.ErrNoRepository), "check -scm-provider and -scm-url, and that the token may see the repository"},
	{kind(scm.ErrClosed), "if it was closed by mistake, run it again: it opens another one"},
	{kind(scm.ErrNotMergeable), "the pull request is open; if its base has just moved, run it again, " +
		"else see there what it waits for"},
	{kind(scm.ErrRefused), "see the forge's message; mend that and run it again"},

	// The rest.
	{kind(errStdout), "check what stdout leads to: its disk may be full, or its reader gone"},
	{kind(report.ErrResults), "check that the folder is there, and that the user of the step may write to it"},
	{failedTransiently, "the network or the server has failed; run it again, it " + hintGoesOn},
	{as[*fs.PathError], "check the path, and who may read it; the sources of -template start at -workdir"},
}

// kind returns a function that reports whether an error is of that kind.
func kind(of error) func(error) bool {
	return func(err error) bool { return errors.Is(err, of) }
}

// as reports whether err wraps an error of type T.
func as[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// asksForPause reports whether the server asks for a longer pause than there is time.
func asksForPause(err error) bool {
	e, ok := errors.AsType[*retry.GaveUpError](err)
	return ok && e.Wait > 0
}

func failedTransiently(err error) bool { return as[*retry.GaveUpError](err) || retry.IsTransient(err) }

// editHints say what to do about each kind of error of the edits. The first that fits counts.
var editHints = []struct {
	flag  string // that asked for the edit; empty: any
	is    func(error) bool
	about func(error) string // what is filled in; nil: nothing. Where it is empty, the hint does not fit.
	text  string
}{
	// Which files.
	{"-image", kind(glob.ErrNoMatch), nil, hintImage},
	{"", as[*glob.Error], nil,
		"check the name or glob against the base branch; * stays in a folder, ** crosses folders"},

	// Templates.
	{"", kind(edits.ErrRenderedTwice), nil, "give -template another target, or leave the other one out of -filepath"},
	{"", kind(template.ErrLimit), nil, "look for what repeats or calls itself without end"},
	{"", kind(template.ErrInvalid), nil,
		"correct the template, or the value that it puts there; -validate=false commits it as it is"},
	{"", kind(template.ErrMissingKey), key, "add -substitute=%s=VALUE, or correct the template"},
	{"", kind(template.ErrMissingKey), nil,
		"give the value that the template looks up with -substitute, or correct the template"},
	{"", kind(template.ErrSyntax), delims,
		"correct the template; if the file's own text has %s in it, choose other delimiters with -delims"},
	{"", kind(template.ErrDelims), nil, "choose the pair that counts with -delims"},
	{"", kind(template.ErrNoAction), nil, "check -filepath, and -delims if the templates have delimiters of their own"},
	{"", as[*template.Error], nil, "correct the template"},

	// YAML files.
	{"", as[*heapwatch.Error], nil, "simplify the expression, or edit a smaller file"},
	{"", kind(image.ErrNotDeployed), nil, hintImage},
	{"", kind(image.ErrLeft), nil, "set these by -set, leave their files out with -image-files, or drop -image-strict"},
	{"-image", kind(yamledit.ErrSyntax), ownHint, "%s"},
	{"-image", as[*yamledit.Error], nil, "set that place by hand, or leave its file out with -image-files"},
	{"-yq", as[*yamledit.Error], ownHint, "%s"},
	{"-yq", kind(yamledit.ErrNoNode), nil, "check the expression's paths against the file"},
	{"-yq", kind(yamledit.ErrUneditable), nil,
		"check the expression: it has to yield the whole document, as assignments and del() do"},
	{"-set", as[*yamledit.Error], ownHint, "%s"},
	{"", kind(yamledit.ErrSyntax), nil, "correct the file; it has to be valid YAML"},
	{"", kind(yamledit.ErrNoNode), nil, "check the path against the file; -set-missing=create adds what is not there"},
	{"", as[*yamledit.Error], nil, "choose a path to single values"},
}

// ownHint returns the hint that an error of yamledit has.
func ownHint(err error) string {
	e, ok := errors.AsType[*yamledit.Error](err)
	if !ok {
		return ""
	}
	return e.Hint
}

// key returns the key that a template lacks.
func key(err error) string {
	e, ok := errors.AsType[*template.Error](err)
	if !ok {
		return ""
	}
	return strings.TrimPrefix(e.Key, ".")
}

// delims returns the delimiters of a template, as it opens them.
func delims(err error) string {
	e, ok := errors.AsType[*template.Error](err)
	if !ok {
		return ""
	}
	return e.Delims
}
