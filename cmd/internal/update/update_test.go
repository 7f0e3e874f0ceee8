package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/integration/forge"
	"update-gitops-repo/scm"
	"update-gitops-repo/scm/github"
	"update-gitops-repo/scm/gitlab"
	"update-gitops-repo/secret"
	"update-gitops-repo/template"
	"update-gitops-repo/template/yamledit/yqedit"
)

const (
	repo  = "acme/gitops"
	token = "s3cret-s3cret-s3cret"
)

// world is a forge with a repository whose branch main has a file app.yaml with "tag: 0".
type world struct {
	*testing.T
	forge *forge.Server
	kind  forge.Kind
}

func newWorld(t *testing.T, kind forge.Kind) world {
	t.Helper()
	f, err := forge.Start(forge.Config{Kind: kind, Partial: true, Token: token, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := f.CreateRepo(repo, "main"); err != nil {
		t.Fatal(err)
	}
	w := world{t, f, kind}
	w.commit("main", "app.yaml", "tag: 0\n")
	return w
}

// commit has somebody else put a file onto a branch.
func (w world) commit(branch, name, text string) {
	w.Helper()
	dir := w.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	if err := w.forge.Seed(repo, branch, dir); err != nil {
		w.Fatal(err)
	}
}

// git runs git on the forge's repository and returns its output without the line end.
func (w world) git(args ...string) string {
	w.Helper()
	c := exec.Command("git", append([]string{"--git-dir=" + w.forge.GitDir(repo)}, args...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	out, err := c.CombinedOutput()
	if err != nil {
		w.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// branches returns the names of the branches, sorted.
func (w world) branches() string {
	return strings.ReplaceAll(w.git("for-each-ref", "--format=%(refname:short)", "refs/heads"), "\n", " ")
}

// pulls returns the number and state of each pull request.
func (w world) pulls() string {
	var all []string
	for _, pr := range w.forge.PullRequests(repo) {
		all = append(all, fmt.Sprintf("#%d %s", pr.Number, pr.State))
	}
	return strings.Join(all, ", ")
}

// client returns a client that repeats requests as the program's does.
func (w world) client() *http.Client {
	log := slog.New(slog.DiscardHandler)
	return &http.Client{Transport: retry.Transport{Next: http.DefaultTransport, Log: log, Silence: time.Minute}}
}

func (w world) provider() scm.Provider {
	w.Helper()
	config := scm.Config{BaseURL: w.forge.APIURL(), Repository: repo, Token: secret.New(token), HTTPClient: w.client()}
	var p scm.Provider
	var err error
	if w.kind == forge.GitHub {
		p, err = github.New(config)
	} else {
		p, err = gitlab.New(config)
	}
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// direct returns a plan that pushes the tag to main.
func (w world) direct(tag string) Plan {
	w.Helper()
	url, _, err := giturl.Parse(w.forge.CloneURL(repo))
	if err != nil {
		w.Fatal(err)
	}
	set, err := yqedit.ParseAssignment("app.yaml:.tag=" + tag)
	if err != nil {
		w.Fatal(err)
	}
	me := gitrepo.Signature{Name: "update", Email: "update@example.com", When: time.Now()}
	login := giturl.Credentials{Password: secret.New(token)}
	return Plan{
		Remote: gitrepo.Remote{URL: url, Credentials: login, HTTPClient: w.client()},
		Edits:  edits.Edits{Sets: []yqedit.Assignment{set}}, Author: me, Committer: me,
		Composer: message.Composer{App: "shop", Secrets: new(secret.Redactor)},
	}
}

// pull returns a plan that proposes the tag on a branch.
func (w world) pull(branch, tag string) Plan {
	p := w.direct(tag)
	p.Branch, p.Forge = branch, w.provider()
	p.Pull = &Pull{Request: scm.Request{Head: branch, MergeMethod: scm.MergeCommit}}
	return p
}

// run runs a plan and returns its report and its log.
func (w world) run(p Plan) (report.Report, string, error) {
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	r, err := Run(ctx, p, slog.New(slog.NewTextHandler(&log, nil)), p.Composer.Secrets)
	return r, log.String(), err
}

// must runs a plan that has to succeed.
func (w world) must(p Plan) report.Report {
	w.Helper()
	r, log, err := w.run(p)
	if err != nil {
		w.Fatalf("%v\n%s", err, log)
	}
	return r
}

// fail lets the nth request, from 1 on, of a method and a path that ends so fail.
func (w world) fail(fault forge.Fault, method, suffix string, nth int) {
	w.forge.FailRequests(func(_ int, r *http.Request) forge.Fault {
		if r.Method != method || !strings.HasSuffix(r.URL.Path, suffix) {
			return forge.NoFault
		}
		if nth--; nth != 0 {
			return forge.NoFault
		}
		return fault
	})
}

// state returns the state of a report's pull request, empty where it has none.
func state(r report.Report) string {
	if r.PullRequest == nil {
		return ""
	}
	return r.PullRequest.State
}

func TestDirect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	plan := w.direct("1")
	plan.DryRun = true
	r := w.must(plan)
	want := "--- a/app.yaml\n+++ b/app.yaml\n@@ -1 +1 @@\n-tag: 0\n+tag: 1\n"
	if !r.Changed || !r.DryRun || r.Commit != "" || r.Diff != want || w.git("show", "main:app.yaml") != "tag: 0" {
		t.Errorf("a dry run: %+v", r)
	}
	plan.DryRun, plan.WantDiff = false, true
	r = w.must(plan)
	if !r.Changed || r.Base != "main" || r.Branch != "main" || r.Commit != w.git("rev-parse", "main") ||
		!slices.Equal(r.Files, []string{"app.yaml"}) || r.Diff != "" ||
		r.Summary != (report.Summary{Title: "Update shop", Diff: want}) {
		t.Errorf("a push: %+v", r)
	}
	if r = w.must(plan); r.Changed || r.Commit != "" || len(r.Files) > 0 {
		t.Errorf("once more: %+v", r)
	}
	plan = w.direct("2")
	plan.Branch = "new"
	if r = w.must(plan); r.Base != "main" || r.Branch != "new" || w.git("show", "new:app.yaml") != "tag: 2" {
		t.Errorf("a new branch: %+v", r)
	}
	// From then on it is where the change starts.
	plan = w.direct("3")
	plan.Branch = "new"
	if r = w.must(plan); r.Base != "new" || w.git("rev-list", "--count", "new") != "4" {
		t.Errorf("an existing branch: %+v, %s commits", r, w.git("rev-list", "--count", "new"))
	}
}

func TestPull(t *testing.T) {
	t.Parallel()
	for _, kind := range []forge.Kind{forge.GitHub, forge.GitLab} {
		w := newWorld(t, kind)
		r := w.must(w.pull("a", "1"))
		if !r.Changed || state(r) != "created" || r.Commit != w.git("rev-parse", "a") {
			t.Errorf("%s: a new one: %+v", kind, r)
		}
		if r = w.must(w.pull("a", "1")); r.Changed || state(r) != "unchanged" || r.Commit != w.git("rev-parse", "a") {
			t.Errorf("%s: the same: %+v", kind, r)
		}
		if r = w.must(w.pull("a", "2")); !r.Changed || state(r) != "updated" {
			t.Errorf("%s: another tag: %+v", kind, r)
		}
		merge := w.pull("a", "2")
		merge.Pull.Request.Merge, merge.Pull.DeleteBranch = true, true
		r = w.must(merge)
		if state(r) != "merged" || w.branches() != "main" || w.git("show", "main:app.yaml") != "tag: 2" {
			t.Errorf("%s: merged: %+v, branches %s", kind, r, w.branches())
		}
		if r = w.must(merge); len(r.Files) > 0 || r.PullRequest != nil {
			t.Errorf("%s: merged already: %+v", kind, r)
		}
	}
}

// TestDeleteMerged checks that a branch that a run left behind when it was cut short is deleted by the next.
func TestDeleteMerged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	merge := w.pull("a", "1")
	merge.Pull.Request.Merge = true
	w.must(merge)
	merge.Pull.DeleteBranch = true
	if w.must(merge); w.branches() != "main" {
		t.Errorf("branches %s", w.branches())
	}
	// Not one that is not merged.
	open := w.pull("b", "2")
	open.Pull.DeleteBranch = true
	if _, log, err := w.run(open); err != nil || w.branches() != "b main" ||
		!strings.Contains(log, "the branch stays until the pull request is merged") {
		t.Errorf("%v, branches %s\n%s", err, w.branches(), log)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	plan := w.pull("a", "1")
	plan.Pull.Wait = true
	plan.Pull.Request.Merge = true
	if r := w.must(plan); state(r) != "merged" {
		t.Errorf("%+v", r)
	}
	// Somebody merges it.
	plan = w.pull("b", "2")
	plan.Pull.Wait = true
	merge := w.pull("b", "2")
	merge.Pull.Request.Merge = true
	var somebody sync.WaitGroup
	defer somebody.Wait()
	somebody.Go(func() {
		for w.pulls() != "#1 merged, #2 open" {
			time.Sleep(10 * time.Millisecond)
		}
		if _, log, err := w.run(merge); err != nil {
			t.Errorf("%v\n%s", err, log)
		}
	})
	if r := w.must(plan); state(r) != "merged" {
		t.Errorf("%+v", r)
	}
}

// TestForeign checks that somebody else's commits are replaced only where that is asked for.
func TestForeign(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	w.must(w.pull("a", "1"))
	w.commit("a", "mine", "x")
	plan := w.pull("a", "2")
	var foreign *ForeignError
	want := `branch "a" holds commits that are not of this app's updates: `
	if _, _, err := w.run(plan); !errors.As(err, &foreign) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	plan.ReplaceForeign = true
	if r := w.must(plan); !r.Changed || w.git("rev-list", "--count", "main..a") != "1" {
		t.Errorf("replaced: %+v", r)
	}
	many := &ForeignError{branch: "a", commits: make([]gitrepo.Log, 7)}
	if !strings.HasSuffix(many.Error(), ", and 2 more") {
		t.Errorf("many: %v", many)
	}
}

// TestLostAnswer checks that a push and a pull request whose answers are lost are this run's all the same.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for _, request := range []struct{ method, suffix string }{
		{"POST", "/git-receive-pack"}, {"POST", "/pulls"}, {"GET", "/git-upload-pack"}, {"POST", "/git-upload-pack"},
	} {
		w := newWorld(t, forge.GitHub)
		w.fail(forge.Lost, request.method, request.suffix, 1)
		r := w.must(w.pull("a", "1"))
		if !r.Changed || r.Commit != w.git("rev-parse", "a") || w.git("rev-list", "--count", "main..a") != "1" {
			t.Errorf("%v: %+v", request, r)
		}
		if state(r) != "created" || w.pulls() != "#1 open" {
			t.Errorf("%v: %s, %s", request, state(r), w.pulls())
		}
	}
}

// TestLostThenMerged checks that a pull request whose creation went unanswered counts as merged once it is.
func TestLostThenMerged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	w.fail(forge.Lost, "POST", "/pulls", 1)
	plan := w.pull("a", "1")
	plan.Pull.Request.Merge = true
	if r := w.must(plan); state(r) != "merged" || w.pulls() != "#1 merged" {
		t.Errorf("%s, %s", state(r), w.pulls())
	}
}

// TestLostBelowOthers checks that a push whose answer is lost is found below what somebody has pushed since.
func TestLostBelowOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	pushes := 0
	w.forge.FailRequests(func(_ int, r *http.Request) forge.Fault {
		if strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
			if pushes++; pushes == 1 {
				return forge.Lost
			}
		}
		if pushes == 1 && r.URL.Query().Get("service") == "git-upload-pack" {
			pushes++
			w.commit("main", "other", "x")
		}
		return forge.NoFault
	})
	r := w.must(w.direct("1"))
	if !r.Changed || r.Commit != w.git("rev-parse", "main~1") || w.git("rev-list", "--count", "main") != "3" {
		t.Errorf("%+v, %s", r, w.git("log", "--format=%H %s", "main"))
	}
}

// TestRace checks that a change is made again on what somebody else has pushed meanwhile.
func TestRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	raced := false
	w.forge.FailRequests(func(_ int, r *http.Request) forge.Fault {
		if r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/git-receive-pack") && !raced {
			raced = true
			w.commit("main", "other", "x")
		}
		return forge.NoFault
	})
	r, log, err := w.run(w.direct("1"))
	commits := w.git("rev-list", "--count", "main")
	if err != nil || !r.Changed || commits != "3" || !strings.Contains(log, "lost a race") {
		t.Errorf("%v: %+v\n%s", err, r, log)
	}
}

