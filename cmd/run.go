// Package cmd is the program: it turns a command line into a plan, carries the plan out and reports.
package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aymanbagabas/go-udiff"
	"github.com/cenkalti/backoff/v5"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/scm"
	"update-gitops-repo/template"
)

// Main runs the program with the process's arguments, environment and streams, and gives its exit code: 0 done or
// nothing to change, 1 failed, 2 the command line is wrong.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	if err == nil {
		return 0
	}
	if printError(os.Stderr, err) != nil {
		return 1 // Nobody is left to tell.
	}
	return exitCode(err)
}

// run is the whole program: flags -> config -> plan -> report.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	c, err := parseConfig(args)
	if err != nil {
		return err
	}
	if c.help {
		return printHelp(stdout)
	}
	if c.version {
		return printVersion(stdout)
	}
	log, err := newLogger(c, stderr)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: userAgent{http.DefaultTransport}}
	p, err := newPlan(c, getenv, client)
	if err != nil {
		return err
	}
	for _, w := range p.warnings {
		log.Warn(w)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := p.run(ctx, log)
	if r != nil {
		// A pull request may be open although merging it failed: its URL is worth having.
		err = errors.Join(err, r.print(stdout, c.output))
	}
	return err
}

func newLogger(c *config, w io.Writer) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: slog.LevelWarn}
	if c.verbose {
		options.Level = slog.LevelInfo
	}
	switch c.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usage("use -log-format=text or -log-format=json", "-log-format %q is not a format", c.logFormat)
}

// userAgent names the program in every request that does not name its sender.
type userAgent struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (u userAgent) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "update-gitops-repo/"+version())
	return u.next.RoundTrip(r)
}

// run carries the plan out. The branch may move while it works; then it starts again from the new tip.
func (p *plan) run(ctx context.Context, log *slog.Logger) (*report, error) {
	// Randomized by its whole length, the interval is between nothing and twice the mean: full jitter. Every lost race
	// is another writer's success, so this ends once the others are done.
	interval := &backoff.ExponentialBackOff{
		InitialInterval: 50 * time.Millisecond, MaxInterval: 2 * time.Second, Multiplier: 1.5, RandomizationFactor: 1,
	}
	r, err := backoff.Retry(ctx, func() (*report, error) {
		r, err := p.push(ctx, log)
		if err != nil && !errors.Is(err, gitrepo.ErrMoved) {
			return nil, backoff.Permanent(err)
		}
		return r, err
	}, backoff.WithBackOff(interval), backoff.WithMaxTries(30), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, _ time.Duration) { log.Info("lost a race, starting again", "reason", err) }))
	if err != nil {
		return nil, err
	}
	if !r.Changed && r.Commit == "" || p.provider == nil || p.dryRun {
		return r, nil
	}
	request := p.pull
	request.Base, request.HeadSHA = r.Base, r.Commit
	request.Title = cmp.Or(request.Title, r.subject)
	request.Body = cmp.Or(request.Body, r.body)
	log.Info("opening the pull request", "head", request.Head, "base", request.Base)
	pr, err := scm.Open(ctx, p.provider, request)
	if pr.URL != "" {
		r.PullRequest = &pullRequest{Number: pr.Number, URL: pr.URL, State: string(pr.State)}
	}
	if err != nil {
		err = fmt.Errorf("pull request: %w", err)
		if r.PullRequest == nil {
			return nil, err
		}
	}
	return r, err
}

