package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"update-gitops-repo/integration/forge"
)

// unfinished is a run in which a step fails for good, and what the run says of it.
type unfinished struct {
	step    string
	flags   string
	before  string     // flags of a run before it; empty: there is none
	on      forge.Kind // empty: both
	request string     // the end of METHOD PATH, which fails from the nth on; PULLS and EDIT are as the forge has them
	nth     int

	fails string // what the error has; PR stands for a number, CAUSE for the forge and its words
	state string // of the pull request; empty: there is none
	left  left
	waits bool // another run waits for somebody
}

// left is what stands on the branch after a failure.
type left int

const (
	nothing left = iota
	theirs       // the commit of a run before it
	ours
)

const (
	cause    = `(github|gitlab): acme/gitops: (refused|cannot be merged): 422 ` + forge.Words + `$`
	pushed   = `^branch "shop-1a2b3c4" is pushed; `
	sameRun  = "-git-revision=1a2b3c4d5e6f"
	olderRun = "-git-revision=aaaaaaa -set=values.yaml:.image.tag=v1a"
)

// The table: each step of a run, and what comes of it when it fails.
var unfinishedRuns = []unfinished{
	{step: "read the branches", request: "GET /acme/gitops.git/info/refs",
		fails: `^http://.*` + forge.Words},
	{step: "fetch", request: "POST /git-upload-pack", fails: `^http://.*` + forge.Words},
	{step: "look for the pull request", request: "GET PULLS", fails: `^` + cause},
	{step: "push", request: "POST /git-receive-pack",
		fails: `^http://.*: push to branch "shop-1a2b3c4": push refused: .*` + forge.Words},
	{step: "push to an open pull request", before: "-set=values.yaml:.image.tag=v9", request: "POST /git-receive-pack",
		fails: `^http://.*: push to branch "shop-1a2b3c4": push refused: `, state: "unchanged"},
	{step: "open", request: "POST PULLS", fails: pushed + `opening the pull request failed: ` + cause, left: ours},
	{step: "open on a branch of before", before: "-create-pull-request=false -branch=shop-1a2b3c4",
		request: "POST PULLS", fails: pushed + `opening the pull request failed: ` + cause, left: theirs},
	{step: "update", before: sameRun, flags: "-pr-title=x", request: "EDIT PULLS/1",
		fails: `^PR is open; updating its title and text failed: ` + cause, state: "unchanged", left: theirs},
	{step: "update after a push", before: "-set=values.yaml:.image.tag=v9", flags: "-pr-title=x",
		request: "EDIT PULLS/1", fails: `^PR is open; updating its title and text failed: ` + cause,
		state: "updated", left: ours},
	{step: "label", on: forge.GitHub, flags: "-pr-label=deploy", request: "POST /issues/1/labels",
		fails: `^PR is open; adding the label deploy failed: ` + cause, state: "created", left: ours},
	{step: "labels", on: forge.GitLab, before: sameRun, flags: "-pr-label=a -pr-label=b",
		request: "PUT /merge_requests/1", fails: `^PR is open; adding the labels a, b failed: ` + cause,
		state: "unchanged", left: theirs},
	{step: "assign", on: forge.GitHub, flags: "-pr-label=a -pr-assignee=kim", request: "PATCH /issues/1",
		fails: `^PR is open; adding the label a and assigning kim failed: ` + cause, state: "created", left: ours},
	{step: "assign", on: forge.GitLab, before: sameRun, flags: "-pr-assignee=kim", request: "GET /users",
		fails: `^PR is open; assigning kim failed: ` + cause, state: "unchanged", left: theirs},
	{step: "milestone", before: sameRun, flags: "-pr-milestone=Seven", request: "GET /milestones",
		fails: `^PR is open; setting the milestone "Seven" failed: ` + cause, state: "unchanged", left: theirs},
	{step: "look up people", on: forge.GitLab, flags: "-pr-reviewer=kim", request: "GET /users",
		fails: pushed + `opening the pull request failed: ` + cause, left: ours},
	{step: "review", on: forge.GitHub, flags: "-pr-reviewer=kim", request: "POST /requested_reviewers",
		fails: `^PR is open; asking kim for a review failed: ` + cause, state: "created", left: ours},
	{step: "review", on: forge.GitLab, before: sameRun, flags: "-pr-reviewer=kim", request: "PUT /merge_requests/1",
		fails: `^PR is open; asking kim for a review failed: ` + cause, state: "unchanged", left: theirs},
	{step: "merge", flags: "-merge-pull-request -delete-branch", request: "PUT /1/merge",
		fails: `^PR is open; merging it failed: ` + cause, state: "created", left: ours},
	{step: "auto-merge", on: forge.GitHub, flags: "-auto-merge", request: "POST /graphql",
		fails: `^PR is open; enabling auto-merge failed: ` + cause, state: "created", left: ours},
	{step: "auto-merge", on: forge.GitLab, flags: "-auto-merge", request: "PUT /1/merge",
		fails: `^PR is open; enabling auto-merge failed: ` + cause, state: "created", left: ours},
	{step: "wait", flags: "-wait", request: "GET PULLS/1", waits: true,
		fails: `^PR is open; waiting for it to be merged failed: ` + cause, state: "created", left: ours},
	{step: "delete the branch", flags: "-merge-pull-request -delete-branch", request: "POST /git-receive-pack", nth: 1,
		fails: `^PR is merged; its branch is left: http://.*: delete branch "shop-1a2b3c4": .*` + forge.Words,
		state: "merged", left: ours},
	{step: "delete the branch of a squash", flags: "-merge-pull-request -merge-method=squash -delete-branch",
		request: "POST /git-receive-pack", nth: 1, fails: `^PR is merged; its branch is left: `,
		state: "merged", left: ours},
	{step: "look for what it supersedes", before: olderRun, flags: "-supersede", request: "GET PULLS", nth: 1,
		fails: `^PR is open; looking for pull requests that it supersedes failed: ` + cause,
		state: "created", left: ours},
	{step: "delete a superseded branch", before: olderRun, flags: "-supersede",
		request: "POST /git-receive-pack", nth: 1,
		fails: `^PR is open; closing #1, which it supersedes, failed: http://.*` + forge.Words,
		state: "created", left: ours},
	{step: "close what it supersedes", before: olderRun, flags: "-supersede", request: "GET PULLS/1",
		fails: `^PR is open; closing #1, which it supersedes, failed: ` + cause, state: "created", left: ours},
	{step: "commit by the API", flags: "-commit-via-api", request: "POST /git-receive-pack", nth: 1,
		fails: `^http://.*: move branch "shop-1a2b3c4": push refused: .*` + forge.Words},
	{step: "delete the scratch branch", flags: "-commit-via-api", request: "POST /git-receive-pack", nth: 2,
		fails: pushed + `http://.*: delete branch "update-gitops-repo-`, left: ours},
}

