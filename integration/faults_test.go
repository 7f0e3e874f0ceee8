package integration

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"update-gitops-repo/integration/forge"
)

// requestID names a request, so that another run's is found whatever the order: its method and path, and how many were
// the same before it.
type requestID struct {
	what string
	nth  int
}

// counter names requests as they come.
type counter struct {
	mu   sync.Mutex
	seen map[string]int
}

func (c *counter) name(r *http.Request) requestID {
	c.mu.Lock()
	defer c.mu.Unlock()
	what := r.Method + " " + regexp.MustCompile(`\b[0-9a-f]{12}-`).
		ReplaceAllString(r.URL.Path, "TIP-") // of another time
	if service := r.URL.Query().Get("service"); service != "" {
		what += " " + service
	}
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	c.seen[what]++
	return requestID{what, c.seen[what]}
}

// changing is what differs between requests of a kind: numbers, commits, and branches.
var changing = regexp.MustCompile(`/[0-9]+\b|\b[0-9a-f]{40}\b|\b(shop|TIP)-[0-9a-z]+(-[0-9a-z]+)*\b`)

// kind is what a request has in common with those that a forge serves in the same way.
func (a requestID) kind() string { return changing.ReplaceAllString(a.what, "*") }

// Kinds of requests, as faults differ by them.
func (a requestID) isPack() bool { return strings.HasSuffix(a.what, "/git-upload-pack") }
func (a requestID) isOnce() bool { // what must not be sent twice
	return strings.HasSuffix(a.what, "/git-receive-pack") ||
		strings.HasPrefix(a.what, "POST ") &&
			(strings.HasSuffix(a.what, "/pulls") || strings.HasSuffix(a.what, "/merge_requests"))
}

// outcome is how a run must end when one request fails.
type outcome struct {
	fails   string // what stderr must have; empty: it succeeds
	unknown bool   // this fault does not go with that request
}

var works = outcome{}

func fails(words string) outcome { return outcome{fails: words} }

// The table: what has to come of each fault in each request.
var expected = []struct {
	fault   forge.Fault
	timeout string // 60s if empty
	of      func(requestID) outcome
}{
	{fault: forge.Reset, of: always(works)},
	{fault: forge.Lost, of: always(works)},
	{fault: forge.Half, of: always(works)},
	{fault: forge.Truncated, of: always(works)},
	{fault: forge.Slow, of: always(works)},
	{fault: forge.Internal, of: always(works)},
	{fault: forge.BadGateway, of: always(works)},
	{fault: forge.Page502, of: always(works)},
	{fault: forge.Unavailable, of: always(works)},
	{fault: forge.UnavailableFor, of: always(works)},
	{fault: forge.UnavailableUntil, of: always(works)},
	{fault: forge.Timeout, of: always(works)},
	{fault: forge.TooMany, of: always(works)},
	{fault: forge.TooManyFor, of: always(works)},
	{fault: forge.Secondary, of: always(works)},
	{fault: forge.Exhausted, of: always(works)},
	{fault: forge.Corrupt, of: func(a requestID) outcome {
		if !a.isPack() { // the others have no checksum
			return outcome{unknown: true}
		}
		return works
	}},
	{fault: forge.Hang, timeout: "20s", of: func(a requestID) outcome {
		if a.isOnce() {
			return outcome{unknown: true} // see the next
		}
		return works
	}},
	{fault: forge.Hang, timeout: "8s", of: func(a requestID) outcome {
		if a.isOnce() {
			return fails("context deadline exceeded")
		}
		return outcome{unknown: true}
	}},
	{fault: forge.Stuck, timeout: "8s", of: func(a requestID) outcome {
		if a.isOnce() {
			return fails("context deadline exceeded")
		}
		return outcome{unknown: true}
	}},
	{fault: forge.Page, of: func(a requestID) outcome {
		if strings.HasSuffix(a.what, "/git-receive-pack") {
			return works // what became of the push, the next attempt sees
		}
		return fails("web page (200 OK)")
	}},
	{fault: forge.SecondaryBare, timeout: "20s",
		of: always(fails("secondary rate limit. " + forge.Words + "; the server asks for a pause of 1m0s"))},
	{fault: forge.ExhaustedFor,
		of: always(fails("limit exceeded. " + forge.Words + "; the server asks for a pause of 1h"))},
	{fault: forge.BadRequest, of: always(fails(forge.Words))},
	{fault: forge.Unauthorized, of: always(fails(forge.Words))},
	{fault: forge.Forbidden, of: always(fails(forge.Words))},
	{fault: forge.NotFound, of: func(a requestID) outcome {
		if strings.Contains(a.what, " /api/") {
			return fails(": 404 ")
		}
		return fails("repository not found")
	}},
	{fault: forge.Invalid, of: always(fails(forge.Words))},
}

func always(o outcome) func(requestID) outcome { return func(requestID) outcome { return o } }