// beforeMerge has somebody else act before the first order to merge.
func (w world) beforeMerge(act func()) {
	acted := false
	w.forge.FailRequests(func(_ int, r *http.Request) forge.Fault {
		if r.Method == "PUT" && strings.HasSuffix(r.URL.Path, "/merge") && !acted {
			acted = true
			act()
		}
		return forge.NoFault
	})
}

// TestBaseMoved checks that a pull request that conflicts with what its base has got meanwhile is made again.
func TestBaseMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	w.beforeMerge(func() { w.commit("main", "app.yaml", "tag: 9\n") })
	plan := w.pull("a", "1")
	plan.Pull.Request.Merge = true
	r, log, err := w.run(plan)
	if err != nil || state(r) != "merged" || w.git("show", "main:app.yaml") != "tag: 1" ||
		!strings.Contains(log, "the branches have moved, starting again") {
		t.Errorf("%v: %+v\n%s", err, r, log)
	}
}

// TestBaseMovedForGood checks that the pull request is reported where its change cannot be made on the new base.
func TestBaseMovedForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	w.beforeMerge(func() { w.commit("main", "app.yaml", "version: 9\n") })
	plan := w.pull("a", "1")
	plan.Pull.Request.Merge = true
	r, log, err := w.run(plan)
	var failed *edits.Error
	if !errors.As(err, &failed) || state(r) != "created" || !r.Changed {
		t.Errorf("%v: %+v\n%s", err, r, log)
	}
}

