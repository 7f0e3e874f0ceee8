package scm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"regexp"
	"strings"
	"sync"
	"testing"

	"update-gitops-repo/integration/forge"
	"update-gitops-repo/scm"
	"update-gitops-repo/scm/github"
	"update-gitops-repo/scm/gitlab"
	"update-gitops-repo/secret"
)

const (
	token     = "s3cr3t-t0ken"
	readToken = "s3cr3t-r3ad-t0ken"
	jobToken  = "s3cr3t-j0b-t0ken"
	repo      = "acme/gitops"
)

// The providers, which all go through the same tests.
var kinds = []forge.Kind{forge.GitHub, forge.GitLab}

func provider(t *testing.T, kind forge.Kind, cfg scm.Config) scm.Provider {
	t.Helper()
	var p scm.Provider
	var err error
	switch kind {
	case forge.GitHub:
		p, err = github.New(cfg)
	case forge.GitLab:
		p, err = gitlab.New(cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// world is a forge with one repository, which has the branches main and change; change is one commit ahead.
type world struct {
	*forge.Server
	t    *testing.T
	kind forge.Kind
}

func newWorld(t *testing.T, kind forge.Kind) world {
	t.Helper()
	srv, err := forge.Start(forge.Config{
		Kind: kind, Token: token, ReadToken: readToken, JobToken: jobToken, Dir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	w := world{Server: srv, t: t, kind: kind}
	if err := srv.CreateRepo(repo, "main"); err != nil {
		t.Fatal(err)
	}
	w.commit("main", "image: hello:1")
	w.branch("change")
	w.commit("change", "image: hello:2")
	return w
}

func (w world) config() scm.Config {
	return scm.Config{BaseURL: w.APIURL(), Repository: repo, Token: secret.New(token), HTTPClient: new(http.Client)}
}

func (w world) provider() scm.Provider { return provider(w.t, w.kind, w.config()) }

// git runs git on the repository and returns what it printed.
func (w world) git(args ...string) string {
	w.t.Helper()
	out, err := exec.Command("git", append([]string{"--git-dir=" + w.GitDir(repo)}, args...)...).Output()
	if err != nil {
		w.t.Fatalf("git %s: %v", args[0], err)
	}
	return strings.TrimSpace(string(out))
}

// branch makes a branch where main is.
func (w world) branch(name string) { w.t.Helper(); w.git("branch", name, "main") }

func (w world) tip(branch string) string { w.t.Helper(); return w.git("rev-parse", branch) }

// commit puts a commit on top of branch that sets the repository's one file.
func (w world) commit(branch, content string) {
	w.t.Helper()
	dir := w.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.yaml"), []byte(content+"\n"), 0o644); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Seed(repo, branch, dir); err != nil {
		w.t.Fatal(err)
	}
}

// request asks for a pull request from change to main.
func (w world) request() scm.Request {
	return scm.Request{
		Head: "change", Base: "main", HeadSHA: w.tip("change"),
		Title: "Deploy hello", Body: "From **hello**.\n\nTo `main`.\n",
	}
}

// calls returns method and path of the API requests since the first n.
func (w world) calls(n int) []string {
	var calls []string
	for _, r := range w.Requests()[n:] {
		path, _, _ := strings.Cut(r.Path, "?")
		calls = append(calls, r.Method+" "+path[strings.LastIndex(path, "/")+1:])
	}
	return calls
}

// each runs a test for all providers.
func each(t *testing.T, test func(t *testing.T, w world)) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, kind))
		})
	}
}

// checkError checks what holds for all errors of a provider, and the kind. Open names the step before it.
func checkError(t *testing.T, w world, err, kind error) {
	t.Helper()
	subject := string(w.kind) + ": " + repo + ": "
	switch {
	case err == nil:
		t.Fatalf("no error, want %v", kind)
	case kind != nil && !errors.Is(err, kind):
		t.Errorf("got error %v, want %v", err, kind)
	case strings.Count(err.Error(), subject) != 1 ||
		!regexp.MustCompile(`^([a-z][^:]* failed: )?`+subject).MatchString(err.Error()):
		t.Errorf("error %q does not begin with %q, once", err, subject)
	case strings.Contains(err.Error(), token):
		t.Errorf("error %q holds the token", err)
	case strings.ContainsAny(err.Error(), "\n\r\t"):
		t.Errorf("error %q has more than one line", err)
	}
}

// open does what a run does: it looks for the pull request, and then makes it what is asked for.
func open(ctx context.Context, p scm.Provider, r scm.Request) (scm.PullRequest, error) {
	if scm.Check(p, r) != nil {
		return scm.Open(ctx, p, r, nil)
	}
	found, err := p.Find(ctx, r.Head, r.Base)
	if errors.Is(err, scm.ErrNotFound) {
		return scm.Open(ctx, p, r, nil)
	}
	if err != nil {
		return scm.PullRequest{}, err
	}
	return scm.Open(ctx, p, r, &found)
}