// The flags of the recipes' runs.
var (
	pullFlags      = []string{"-pr-label=deploy", "-pr-title=Deploy v2"}
	pushFlags      = []string{"-create-pull-request=false"}
	mergeFlags     = []string{"-merge-pull-request", "-delete-branch"}
	supersedeFlags = []string{"-supersede"}
	apiFlags       = []string{"-commit-via-api"}
	olderFlags     = []string{"-git-revision=aaaaaaa", "-set=values.yaml:.image.tag=v1a"} // of a run before
)

// few are the faults that count where the other ones have been in the walk.
var few = []forge.Fault{forge.Lost, forge.Reset}

var recipes = []recipe{
	{name: "github", kind: forge.GitHub, partial: true, more: pullFlags},
	{name: "gitlab", kind: forge.GitLab, partial: true, more: pullFlags},
	{name: "direct", kind: forge.GitHub, partial: true, more: pushFlags},
	{name: "whole", kind: forge.GitHub, more: pushFlags},
	{name: "github merge", kind: forge.GitHub, partial: true, more: mergeFlags, few: few},
	{name: "gitlab merge", kind: forge.GitLab, partial: true, more: mergeFlags, few: few},
	{name: "github supersede", kind: forge.GitHub, partial: true, more: supersedeFlags, before: olderFlags, few: few},
	{name: "gitlab supersede", kind: forge.GitLab, partial: true, more: supersedeFlags, before: olderFlags, few: few},
	{name: "github api", kind: forge.GitHub, partial: true, more: apiFlags, few: few},
	{name: "gitlab api", kind: forge.GitLab, partial: true, more: apiFlags, few: few},
}

// TestFaults fails each request of a run in each way, once. The run succeeds where the fault is transient, and else
// fails in the words of whoever failed; the repository is sound afterwards, and another run ends where one without
// faults does. The same holds for a run that is interrupted at each request, whether that was carried out or not.
//
// Every run has a clock of its own, which stands still while anybody works: no pause takes time, and a slow machine
// changes nothing. With -short, each fault meets one request of each kind.
func TestFaults(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	dialMemory(t)
	w := newWalk(t)
	defer w.wait()
	for _, r := range recipes {
		var all []requestID
		var want end
		synctest.Test(t, func(t *testing.T) { all, want = r.without(t, w.seeded) })
		for i, at := range all {
			for _, e := range expected {
				o := e.of(at)
				if o.unknown || r.few != nil && !slices.Contains(r.few, e.fault) {
					continue
				}
				what := fmt.Sprintf("%s/%s", e.fault, e.timeout)
				w.cell(at.kind()+what, fmt.Sprintf("%s/%d/%s", r.name, i, what), func(t *testing.T) {
					testFault(t, r.world(t, w.seeded), failing{at, e.fault, e.timeout, o}, want)
				})
			}
			for _, fault := range []forge.Fault{forge.Hang, forge.Stuck} {
				what := fmt.Sprintf("interrupted/%s", fault)
				w.cell(at.kind()+what, fmt.Sprintf("%s/%d/%s", r.name, i, what), func(t *testing.T) {
					testInterrupt(t, r.world(t, w.seeded), failing{at: at, fault: fault}, want)
				})
			}
		}
	}
}

// walk runs cells, as many at once as there are processors, and one more for those that wait for git.
type walk struct {
	t      *testing.T
	seeded string          // the repository that each cell begins with
	met    map[string]bool // with -short: what has been in the walk
	room   chan struct{}
	cells  sync.WaitGroup
}

func newWalk(t *testing.T) *walk {
	w := &walk{t: t, met: map[string]bool{}, room: make(chan struct{}, runtime.GOMAXPROCS(0)+1)}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { w.seeded = seedWorld(t, dir) })
	return w
}

// cell has test run in a bubble, concurrently; with -short, only where it is the first of its kind.
func (w *walk) cell(kind, name string, test func(*testing.T)) {
	if testing.Short() && w.met[kind] {
		return
	}
	w.met[kind] = true
	w.cells.Go(func() {
		w.room <- struct{}{}
		defer func() { <-w.room }()
		w.t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	})
}

func (w *walk) wait() { w.cells.Wait() }

// without is a run without faults: what it asked for, and its end.
func (r recipe) without(t *testing.T, seeded string) (all []requestID, want end) {
	t.Helper()
	w := r.world(t, seeded)
	f := w.forge
	var c counter
	f.FailRequests(func(_ int, req *http.Request) forge.Fault {
		all = append(all, c.name(req))
		return forge.NoFault
	})
	got := runProgram(t.Context(), nil, w.args...)
	if got.code != 0 {
		t.Fatalf("%+v", got)
	}
	settle()
	f.FailRequests(nil)
	return all, end{portable(f, endState(t, f)), portable(f, got.stdout)}
}

// end is what a run leaves behind and what it says of it.
type end struct{ state, stdout string }

// portable is a text without what differs from forge to forge: its address, and when commits were made.
func portable(f *forge.Server, text string) string {
	return regexp.MustCompile(`\bcommit [0-9a-f]{7}\b|(?m:^[0-9a-f]{40}$)`).
		ReplaceAllString(strings.ReplaceAll(text, f.URL(), "URL"), "COMMIT")
}

