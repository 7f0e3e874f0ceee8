package transport_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

// TestLogBytes: how many bytes 200 commits cost.
func TestLogBytes(t *testing.T) {
	t.Parallel()
	for name, most := range map[string]int64{"http": 40_000, "http without filter": 160_000} {
		t.Run(name, func(t *testing.T) {
			big := make([]byte, 1<<18)
			for i, r := 0, rand.New(rand.NewPCG(3, 4)); i < len(big); i++ {
				big[i] = byte(r.Uint32())
			}
			w := repotest.Open(t, name, map[string]string{"big": string(big)})
			w.History(t, 300, false)
			gittest.Git(t, w.Dir, "repack", "-a", "-d", "--quiet")
			s := w.Snapshot(t, "main")
			before := len(w.Forge.Requests())
			logs, err := s.Log(t.Context(), 200)
			gittest.Check(t, err)
			if len(logs) != 200 {
				t.Errorf("%d commits, want 200", len(logs))
			}
			sent := int64(0)
			for _, r := range w.Forge.Requests()[before:] {
				sent += r.Out
			}
			t.Logf("%d bytes were sent for 200 commits", sent)
			if sent > most {
				t.Errorf("%d bytes were sent, want %d at most", sent, most)
			}
		})
	}
}

// TestLogReuse: commits that a checkout has are not fetched.
func TestLogReuse(t *testing.T) {
	for _, test := range []struct {
		name, way string
		clone     []string
		n         int
		want      int // requests
	}{
		{"whole", "http", nil, 200, 0},
		{"without trees", "http", []string{"--filter=tree:0", "--no-checkout"}, 200, 0},
		{"shallow, enough", "http", []string{"--depth=10"}, 4, 0},
		{"shallow", "http", []string{"--depth=3"}, 20, 1},
		{"shallow, and no tree of the tip read", "http without filter", []string{"--depth=1"}, 40, 2},
		{"shallow, filter refused", "http filter refused", []string{"--depth=1"}, 40, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			gittest.Home(t)
			w := repotest.Open(t, test.way, map[string]string{"a": "1"})
			w.History(t, 40, true)
			c, err := checkout.Open(w.Clone(t, test.clone...))
			gittest.Check(t, err)
			gittest.Git(t, w.Dir, "repack", "-a", "-d", "--quiet", "--depth=50", "--window=50")
			w.Remote.Checkout = c
			s := w.Snapshot(t, "main")
			w.Costs(t, "log", test.want, func() {
				logs, err := s.Log(t.Context(), test.n)
				gittest.Check(t, err)
				want := gittest.Git(t, w.Dir, "log", "--format=%H %T %P %s", fmt.Sprint("-n", test.n), "main")
				if repotest.FormatLogs(logs) != want {
					t.Errorf("log\n%s\nwant\n%s", repotest.FormatLogs(logs), want)
				}
			})
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := s.Log(ctx, test.n); !errors.Is(err, context.Canceled) {
				t.Errorf("log after cancel: %v", err)
			}
		})
	}
}

// TestAheadOvertaken: the commits of a branch that was deleted or replaced since Open are gone.
func TestAheadOvertaken(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1"}, func(t *testing.T, w repotest.Way) {
		w.Seed(t, "gone", map[string]string{"a": "2"})
		r := w.Repo(t)
		s, err := r.Snapshot(t.Context(), "main")
		gittest.Check(t, err)
		gittest.Git(t, w.Dir, "branch", "-D", "gone")
		// A repository on disk, and one session over ssh, still have the commits.
		_, err = s.Ahead(t.Context(), "gone")
		if !errors.Is(err, gitrepo.ErrMoved) && strings.HasPrefix(w.Name, "http") {
			t.Errorf("got %v, want ErrMoved", err)
		}
	})
}