// A pull request is opened once, and changed only where it differs; and none of it takes a call too many.
func TestOpen(t *testing.T) {
	t.Parallel()
	one := map[forge.Kind]string{forge.GitHub: "PATCH 3", forge.GitLab: "PUT 3"}
	list := map[forge.Kind]string{forge.GitHub: "pulls", forge.GitLab: "merge_requests"}
	each(t, func(t *testing.T, w world) {
		p := w.provider()
		if p.Name() != string(w.kind) {
			t.Errorf("name %q", p.Name())
		}
		// Others: the same head to another base, another head to the same base.
		w.branch("staging")
		w.branch("other")
		w.commit("other", "image: other:2")
		for _, r := range []scm.Request{
			{Head: "change", Base: "staging", Title: "Not this"},
			{Head: "other", Base: "main", Title: "Nor that"},
		} {
			if _, err := open(t.Context(), p, r); err != nil {
				t.Fatal(err)
			}
		}

		find, create, update := "GET "+list[w.kind], "POST "+list[w.kind], one[w.kind]
		r := w.request()
		for _, step := range []openStep{
			{"first", r.Title, r.Body, scm.Created, []string{find, create}},
			{"again", r.Title, r.Body, scm.Unchanged, []string{find}},
			{"white space", r.Title + " ", strings.ReplaceAll(r.Body, "\n", "\r\n") + "\n",
				scm.Unchanged, []string{find}},
			{"other title", "Deploy hello & Grüße <1>", r.Body, scm.Updated, []string{find, update}},
			{"other body", "Deploy hello & Grüße <1>", "Short.", scm.Updated, []string{find, update}},
			{"no body", "Deploy hello & Grüße <1>", "", scm.Updated, []string{find, update}},
			{"again no body", "Deploy hello & Grüße <1>", "", scm.Unchanged, []string{find}},
		} {
			checkOpen(t, w, r, step)
		}
	})
}

// openStep is a request for one pull request, and what it has to come to.
type openStep struct {
	name        string
	title, body string
	state       scm.State
	calls       []string
}

// checkOpen opens the third pull request with the step's title and body.
func checkOpen(t *testing.T, w world, r scm.Request, step openStep) {
	t.Helper()
	p := w.provider()
	n := len(w.Requests())
	r.Title, r.Body = step.title, step.body
	pr, err := open(t.Context(), p, r)
	if err != nil {
		t.Fatalf("%s: %v", step.name, err)
	}
	if got := w.calls(n); !slices.Equal(got, step.calls) {
		t.Errorf("%s: calls %q, want %q", step.name, got, step.calls)
	}
	all := w.PullRequests(repo)
	if len(all) != 3 {
		t.Fatalf("%s: %d pull requests, want 3", step.name, len(all))
	}
	have := all[2]
	want := scm.PullRequest{
		Number: 3, URL: have.URL, State: step.state, Title: have.Title, Body: have.Body,
		Head: "change", Base: "main", HeadSHA: w.tip("change"), ID: have.ID,
	}
	if !reflect.DeepEqual(pr, want) {
		t.Errorf("%s: got %+v\nwant %+v", step.name, pr, want)
	}
	if step.state != scm.Unchanged && (have.Title != step.title || have.Body != step.body) {
		t.Errorf("%s: the forge has %q, %q", step.name, have.Title, have.Body)
	}
}

func TestFindNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		pr, err := w.provider().Find(t.Context(), "change", "main")
		checkError(t, w, err, scm.ErrNotFound)
		if !reflect.DeepEqual(pr, scm.PullRequest{}) {
			t.Errorf("got %+v", pr)
		}
	})
}

// Every method that a provider names merges, and the pull request is found no more.
func TestMerge(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		for _, method := range w.provider().(scm.Merger).MergeMethods() {
			t.Run(method, func(t *testing.T) { checkMerge(t, w, method) })
		}
	})
}

// checkMerge opens a pull request and has it merged by the method.
func checkMerge(t *testing.T, w world, method string) {
	t.Helper()
	p := w.provider()
	base := w.tip("main")
	r := w.request()
	r.Head = "change-" + method
	w.branch(r.Head)
	w.commit(r.Head, "image: hello:"+method)
	r.HeadSHA, r.Merge, r.MergeMethod = w.tip(r.Head), true, method
	pr, err := open(t.Context(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	all := w.PullRequests(repo)
	have := all[len(all)-1]
	if pr.State != scm.Merged || have.State != "merged" || pr.URL != have.URL || pr.Number != have.Number {
		t.Errorf("got %+v, the forge has %+v", pr, have)
	}
	if got := w.git("show", "main:app.yaml"); got != "image: hello:"+method {
		t.Errorf("main has %q", got)
	}
	// GitLab's squash is merged with a merge commit; a rebase writes new commits.
	parents := strings.Fields(w.git("show", "-s", "--format=%P", "main"))
	if parents[0] != base {
		t.Errorf("main's first parent is not where it was")
	}
	if merged := slices.Contains(parents, r.HeadSHA); merged != (method == scm.MergeCommit) {
		t.Errorf("%s: the head is a parent: %t", method, merged)
	}
	_, err = p.Find(t.Context(), r.Head, r.Base)
	checkError(t, w, err, scm.ErrNotFound)
}

// What cannot be merged stays open and is returned, with the error.
func TestMergeRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		prepare func(w world, r *scm.Request)
	}{
		{"conflict", func(w world, r *scm.Request) { w.commit("main", "image: hello:3") }},
		{"head moved", func(w world, r *scm.Request) { w.commit("change", "image: evil:1") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, w world) {
				r := w.request()
				r.Merge, r.MergeMethod = true, scm.MergeCommit
				test.prepare(w, &r)
				base := w.tip("main")
				pr, err := open(t.Context(), w.provider(), r)
				checkError(t, w, err, scm.ErrNotMergeable)
				have := w.PullRequests(repo)[0]
				if have.State != "open" || pr.URL != have.URL || pr.Number != 1 || pr.State != scm.Created {
					t.Errorf("got %+v, the forge has %+v", pr, have)
				}
				if w.tip("main") != base {
					t.Errorf("main has moved")
				}
			})
		})
	}
}

