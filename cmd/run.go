// Package cmd is the program: it turns a command line into a plan, carries the plan out and reports.
package cmd

import (
	"context"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/ci"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/cmd/internal/update"
	"update-gitops-repo/secret"
)

// Main runs the program with the process's arguments, environment and streams, and returns its exit code: 0 done or
// nothing to change, 1 failed, 2 the command line is wrong.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// net/http logs what a server sends unasked, past the redactor.
	log.SetOutput(io.Discard)
	context.AfterFunc(ctx, stop) // The first signal ends the run in order, a second one kills the process.
	return Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
}

// Run is Main without globals, so that tests can run several at once. environ has the variables, each NAME=VALUE. It
// stops cleanly when ctx is done. What it hands to git's ssh, and where that finds its keys, are the process's own.
func Run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var secrets secret.Redactor
	out, errs := secrets.Writer(stdout), secrets.Writer(stderr)
	getenv := lookup(environ)
	p := program{getenv: getenv, secrets: &secrets, stderr: errs}
	secrets.Add(auth.SecretsInEnvironment(getenv, urlVariables()...)...)
	c, err := parseConfig(args, environ, &secrets)
	if err != nil {
		c.readLeniently(args, getenv)
	}
	p.log, p.screen = report.NewLogger(errs, report.LogOptions{
		Verbose: c.verbose, JSON: c.logsJSON(), Secrets: &secrets,
		Annotate: func(warning string) string { return ci.Annotation(getenv, ci.Warning, warning) },
	})
	done, err := p.run(ctx, c, err)
	err = both(err, p.screen.Clear())
	err = both(err, both(done.Print(out, c.output, p.failure(err)), out.Flush()))
	if err == nil {
		_ = errs.Flush() // A log that cannot be written is no reason to fail.
		return 0
	}
	if both(p.printFailure(ctx, c, done, err), errs.Flush()) != nil {
		return 1 // Nobody is left to tell.
	}
	return exitCode(err)
}

// program is what a run has of its surroundings.
type program struct {
	getenv  func(string) string // over the environment
	secrets *secret.Redactor    // every secret is registered with it as soon as it is read
	stderr  io.Writer           // redacted

	log    *slog.Logger // on stderr
	screen *report.Screen
}

// account is what the program tells on stdout.
type account interface {
	// Print writes it in a format, "text" or "json", and in the latter the failure, too; nil: there is none.
	Print(w io.Writer, format string, failure *report.Failure) error
}

// run is the whole program: config -> plan -> account. refusal is what is wrong with the command line; nil: nothing.
// The account is never nil: it has what is known, also with an error.
func (p program) run(ctx context.Context, c *config, refusal error) (account, error) {
	switch {
	case refusal != nil:
		done := report.Report{Base: c.base, Branch: c.branch, DryRun: c.dryRun}
		if results, err := report.OpenResults(places(c, p.getenv), p.secrets); err == nil {
			return done, both(refusal, results.Write(done, p.failure(refusal)))
		}
		return done, refusal // The places may be wrong as well.
	case c.help:
		return help{}, nil
	case c.version:
		return readBuild(), nil
	case c.checkAuth:
		return p.checkAuth(ctx, c)
	}
	results, err := report.OpenResults(places(c, p.getenv), p.secrets)
	if err != nil {
		return report.Report{Base: c.base, Branch: c.branch, DryRun: c.dryRun}, err
	}
	done, err := p.update(ctx, c, results)
	if why := done.Altered(c.output); why != "" && err == nil {
		p.log.Warn(why)
	}
	if writeErr := results.Write(done, p.failure(err)); err == nil && writeErr != nil {
		return done, update.Unfinished(done, writeErr)
	} else {
		return done, both(err, writeErr)
	}
}

// places returns where the flags and the CI system want the results.
func places(c *config, getenv func(string) string) report.Places {
	of := ci.FindFiles(getenv)
	p := report.Places{Dir: c.resultDir, Outputs: of.Outputs, Summary: of.Summary}
	for _, file := range []string{c.resultEnv, of.Exports} {
		if file != "" {
			p.Env = append(p.Env, file)
		}
	}
	return p
}

// update turns the configuration into a plan and carries that out. The report says what is known, also with an error.
func (p program) update(ctx context.Context, c *config, results report.Results) (report.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	refused := report.Report{Base: c.base, Branch: c.branch, DryRun: c.dryRun}
	client, err := newClient(c.caFile, c.timeout, p.log, p.secrets)
	if err != nil {
		return refused, err
	}
	plan, err := newPlan(ctx, c, surroundings{p.getenv, client, p.screen.Received, results.WantsDiff()})
	if err != nil {
		return refused, err
	}
	p.warn(c)
	return update.Run(ctx, plan, p.log, p.secrets)
}

// checkAuth does what -check-auth asks for.
func (p program) checkAuth(ctx context.Context, c *config) (account, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	client, err := newClient(c.caFile, c.timeout, p.log, p.secrets)
	if err != nil {
		return access{}, err
	}
	k, err := newCheck(ctx, c, surroundings{getenv: p.getenv, client: client, received: p.screen.Received})
	if err != nil {
		return access{}, err
	}
	p.warn(c)
	found, err := k.run(ctx)
	return access{&found}, err
}

// warn logs what is done otherwise than it is given, and the flags that have no effect.
func (p program) warn(c *config) {
	for _, w := range append(c.warnings, idle(c.flags())...) {
		p.log.Warn(w)
	}
}
