//go:build unix

// Command bench times whole runs of the program that is named by its argument, and of git, git with yq, and go-git
// doing the same job, against the embedded forge. It prints what each run took, asked for and moved, and at the end the
// goals beside the figures. Machines are noisy: of the times, only the ratios mean something.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"update-gitops-repo/integration/forge"
)

// options are what the flags choose.
type options struct {
	program string
	run     *regexp.Regexp // which rows
	rounds  int            // how often each way is timed
	budget  time.Duration  // and after which time it is not timed again
	apps    [3]int         // in the small, the middle and the large repository
	commits int            // in the history of each
	pushes  int            // direct pushes to one branch
	wan     forge.Network  // between a pipeline and a forge elsewhere
}

func main() {
	o := options{rounds: 5, budget: 10 * time.Second, apps: [3]int{15, 375, 3750}, commits: 5000, pushes: 24,
		wan: forge.Network{Latency: 40 * time.Millisecond, Bandwidth: 50e6 / 8}}
	run := flag.String("run", "", "bench the rows that match this `regexp` only")
	short := flag.Bool("short", false, "small repositories, one round: whether the bench itself works")
	flag.IntVar(&o.rounds, "rounds", o.rounds, "how often each way is timed, at most")
	flag.DurationVar(&o.budget, "budget", o.budget, "`time` after which a way is not timed again")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: bench [flags] PROGRAM")
		os.Exit(2)
	}
	if *short {
		o.shorten()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if o.run, err = regexp.Compile(*run); err == nil {
		if o.program, err = filepath.Abs(flag.Arg(0)); err == nil {
			_, err = bench(ctx, o, os.Stdout)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// shorten makes it a matter of seconds.
func (o *options) shorten() {
	o.rounds, o.apps, o.commits, o.pushes = 1, [3]int{3, 5, 10}, 20, 4
	o.wan.Latency = time.Millisecond
}

const token = "bench-token"

// The repositories by size.
const (
	small = iota
	middle
	large
)

var repos = [3]string{small: "acme/small", middle: "acme/middle", large: "acme/large"}

// figures are what a way has cost. Those of a row of processes are of all together.
type figures struct {
	Time     time.Duration // the median of the rounds
	Memory   int64         // the most of the rounds; 0 where it was not measured
	Requests int           // to the forge, in one round
	Fetches  int           // those among them that fetch objects
	Sent     int64         // bytes of the bodies of requests
	Received int64         // and of answers
	rounds   int
}

// results are the figures by row and way.
type results map[string]map[string]figures

// world is where the bench runs.
type world struct {
	options
	ctx           context.Context
	out           io.Writer
	dir           string
	forge         *forge.Server
	measure, peer string // programs: see build
	filled        [3]bool
	branches      int // so far: each run has a branch of its own
}

// bench runs the rows and prints their figures, and then the goals. It fails when a run does not do its job.
func bench(ctx context.Context, o options, out io.Writer) (found results, err error) {
	dir, err := os.MkdirTemp("", "update-gitops-repo-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w := &world{options: o, ctx: ctx, out: out, dir: dir}
	if w.measure, err = w.build("measure"); err != nil {
		return nil, err
	}
	if w.peer, err = w.build("peer"); err != nil {
		return nil, err
	}
	w.forge, err = forge.Start(forge.Config{Kind: forge.GitHub, Partial: true, Token: token, Dir: dir})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.forge.Close()) }()
	for _, repo := range repos {
		if err := w.forge.CreateRepo(repo, "main"); err != nil {
			return nil, err
		}
	}
	found = results{}
	for _, row := range rows(o) {
		if !o.run.MatchString(row.name) {
			continue
		}
		if found[row.name], err = w.bench(row); err != nil {
			return nil, fmt.Errorf("%s: %w", row.name, err)
		}
	}
	return found, printGoals(out, found, o)
}

// build makes one of the bench's own programs.
func (w *world) build(name string) (string, error) {
	program := filepath.Join(w.dir, name)
	c := exec.CommandContext(w.ctx, cmp.Or(os.Getenv("GO"), "go"), "build", "-ldflags=-s -w", "-o", program,
		"update-gitops-repo/integration/bench/"+name)
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return program, nil
}

// row is one job, and the ways to do it. Times are printed as ratios to that of the way named by base.
type row struct {
	name, title string
	size        int
	network     forge.Network
	base        string
	setUp       func(*world) (undo func() error, err error) // or nil
	ways        []way
}

// way is one way to do a job.
type way struct {
	name string
	run  func(w *world, j *job) error
}

// job is one round of a way.
type job struct {
	way     string
	repo    string
	url     string // of the repository, with credentials for git
	branch  string // the branch to make, and the image or the tag to set
	scratch string // an empty folder
	before  int    // requests that came to the forge before
	figures figures
}

// bench measures each way of a row, in turns, so that what disturbs the machine disturbs all of them.
func (w *world) bench(r row) (found map[string]figures, err error) {
	if err := w.fill(r.size); err != nil {
		return nil, err
	}
	if r.setUp != nil {
		undo, failed := r.setUp(w)
		if failed != nil {
			return nil, failed
		}
		defer func() { err = errors.Join(err, undo()) }()
	}
	w.forge.SetNetwork(r.network)
	defer w.forge.SetNetwork(forge.Network{})

	rounds := map[string][]figures{}
	spent := map[string]time.Duration{}
	for i := range max(w.rounds, 1) {
		for _, way := range r.ways {
			if i > 0 && spent[way.name] >= w.budget {
				continue
			}
			got, err := w.round(r, way)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", way.name, err)
			}
			rounds[way.name] = append(rounds[way.name], got)
			spent[way.name] += got.Time
		}
	}
	fmt.Fprintf(w.out, "%s: %s\n", r.name, r.title)
	fmt.Fprintf(w.out, "  %-42s %9s %6s %7s %6s %9s %9s %9s\n", "", "time", "ratio", "rounds", "asked",
		"sent", "received", "memory")
	found = map[string]figures{}
	for _, way := range r.ways {
		found[way.name] = middleOf(rounds[way.name])
	}
	for _, way := range r.ways {
		f := found[way.name]
		ratio := "-"
		if base, ok := found[r.base]; ok {
			ratio = fmt.Sprintf("%.2f", float64(f.Time)/float64(base.Time))
		}
		fmt.Fprintf(w.out, "  %-42s %9s %6s %7d %6d %9s %9s %9s\n",
			way.name, duration(f.Time), ratio, f.rounds, f.Requests, size(f.Sent), size(f.Received), size(f.Memory))
	}
	fmt.Fprintln(w.out)
	return found, nil
}

// round is one run of one way.
func (w *world) round(r row, way way) (figures, error) {
	w.branches++
	j := &job{way: way.name, repo: repos[r.size], branch: fmt.Sprintf("update-%d", w.branches),
		scratch: filepath.Join(w.dir, "scratch")}
	j.url = strings.Replace(w.forge.CloneURL(j.repo), "://", "://git:"+token+"@", 1)
	if err := os.Mkdir(j.scratch, 0o777); err != nil {
		return figures{}, err
	}
	j.before = len(w.forge.Requests())
	if err := way.run(w, j); err != nil {
		return figures{}, err
	}
	for _, q := range w.forge.Requests()[j.before:] {
		j.figures.Requests++
		j.figures.Sent += q.In
		j.figures.Received += q.Out
		if strings.HasSuffix(q.Path, "/git-upload-pack") {
			j.figures.Fetches++
		}
	}
	return j.figures, os.RemoveAll(j.scratch)
}

// middleOf is the median of times and the most of the rest: that does not vary, or is a peak.
func middleOf(rounds []figures) figures {
	slices.SortFunc(rounds, func(a, b figures) int { return cmp.Compare(a.Time, b.Time) })
	out := figures{Time: rounds[len(rounds)/2].Time, rounds: len(rounds)}
	for _, f := range rounds {
		out.Memory, out.Requests, out.Fetches = max(out.Memory, f.Memory), max(out.Requests, f.Requests),
			max(out.Fetches, f.Fetches)
		out.Sent, out.Received = max(out.Sent, f.Sent), max(out.Received, f.Received)
	}
	return out
}

// fill makes one of the repositories, once.
func (w *world) fill(size int) error {
	if w.filled[size] {
		return nil
	}
	w.filled[size] = true
	return fill(w.forge.GitDir(repos[size]), w.apps[size], w.commits)
}

// command runs a program in the scratch folder of a job and adds what it took to the job's figures.
func (w *world) command(j *job, env []string, program string, args ...string) error {
	f, err := w.measured(j.scratch, env, program, args...)
	j.figures.Time += f.Time
	j.figures.Memory = max(j.figures.Memory, f.Memory)
	return err
}

// measured runs a program in a folder.
func (w *world) measured(dir string, env []string, program string, args ...string) (figures, error) {
	file, err := os.CreateTemp(w.dir, "measured-")
	if err != nil {
		return figures{}, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	file.Close()
	path, err := exec.LookPath(program)
	if err != nil {
		return figures{}, err
	}
	c := exec.CommandContext(w.ctx, w.measure, append([]string{file.Name(), path}, args...)...)
	c.Dir = dir
	c.Env = append(gitEnv(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		return figures{}, fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, out)
	}
	var f figures
	data, err := os.ReadFile(file.Name())
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(data, &f)
}

// gitEnv is the environment of whatever is run: nothing of the machine's own configuration of git, of the pipeline that
// the bench may run in, or of a proxy.
func gitEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.DevNull, "TMPDIR=" + os.TempDir(), "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0"}
}

func duration(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

// size formats a number of bytes in kB and MB of powers of ten; 0 is "-".
func size(n int64) string {
	switch {
	case n == 0:
		return "-"
	case n < 10e3:
		return fmt.Sprintf("%d B", n)
	case n < 10e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