// push does one attempt: open, edit, commit, push. The error is gitrepo.ErrMoved when another attempt may do better.
func (p *plan) push(ctx context.Context, log *slog.Logger) (*report, error) {
	log.Info("opening the repository", "url", p.remote.URL)
	repo, err := gitrepo.Open(ctx, p.remote)
	if err != nil {
		return nil, err
	}
	base, branch, err := p.branches(repo)
	if err != nil {
		return nil, err
	}
	log.Info("fetching", "branch", base)
	snapshot, err := repo.Snapshot(ctx, base)
	if err != nil {
		return nil, err
	}
	log.Info("editing", "tip", snapshot.Tip())
	edited, changes, err := p.edits.apply(ctx, snapshot)
	if err != nil {
		return nil, err
	}
	r := &report{Base: base, Branch: branch, DryRun: p.dryRun, Files: edited.Changed()}
	r.subject, r.body = p.describe(r.Files, changes)
	commit, err := edited.Commit(gitrepo.Message{Text: p.commitMessage(r), Author: p.author})
	if errors.Is(err, gitrepo.ErrNoChange) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if p.dryRun {
		r.Changed = true
		r.Diff, err = diff(snapshot.Files(ctx), edited.Files(ctx), r.Files)
		return r, err
	}
	if branch != base {
		ahead, err := snapshot.Ahead(ctx, branch)
		if err != nil {
			return nil, err
		}
		if len(ahead) > 0 && ahead[0].Tree == commit.Tree {
			log.Info("the branch has the change already", "commit", ahead[0].Hash)
			r.Commit = ahead[0].Hash
			return r, nil
		}
		if foreign := p.foreign(ahead); len(foreign) > 0 && !p.force {
			return nil, &foreignError{branch: branch, commits: foreign}
		}
	}
	log.Info("pushing", "branch", branch, "commit", commit.Hash, "files", len(r.Files))
	if err := edited.Push(ctx, commit, branch); err != nil {
		return nil, err
	}
	r.Changed, r.Commit = true, commit.Hash
	return r, nil
}

// branches settles where the change starts and where it goes. A direct push adds to its branch, so that is where it
// starts, unless the branch is new.
func (p *plan) branches(repo *gitrepo.Repo) (base, branch string, err error) {
	base = cmp.Or(p.base, repo.DefaultBranch())
	branch = cmp.Or(p.branch, base)
	if base == "" {
		return "", "", usage("give -base", "%s does not say which branch is its default", p.remote.URL)
	}
	if p.pull.Head == "" && repo.HasBranch(branch) {
		base = branch
	}
	if p.pull.Head != "" && branch == base {
		return "", "", usage("give another -branch, or -create-pull-request=false to push directly", "-branch is %q, the base itself", branch)
	}
	return base, branch, nil
}

// foreign picks the commits that this program did not make for this app.
func (p *plan) foreign(commits []gitrepo.Log) []gitrepo.Log {
	return slices.DeleteFunc(slices.Clone(commits), func(l gitrepo.Log) bool {
		return trailer(l.Message, trailerApp) == p.app
	})
}

// apply runs the edits on a snapshot, each on the result of those before it. The changes are those of -set.
func (e edits) apply(ctx context.Context, s *gitrepo.Snapshot) (*gitrepo.Snapshot, []template.Change, error) {
	files := map[string][]byte{}
	if len(e.renderer.Globs) > 0 {
		rendered, err := e.renderer.Render(s.Files(ctx), e.values)
		if err != nil {
			return nil, nil, err
		}
		maps.Copy(files, rendered)
	}
	for _, t := range e.texts {
		src, err := os.ReadFile(t.src)
		if err != nil {
			return nil, nil, fmt.Errorf("-template: %w", err)
		}
		out, err := e.renderer.Text(t.src, src, e.values)
		if errors.Is(err, template.ErrNoAction) && len(e.values) == 0 {
			out, err = src, nil // A plain file, and nothing that was to go into it.
		}
		if err != nil {
			return nil, nil, err
		}
		if _, ok := files[t.dest]; ok {
			return nil, nil, fmt.Errorf("-template %s: another template is rendered to %s too", t.src, t.dest)
		}
		files[t.dest] = out
	}
	s, err := s.With(ctx, files)
	if err != nil || len(e.sets) == 0 {
		return s, nil, err
	}
	files, changes, err := template.Assign(s.Files(ctx), e.sets)
	if err != nil {
		return nil, nil, err
	}
	s, err = s.With(ctx, files)
	return s, changes, err
}

// diff is a unified diff of the named files, as git would print it.
func diff(before, after fs.FS, names []string) (string, error) {
	if p, ok := before.(template.Prefetcher); ok {
		if err := p.Prefetch(names); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	for _, name := range names {
		from := "a/" + name
		old, err := fs.ReadFile(before, name)
		if errors.Is(err, fs.ErrNotExist) {
			from = "/dev/null"
		} else if err != nil {
			return "", err
		}
		now, err := fs.ReadFile(after, name)
		if err != nil {
			return "", err
		}
		b.WriteString(udiff.Unified(from, "b/"+name, string(old), string(now)))
	}
	return b.String(), nil
}
