package gitrepo_test

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

// TestFetch asserts what each kind of run costs, push included: requests, connections, bytes at most, and objects.
func TestFetch(t *testing.T) {
	t.Parallel()
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
			// Commit, root, apps, its applications and environments, one blob; in the other cases, a blob for each
			// tree of an environment.
			"http/few": {5, 1, 8, 1 + 2 + 4*repotest.Few + 1}, "http/many": {8, 2, 50, 1 + 4 + 1},
			"http tree refused/few":    {5, 1, 8, 1 + 2 + 4*repotest.Few + 1},
			"http tree refused/many":   {7, 2, 240, 1 + 2 + 4*repotest.Many + 1},
			"http filter refused/few":  {5, 1, 12, 1 + 2 + 7*repotest.Few + 1},
			"http filter refused/many": {5, 1, 400, 1 + 2 + 7*repotest.Many + 1},
			"http without filter/few":  {4, 1, 12, 1 + 2 + 7*repotest.Few + 1},
			"http without filter/many": {4, 1, 400, 1 + 2 + 7*repotest.Many + 1},
		}},
		{"several paths",
			[]gitrepo.Scope{
				literal(3), literal(7), {Paths: []string{"top.yaml", "apps/nosuch/x.yaml", "new/x", value(7)}},
			},
			[]string{value(3), value(7), "top.yaml"}, map[string]cost{
				"http/few": {5, 1, 8, 1 + 2 + 4*repotest.Few + 3}, "http/many": {8, 2, 50, 1 + 2 + 4 + 3},
			}},
		{"one folder", []gitrepo.Scope{folder(3)}, []string{value(3)}, map[string]cost{
			"http/few": {5, 1, 8, 1 + 2 + 4*repotest.Few + 1}, "http/many": {7, 2, 50, 1 + 2 + 4 + 1},
		}},
		{"a folder and a path in it", []gitrepo.Scope{folder(3), literal(3)}, []string{value(3)}, map[string]cost{
			"http/few": {5, 1, 8, 1 + 2 + 4*repotest.Few + 1}, "http/many": {7, 2, 50, 1 + 2 + 4 + 1},
		}},
		{"several folders, a path in one and one elsewhere",
			[]gitrepo.Scope{folder(3), folder(4), literal(3), literal(5)},
			[]string{value(3), value(4), value(5)}, map[string]cost{
				// The path in a folder costs nothing; the other path is a level deeper than the folders.
				"http/few": {5, 1, 8, 1 + 2 + 4*repotest.Few + 3}, "http/many": {9, 2, 50, 1 + 2 + 2*4 + 2 + 3},
			}},
		{"everything", []gitrepo.Scope{{Folders: []string{"."}}},
			[]string{value(3), value(4), value(repotest.Many / 80)}, map[string]cost{
				"http/few":  {5, 1, 8, 1 + 2 + 4*repotest.Few + 3},
				"http/many": {5, 1, 230, 1 + 2 + 4*repotest.Many + 3},
			}},
		{"unforeseen", nil, []string{value(3), value(4)}, map[string]cost{
			"http/few": {5, 1, 8, 1 + 2 + 4*repotest.Few + 2}, "http/many": {8, 2, 50, 1 + 2 + 2*2 + 2},
		}},
	} {
		for name, want := range test.want {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				name, size, _ := strings.Cut(name, "/")
				way := name
				if name == "http tree refused" {
					way = "http"
				}
				w := repotest.Open(t, way, map[string]string{"top.yaml": "top: 1\n"})
				w.Apps(t, map[string]int{"few": repotest.Few, "many": repotest.Many}[size])
				if name == "http tree refused" {
					gittest.Git(t, w.Dir, "config", "uploadpackfilter.tree.allow", "false")
				}
				received, dials := 0, &atomic.Int32{}
				w.Remote.Received = func(n int) { received += n }
				w.Remote.HTTPClient = counting(dials)
				before := len(w.Forge.Requests())
				r, err := gitrepo.Open(t.Context(), w.Remote)
				gittest.Check(t, err)
				s, err := r.Snapshot(t.Context(), "main", test.scope...)
				gittest.Check(t, err)
				files := s.Files(t.Context())
				gittest.Check(t, files.(interface{ Prefetch([]string) error }).Prefetch(test.read))
				edits := appended(t, files, test.read)
				objects := s.Fetched()
				edited, err := s.With(t.Context(), repotest.Contents(edits))
				gittest.Check(t, err)
				c, err := edited.Commit(repotest.Message("x"))
				gittest.Check(t, err)
				gittest.Check(t, edited.Push(t.Context(), c, "new"))
				requests := w.Forge.Requests()[before:]
				got := cost{len(requests), int(dials.Load()), want.kib, objects}
				if got != want || received > want.kib<<10 {
					t.Errorf("cost %+v and %d bytes, want %+v; requests: %+v", got, received, want, requests)
				}
				gittest.Git(t, w.Dir, "fsck", "--strict")
			})
		}
	}
}

// appended returns the contents of files, each with one more line.
func appended(t *testing.T, files fs.FS, names []string) map[string]string {
	t.Helper()
	edits := map[string]string{}
	for _, name := range names {
		got, err := fs.ReadFile(files, name)
		gittest.Check(t, err)
		edits[name] = string(got) + "tag: 2\n"
	}
	return edits
}

// counting returns a client that counts its connections.
func counting(dials *atomic.Int32) *http.Client {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}