// TestUnfinished has each step of a run fail for good. The error names the step, and what stands by then; the report
// and the results say what was done and no more, with no empty field in the report; and another run goes on from there:
// it ends as one in which nothing fails.
func TestUnfinished(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	dialMemory(t)
	w := newWalk(t)
	defer w.wait()
	for _, u := range unfinishedRuns {
		for _, kind := range []forge.Kind{forge.GitHub, forge.GitLab} {
			if u.on == "" || u.on == kind {
				name := fmt.Sprintf("%s/%s", kind, u.step)
				w.cell(name, name, func(t *testing.T) { u.test(t, kind, w.seeded) })
			}
		}
	}
}

func (u unfinished) world(t *testing.T, kind forge.Kind, seeded string) world {
	t.Helper()
	r := recipe{kind: kind, partial: true, more: strings.Fields(u.flags)}
	if u.before != "" {
		r.before = strings.Fields(u.before)
	}
	w := r.world(t, seeded)
	w.forge.AddUser("kim")
	if err := w.forge.AddMilestone(repo, "Seven"); err != nil {
		t.Fatal(err)
	}
	return w
}

func (u unfinished) test(t *testing.T, kind forge.Kind, seeded string) {
	w := u.world(t, kind, seeded)
	u.fail(w.forge, kind)
	dir := t.TempDir()
	outputs, env := filepath.Join(dir, "outputs"), filepath.Join(dir, "env")
	got := runProgram(t.Context(), []string{"GITHUB_OUTPUT=" + outputs},
		append(w.args, "-output=json", "-result-dir="+filepath.Join(dir, "results"), "-result-env="+env)...)
	w.forge.FailRequests(nil)
	told := u.checkReport(t, w.forge, got)
	checkResults(t, told, filepath.Join(dir, "results"), read(t, outputs), read(t, env))

	if u.waits {
		return
	}
	// Another run goes on from there.
	want := u.world(t, kind, seeded)
	if first := runProgram(t.Context(), nil, want.args...); first.code != 0 {
		t.Fatalf("without faults: %+v", first)
	}
	runsAgain(t, w, end{state: portable(want.forge, endState(t, want.forge))})
}