// settle waits until the forge has carried out and answered what the run has left: a minute of the bubble's clock.
func settle() {
	time.Sleep(time.Minute)
	synctest.Wait()
}

// failing is a request that fails, and how the run must end.
type failing struct {
	at      requestID
	fault   forge.Fault
	timeout string // of the run; 60s if empty
	outcome outcome
}

func testFault(t *testing.T, w world, a failing, want end) {
	var c counter
	met := false
	w.forge.FailRequests(func(_ int, req *http.Request) forge.Fault {
		if c.name(req) == a.at {
			met = true
			return a.fault
		}
		return forge.NoFault
	})
	got := runProgram(t.Context(), nil, append(w.args, "-timeout="+cmp.Or(a.timeout, "60s"))...)
	settle()
	w.forge.FailRequests(nil)
	fails := a.outcome.fails
	if fails != "" && c.seen[a.at.what] != a.at.nth {
		t.Errorf("%v: it was asked for again: %+v", a.at, got)
	}
	switch {
	case !met:
		t.Fatalf("%v was not asked for: %+v", a.at, got)
	case fails == "" && got.code != 0:
		t.Errorf("%v: want success, got %+v", a.at, got)
	case fails != "" && (got.code != 1 || !strings.Contains(got.stderr, fails)):
		t.Errorf("%v: want failure with %q, got %+v", a.at, fails, got)
	}
	if n := w.forge.Hasty(); n > 0 {
		t.Errorf("%v: %d requests came too early: %s", a.at, n, got.stderr)
	}
	left := end{portable(w.forge, endState(t, w.forge)), portable(w.forge, got.stdout)}
	if fails != "" {
		runsAgain(t, w, want)
	} else if left != want {
		t.Errorf("%v: got\n%s\nwant\n%s", a.at, left, want)
	}
}

func testInterrupt(t *testing.T, w world, a failing, want end) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var c counter
	w.forge.FailRequests(func(_ int, req *http.Request) forge.Fault {
		if c.name(req) == a.at {
			cancel()
			return a.fault
		}
		return forge.NoFault
	})
	got := runProgram(ctx, nil, w.args...)
	if got.code != 1 || !strings.Contains(got.stderr, "hint: it was interrupted") {
		t.Errorf("%v: want it to be interrupted, got %+v", a.at, got)
	}
	settle()
	w.forge.FailRequests(nil)
	endState(t, w.forge)
	runsAgain(t, w, want)
}

// runsAgain has the run succeed now, and end where one without faults does.
func runsAgain(t *testing.T, w world, want end) {
	t.Helper()
	f := w.forge
	open := map[string]int{}
	for _, pr := range f.PullRequests(repo) {
		if open[pr.Head]++; open[pr.Head] > 1 {
			t.Errorf("%d pull requests of %s", open[pr.Head], pr.Head)
		}
	}
	if got := runProgram(t.Context(), nil, w.args...); got.code != 0 {
		t.Fatalf("again, without faults: %+v", got)
	}
	if state := portable(f, endState(t, f)); state != want.state {
		t.Errorf("again, without faults: got\n%s\nwant\n%s", state, want.state)
	}
}

// TestFaultsSSH breaks each connection of a run: before the command is carried out, after it, and in the middle of the
// answer.
func TestFaultsSSH(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("SSH_KNOWN_HOSTS", "")
	r := recipe{name: "ssh", kind: forge.GitHub, partial: true}
	seeded := seedWorld(t, t.TempDir())
	overSSH := func(f *forge.Server) []string {
		ssh, err := f.StartSSH()
		if err != nil {
			t.Fatal(err)
		}
		return r.argsOn(f, "-create-pull-request=false", "-repo=ssh://git@"+ssh.Addr+"/"+repo+".git",
			"-ssh-key-file="+ssh.KeyFile, "-ssh-known-hosts="+ssh.KnownHostsFile)
	}
	f := r.worldOn(t, seeded, nil).forge
	commands := 0
	f.FailSSH(func(n int, _ string) forge.Fault { commands = n + 1; return forge.NoFault })
	got := runProgram(t.Context(), nil, overSSH(f)...)
	want := end{portable(f, endState(t, f)), portable(f, got.stdout)}
	if got.code != 0 || commands < 3 {
		t.Fatalf("%d commands: %+v", commands, got)
	}
	for i := range commands {
		for _, fault := range []forge.Fault{forge.Reset, forge.Lost, forge.Half} {
			t.Run(fmt.Sprintf("%d/%s", i, fault), func(t *testing.T) {
				f := r.worldOn(t, seeded, nil).forge
				f.FailSSH(func(n int, _ string) forge.Fault {
					if n == i {
						return fault
					}
					return forge.NoFault
				})
				got := runProgram(t.Context(), nil, overSSH(f)...)
				if left := (end{portable(f, endState(t, f)), portable(f, got.stdout)}); got.code != 0 || left != want {
					t.Errorf("got %+v\n%s\nwant\n%s", got, left, want)
				}
			})
		}
	}
}