// TestBranchTaken checks that a build gives way to a newer one that has taken its branch before the merge.
func TestBranchTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	w.beforeMerge(func() {
		newer := w.git("-c", "user.name=x", "-c", "user.email=x@example.com", "commit-tree", "-p", "main",
			"-m", "Update shop\n\nUpdate-App: shop\nUpdate-Sequence: 2", "a^{tree}")
		w.git("update-ref", "refs/heads/a", newer)
	})
	plan := w.pull("a", "1")
	plan.Pull.Request.Merge, plan.Composer.Sequence = true, 1
	r, log, err := w.run(plan)
	if err != nil || r.SupersededBy != 2 || r.Changed || w.pulls() != "#1 open" {
		t.Errorf("%v: %+v, %s\n%s", err, r, w.pulls(), log)
	}
}

// TestNotMergeable checks that a refusal is an error where making the pull request again changes nothing.
func TestNotMergeable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	if err := w.forge.Protect(repo, "main"); err != nil {
		t.Fatal(err)
	}
	plan := w.pull("a", "1")
	plan.Pull.Request.Merge = true
	if r, log, err := w.run(plan); !errors.Is(err, scm.ErrNotMergeable) || state(r) != "created" {
		t.Errorf("%v: %+v\n%s", err, r, log)
	}
}

