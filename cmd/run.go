// Package cmd is the program: it turns a command line into a plan, carries the plan out and reports.
package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/diff"
	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
	"update-gitops-repo/secret"
)

// Main runs the program with the process's arguments, environment and streams, and gives its exit code: 0 done or
// nothing to change, 1 failed, 2 the command line is wrong.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log.SetOutput(io.Discard)    // Where net/http tells, past the redactor, what a server sends that nobody has asked for.
	context.AfterFunc(ctx, stop) // The first signal ends the run in order, a second one kills the process.
	return Run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
}

// Run is Main for a caller that has several in one process. It ends in order when ctx does. What it hands to git's ssh, and
// where that finds its keys, are the process's own.
func Run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var secrets secret.Redactor
	out, errs := secrets.Writer(stdout), secrets.Writer(stderr)
	err := run(ctx, args, getenv, &secrets, out, errs)
	if err = both(err, out.Flush()); err == nil {
		_ = errs.Flush() // A log that cannot be written is no reason to fail.
		return 0
	}
	if both(printError(errs, err), errs.Flush()) != nil {
		return 1 // Nobody is left to tell.
	}
	return exitCode(err)
}

// run is the whole program: flags -> config -> plan -> report. It tells secrets of each secret that it comes across, as soon as
// it does.
func run(ctx context.Context, args []string, getenv func(string) string, secrets *secret.Redactor, stdout, stderr io.Writer) error {
	secrets.Add(auth.SecretsInEnvironment(getenv, urlVariables()...)...)
	c, err := parseConfig(args, secrets)
	if err != nil {
		return err
	}
	if c.help {
		return printHelp(stdout)
	}
	if c.version {
		return printVersion(stdout)
	}
	log, screen := report.NewLogger(stderr, report.LogOptions{Verbose: c.verbose, JSON: c.logFormat == "json", Secrets: c.secrets})
	if c.checkAuth {
		return checkAuth(ctx, c, getenv, log, screen, stdout)
	}
	out, err := report.OpenResults(c.resultDir, c.resultEnv, getenv, c.secrets)
	if err != nil {
		return err
	}
	r, err := carryOut(ctx, c, getenv, log, screen, out.WantsDiff())
	told := errors.Join(screen.Clear(), out.Write(r, err))
	if err == nil || r.PullRequest != nil {
		// A pull request may be open although merging it failed: its URL is worth having.
		told = errors.Join(told, r.Print(stdout, c.output))
	}
	return both(err, told)
}

// carryOut turns the configuration into a plan and the plan into a report, which says what is known even when there is an
// error.
func carryOut(ctx context.Context, c *config, getenv func(string) string, log *slog.Logger, screen *report.Screen, wantDiff bool) (report.Report, error) {
	r := &progress{Report: report.Report{Base: c.base, Branch: c.branch, DryRun: c.dryRun}}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	p, err := prepare(ctx, c, getenv, log, screen)
	if err != nil {
		return r.Report, err
	}
	p.wantDiff, r.Branch = wantDiff, p.branch
	err = p.run(ctx, log, r)
	r.Summary = report.Summary{Title: r.title, Diff: r.diff}
	return r.Report, err
}

// checkAuth does what -check-auth asks for.
func checkAuth(ctx context.Context, c *config, getenv func(string) string, log *slog.Logger, screen *report.Screen, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	client, err := newClient(c.caFile, c.timeout, log, c.secrets)
	if err != nil {
		return err
	}
	k, err := newCheck(ctx, c, getenv, client)
	if err != nil {
		return err
	}
	for _, w := range idle(c.flags()) {
		log.Warn(w)
	}
	k.remote.Received = screen.Received
	found, err := k.run(ctx)
	return both(err, printAccess(stdout, found, c.output))
}

// prepare makes the plan.
func prepare(ctx context.Context, c *config, getenv func(string) string, log *slog.Logger, screen *report.Screen) (*plan, error) {
	client, err := newClient(c.caFile, c.timeout, log, c.secrets)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(ctx, c, getenv, client)
	if err != nil {
		return nil, err
	}
	p.remote.Received = screen.Received
	for _, w := range idle(c.flags()) {
		log.Warn(w)
	}
	return p, nil
}