// Runs at the same time end up with one pull request.
func TestOpenConcurrently(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		r := w.request()
		var wg sync.WaitGroup
		states := make(chan scm.State, 8)
		for range cap(states) {
			wg.Go(func() {
				pr, err := open(t.Context(), w.provider(), r)
				if err != nil || pr.Number != 1 {
					t.Errorf("got %+v, %v", pr, err)
				}
				states <- pr.State
			})
		}
		wg.Wait()
		close(states)
		created := 0
		for s := range states {
			if s == scm.Created {
				created++
			}
		}
		if n := len(w.PullRequests(repo)); n != 1 || created != 1 {
			t.Errorf("%d pull requests, %d created", n, created)
		}
	})
}

// tripper is a RoundTripper of one function.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A run that is overtaken between finding nothing and creating updates the pull request of the other.
func TestOpenOvertaken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		r := w.request()
		cfg := w.config()
		cfg.HTTPClient.Transport = tripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost {
				other := r
				other.Title = "Quicker"
				if pr, err := open(t.Context(), w.provider(), other); err != nil || pr.State != scm.Created {
					t.Errorf("the other run: %+v, %v", pr, err)
				}
			}
			return http.DefaultTransport.RoundTrip(req)
		})
		pr, err := open(t.Context(), provider(t, w.kind, cfg), r)
		if err != nil || pr.State != scm.Updated || pr.Number != 1 {
			t.Errorf("got %+v, %v", pr, err)
		}
		if all := w.PullRequests(repo); len(all) != 1 || all[0].Title != r.Title {
			t.Errorf("the forge has %+v", all)
		}
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*scm.Config, *scm.Request)
		kind   error
	}{
		{"token", func(c *scm.Config, _ *scm.Request) { c.Token = secret.New("other") }, scm.ErrAuth},
		{"base", func(_ *scm.Config, r *scm.Request) { r.Base = "nowhere" }, scm.ErrRefused},
		{"head", func(_ *scm.Config, r *scm.Request) { r.Head = "nowhere" }, scm.ErrRefused},
		{"title", func(_ *scm.Config, r *scm.Request) { r.Title = strings.Repeat("long ", 99) }, scm.ErrRefused},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, w world) {
				cfg, r := w.config(), w.request()
				test.change(&cfg, &r)
				pr, err := open(t.Context(), provider(t, w.kind, cfg), r)
				checkError(t, w, err, test.kind)
				if !reflect.DeepEqual(pr, scm.PullRequest{}) || len(w.PullRequests(repo)) != 0 {
					t.Errorf("got %+v", pr)
				}
			})
		})
	}
	t.Run("title of one that is open", func(t *testing.T) {
		each(t, func(t *testing.T, w world) {
			p, r := w.provider(), w.request()
			if _, err := open(t.Context(), p, r); err != nil {
				t.Fatal(err)
			}
			r.Title = strings.Repeat("long ", 99)
			pr, err := open(t.Context(), p, r)
			checkError(t, w, err, scm.ErrRefused)
			if pr.Number != 1 || pr.URL == "" {
				t.Errorf("it is open, but got %+v", pr)
			}
		})
	})
	t.Run("repository", func(t *testing.T) {
		each(t, func(t *testing.T, w world) {
			cfg := w.config()
			cfg.Repository = "acme/nothing"
			_, err := open(t.Context(), provider(t, w.kind, cfg), w.request())
			if want := fmt.Sprintf("%s: acme/nothing: ", w.kind); !errors.Is(err, scm.ErrNoRepository) ||
				!strings.HasPrefix(err.Error(), want) {
				t.Errorf("got error %v", err)
			}
		})
	})
	t.Run("context", func(t *testing.T) {
		each(t, func(t *testing.T, w world) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := open(ctx, w.provider(), w.request())
			checkError(t, w, err, context.Canceled)
		})
	})
	t.Run("no server", func(t *testing.T) {
		each(t, func(t *testing.T, w world) {
			r := w.request()
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			_, err := open(t.Context(), w.provider(), r)
			checkError(t, w, err, nil)
		})
	})
}

type accessTest struct {
	name, token, repo string
	want              scm.Access
	reason            map[forge.Kind]string
	kind              error
}

// What a token may do is told by one call, that changes nothing.
func TestCheckAccess(t *testing.T) {
	t.Parallel()
	read := scm.Access{Read: true}
	all := scm.Access{Read: true, Push: true, Pull: true}
	for _, test := range []accessTest{
		{"writer", token, repo, all,
			map[forge.Kind]string{forge.GitLab: "GitLab does not tell the token's scopes"}, nil},
		{"reader", readToken, repo, read, map[forge.Kind]string{
			forge.GitHub: "the token's owner may only read",
			forge.GitLab: "the token's role in the project is below developer",
		}, nil},
		{"job", jobToken, repo, scm.Access{}, nil, scm.ErrAuth},
		{"unknown", "other", repo, scm.Access{}, nil, scm.ErrAuth},
		{"no repository", token, "acme/nothing", scm.Access{}, nil, scm.ErrNoRepository},
		{"another name", token, "acme/former", all,
			map[forge.Kind]string{forge.GitLab: "GitLab does not tell the token's scopes"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, w world) { checkAccess(t, w, test) })
		})
	}
	t.Run("no server", func(t *testing.T) {
		each(t, func(t *testing.T, w world) {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			_, err := w.provider().(scm.Checker).CheckAccess(t.Context())
			checkError(t, w, err, nil)
		})
	})
}