func TestCommitAPI(t *testing.T) {
	t.Parallel()
	for _, kind := range []forge.Kind{forge.GitHub, forge.GitLab} {
		w := newWorld(t, kind)
		plan := w.pull("a", "1")
		plan.CommitAPI = plan.Forge.(scm.Committer)
		r := w.must(plan)
		if !r.Changed || state(r) != "created" || r.Commit != w.git("rev-parse", "a") || w.branches() != "a main" {
			t.Errorf("%s: %+v, branches %s", kind, r, w.branches())
		}
		// What a run leaves that was cut short, the next one deletes.
		tip, tree := w.git("rev-parse", "main"), w.git("rev-parse", "a^{tree}")
		scratch := fmt.Sprintf("update-gitops-repo-%.12s-%.12s", tip, tree)
		w.git("branch", scratch, "main")
		if r = w.must(plan); r.Changed || w.branches() != "a main" {
			t.Errorf("%s: once more: %+v, branches %s", kind, r, w.branches())
		}
	}
}

// TestCommitAPIInterrupted checks that a run that is interrupted deletes its scratch branch.
func TestCommitAPIInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	scratch := ""
	w.forge.FailRequests(func(_ int, r *http.Request) forge.Fault {
		if strings.HasSuffix(r.URL.Path, "/graphql") {
			scratch = w.branches()
			cancel()
			return forge.Reset
		}
		return forge.NoFault
	})
	plan := w.direct("1")
	plan.CommitAPI = w.provider().(scm.Committer)
	_, err := Run(ctx, plan, slog.New(slog.DiscardHandler), plan.Composer.Secrets)
	if !errors.Is(err, context.Canceled) || !strings.Contains(scratch, "update-gitops-repo-") ||
		w.branches() != "main" {
		t.Errorf("%v: then branches %s, now %s", err, scratch, w.branches())
	}
}