// run carries the plan out, and says in r what it did.
func (p *plan) run(ctx context.Context, log *slog.Logger, r *progress) error {
	for tries := 1; ; tries++ {
		known := *r
		at, err := p.push(ctx, log, r)
		if err == nil && r.SupersededBy > 0 && tries > 1 {
			err = retry.Do(ctx, log, func() error {
				return p.settle(ctx, log, at, r, p.finder(ctx, r), fmt.Sprintf("Superseded by build %d.", r.SupersededBy))
			})
		}
		if err != nil && known.PullRequest != nil {
			*r = known // What was done before is done all the same.
		}
		if err != nil || p.provider == nil || p.dryRun || r.Commit == "" {
			return err
		}
		err = p.open(ctx, log, r)
		if errors.Is(err, scm.ErrNotMergeable) && tries < maxMerges {
			moved := false
			lookErr := retry.Do(ctx, log, func() (e error) { moved, e = p.overtaken(ctx, at, r, err); return e })
			if lookErr == nil && moved {
				log.Info("the branches have moved, starting again", "reason", err)
				continue
			}
			if lookErr == nil && r.SupersededBy > 0 {
				return nil
			}
		}
		if err != nil {
			return err
		}
		return retry.Do(ctx, log, func() error { return p.tidy(ctx, log, r) })
	}
}

// overtaken looks for what others have done to a pull request that is not merged because of refusal, and tells whether to
// make it again: on a base that has moved it has no conflict, and where a newer build has the branch now, the next attempt
// sees that. What somebody has closed stays closed; if that was for the sake of a newer build, r says so.
func (p *plan) overtaken(ctx context.Context, at attempt, r *progress, refusal error) (again bool, err error) {
	repo, err := gitrepo.Open(ctx, p.remote)
	if err != nil {
		return false, err
	}
	if !errors.Is(refusal, scm.ErrClosed) {
		moved := repo.Tip(r.Base) != at.snapshot.Tip() || p.sequence > 0 && repo.Tip(r.Branch) != r.Commit
		return moved && (p.pull.Merge || p.pull.AutoMerge), nil
	}
	snapshot, err := repo.Snapshot(ctx, r.Base)
	if err != nil {
		return false, err
	}
	if r.SupersededBy, err = p.newer(ctx, snapshot, r.Base); r.SupersededBy > 0 {
		r.Changed, r.PullRequest.State = false, report.Closed
	}
	return false, err
}

// maxMerges is how often a pull request is made again because the base moved before it could be merged.
const maxMerges = 10

// tidy does what is left once the pull request is as it shall be.
func (p *plan) tidy(ctx context.Context, log *slog.Logger, r *progress) error {
	if p.supersede {
		if err := p.supersedeOthers(ctx, log, r); err != nil {
			return err
		}
	}
	if !p.deleteBranch || r.SupersededBy > 0 {
		return nil
	}
	if r.PullRequest.State != string(scm.Merged) {
		log.Warn("the branch stays until the pull request is merged", "branch", r.Branch)
		return nil
	}
	now, err := gitrepo.Open(ctx, p.remote)
	if err != nil {
		return err
	}
	return now.Delete(ctx, r.Branch, r.Commit)
}

// deleteMerged deletes the branch of a pull request that was merged by a run that was cut short before it could.
func (p *plan) deleteMerged(ctx context.Context, log *slog.Logger, at attempt, r *progress) error {
	tip := at.repo.Tip(r.Branch)
	if !p.deleteBranch || p.dryRun || tip == "" || r.Branch == r.Base {
		return nil
	}
	ahead, err := at.snapshot.Ahead(ctx, r.Branch)
	if err != nil || len(ahead) > 0 { // Not merged, or not as it is.
		return err
	}
	return retry.Do(ctx, log, func() error { return at.repo.Delete(ctx, r.Branch, tip) })
}