// checkAccess compares the access with the case, and with what the token can do.
func checkAccess(t *testing.T, w world, test accessTest) {
	t.Helper()
	if err := errors.Join(w.Rename(repo, "acme/former"), w.Rename("acme/former", repo)); err != nil {
		t.Fatal(err)
	}
	cfg := w.config()
	cfg.Token, cfg.Repository = secret.New(test.token), test.repo
	got, err := provider(t, w.kind, cfg).(scm.Checker).CheckAccess(t.Context())
	want := test.want
	want.Reason = test.reason[w.kind]
	if got != want || !errors.Is(err, test.kind) {
		t.Errorf("got %+v, %v, want %+v, %v", got, err, want, test.kind)
	}
	calls := w.Requests()
	for _, r := range calls {
		if r.Method != http.MethodGet || r.Via != "bearer" {
			t.Errorf("asked %+v", r)
		}
	}
	if want := 1 + strings.Count(test.repo, "former"); len(calls) != want {
		t.Errorf("%d calls, want %d", len(calls), want)
	}
	// What it says is so.
	if err == nil && test.repo == repo {
		_, err := provider(t, w.kind, cfg).Create(t.Context(), w.request())
		if got.Pull && err != nil || !got.Pull && !errors.Is(err, scm.ErrAuth) {
			t.Errorf("%+v, but %v", got, err)
		}
	}
}

// A repository that has another name now: GitHub takes the old one, GitLab for reading only.
func TestRenamed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		r := w.request()
		if err := w.Rename(repo, "acme/deploy"); err != nil {
			t.Fatal(err)
		}
		pr, err := open(t.Context(), w.provider(), r)
		if w.kind == forge.GitLab {
			checkError(t, w, err, scm.ErrRefused)
			wantError(t, err, "405 Non GET methods are not allowed for moved projects")
			return
		}
		if have := w.PullRequests("acme/deploy"); err != nil || pr.State != scm.Created || len(have) != 1 ||
			pr.URL != have[0].URL {
			t.Errorf("got %+v, %v, the forge has %+v", pr, err, have)
		}
	})
}

// No redirect takes the token to another host, not even to another name of the same one.
func TestRedirected(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		r := w.request()
		elsewhere := strings.Replace(w.URL(), "127.0.0.1", "localhost", 1)
		if err := w.RedirectTo(elsewhere); err != nil {
			t.Fatal(err)
		}
		_, err := open(t.Context(), w.provider(), r)
		checkError(t, w, err, nil)
		wantError(t, err, "redirected to "+elsewhere)
		if calls := w.Requests(); len(calls) != 1 || calls[0].Auth != "token" {
			t.Errorf("asked %+v", calls)
		}
	})
}

// What every provider can do beside the four methods. One that cannot would have users refused what they have
// elsewhere.
func TestOptional(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		p := w.provider()
		for name, ok := range map[string]bool{
			"Merger": is[scm.Merger](p), "Annotator": is[scm.Annotator](p),
			"ReviewRequester": is[scm.ReviewRequester](p),
			"Lister":          is[scm.Lister](p), "Closer": is[scm.Closer](p), "Watcher": is[scm.Watcher](p),
			"Checker": is[scm.Checker](p),
		} {
			if !ok {
				t.Errorf("it is no %s", name)
			}
		}
	})
}

func is[T any](p scm.Provider) bool { _, ok := p.(T); return ok }

// populate tells the forge of people, a team and milestones.
func (w world) populate() {
	w.t.Helper()
	for _, name := range []string{"ann", "Bob", "cleo"} {
		w.AddUser(name)
	}
	w.AddTeam("acme/platform")
	if err := errors.Join(w.AddMilestone(repo, "v1"), w.AddMilestone(repo, "v2")); err != nil {
		w.t.Fatal(err)
	}
}

type annotatedTest struct {
	name  string
	want  func(r *scm.Request)
	calls map[forge.Kind][]string // of the first run; the second has one
}

// Labels, people and a milestone are added, whatever somebody else adds stays, and all of it takes few calls.
func TestAnnotated(t *testing.T) {
	t.Parallel()
	people := func(r *scm.Request) { r.Assignees, r.Reviewers = []string{"ann"}, []string{"bob", "cleo"} }
	for _, test := range []annotatedTest{
		{"labels", func(r *scm.Request) { r.Labels = []string{"deploy", "shop"} }, map[forge.Kind][]string{
			forge.GitHub: {"GET pulls", "POST pulls", "POST labels"},
			forge.GitLab: {"GET merge_requests", "POST merge_requests"},
		}},
		{"a reviewer", func(r *scm.Request) { r.Reviewers = []string{"ann"} }, map[forge.Kind][]string{
			forge.GitHub: {"GET pulls", "POST pulls", "POST requested_reviewers"},
			forge.GitLab: {"GET merge_requests", "GET users", "POST merge_requests"},
		}},
		{"milestone", func(r *scm.Request) { r.Milestone = "v2" }, map[forge.Kind][]string{
			forge.GitHub: {"GET pulls", "POST pulls", "GET milestones", "PATCH 1"},
			forge.GitLab: {"GET merge_requests", "GET milestones", "POST merge_requests"},
		}},
		{"labels and people", func(r *scm.Request) { people(r); r.Labels = []string{"deploy"} },
			map[forge.Kind][]string{
				forge.GitHub: {"GET pulls", "POST pulls", "PATCH 1", "POST requested_reviewers"},
				forge.GitLab: {"GET merge_requests", "GET users", "POST merge_requests"},
			}},
		{"labels and assignee of a draft", func(r *scm.Request) {
			r.Labels, r.Assignees, r.Draft = []string{"deploy"}, []string{"ann"}, true
		}, map[forge.Kind][]string{
			forge.GitHub: {"GET pulls", "POST pulls", "PATCH 1"},
			forge.GitLab: {"GET merge_requests", "GET users", "POST merge_requests"},
		}},
		{"merge", func(r *scm.Request) {
			r.Labels, r.Merge, r.MergeMethod = []string{"deploy"}, true, scm.MergeSquash
		}, map[forge.Kind][]string{
			forge.GitHub: {"GET pulls", "POST pulls", "POST labels", "PUT merge"},
			forge.GitLab: {"GET merge_requests", "POST merge_requests", "GET acme%2Fgitops", "PUT merge"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, w world) { checkAnnotated(t, w, test) })
		})
	}
	t.Run("added", func(t *testing.T) {
		each(t, func(t *testing.T, w world) {
			w.populate()
			p, r := w.provider(), w.request()
			r.Labels, r.Assignees, r.Reviewers, r.Milestone = []string{"theirs"}, []string{"bob"},
				[]string{"cleo"}, "v1"
			if _, err := open(t.Context(), p, r); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				r.Labels, r.Assignees, r.Reviewers, r.Milestone = []string{"Theirs", "ours"},
					[]string{"ann"}, []string{"ann"}, "v2"
				if _, err := open(t.Context(), p, r); err != nil {
					t.Fatal(err)
				}
				have := w.PullRequests(repo)[0]
				if got, want := fmt.Sprint(have.Labels, have.Assignees, have.Reviewers, " ", have.Milestone),
					"[theirs ours] [Bob ann] [cleo ann] v2"; !strings.EqualFold(got, want) {
					t.Errorf("the forge has %s, want %s", got, want)
				}
			}
		})
	})
}