// TestCommitAPIRace checks that a commit by the forge loses a race as a push does, and leaves no branch behind.
func TestCommitAPIRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	raced := false
	w.forge.FailRequests(func(_ int, r *http.Request) forge.Fault {
		if strings.HasSuffix(r.URL.Path, "/graphql") && !raced {
			raced = true
			w.commit("main", "other", "x")
		}
		return forge.NoFault
	})
	plan := w.direct("1")
	plan.CommitAPI = w.provider().(scm.Committer)
	if r := w.must(plan); !r.Changed || w.git("rev-list", "--count", "main") != "3" || w.branches() != "main" {
		t.Errorf("%+v, branches %s", r, w.branches())
	}
}

// TestCommitAPIFiles checks that what the forge cannot commit is refused.
func TestCommitAPIFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "run.yaml"), []byte("tag: 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.forge.Seed(repo, "main", dir); err != nil {
		t.Fatal(err)
	}
	plan := w.direct("1")
	plan.CommitAPI = w.provider().(scm.Committer)
	plan.Edits.Sets[0].File = "run.yaml"
	if _, _, err := w.run(plan); !errors.Is(err, ErrOnlyRegular) || !strings.HasPrefix(err.Error(), "run.yaml: ") {
		t.Errorf("got %v", err)
	}
}

// TestSequence checks that a build does nothing where a newer one is: on the base, on its branch, or proposed.
func TestSequence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	build := func(p Plan, n int64) Plan {
		p.Composer.Sequence = n
		return p
	}
	w.must(build(w.direct("2"), 2))
	if r := w.must(build(w.direct("1"), 1)); r.SupersededBy != 2 || r.Changed {
		t.Errorf("on the base: %+v", r)
	}
	w.must(build(w.pull("a", "4"), 4))
	if r := w.must(build(w.pull("b", "3"), 3)); r.SupersededBy != 4 || r.PullRequest != nil {
		t.Errorf("proposed: %+v", r)
	}
	direct := build(w.direct("3"), 3)
	direct.Base, direct.Branch, direct.Pull = "main", "a", new(Pull)
	if r := w.must(direct); r.SupersededBy != 4 || r.Changed {
		t.Errorf("on its branch: %+v", r)
	}
	other := build(w.pull("other", "9"), 9)
	other.Composer.App = "till"
	w.must(other)
	if r := w.must(build(w.pull("b", "5"), 5)); !r.Changed || state(r) != "created" {
		t.Errorf("newer than all of the app, if not than another app's: %+v", r)
	}
}