// TestUnfinishedResults: where the place of the results goes while the run is at work, the error names what stands.
func TestUnfinishedResults(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	dialMemory(t)
	w := newWalk(t)
	defer w.wait()
	for _, test := range []struct{ name, flags, fails string }{
		{"pull request", "-pr-title=x", `^pull request #1 is open; write the results: open `},
		{"direct", "-create-pull-request=false", `^branch "main" is pushed; write the results: open `},
	} {
		w.cell(test.name, test.name, func(t *testing.T) {
			run := recipe{kind: forge.GitHub, partial: true, more: strings.Fields(test.flags)}.world(t, w.seeded)
			dir := filepath.Join(t.TempDir(), "results")
			run.forge.FailRequests(func(int, *http.Request) forge.Fault {
				if err := os.RemoveAll(dir); err != nil {
					t.Error(err)
				}
				return forge.NoFault
			})
			got := runProgram(t.Context(), nil, append(run.args, "-output=json", "-result-dir="+dir)...)
			var told report
			if err := json.Unmarshal([]byte(got.stdout), &told); err != nil || got.code != 1 || !told.Changed ||
				told.Commit == "" || !regexp.MustCompile(test.fails).MatchString(told.Error) {
				t.Errorf("%v: %+v", err, got)
			}
		})
	}
}

// fail has the requests of the step fail.
func (u unfinished) fail(f *forge.Server, kind forge.Kind) {
	pulls, edit := "/pulls", "PATCH"
	if kind == forge.GitLab {
		pulls, edit = "/merge_requests", "PUT"
	}
	method, path, _ := strings.Cut(strings.NewReplacer("PULLS", pulls, "EDIT", edit).Replace(u.request), " ")
	met := 0
	f.FailRequests(func(_ int, r *http.Request) forge.Fault {
		if r.Method != method || !strings.HasSuffix(r.URL.Path, path) {
			return forge.NoFault
		}
		if met++; met <= u.nth {
			return forge.NoFault
		}
		return forge.Invalid
	})
}

// report is what the program prints with -output=json.
type report struct {
	Changed     bool
	Commit      string
	PullRequest *struct {
		Number     int
		URL, State string
	}
	Error, Hint string
	ExitCode    int
}

// checkReport holds the report against the table and the forge.
func (u unfinished) checkReport(t *testing.T, f *forge.Server, got result) report {
	t.Helper()
	var told report
	if err := json.Unmarshal([]byte(got.stdout), &told); err != nil || strings.Count(got.stdout, "\n") != 1 {
		t.Fatalf("%v: %+v", err, got)
	}
	if regexp.MustCompile(`""|null|\[\]|\{\}`).MatchString(got.stdout) {
		t.Errorf("the report has empty fields: %s", got.stdout)
	}
	pr := ""
	if told.PullRequest != nil {
		pr = told.PullRequest.State
		want := f.PullRequests(repo)[told.PullRequest.Number-1]
		if !strings.HasSuffix(told.PullRequest.URL, "/"+strconv.Itoa(want.Number)) || want.Head != "shop-1a2b3c4" {
			t.Errorf("the report has another pull request: %s", got.stdout)
		}
		u.fails = strings.ReplaceAll(u.fails, "PR", fmt.Sprintf("pull request #%d", want.Number))
	}
	if got.code != 1 || told.ExitCode != 1 || !regexp.MustCompile(u.fails).MatchString(told.Error) || pr != u.state {
		t.Errorf("exit code %d, want the state %q and the error %s: %s", got.code, u.state, u.fails, got.stdout)
	}
	if !strings.HasSuffix(got.stderr, "error: "+told.Error+"\nhint: "+told.Hint+"\n") {
		t.Errorf("stderr has another error: %+v", got)
	}
	if u.left == nothing && (told.Commit != "" || told.Changed) || u.left == theirs && told.Changed ||
		u.left == ours && !told.Changed {
		t.Errorf("want the commit %d: %s", u.left, got.stdout)
	}
	if u.left != nothing {
		if tip := gitOn(t, f, "rev-parse", "shop-1a2b3c4"); strings.TrimSpace(tip) != told.Commit {
			t.Errorf("the branch is at %s: %s", tip, got.stdout)
		}
	}
	return told
}

// checkResults holds what later steps of the pipeline read against the report.
func checkResults(t *testing.T, told report, dir, outputs, env string) {
	t.Helper()
	want := map[string]string{
		"changed": strconv.FormatBool(told.Changed), "branch": "shop-1a2b3c4", "commit": told.Commit,
		"pull-request-url": "", "pull-request-number": "",
	}
	if pr := told.PullRequest; pr != nil {
		want["pull-request-url"], want["pull-request-number"] = pr.URL, strconv.Itoa(pr.Number)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(want) {
		t.Errorf("%d results: %v", len(files), err)
	}
	for name, value := range want {
		variable := "GITOPS_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if got := read(t, filepath.Join(dir, name)); got != value ||
			!strings.Contains("\n"+outputs, "\n"+name+"="+value+"\n") ||
			!strings.Contains("\n"+env, "\n"+variable+"="+value+"\n") {
			t.Errorf("%s is %q, want %q; outputs %s, variables %s", name, got, value, outputs, env)
		}
	}
}