// checkAnnotated opens the pull request of the case, and opens it again.
func checkAnnotated(t *testing.T, w world, test annotatedTest) {
	t.Helper()
	w.populate()
	p, r := w.provider(), w.request()
	test.want(&r)
	pr, err := open(t.Context(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	calls := w.calls(0)
	if !slices.Equal(calls, test.calls[w.kind]) || len(calls) > 4 {
		t.Errorf("calls %q, want %q", calls, test.calls[w.kind])
	}
	have := w.PullRequests(repo)[0]
	if pr.Draft != r.Draft || have.Draft != r.Draft {
		t.Errorf("draft: got %t, the forge has %t", pr.Draft, have.Draft)
	}
	same := func(what string, have, want []string) {
		if !slices.EqualFunc(have, want, strings.EqualFold) {
			t.Errorf("%s: the forge has %q, want %q", what, have, want)
		}
	}
	same("labels", have.Labels, r.Labels)
	same("assignees", have.Assignees, r.Assignees)
	same("reviewers", have.Reviewers, r.Reviewers)
	if have.Milestone != r.Milestone {
		t.Errorf("milestone: the forge has %q", have.Milestone)
	}
	if r.Merge {
		return
	}

	found, err := p.Find(t.Context(), r.Head, r.Base)
	want := scm.PullRequest{
		Number: 1, URL: have.URL, Title: have.Title, Body: r.Body, Head: r.Head,
		Base: r.Base, HeadSHA: r.HeadSHA,
		Draft: r.Draft, Labels: have.Labels, Reviewers: have.Reviewers, Assignees: have.Assignees,
		Milestone: have.Milestone, ID: have.ID,
	}
	if err != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("found %+v, %v\nwant %+v", found, err, want)
	}
	n := len(w.Requests())
	if pr, err := open(t.Context(), p, r); err != nil || pr.State != scm.Unchanged {
		t.Errorf("again: %+v, %v", pr, err)
	}
	if calls := w.calls(n); !slices.Equal(calls, test.calls[w.kind][:1]) {
		t.Errorf("again: calls %q", calls)
	}
}

type annotatedRefusedTest struct {
	name  string
	want  func(r *scm.Request)
	words map[forge.Kind]string
}

// What the forge does not know is an error, and the pull request is there nevertheless.
func TestAnnotatedRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []annotatedRefusedTest{
		{"assignee", func(r *scm.Request) { r.Assignees = []string{"ann", "nobody"} }, map[forge.Kind]string{
			forge.GitHub: "422 Validation Failed: assignees nobody cannot be assigned to this issue",
			forge.GitLab: "no user nobody",
		}},
		{"reviewer", func(r *scm.Request) { r.Reviewers = []string{"nobody"} }, map[forge.Kind]string{
			forge.GitHub: "422 Reviews may only be requested from collaborators.", forge.GitLab: "no user nobody",
		}},
		{"milestone", func(r *scm.Request) { r.Milestone = "v3" }, map[forge.Kind]string{
			forge.GitHub: `no open milestone "v3"`, forge.GitLab: `no active milestone "v3"`,
		}},
		{"author", func(r *scm.Request) { r.Reviewers = []string{"forge"} }, map[forge.Kind]string{
			forge.GitHub: "422 Review cannot be requested from pull request author.",
		}},
		{"label with a comma", func(r *scm.Request) { r.Labels = []string{"a, b"} }, map[forge.Kind]string{
			forge.GitLab: "GitLab did not add the label a, b",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, w world) { checkAnnotatedRefused(t, w, test) })
		})
	}
	t.Run("draft", func(t *testing.T) {
		each(t, func(t *testing.T, w world) {
			if err := w.NoDrafts(repo); err != nil {
				t.Fatal(err)
			}
			r := w.request()
			r.Draft = true
			pr, err := open(t.Context(), w.provider(), r)
			if w.kind == forge.GitLab {
				if err != nil || !pr.Draft {
					t.Errorf("got %+v, %v", pr, err)
				}
				return
			}
			checkError(t, w, err, scm.ErrRefused)
			wantError(t, err, "422 Draft pull requests are not supported in this repository.")
			if have := w.PullRequests(repo); len(have) != 0 {
				t.Errorf("the forge has %+v", have)
			}
		})
	})
}