func TestSupersede(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	w.must(w.pull("a", "1"))
	w.must(w.pull("b", "2"))
	w.commit("b", "mine", "x")
	plan := w.pull("c", "3")
	plan.Pull.Supersede = true
	r, log, err := w.run(plan)
	if err != nil || state(r) != "created" ||
		w.pulls() != "#1 closed, #2 open, #3 open" || w.branches() != "b c main" ||
		!strings.Contains(log, "left open: its branch has someone else's commits") {
		t.Errorf("%v: %+v, %s, branches %s\n%s", err, r, w.pulls(), w.branches(), log)
	}
	// On the base already, what proposed it is of no use any more.
	w.must(w.direct("3"))
	plan.Pull.Supersede = false
	r, log, err = w.run(plan)
	if err != nil || state(r) != "unchanged" || !strings.Contains(log, "-supersede would close it") {
		t.Errorf("%v: %+v\n%s", err, r, log)
	}
	plan.Pull.Supersede = true
	r = w.must(plan)
	if state(r) != "closed" || w.pulls() != "#1 closed, #2 open, #3 closed" || w.branches() != "b main" {
		t.Errorf("%+v, %s, branches %s", r, w.pulls(), w.branches())
	}
}

// TestOvertaken checks that a build closes its own pull request where a newer one has opened another meanwhile.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	newer := w.pull("b", "8")
	newer.Composer.Sequence = 8
	var overtaken atomic.Bool
	var other sync.WaitGroup
	defer other.Wait()
	w.forge.FailRequests(func(_ int, r *http.Request) forge.Fault {
		if r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/pulls") && overtaken.CompareAndSwap(false, true) {
			other.Go(func() {
				if _, log, err := w.run(newer); err != nil {
					t.Errorf("%v\n%s", err, log)
				}
			})
		}
		return forge.NoFault
	})
	older := w.pull("a", "7")
	older.Composer.Sequence, older.Pull.Supersede = 7, true
	older.Forge = slowLister{older.Forge, func() {
		for overtaken.Load() && len(w.forge.PullRequests(repo)) < 2 {
			time.Sleep(10 * time.Millisecond)
		}
	}}
	r := w.must(older)
	if r.SupersededBy != 8 || r.Changed || state(r) != "closed" ||
		w.pulls() != "#1 closed, #2 open" || w.branches() != "b main" {
		t.Errorf("%+v, %s, branches %s", r, w.pulls(), w.branches())
	}
}

// slowLister is a forge that lists late.
type slowLister struct {
	scm.Provider
	before func()
}

func (l slowLister) List(ctx context.Context, base string) ([]scm.PullRequest, error) {
	l.before()
	return l.Provider.(scm.Lister).List(ctx, base)
}

func (l slowLister) Close(ctx context.Context, pr scm.PullRequest, comment string) error {
	return l.Provider.(scm.Closer).Close(ctx, pr, comment)
}

// TestOutdated checks which pull requests are older than the one of this run, which has the number 5.
func TestOutdated(t *testing.T) {
	pull := func(number int, app string, sequence int64) scm.PullRequest {
		return scm.PullRequest{Number: number, Body: message.Marker{App: app, Sequence: sequence}.String()}
	}
	for _, test := range []struct {
		name   string
		own    int64 // the number of this build
		pulls  []scm.PullRequest
		older  []int
		newest int64
	}{
		{"none", 7, nil, nil, 7},
		{"itself", 7, []scm.PullRequest{pull(5, "shop", 7)}, nil, 7},
		{"itself, which a newer build has taken over", 7, []scm.PullRequest{pull(5, "shop", 8)}, nil, 7},
		{"an older build", 7, []scm.PullRequest{pull(4, "shop", 6), pull(6, "shop", 6)}, []int{4, 6}, 7},
		{"a newer build", 7, []scm.PullRequest{pull(4, "shop", 8), pull(6, "shop", 9)}, nil, 9},
		{"the same build", 7, []scm.PullRequest{pull(4, "shop", 7), pull(6, "shop", 7)}, []int{4}, 7},
		{"no number", 7, []scm.PullRequest{pull(4, "shop", 0), pull(6, "shop", 0)}, []int{4, 6}, 7},
		{"no order", 0, []scm.PullRequest{pull(4, "shop", 8), pull(6, "shop", 8)}, []int{4}, 0},
		{"another app", 7, []scm.PullRequest{pull(4, "blog", 6), {Number: 3}, pull(6, "blog", 8)}, nil, 7},
	} {
		u := updater{plan: Plan{Composer: message.Composer{App: "shop", Sequence: test.own}}}
		pulls, newest := u.outdated(test.pulls, 5)
		var older []int
		for _, pr := range pulls {
			older = append(older, pr.Number)
		}
		if !slices.Equal(older, test.older) || newest != test.newest {
			t.Errorf("%s: older are %d, the newest build is %d; want %d, %d",
				test.name, older, newest, test.older, test.newest)
		}
	}
}

