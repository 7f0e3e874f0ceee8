package gitrepo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"update-gitops-repo/gitrepo"
)

// apps adds a commit to main with n applications of three environments, a folder each: four trees an application.
func (w way) apps(t *testing.T, n int) {
	t.Helper()
	var script bytes.Buffer
	fmt.Fprintf(&script, "commit refs/heads/main\ncommitter C <c@example.com> 1700000000 +0000\ndata 4\nApps\nfrom refs/heads/main^0\n")
	for i := range n {
		for _, env := range []string{"dev", "staging", "production"} {
			content := fmt.Sprintf("app: %d\nenv: %s\n", i, env)
			fmt.Fprintf(&script, "M 100644 inline apps/app-%04d/%s/values.yaml\ndata %d\n%s\n", i, env, len(content), content)
		}
	}
	cmd := exec.Command("git", "-C", w.dir, "fast-import", "--quiet")
	cmd.Stdin = &script
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("fast-import: %v\n%s", err, out)
	}
}

// few and many are numbers of applications whose trees are taken at once, and are not.
const few, many = 15, 800

// TestFetch asserts what each kind of run costs, push included: how many requests, how many connections, how many bytes at most,
// and how many objects.
func TestFetch(t *testing.T) {
	value := func(app int) string { return fmt.Sprintf("apps/app-%04d/dev/values.yaml", app) }
	folder := func(app int) gitrepo.Scope {
		return gitrepo.Scope{Folders: []string{fmt.Sprintf("apps/app-%04d", app)}}
	}
	literal := func(app int) gitrepo.Scope { return gitrepo.Scope{Paths: []string{value(app)}} }
	type cost struct {
		requests, dials int
		kib             int // at most
		objects         int
	}
	for _, test := range []struct {
		name  string
		scope []gitrepo.Scope
		read  []string
		want  map[string]cost // by way and size
	}{
		{"literal path", []gitrepo.Scope{literal(3)}, []string{value(3)}, map[string]cost{
			// Commit, root, apps, its applications and environments, one blob; in the other cases, a blob for each tree of an environment.
			"http/few": {5, 1, 8, 1 + 2 + 4*few + 1}, "http/many": {8, 2, 50, 1 + 4 + 1},
			"http tree refused/few": {5, 1, 8, 1 + 2 + 4*few + 1}, "http tree refused/many": {7, 2, 240, 1 + 2 + 4*many + 1},
			"http filter refused/few": {5, 1, 12, 1 + 2 + 7*few + 1}, "http filter refused/many": {5, 1, 400, 1 + 2 + 7*many + 1},
			"http without filter/few": {4, 1, 12, 1 + 2 + 7*few + 1}, "http without filter/many": {4, 1, 400, 1 + 2 + 7*many + 1},
		}},
		{"several paths", []gitrepo.Scope{literal(3), literal(7), {Paths: []string{"top.yaml", "apps/nosuch/x.yaml", "new/x", value(7)}}},
			[]string{value(3), value(7), "top.yaml"}, map[string]cost{
				"http/few": {5, 1, 8, 1 + 2 + 4*few + 3}, "http/many": {8, 2, 50, 1 + 2 + 4 + 3},
			}},
		{"one folder", []gitrepo.Scope{folder(3)}, []string{value(3)}, map[string]cost{
			"http/few": {5, 1, 8, 1 + 2 + 4*few + 1}, "http/many": {7, 2, 50, 1 + 2 + 4 + 1},
		}},
		{"a folder and a path in it", []gitrepo.Scope{folder(3), literal(3)}, []string{value(3)}, map[string]cost{
			"http/few": {5, 1, 8, 1 + 2 + 4*few + 1}, "http/many": {7, 2, 50, 1 + 2 + 4 + 1},
		}},
		{"several folders, a path in one and one elsewhere", []gitrepo.Scope{folder(3), folder(4), literal(3), literal(5)}, []string{value(3), value(4), value(5)}, map[string]cost{
			// The path in a folder costs nothing; the other one comes a level further than they do.
			"http/few": {5, 1, 8, 1 + 2 + 4*few + 3}, "http/many": {9, 2, 50, 1 + 2 + 2*4 + 2 + 3},
		}},
		{"everything", []gitrepo.Scope{{Folders: []string{"."}}}, []string{value(3), value(4), value(many / 80)}, map[string]cost{
			"http/few": {5, 1, 8, 1 + 2 + 4*few + 3}, "http/many": {5, 1, 230, 1 + 2 + 4*many + 3},
		}},
		{"unforeseen", nil, []string{value(3), value(4)}, map[string]cost{
			"http/few": {5, 1, 8, 1 + 2 + 4*few + 2}, "http/many": {8, 2, 50, 1 + 2 + 2*2 + 2},
		}},
	} {
		for name, want := range test.want {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				name, size, _ := strings.Cut(name, "/")
				w := open(t, map[string]string{"http tree refused": "http"}[name]+strings.TrimPrefix(name, "http tree refused"), map[string]string{"top.yaml": "top: 1\n"})
				w.apps(t, map[string]int{"few": few, "many": many}[size])
				if name == "http tree refused" {
					git(t, w.dir, "config", "uploadpackfilter.tree.allow", "false")
				}
				received, dials := 0, &atomic.Int32{}
				w.remote.Received = func(n int) { received += n }
				w.remote.HTTPClient = counting(dials)
				before := len(w.forge.Requests())
				r, err := gitrepo.Open(t.Context(), w.remote)
				check(t, err)
				s, err := r.Snapshot(t.Context(), "main", test.scope...)
				check(t, err)
				files := s.Files(t.Context())
				check(t, files.(interface{ Prefetch([]string) error }).Prefetch(test.read))
				edits := map[string]string{}
				for _, name := range test.read {
					got, err := fs.ReadFile(files, name)
					check(t, err)
					edits[name] = string(got) + "tag: 2\n"
				}
				objects := s.Fetched()
				edited, err := s.With(t.Context(), contents(edits))
				check(t, err)
				c, err := edited.Commit(message("x"))
				check(t, err)
				check(t, edited.Push(t.Context(), c, "new"))
				requests := w.forge.Requests()[before:]
				got := cost{len(requests), int(dials.Load()), want.kib, objects}
				if got != want || received > want.kib<<10 {
					t.Errorf("cost %+v and %d bytes, want %+v", got, received, want)
					for _, r := range requests {
						t.Logf("%s %s %d: %d in, %d out", r.Method, r.Path, r.Status, r.In, r.Out)
					}
				}
				git(t, w.dir, "fsck", "--strict")
			})
		}
	}
}