// checkAnnotatedRefused opens the pull request of the case, which exists in spite of the error.
func checkAnnotatedRefused(t *testing.T, w world, test annotatedRefusedTest) {
	t.Helper()
	w.populate()
	r := w.request()
	test.want(&r)
	pr, err := open(t.Context(), w.provider(), r)
	if have := w.PullRequests(repo); len(have) != 1 || pr.URL != have[0].URL || pr.State != scm.Created {
		t.Errorf("got %+v, the forge has %+v", pr, have)
	}
	if test.words[w.kind] == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	checkError(t, w, err, scm.ErrRefused)
	wantError(t, err, test.words[w.kind])
}

// Who has reviewed a commit is not asked for it again, but for the next one.
func TestReviewed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.populate()
		p, r := w.provider(), w.request()
		r.Reviewers = []string{"ann", "bob"}
		for range 2 {
			if _, err := open(t.Context(), p, r); err != nil {
				t.Fatal(err)
			}
			if err := w.Review(repo, 1, "ann", true); err != nil {
				t.Fatal(err)
			}
		}
		asked := func() int {
			return len(slices.DeleteFunc(w.calls(0), func(c string) bool { return c != "POST requested_reviewers" }))
		}
		if n := asked(); w.kind == forge.GitHub && n != 1 {
			t.Errorf("asked %d times", n)
		}
		w.commit("change", "image: hello:3")
		r.HeadSHA = w.tip("change")
		if _, err := open(t.Context(), p, r); err != nil {
			t.Fatal(err)
		}
		if have := w.PullRequests(repo)[0].Reviewers; len(have) != 2 {
			t.Errorf("asked are %q", have)
		}
	})
}

// Only what is open from a branch of the repository itself is found, or listed, on whatever page it is.
func TestList(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.branch("staging")
		w.openFromForks()
		p := w.provider()
		if pr, err := p.Find(t.Context(), "change", "main"); !errors.Is(err, scm.ErrNotFound) {
			t.Errorf("found %+v, %v", pr, err)
		}
		want := w.openSome(p)

		// The forge is asked for pages of two.
		cfg := w.config()
		cfg.HTTPClient.Transport = tripper(func(req *http.Request) (*http.Response, error) {
			q := req.URL.Query()
			q.Set("per_page", "2")
			req.URL.RawQuery = q.Encode()
			return http.DefaultTransport.RoundTrip(req)
		})
		checkList(t, w, p, want)
		if pages := checkList(t, w, provider(t, w.kind, cfg), want); pages < 3 {
			t.Errorf("only %d pages", pages)
		}
		if list, err := p.(scm.Lister).List(t.Context(), "nowhere"); err != nil || list != nil {
			t.Errorf("got %+v, %v", list, err)
		}
	})
}

// openFromForks opens pull requests from two forks, from branches named as ours.
func (w world) openFromForks() {
	w.t.Helper()
	dir := w.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "evil.yaml"), []byte("evil: 1\n"), 0o644); err != nil {
		w.t.Fatal(err)
	}
	for _, fork := range []string{"acme/gitops-fork", "other/gitops"} {
		if err := errors.Join(w.CreateRepo(fork, "main"), w.Seed(fork, "change", dir)); err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.OpenFromFork(repo, fork, "change", "main", "Not ours"); err != nil {
			w.t.Fatal(err)
		}
	}
}

// openSome opens pull requests into two branches, closes one, and returns the numbers of those that are open into main.
func (w world) openSome(p scm.Provider) []int {
	w.t.Helper()
	var into []int
	for i, r := range []scm.Request{
		{Head: "change", Base: "main"}, {Head: "change", Base: "staging"}, {Head: "change-2", Base: "main"},
		{Head: "change-3", Base: "main"}, {Head: "change-4", Base: "main"}, {Head: "change-5", Base: "main"},
	} {
		if r.Head != "change" {
			w.git("branch", r.Head, "change")
		}
		r.Title = "Deploy"
		pr, err := p.Create(w.t.Context(), r)
		if err != nil {
			w.t.Fatal(err)
		}
		if i == 4 {
			if err := p.(scm.Closer).Close(w.t.Context(), pr, ""); err != nil {
				w.t.Fatal(err)
			}
		} else if r.Base == "main" {
			into = append(into, pr.Number)
		}
	}
	return into
}

// checkList lists what is open into main, finds each of it, and returns how many pages the listing took.
func checkList(t *testing.T, w world, p scm.Provider, want []int) int {
	t.Helper()
	n := len(w.Requests())
	list, err := p.(scm.Lister).List(t.Context(), "main")
	pages := len(w.calls(n))
	var got []int
	for _, pr := range list {
		got = append(got, pr.Number)
		if found, err := p.Find(t.Context(), pr.Head, "main"); err != nil || !reflect.DeepEqual(found, pr) {
			t.Errorf("found %+v, %v, listed %+v", found, err, pr)
		}
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("listed %v, %v, want %v", got, err, want)
	}
	return pages
}

// TestClose closes in two attempts, which comment once.
func TestClose(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		p, r := w.provider(), w.request()
		pr, err := open(t.Context(), p, r)
		if err != nil {
			t.Fatal(err)
		}
		w.FailRequests(func(_ int, r *http.Request) forge.Fault {
			if r.Method == http.MethodPatch || r.Method == http.MethodPut {
				return forge.Invalid
			}
			return forge.NoFault
		})
		checkError(t, w, p.(scm.Closer).Close(t.Context(), pr, "Superseded by **that**."), scm.ErrRefused)
		w.FailRequests(nil)
		for range 2 {
			if err := p.(scm.Closer).Close(t.Context(), pr, "Superseded by **that**."); err != nil {
				t.Fatal(err)
			}
		}
		have := w.PullRequests(repo)[0]
		if have.State != "closed" || !slices.Equal(have.Comments, []string{"Superseded by **that**."}) {
			t.Errorf("the forge has %+v", have)
		}
		if _, err := p.Find(t.Context(), r.Head, r.Base); !errors.Is(err, scm.ErrNotFound) {
			t.Errorf("got error %v", err)
		}
	})
}