// TestSecrets checks that nothing is pushed that has a secret of the run in it, unless it was there before.
func TestSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	const mine = "token-of-20-characters"
	for want, change := range map[string]func(*Plan){
		"the branch's name: ":                              func(p *Plan) { p.Branch = mine },
		"the commit's author or committer: ":               func(p *Plan) { p.Committer.Name = mine },
		"the commit message: ":                             func(p *Plan) { p.Composer.Commit = mine },
		"the pull request's labels, people or milestone: ": func(p *Plan) { p.Pull.Request.Milestone = mine },
		"the name of a file: ": func(p *Plan) {
			p.Edits.Local = []edits.LocalTemplate{{Source: "../../../go.mod", Dest: mine}}
		},
		"app.yaml: ": func(p *Plan) { p.Edits.Sets[0].Value = mine },
	} {
		plan := w.pull("a", "1")
		plan.Composer.Secrets.Add(secret.New(mine))
		change(&plan)
		if _, _, err := w.run(plan); !errors.Is(err, ErrSecret) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	w.commit("main", "app.yaml", "tag: 0\nold: "+mine+"\n")
	plan := w.pull("a", "1")
	plan.Composer.Secrets.Add(secret.New(mine))
	if r := w.must(plan); !r.Changed || strings.Contains(r.Summary.Diff, mine) {
		t.Errorf("%+v", r)
	}
	// The name of a base that is there already is told in a comment.
	w.git("branch", mine, "main")
	plan = w.pull("b", "1")
	plan.Base, plan.Pull.Supersede = mine, true
	w.must(plan)
	w.commit(mine, "app.yaml", "tag: 1\nold: "+mine+"\n")
	plan.Composer.Secrets.Add(secret.New(mine))
	r := w.must(plan)
	comments := w.forge.PullRequests(repo)[1].Comments
	if state(r) != "closed" || len(comments) != 1 || strings.Contains(comments[0], mine) {
		t.Errorf("%+v, comments %q", r, comments)
	}
}

// TestRefused checks what only the repository tells to be wrong with a plan.
func TestRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	if _, _, err := w.run(w.pull("main", "1")); !errors.Is(err, ErrSameBranch) {
		t.Errorf("a pull request from the base: %v", err)
	}
	plan := w.direct("1")
	plan.Edits.Sets[0].File = "none.yaml"
	var failed *edits.Error
	if r, _, err := w.run(plan); !errors.As(err, &failed) || failed.Flag != "-set" || r.Base != "main" {
		t.Errorf("a file that is not there: %+v, %v", r, err)
	}
	plan = w.pull("a", "1")
	plan.Composer.Title = "$(< .none >)"
	if _, _, err := w.run(plan); !errors.Is(err, template.ErrMissingKey) {
		t.Errorf("a template: %v", err)
	}
	w.git("symbolic-ref", "HEAD", "refs/heads/none")
	if _, _, err := w.run(w.direct("1")); !errors.Is(err, ErrNoDefault) {
		t.Errorf("no default branch: %v", err)
	}
	plan = w.direct("1")
	plan.Remote.Credentials = giturl.Credentials{Password: secret.New("wrong")}
	if _, _, err := w.run(plan); !errors.Is(err, gitrepo.ErrAuth) {
		t.Errorf("a wrong token: %v", err)
	}
}