// open makes the pull request what it shall be, and merges it if that is asked for. Where it cannot be known whether the
// forge has done what it was asked for, it looks what there is and goes on from that.
func (p *plan) open(ctx context.Context, log *slog.Logger, r *progress) error {
	creating := false
	return retry.Do(ctx, log, func() error {
		err := p.openOnce(ctx, log, r)
		if creating && r.PullRequest != nil && r.PullRequest.State != string(scm.Merged) {
			r.PullRequest.State = string(scm.Created)
		}
		if retry.IsTransient(err) {
			creating = creating || r.asked && r.found == nil && r.PullRequest == nil
			r.asked, r.found = false, nil
		}
		return err
	})
}

func (p *plan) openOnce(ctx context.Context, log *slog.Logger, r *progress) error {
	if !r.asked {
		if err := r.take(p.finder(ctx, r)()); err != nil {
			return err
		}
	}
	request := p.pull
	request.Base, request.HeadSHA, request.Title, request.Body = r.Base, r.Commit, r.title, r.body
	if request.MergeMethod == scm.MergeSquash {
		request.Message = r.message // With the trailers, which a forge would leave out.
	}
	log.Info("opening the pull request", "head", request.Head, "base", request.Base)
	pr, err := scm.Open(ctx, p.provider, request, r.found)
	if pr.URL == "" {
		return fmt.Errorf("branch %q is pushed, its pull request is not open: %w", r.Branch, err)
	}
	if pr.State == scm.Unchanged && r.Changed {
		pr.State = scm.Updated // What it proposes has changed, if not what it says.
	}
	r.PullRequest = &report.PullRequest{Number: pr.Number, URL: pr.URL, State: string(pr.State)}
	mayPass := request.Merge && errors.Is(err, scm.ErrNotMergeable) // An order to merge later that is refused does not.
	if !p.wait || pr.State == scm.Merged || err != nil && !mayPass {
		return err
	}
	var how *scm.Merge // Nil: the forge merges it, or somebody.
	if request.Merge {
		how = &scm.Merge{Method: request.MergeMethod, Message: request.Message}
	}
	pr.HeadSHA = r.Commit
	if err := scm.Wait(ctx, p.provider, pr, how, func(waits string) { log.Info("waiting to be merged", "for", waits) }); err != nil {
		return err
	}
	r.PullRequest.State = string(scm.Merged)
	return nil
}

// push brings the change onto the branch. The branch may move while it works; then it starts again from the new tip.
func (p *plan) push(ctx context.Context, log *slog.Logger, r *progress) (attempt, error) {
	so := soFar{pace: retry.NewPace(log)}
	for {
		so.pace.Start()
		at, err := p.attempt(ctx, log, r, &so)
		if err == nil {
			return at, nil
		}
		if err = so.pace.Again(ctx, err); err != nil {
			return at, err
		}
	}
}

// soFar is what the attempts to push have come to.
type soFar struct {
	pace *retry.Pace
	sent []landing
}

// landing is an attempt that may have succeeded: its push was sent, and the answer was lost.
type landing struct {
	attempt
	report progress // as it is if so
}

// landed finds the attempt that has succeeded after all: its commit is on the branch, if perhaps below those of others.
func (s soFar) landed(ctx context.Context, repo *gitrepo.Repo, branch string) (*landing, error) {
	tip := repo.Tip(branch)
	if len(s.sent) == 0 || tip == "" {
		return nil, nil
	}
	for i := range s.sent {
		if s.sent[i].report.Commit == tip {
			return &s.sent[i], nil
		}
	}
	snapshot, err := repo.Snapshot(ctx, branch)
	if err != nil {
		return nil, err
	}
	commits, err := snapshot.Log(ctx, history)
	if err != nil {
		return nil, err
	}
	for i := range s.sent {
		if slices.ContainsFunc(commits, func(c gitrepo.Log) bool { return c.Hash == s.sent[i].report.Commit }) {
			return &s.sent[i], nil
		}
	}
	return nil, nil
}

// attempt is the repository as one attempt to push found it.
type attempt struct {
	repo     *gitrepo.Repo
	snapshot *gitrepo.Snapshot // of the base
}

// lookup is a question for a branch's pull request, which the forge answers while git is busy.
type lookup struct {
	answer func() (scm.PullRequest, error) // waits for it
	stop   context.CancelFunc              // for who does not want to know any more
}

