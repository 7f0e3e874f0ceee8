package integration

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"update-gitops-repo/cmd"
	"update-gitops-repo/integration/forge"
)

// recipe is a run whose every request is to fail once.
type recipe struct {
	name    string
	kind    forge.Kind
	partial bool
	more    []string      // flags
	before  []string      // flags of a run before it; nil: there is none
	few     []forge.Fault // the faults that count; nil: all
}

func (r recipe) args(f *forge.Server, more ...string) []string {
	return append([]string{"-repo=" + f.CloneURL(repo), "-scm-provider=" + string(r.kind), "-token=" + token, "-scm-url=" + f.APIURL(),
		"-git-revision=1a2b3c4d5e6f", "-app=shop", "-base=main", "-substitute=tag=v2", "-filepath=apps/**.tmpl", "-set=values.yaml:.image.tag=v2"}, more...)
}

// world starts a forge of the recipe's kind.
func (r recipe) world(t *testing.T) *forge.Server {
	t.Helper()
	f, err := forge.Start(forge.Config{Kind: r.kind, Partial: r.partial, Token: token, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	files := t.TempDir()
	for name, text := range map[string]string{
		"apps/shop/deploy.yaml.tmpl": "image: shop:$({ .tag })\n", "apps/shop/deploy.yaml": "image: shop:v1\n",
		"values.yaml": "image:\n  tag: v1 # by the pipeline\n", "README.md": strings.Repeat("Some text that is left alone.\n", 20),
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(files, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(files, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.CreateRepo(repo, "main"); err != nil {
		t.Fatal(err)
	}
	if err := f.Seed(repo, "main", files); err != nil {
		t.Fatal(err)
	}
	if r.before != nil {
		if got := runProgram(t.Context(), nil, r.args(f, r.before...)...); got.code != 0 {
			t.Fatalf("before: %+v", got)
		}
	}
	return f
}

// ran is what a run came to.
type ran struct {
	code           int
	stdout, stderr string
}

// runProgram runs the program in this process, with no environment but env.
func runProgram(ctx context.Context, env []string, args ...string) ran {
	var stdout, stderr bytes.Buffer
	getenv := func(name string) string {
		for _, v := range env {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
	code := cmd.Run(ctx, args, getenv, &stdout, &stderr)
	return ran{code, stdout.String(), stderr.String()}
}

// git runs git on the forge's repository.
func gitOn(t *testing.T, f *forge.Server, args ...string) string {
	t.Helper()
	c := exec.Command("git", append([]string{"--git-dir=" + f.GitDir(repo)}, args...)...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// endState is what counts of the forge: each branch's tree and number of commits, and each pull request.
func endState(t *testing.T, f *forge.Server) string {
	t.Helper()
	gitOn(t, f, "fsck", "--strict")
	var b strings.Builder
	for line := range strings.Lines(gitOn(t, f, "for-each-ref", "--format=%(refname) %(tree)")) {
		ref, _, _ := strings.Cut(line, " ")
		fmt.Fprintf(&b, "%s %s", strings.TrimSpace(gitOn(t, f, "rev-list", "--count", ref)), line)
	}
	for _, p := range f.PullRequests(repo) {
		fmt.Fprintf(&b, "#%d %s %s -> %s %q %q %q\n%s\n", p.Number, p.State, p.Head, p.Base, p.Title, p.Labels, p.Comments, p.Body)
	}
	return b.String()
}

// asking names a request, so that it is found again in another run whatever the order is: its method and path, and how many
// were the same before it.
type asking struct {
	what string
	nth  int
}

// counter names requests as they come.
type counter struct {
	mu   sync.Mutex
	seen map[string]int
}

func (c *counter) name(r *http.Request) asking {
	c.mu.Lock()
	defer c.mu.Unlock()
	what := r.Method + " " + regexp.MustCompile(`\b[0-9a-f]{12}-`).ReplaceAllString(r.URL.Path, "TIP-") // of another time
	if service := r.URL.Query().Get("service"); service != "" {
		what += " " + service
	}
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	c.seen[what]++
	return asking{what, c.seen[what]}
}

// Kinds of requests, as faults differ by them.
func (a asking) isPack() bool { return strings.HasSuffix(a.what, "/git-upload-pack") }
func (a asking) isOnce() bool { // what must not be sent twice
	return strings.HasSuffix(a.what, "/git-receive-pack") ||
		strings.HasPrefix(a.what, "POST ") && (strings.HasSuffix(a.what, "/pulls") || strings.HasSuffix(a.what, "/merge_requests"))
}

// outcome is what a run has to come to when one request fails.
type outcome struct {
	fails   string // what stderr has to say; empty: it succeeds
	unknown bool   // this fault does not go with that request
}

var works = outcome{}

func fails(words string) outcome { return outcome{fails: words} }

// The table: what has to come of each fault in each request.
var expected = []struct {
	fault   forge.Fault
	timeout string // 60s if empty
	of      func(asking) outcome
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
	{fault: forge.Corrupt, of: func(a asking) outcome {
		if !a.isPack() { // the others have no checksum
			return outcome{unknown: true}
		}
		return works
	}},
	{fault: forge.Hang, timeout: "20s", of: func(a asking) outcome {
		if a.isOnce() {
			return outcome{unknown: true} // see the next
		}
		return works
	}},
	{fault: forge.Hang, timeout: "8s", of: func(a asking) outcome {
		if a.isOnce() {
			return fails("context deadline exceeded")
		}
		return outcome{unknown: true}
	}},
	{fault: forge.Stuck, timeout: "8s", of: func(a asking) outcome {
		if a.isOnce() {
			return fails("context deadline exceeded")
		}
		return outcome{unknown: true}
	}},
	{fault: forge.Page, of: func(a asking) outcome {
		if strings.HasSuffix(a.what, "/git-receive-pack") {
			return works // what became of the push, the next attempt sees
		}
		return fails("web page (200 OK)")
	}},
	{fault: forge.SecondaryBare, timeout: "20s", of: always(fails("secondary rate limit. " + forge.Words + "; the server asks for a pause of 1m0s"))},
	{fault: forge.ExhaustedFor, of: always(fails("limit exceeded. " + forge.Words + "; the server asks for a pause of 1h"))},
	{fault: forge.BadRequest, of: always(fails(forge.Words))},
	{fault: forge.Unauthorized, of: always(fails(forge.Words))},
	{fault: forge.Forbidden, of: always(fails(forge.Words))},
	{fault: forge.NotFound, of: func(a asking) outcome {
		if strings.Contains(a.what, " /api/") {
			return fails(": 404 ")
		}
		return fails("repository not found")
	}},
	{fault: forge.Invalid, of: always(fails(forge.Words))},
}

func always(o outcome) func(asking) outcome { return func(asking) outcome { return o } }

// TestFaults has each request of a run fail in each way, once. The run has to succeed where that may pass, and else to fail
// in the words of whoever failed; the forge is whole afterwards, and another run ends where one without faults does. The same
// for a run that is interrupted at each request, whether that was carried out or not.
func TestFaults(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	// Not t.Parallel: most of these wait, and are more than there are processors.
	var wg sync.WaitGroup
	defer wg.Wait()
	room := make(chan struct{}, 24)
	cell := func(name string, test func(*testing.T)) {
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			t.Run(name, test)
		})
	}
	few := []forge.Fault{forge.Lost, forge.Reset}
	pull, direct := []string{"-pr-label=deploy", "-pr-title=Deploy v2"}, []string{"-create-pull-request=false"}
	merge := []string{"-merge-pull-request", "-delete-branch"}
	older := []string{"-git-revision=aaaaaaa", "-set=values.yaml:.image.tag=v1a"}
	for _, r := range []recipe{
		{name: "github", kind: forge.GitHub, partial: true, more: pull},
		{name: "gitlab", kind: forge.GitLab, partial: true, more: pull},
		{name: "direct", kind: forge.GitHub, partial: true, more: direct},
		{name: "whole", kind: forge.GitHub, more: direct},
		{name: "github merge", kind: forge.GitHub, partial: true, more: merge, few: few},
		{name: "gitlab merge", kind: forge.GitLab, partial: true, more: merge, few: few},
		{name: "github supersede", kind: forge.GitHub, partial: true, more: []string{"-supersede"}, before: older, few: few},
		{name: "gitlab supersede", kind: forge.GitLab, partial: true, more: []string{"-supersede"}, before: older, few: few},
		{name: "github api", kind: forge.GitHub, partial: true, more: []string{"-commit-via-api"}, few: few},
		{name: "gitlab api", kind: forge.GitLab, partial: true, more: []string{"-commit-via-api"}, few: few},
	} {
		all, want := r.without(t)
		for i, at := range all {
			for _, e := range expected {
				if o := e.of(at); !o.unknown && (r.few == nil || slices.Contains(r.few, e.fault)) {
					cell(fmt.Sprintf("%s/%d/%s/%s", r.name, i, e.fault, e.timeout), func(t *testing.T) {
						testFault(t, r, at, e.fault, e.timeout, o, want)
					})
				}
			}
			for _, fault := range []forge.Fault{forge.Hang, forge.Stuck} {
				cell(fmt.Sprintf("%s/%d/interrupted/%s", r.name, i, fault), func(t *testing.T) {
					testInterrupt(t, r, at, fault, want)
				})
			}
		}
	}
}

// without is a run without faults: what it asked for, and its end.
func (r recipe) without(t *testing.T) (all []asking, want end) {
	t.Helper()
	f := r.world(t)
	var c counter
	f.FailRequests(func(_ int, req *http.Request) forge.Fault {
		all = append(all, c.name(req))
		return forge.NoFault
	})
	got := runProgram(t.Context(), nil, r.args(f, r.more...)...)
	if got.code != 0 {
		t.Fatalf("%+v", got)
	}
	f.FailRequests(nil)
	return all, end{portable(f, endState(t, f)), portable(f, got.stdout)}
}

// end is what a run leaves behind and what it says of it.
type end struct{ state, stdout string }

// portable is a text without what differs from forge to forge: its address, and when commits were made.
func portable(f *forge.Server, text string) string {
	return regexp.MustCompile(`\bcommit [0-9a-f]{7}\b|(?m:^[0-9a-f]{40}$)`).ReplaceAllString(strings.ReplaceAll(text, f.URL(), "URL"), "COMMIT")
}

func testFault(t *testing.T, r recipe, at asking, fault forge.Fault, timeout string, o outcome, want end) {
	f := r.world(t)
	var c counter
	met := false
	f.FailRequests(func(_ int, req *http.Request) forge.Fault {
		if c.name(req) == at {
			met = true
			return fault
		}
		return forge.NoFault
	})
	args := r.args(f, r.more...)
	if timeout == "" {
		timeout = "60s"
	}
	got := runProgram(t.Context(), nil, append(args, "-timeout="+timeout)...)
	f.FailRequests(nil)
	if o.fails != "" && c.seen[at.what] != at.nth {
		t.Errorf("%v: it was asked for again: %+v", at, got)
	}
	switch {
	case !met:
		t.Fatalf("%v was not asked for: %+v", at, got)
	case o.fails == "" && got.code != 0:
		t.Errorf("%v: want success, got %+v", at, got)
	case o.fails != "" && (got.code != 1 || !strings.Contains(got.stderr, o.fails)):
		t.Errorf("%v: want failure with %q, got %+v", at, o.fails, got)
	}
	if n := f.Hasty(); n > 0 {
		t.Errorf("%v: %d requests came too early: %s", at, n, got.stderr)
	}
	left := end{portable(f, endState(t, f)), portable(f, got.stdout)}
	if o.fails != "" {
		runsAgain(t, f, args, want)
	} else if left != want {
		t.Errorf("%v: got\n%s\nwant\n%s", at, left, want)
	}
}

func testInterrupt(t *testing.T, r recipe, at asking, fault forge.Fault, want end) {
	f := r.world(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var c counter
	f.FailRequests(func(_ int, req *http.Request) forge.Fault {
		if c.name(req) == at {
			cancel()
			return fault
		}
		return forge.NoFault
	})
	args := r.args(f, r.more...)
	if got := runProgram(ctx, nil, args...); got.code != 1 || !strings.Contains(got.stderr, "hint: it was interrupted") {
		t.Errorf("%v: want it to be interrupted, got %+v", at, got)
	}
	f.FailRequests(nil)
	endState(t, f)
	runsAgain(t, f, args, want)
}

func runsAgain(t *testing.T, f *forge.Server, args []string, want end) {
	t.Helper()
	open := map[string]int{}
	for _, pr := range f.PullRequests(repo) {
		if open[pr.Head]++; open[pr.Head] > 1 {
			t.Errorf("%d pull requests of %s", open[pr.Head], pr.Head)
		}
	}
	if got := runProgram(t.Context(), nil, args...); got.code != 0 {
		t.Fatalf("again, without faults: %+v", got)
	}
	if state := portable(f, endState(t, f)); state != want.state {
		t.Errorf("again, without faults: got\n%s\nwant\n%s", state, want.state)
	}
}

// TestFaultsSSH has each connection of a run break: before anything is done, after it, and in the midst of the answer.
func TestFaultsSSH(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("SSH_KNOWN_HOSTS", "")
	r := recipe{name: "ssh", kind: forge.GitHub, partial: true}
	overSSH := func(f *forge.Server) []string {
		ssh, err := f.StartSSH()
		if err != nil {
			t.Fatal(err)
		}
		return r.args(f, "-create-pull-request=false", "-repo=ssh://git@"+ssh.Addr+"/"+repo+".git",
			"-ssh-key-file="+ssh.KeyFile, "-ssh-known-hosts="+ssh.KnownHostsFile)
	}
	f := r.world(t)
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
				f := r.world(t)
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