// TestCloseMerged: a merged pull request gets no comment; one that does not exist is an error.
func TestCloseMerged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		p, r := w.provider(), w.request()
		r.Merge, r.MergeMethod = true, scm.MergeCommit
		pr, err := open(t.Context(), p, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.(scm.Closer).Close(t.Context(), pr, "Late."); err != nil {
			t.Error(err)
		}
		if have := w.PullRequests(repo)[0]; have.State != "merged" || have.Comments != nil {
			t.Errorf("the forge has %+v", have)
		}
		pr.Number = 2
		checkError(t, w, p.(scm.Closer).Close(t.Context(), pr, ""), scm.ErrNoRepository)
	})
}

type statusTest struct {
	name    string
	prepare []func(world) error
	want    scm.Status
}

// What becomes of a pull request is told in the same words everywhere.
func TestStatus(t *testing.T) {
	t.Parallel()
	protect := func(w world) error { return w.Protect(repo, "main") }
	checks := func(state string) func(world) error {
		return func(w world) error { return w.SetChecks(repo, w.tip("change"), state) }
	}
	for _, test := range []statusTest{
		{"mergeable", nil, scm.Status{}},
		{"optional checks", []func(world) error{checks("failure")}, scm.Status{}},
		{"no checks yet", []func(world) error{protect}, scm.Status{Waits: "checks"}},
		{"pending", []func(world) error{protect, checks("pending")}, scm.Status{Waits: "checks"}},
		{"success", []func(world) error{protect, checks("success")}, scm.Status{}},
		{"failure", []func(world) error{protect, checks("failure")}, scm.Status{Final: true, Waits: "failed checks"}},
		{"another branch is protected",
			[]func(world) error{func(w world) error { return w.Protect(repo, "staging") }}, scm.Status{}},
		{"changes requested", []func(world) error{protect, checks("success"), func(w world) error {
			return errors.Join(w.Review(repo, 1, "ann", true), w.Review(repo, 1, "bob", false))
		}}, scm.Status{Final: true, Waits: "changes requested"}},
		{"approved after all", []func(world) error{protect, checks("success"), func(w world) error {
			return errors.Join(w.Review(repo, 1, "bob", false), w.Review(repo, 1, "bob", true))
		}}, scm.Status{}},
		{"conflict", []func(world) error{func(w world) error { w.commit("main", "image: hello:3"); return nil }},
			scm.Status{Final: true, Waits: "conflict"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, w world) { checkStatus(t, w, test) })
		})
	}
	t.Run("draft", func(t *testing.T) {
		each(t, func(t *testing.T, w world) {
			p, r := w.provider(), w.request()
			r.Draft = true
			pr, err := open(t.Context(), p, r)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.(scm.Watcher).Status(t.Context(), pr); err != nil || got != (scm.Status{Waits: "draft"}) {
				t.Errorf("got %+v, %v", got, err)
			}
			pr.Number = 9
			_, err = p.(scm.Watcher).Status(t.Context(), pr)
			checkError(t, w, err, scm.ErrNoRepository)
		})
	})
}