// look asks, if anybody is going to want to know.
func (p *plan) look(ctx context.Context, branch, base string) lookup {
	if p.provider == nil || p.dryRun {
		return lookup{stop: func() {}}
	}
	ctx, stop := context.WithCancel(ctx)
	type answer struct {
		pr  scm.PullRequest
		err error
	}
	done := make(chan answer, 1)
	go func() {
		pr, err := p.provider.Find(ctx, branch, base)
		done <- answer{pr, err}
	}()
	return lookup{stop: stop, answer: func() (scm.PullRequest, error) {
		a := <-done
		return a.pr, a.err
	}}
}

// progress is what a run has come to.
type progress struct {
	report.Report
	asked   bool             // whether found is what the forge says
	found   *scm.PullRequest // the one that was open before; nil: none
	diff    string           // against the base; may be empty where nobody needs it
	message string           // the commit's
	title   string           // the pull request's
	body    string           // the pull request's, with its marker
}

// take is told what Find has found.
func (r *progress) take(pr scm.PullRequest, err error) error {
	switch {
	case errors.Is(err, scm.ErrNotFound):
		r.asked = true
	case err != nil:
		return err
	default:
		r.asked, r.found = true, &pr
	}
	return nil
}

// attempt opens, edits, commits and pushes, once. The error is gitrepo.ErrMoved, or one that may pass, when another attempt
// may do better.
func (p *plan) attempt(ctx context.Context, log *slog.Logger, r *progress, so *soFar) (attempt, error) {
	log.Info("opening", "repository", p.remote.URL.String())
	repo, err := gitrepo.Open(ctx, p.remote)
	if err != nil {
		return attempt{}, err
	}
	base, branch, err := p.branches(repo)
	if err != nil {
		return attempt{}, err
	}
	*r = progress{Report: report.Report{Base: base, Branch: branch, DryRun: p.dryRun}}
	if l, err := so.landed(ctx, repo, branch); err != nil {
		return attempt{}, err
	} else if l != nil {
		log.Info("the push has arrived", "branch", branch, "commit", l.report.Commit[:7])
		*r = l.report
		return l.attempt, nil
	}
	so.pace.Saw(repo.Tip(branch))
	if !p.dryRun && p.committerAPI == nil {
		repo.PreparePush(ctx)
	}
	lookup := p.look(ctx, branch, base)
	defer lookup.stop()
	log.Info("fetching", "branch", base)
	snapshot, err := repo.Snapshot(ctx, base, p.edits.Scope())
	if err != nil {
		return attempt{}, err
	}
	at := attempt{repo, snapshot}
	if r.SupersededBy, err = p.newer(ctx, snapshot, base); err != nil || r.SupersededBy > 0 {
		return at, err
	}
	log.Info("editing", "base", snapshot.Tip()[:7])
	wantDiff := p.provider != nil || p.dryRun || p.wantDiff
	need := edits.Edited
	if wantDiff {
		need = edits.Diff
	}
	outcome, err := p.edits.Apply(ctx, snapshot, need)
	if err != nil {
		return at, err
	}
	for _, w := range outcome.Warnings {
		log.Warn(w)
	}
	edited := outcome.Snapshot
	r.Files = edited.Changed()
	if len(r.Files) == 0 {
		if err := p.settle(ctx, log, at, r, lookup.answer, escape.Code(base)+" has this change already."); err != nil || r.PullRequest != nil {
			return at, err
		}
		return at, p.deleteMerged(ctx, log, at, r)
	}
	if wantDiff {
		if r.diff, err = diff.Unified(snapshot.Files(ctx), edited.Files(ctx), r.Files); err != nil {
			return at, err
		}
	}
	r.diff = p.secrets.Redact(r.diff) // What it quotes may be quoted once more.
	text, err := p.composer().Compose(message.Change{Base: base, Branch: branch, Files: r.Files, Values: outcome.Values, Diff: r.diff})
	if err != nil {
		return at, err
	}
	r.message, r.title, r.body = text.Commit, text.Title, text.Body
	if err := p.checkSecrets(ctx, snapshot, edited, r); err != nil {
		return at, err
	}
	commit, err := edited.Commit(gitrepo.Message{Text: r.message, Author: p.author, Committer: p.committer, Signer: p.signer})
	if err != nil {
		return at, err
	}
	if branch != base {
		ahead, err := snapshot.Ahead(ctx, branch)
		if err != nil {
			return at, err
		}
		for _, c := range ahead {
			if n := message.SequenceOf(c.Message, p.app); p.sequence > 0 && n > p.sequence {
				r.SupersededBy = n
				return at, nil
			}
		}
		foreign := p.foreign(ahead)
		same := len(ahead) > 0 && ahead[0].Tree == commit.Tree
		switch {
		// Our own, on an older base, would have a conflict with what the base has got since: it is made anew.
		case same && (len(foreign) > 0 || slices.Contains(ahead[0].Parents, snapshot.Tip())):
			log.Debug("the branch has the change already", "commit", ahead[0].Hash)
			r.Commit = ahead[0].Hash
		case len(foreign) > 0 && !p.force:
			return at, &foreignError{branch: branch, commits: foreign}
		}
	}
	if p.dryRun {
		r.Changed, r.Diff = r.Commit == "", r.diff
		return at, nil
	}
	if r.Commit != "" {
		if p.provider != nil {
			err = r.take(lookup.answer())
		}
		if err == nil {
			err = p.deleteBeside(ctx, log, at, commit)
		}
		return at, err
	}
	if p.provider != nil {
		// What the forge refuses to tell, it will refuse to do: better before the push than after.
		if err := r.take(lookup.answer()); err != nil {
			return at, err
		}
	}
	log.Info("pushing", "branch", branch, "commit", commit.Hash[:7], "files", len(r.Files))
	id, err := p.land(ctx, log, at, edited, commit, r)
	done := *r
	done.Changed, done.Commit = true, id
	if retry.IsTransient(err) && id != "" {
		so.sent = append(so.sent, landing{at, done})
	}
	if err != nil {
		return at, err
	}
	*r = done
	return at, nil
}

