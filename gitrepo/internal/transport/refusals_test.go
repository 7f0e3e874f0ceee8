package transport_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

// TestPreparePush: a prepared push serves one push, and its error is returned by that push and not before.
func TestPreparePush(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "http", map[string]string{"a": "1"})
	opened := func() (*gitrepo.Repo, *gitrepo.Snapshot) {
		r, err := gitrepo.Open(t.Context(), w.Remote)
		gittest.Check(t, err)
		r.PreparePush(t.Context())
		r.PreparePush(t.Context())
		s, err := r.Snapshot(t.Context(), "main")
		gittest.Check(t, err)
		return r, s
	}
	push := func(s *gitrepo.Snapshot, content, branch string) error {
		s, err := s.With(t.Context(), repotest.Contents(map[string]string{"a": content}))
		gittest.Check(t, err)
		c, err := s.Commit(repotest.Message("x"))
		gittest.Check(t, err)
		return s.Push(t.Context(), c, branch)
	}
	var r *gitrepo.Repo
	var s *gitrepo.Snapshot
	w.Costs(t, "a push", 4, func() {
		r, s = opened()
		gittest.Check(t, push(s, "2", "one"))
	})
	w.Costs(t, "another", 2, func() { gittest.Check(t, push(s, "3", "two")) })
	w.Costs(t, "a deletion", 2, func() { gittest.Check(t, r.Delete(t.Context(), "one", w.Tip(t, "one"))) })

	gittest.Git(t, w.Dir, "config", "http.receivepack", "false")
	r, s = opened()
	if _, err := fs.ReadFile(s.Files(t.Context()), "a"); err != nil {
		t.Errorf("reading where nobody may write: %v", err)
	}
	if err := push(s, "2", "three"); !errors.Is(err, gitrepo.ErrAuth) {
		t.Errorf("push: %v, want refused", err)
	}
	gittest.Git(t, w.Dir, "config", "http.receivepack", "true")
	gittest.Check(t, push(s, "2", "four"))
}

// TestRefusalsOfTheMoment: after a branch was replaced, requests are still partial.
func TestRefusalsOfTheMoment(t *testing.T) {
	t.Parallel()
	// The branch is replaced before this request: for all trees, of which there are too many; for the root; for the
	// next.
	for _, at := range []int{1, 2, 3} {
		w := repotest.Open(t, "http", map[string]string{"top.yaml": "top: 1\n"})
		w.Apps(t, repotest.Many)
		tip := w.Tip(t, "main")
		w.Remote.Refusals = &gitrepo.Refusals{}
		posts := 0
		w.Remote.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				if posts++; posts == at {
					gittest.Git(t, w.Dir, "update-ref", "refs/heads/main", "main^")
				}
			}
			return http.DefaultTransport.RoundTrip(r)
		})}
		read := func() error {
			s, err := repotest.TrySnapshot(t.Context(), w.Remote)
			if err == nil {
				_, err = fs.ReadFile(s.Files(t.Context()), "apps/app-0003/dev/values.yaml")
			}
			return err
		}
		if err := read(); at == 1 && !errors.Is(err, gitrepo.ErrMoved) || at > 1 && err != nil {
			t.Errorf("replaced before request %d: %v", at, err)
		}
		gittest.Git(t, w.Dir, "update-ref", "refs/heads/main", tip)
		w.Costs(t, fmt.Sprintf("after request %d", at), 6, func() { gittest.Check(t, read()) })
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRefusals: a server is not asked again for what it refuses.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		config       []string
		first, again int
	}{
		// References, all trees, of which there are too many; the trees of a path one by one, or what comes in their
		// place; a blob.
		{"nothing", nil, 6, 6},
		{"trees alone", []string{"uploadpackfilter.tree.allow"}, 5, 3},
		{"any filter", []string{"uploadpackfilter.tree.allow", "uploadpackfilter.blob:none.allow"}, 3, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := repotest.Open(t, "http", map[string]string{"top.yaml": "top: 1\n"})
			w.Apps(t, repotest.Many)
			for _, key := range test.config {
				gittest.Git(t, w.Dir, "config", key, "false")
			}
			w.Remote.Refusals = &gitrepo.Refusals{}
			read := func() {
				_, err := fs.ReadFile(w.Snapshot(t, "main").Files(t.Context()), "apps/app-0003/dev/values.yaml")
				gittest.Check(t, err)
			}
			w.Costs(t, "first", test.first, read)
			w.Costs(t, "again", test.again, read)
			if len(test.config) == 1 {
				w.Remote.Refusals = &gitrepo.Refusals{}
				gittest.Git(t, w.Dir, "branch", "behind", "main~")
				log := func() {
					_, err := w.Snapshot(t, "main").Log(t.Context(), 2)
					gittest.Check(t, err)
				}
				ahead := func() {
					logs, err := w.Snapshot(t, "behind").Ahead(t.Context(), "main")
					if err != nil || len(logs) != 1 {
						t.Errorf("%v, %v", logs, err)
					}
				}
				// References, all trees, of which there are too many, commits, or what comes in their place.
				w.Costs(t, "commits", 4, log)
				w.Costs(t, "commits again", 3, log)
				w.Costs(t, "commits of a branch", 3, ahead)
			}
		})
	}
}