// checkStatus compares the status with the case, and with what merging does.
func checkStatus(t *testing.T, w world, test statusTest) {
	t.Helper()
	w.populate()
	p, r := w.provider(), w.request()
	pr, err := open(t.Context(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range test.prepare {
		if err := f(w); err != nil {
			t.Fatal(err)
		}
	}
	got, err := p.(scm.Watcher).Status(t.Context(), pr)
	exact := got
	if strings.HasPrefix(got.Waits, test.want.Waits) && test.want.Waits != "" {
		got.Waits = test.want.Waits // more words may follow
	}
	if err != nil || got != test.want {
		t.Errorf("got %+v, %v, want %+v", exact, err, test.want)
	}
	// What it says is so.
	err = p.(scm.Merger).Merge(t.Context(), pr, scm.Merge{Method: scm.MergeCommit})
	if can := test.want == (scm.Status{}); can != (err == nil) ||
		!can && !errors.Is(err, scm.ErrNotMergeable) {
		t.Errorf("merge: %v", err)
	}
	want := scm.Status{Merged: err == nil}
	if err != nil {
		if err := p.(scm.Closer).Close(t.Context(), pr, ""); err != nil {
			t.Fatal(err)
		}
		want = scm.Status{Closed: true}
	}
	if got, err := p.(scm.Watcher).Status(t.Context(), pr); err != nil || got != want {
		t.Errorf("then: got %+v, %v, want %+v", got, err, want)
	}
}

// A method that the repository forbids is refused, and the others are named.
func TestMergeForbidden(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ allowed, ask string }{
		{scm.MergeSquash, scm.MergeCommit}, {scm.MergeCommit, scm.MergeSquash},
	} {
		t.Run(test.ask, func(t *testing.T) {
			each(t, func(t *testing.T, w world) {
				if err := w.AllowMerge(repo, test.allowed); err != nil {
					t.Fatal(err)
				}
				r, base := w.request(), w.tip("main")
				r.Merge, r.MergeMethod = true, test.ask
				pr, err := open(t.Context(), w.provider(), r)
				checkError(t, w, err, scm.ErrNotMergeable)
				wantError(t, err, "Allowed: "+test.allowed)
				if pr.State != scm.Created || w.tip("main") != base {
					t.Errorf("got %+v", pr)
				}
				r.MergeMethod = test.allowed
				if pr, err := open(t.Context(), w.provider(), r); err != nil || pr.State != scm.Merged {
					t.Errorf("got %+v, %v", pr, err)
				}
			})
		})
	}
}

// The message, with its trailers, is that of a commit that the base gets.
func TestMergeMessage(t *testing.T) {
	t.Parallel()
	const message = "Deploy hello 2\n\nFrom **hello**.\n\nTo main.\n\nApp: hello"
	for _, method := range []string{scm.MergeCommit, scm.MergeSquash} {
		t.Run(method, func(t *testing.T) {
			each(t, func(t *testing.T, w world) {
				r := w.request()
				r.Merge, r.MergeMethod, r.Message = true, method, message
				if _, err := open(t.Context(), w.provider(), r); err != nil {
					t.Fatal(err)
				}
				if got := w.git("show", "-s", "--format=%B", "main"); got != message {
					t.Errorf("main has %q", got)
				}
			})
		})
	}
}

// A GitLab project may be in a group of a group.
func TestSubgroup(t *testing.T) {
	t.Parallel()
	const deep = "acme/platform/eu/gitops.v2"
	w := newWorld(t, forge.GitLab)
	if err := w.CreateRepo(deep, "main"); err != nil {
		t.Fatal(err)
	}
	cfg := w.config()
	cfg.Repository = deep
	p := provider(t, w.kind, cfg)
	if _, err := p.Find(t.Context(), "change", "main"); !errors.Is(err, scm.ErrNotFound) {
		t.Errorf("got error %v", err)
	}
}

// What can be refused without the forge is refused before the first call.
func TestCheck(t *testing.T) {
	t.Parallel()
	// hidden has a provider's methods only, whatever the provider can besides.
	type hidden struct{ scm.Provider }
	const sha = "0123456789abcdef0123456789abcdef01234567"
	good := scm.Request{Head: "change", Base: "main", Title: "Deploy"}
	merge := func(method string) func(*scm.Request) {
		return func(r *scm.Request) { r.Merge, r.MergeMethod, r.HeadSHA = true, method, sha }
	}
	for _, test := range []struct {
		name   string
		change func(*scm.Request)
		hide   bool
		check  map[forge.Kind]string // what Check says, nothing if absent
		open   string                // what only Open says
	}{
		{name: "no head", change: func(r *scm.Request) { r.Head = "" },
			check: both("without a head branch")},
		{name: "itself", change: func(r *scm.Request) { r.Head = "main" },
			check: both(`from branch "main" to itself`)},
		{name: "no title", change: func(r *scm.Request) { r.Title = " \n" },
			check: both("without a title")},
		{name: "no base", change: func(r *scm.Request) { r.Base = "" },
			open: "without a base branch"},
		{name: "unknown method", change: merge("octopus"),
			check: map[forge.Kind]string{
				forge.GitHub: `github: unknown merge method "octopus", want one of: merge, squash, rebase`,
				forge.GitLab: `gitlab: unknown merge method "octopus", want one of: merge, squash`,
			}},
		{name: "no method", change: merge(""),
			check: both(`unknown merge method ""`)},
		{name: "a method that only one has", change: merge(scm.MergeRebase),
			check: map[forge.Kind]string{
				forge.GitLab: `gitlab: unknown merge method "rebase", want one of: merge, squash`,
			},
			open: "no such call"},
		{name: "team", change: func(r *scm.Request) { r.Reviewers = []string{"kim", "acme/platform"} },
			check: map[forge.Kind]string{forge.GitLab: "gitlab: does not ask teams such as acme/platform"},
			open:  "no such call"},
		{name: "team of others", change: func(r *scm.Request) { r.Reviewers = []string{"other/platform"} },
			check: map[forge.Kind]string{
				forge.GitHub: "the team other/platform is not one of acme", forge.GitLab: "does not ask teams",
			}},
		{name: "no merger", hide: true, change: merge(scm.MergeCommit),
			check: both("cannot merge")},
		{name: "method without merge", hide: true, change: func(r *scm.Request) { r.MergeMethod = "octopus" },
			open: "no such call"},
		{name: "nothing to guard the merge", change: func(r *scm.Request) { merge(scm.MergeCommit)(r); r.HeadSHA = "" },
			open: `merge needs the head's full commit id, not ""`},
		{name: "too little to guard the merge",
			change: func(r *scm.Request) { merge(scm.MergeCommit)(r); r.HeadSHA = sha[:7] },
			open:   `merge needs the head's full commit id, not "0123456"`},
		{name: "good", change: func(*scm.Request) {}, open: "no such call"},
		{name: "good merge", change: merge(scm.MergeSquash), open: "no such call"},
	} {
		for _, kind := range kinds {
			t.Run(test.name+"/"+string(kind), func(t *testing.T) {
				p := provider(t, kind, scm.Config{
					BaseURL: "https://git.example.com/", Repository: repo, Token: secret.New(token),
					HTTPClient: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
						return nil, errors.New("no such call")
					})},
				})
				if test.hide {
					p = hidden{p}
				}
				r := good
				test.change(&r)
				err := scm.Check(p, r)
				_, openErr := scm.Open(t.Context(), p, r, nil)
				if want := test.check[kind]; want != "" {
					wantError(t, err, want)
					wantError(t, openErr, want)
					return
				}
				if err != nil {
					t.Errorf("got error %v", err)
				}
				wantError(t, openErr, test.open)
			})
		}
	}
}

func both(s string) map[forge.Kind]string {
	return map[forge.Kind]string{forge.GitHub: s, forge.GitLab: s}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}