// land puts the commit onto the branch and gives its id, which is another one where the forge makes it.
func (p *plan) land(ctx context.Context, log *slog.Logger, at attempt, edited *gitrepo.Snapshot, commit gitrepo.Commit, r *progress) (string, error) {
	if p.committerAPI != nil {
		return p.commitByAPI(ctx, log, at, edited, commit, r)
	}
	return commit.Hash, edited.Push(ctx, commit, r.Branch)
}

// composer says in words what the run does.
func (p *plan) composer() message.Composer {
	c := message.Composer{
		App: p.app, Revision: p.revision, Link: p.link, Sequence: p.sequence,
		Commit: p.message, Title: p.pull.Title, Body: p.pull.Body, Renderer: p.edits.Renderer, Secrets: p.secrets,
	}
	if p.signoff {
		c.SignOff = fmt.Sprintf("%s <%s>", p.committer.Name, p.committer.Email)
	}
	return c
}

// branches settles where the change starts and where it goes. A direct push adds to its branch, so that is where it
// starts, unless the branch is new.
func (p *plan) branches(repo *gitrepo.Repo) (base, branch string, err error) {
	base = cmp.Or(p.base, repo.DefaultBranch())
	branch = cmp.Or(p.branch, base)
	switch {
	case base == "":
		return "", "", fmt.Errorf("%s: %w", p.remote.URL, errNoDefault)
	case gitrepo.CheckBranch(base) != nil: // The server's word.
		return "", "", fmt.Errorf("%s: %w: %w", p.remote.URL, errNoDefault, gitrepo.CheckBranch(base))
	case p.pull.Head != "" && branch == base:
		return "", "", fmt.Errorf("branch %q: %w", branch, errSameBranch)
	case p.pull.Head == "" && repo.Tip(branch) != "":
		base = branch
	}
	return base, branch, nil
}

// foreign picks the commits that this program did not make for this app.
func (p *plan) foreign(commits []gitrepo.Log) []gitrepo.Log {
	return slices.DeleteFunc(slices.Clone(commits), func(l gitrepo.Log) bool {
		return message.AppOf(l.Message) == p.app
	})
}