// counting is a client that counts its connections.
func counting(dials *atomic.Int32) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}}
}

// TestPreparePush: what begins early is the push's alone, fails when that is made and no sooner, and serves one push.
func TestPreparePush(t *testing.T) {
	w := open(t, "http", map[string]string{"a": "1"})
	opened := func() (*gitrepo.Repo, *gitrepo.Snapshot) {
		r, err := gitrepo.Open(t.Context(), w.remote)
		check(t, err)
		r.PreparePush(t.Context())
		r.PreparePush(t.Context())
		s, err := r.Snapshot(t.Context(), "main")
		check(t, err)
		return r, s
	}
	push := func(s *gitrepo.Snapshot, content, branch string) error {
		s, err := s.With(t.Context(), contents(map[string]string{"a": content}))
		check(t, err)
		c, err := s.Commit(message("x"))
		check(t, err)
		return s.Push(t.Context(), c, branch)
	}
	var r *gitrepo.Repo
	var s *gitrepo.Snapshot
	w.costs(t, "a push", 4, func() {
		r, s = opened()
		check(t, push(s, "2", "one"))
	})
	w.costs(t, "another", 2, func() { check(t, push(s, "3", "two")) })
	w.costs(t, "a deletion", 2, func() { check(t, r.Delete(t.Context(), "one", w.at(t, "one"))) })

	git(t, w.dir, "config", "http.receivepack", "false")
	r, s = opened()
	if _, err := fs.ReadFile(s.Files(t.Context()), "a"); err != nil {
		t.Errorf("reading where nobody may write: %v", err)
	}
	if err := push(s, "2", "three"); !errors.Is(err, gitrepo.ErrAuth) {
		t.Errorf("push: %v, want refused", err)
	}
	git(t, w.dir, "config", "http.receivepack", "true")
	check(t, push(s, "2", "four"))
}

// TestRefusalsOfTheMoment: a branch that was replaced is no reason to ask for everything from then on.
func TestRefusalsOfTheMoment(t *testing.T) {
	for _, at := range []int{1, 2, 3} { // The request before which it is: for all trees, of which there are too many, for the root, for the next.
		w := open(t, "http", map[string]string{"top.yaml": "top: 1\n"})
		w.apps(t, many)
		tip := w.at(t, "main")
		w.remote.Refusals = &gitrepo.Refusals{}
		posts := 0
		w.remote.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				if posts++; posts == at {
					git(t, w.dir, "update-ref", "refs/heads/main", "main^")
				}
			}
			return http.DefaultTransport.RoundTrip(r)
		})}
		read := func() error {
			s, err := tryOpen(t.Context(), w.remote)
			if err == nil {
				_, err = fs.ReadFile(s.Files(t.Context()), "apps/app-0003/dev/values.yaml")
			}
			return err
		}
		if err := read(); at == 1 && !errors.Is(err, gitrepo.ErrMoved) || at > 1 && err != nil {
			t.Errorf("replaced before request %d: %v", at, err)
		}
		git(t, w.dir, "update-ref", "refs/heads/main", tip)
		w.costs(t, fmt.Sprintf("after request %d", at), 6, func() { check(t, read()) })
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRefusals: what a server refuses it is not asked for again.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name         string
		config       []string
		first, again int
	}{
		// References, all trees, of which there are too many; the trees of a path one by one, or what comes in their place; a blob.
		{"nothing", nil, 6, 6},
		{"trees alone", []string{"uploadpackfilter.tree.allow"}, 5, 3},
		{"any filter", []string{"uploadpackfilter.tree.allow", "uploadpackfilter.blob:none.allow"}, 3, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := open(t, "http", map[string]string{"top.yaml": "top: 1\n"})
			w.apps(t, many)
			for _, key := range test.config {
				git(t, w.dir, "config", key, "false")
			}
			w.remote.Refusals = &gitrepo.Refusals{}
			read := func() {
				_, err := fs.ReadFile(w.snapshot(t, "main").Files(t.Context()), "apps/app-0003/dev/values.yaml")
				check(t, err)
			}
			w.costs(t, "first", test.first, read)
			w.costs(t, "again", test.again, read)
			if len(test.config) == 1 {
				w.remote.Refusals = &gitrepo.Refusals{}
				git(t, w.dir, "branch", "behind", "main~")
				log := func() {
					_, err := w.snapshot(t, "main").Log(t.Context(), 2)
					check(t, err)
				}
				ahead := func() {
					logs, err := w.snapshot(t, "behind").Ahead(t.Context(), "main")
					if err != nil || len(logs) != 1 {
						t.Errorf("%v, %v", logs, err)
					}
				}
				// References, all trees, of which there are too many, commits, or what comes in their place.
				w.costs(t, "commits", 4, log)
				w.costs(t, "commits again", 3, log)
				w.costs(t, "commits of a branch", 3, ahead)
			}
		})
	}
}
