package gitrepo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/checkout"
)

// history adds n commits on main, each with a merge now and then, equal dates and dates that go back; every one changes
// a file of a folder of its own in a tree of some size.
func (w way) history(t *testing.T, n int, merges bool) {
	t.Helper()
	var script bytes.Buffer
	r := rand.New(rand.NewPCG(1, 2))
	date := 1700000000
	fmt.Fprintf(&script, "reset refs/heads/main\nfrom refs/heads/main^0\n\n")
	for i := range n {
		date += r.IntN(5) - 1
		fmt.Fprintf(&script, "commit refs/heads/main\nmark :%d\nauthor A <a@example.com> %d +0000\ncommitter C <c@example.com> %d +0000\n", i+1, date, date)
		text := fmt.Sprintf("Deploy app%d\n\nSequence: %d\n", i%20, i)
		fmt.Fprintf(&script, "data %d\n%s\n", len(text), text)
		if i > 0 && merges && r.IntN(3) == 0 {
			fmt.Fprintf(&script, "from :%d\n", 1+r.IntN(i))
			fmt.Fprintf(&script, "merge :%d\n", i)
		}
		content := fmt.Sprintf("image: %x\n%s", i*7919, strings.Repeat("other: setting\n", 40))
		fmt.Fprintf(&script, "M 100644 inline apps/app%d/values.yaml\ndata %d\n%s\n", i%20, len(content), content)
	}
	cmd := exec.Command("git", "-C", w.dir, "fast-import", "--quiet", "--force")
	cmd.Stdin = &script
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("fast-import: %v\n%s", err, out)
	}
}

func hashes(logs []gitrepo.Log) string {
	var out strings.Builder
	for _, l := range logs {
		fmt.Fprintf(&out, "%s %s %s %s\n", l.Hash, l.Tree, strings.Join(l.Parents, " "), l.Subject())
	}
	return out.String()
}

func TestLog(t *testing.T) {
	eachWay(t, map[string]string{"z": "first\n"}, func(t *testing.T, w way) {
		w.history(t, 60, true)
		for _, n := range []int{-1, 0, 1, 2, 7, 30, 61, 500} {
			s := w.snapshot(t, "main")
			packs := map[string]int{"http": 1, "http without filter": 1, "http filter refused": 1}[w.name]
			if n <= 1 {
				packs = 0
			}
			var logs []gitrepo.Log
			w.costs(t, fmt.Sprint("log of ", n), packs, func() {
				var err error
				logs, err = s.Log(t.Context(), n)
				check(t, err)
			})
			if want := git(t, w.dir, "log", "--format=%H %T %P %s", fmt.Sprint("-n", max(n, 0)), "main"); hashes(logs) != want {
				t.Errorf("the last %d are\n%s\nwant\n%s", n, hashes(logs), want)
			}
			// The snapshot is as it was.
			got, err := fs.ReadFile(s.Files(t.Context()), "z")
			if err != nil || string(got) != "first\n" {
				t.Errorf("z is %q, %v", got, err)
			}
			s, err = s.With(t.Context(), contents(map[string]string{"apps/app1/values.yaml": fmt.Sprint(n)}))
			check(t, err)
			c, err := s.Commit(message("x"))
			check(t, err)
			check(t, s.Push(t.Context(), c, fmt.Sprint("after", n)))
		}
		git(t, w.dir, "config", "uploadpack.allowFilter", "false")
		s := w.snapshot(t, "main")
		logs, err := s.Log(t.Context(), 30)
		check(t, err)
		if want := git(t, w.dir, "log", "--format=%H %T %P %s", "-n30", "main"); hashes(logs) != want {
			t.Errorf("without filter, the last 30 are\n%s\nwant\n%s", hashes(logs), want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Log(ctx, 10); !errors.Is(err, context.Canceled) {
			t.Errorf("log after cancel: %v", err)
		}
		git(t, w.dir, "fsck", "--strict")
	})
}

// TestLogShallow: the server's own history may end early, which is told from commits that are lost.
func TestLogShallow(t *testing.T) {
	eachWay(t, map[string]string{"z": "first\n"}, func(t *testing.T, w way) {
		w.history(t, 30, true)
		all := git(t, w.dir, "rev-list", "main")
		mirror := filepath.Join(t.TempDir(), "mirror")
		git(t, ".", "clone", "--quiet", "--bare", "--depth=5", "--no-local", "file://"+w.dir, mirror)
		for _, name := range []string{"objects", "shallow"} {
			check(t, os.RemoveAll(filepath.Join(w.dir, name)))
			check(t, os.Rename(filepath.Join(mirror, name), filepath.Join(w.dir, name)))
		}
		want := git(t, w.dir, "rev-list", "main")
		if all == want {
			t.Fatal("the repository is not shallow")
		}
		for _, n := range []int{3, 200} {
			logs, err := w.snapshot(t, "main").Log(t.Context(), n)
			check(t, err)
			got := ""
			for _, l := range logs {
				got += l.Hash + "\n"
			}
			if lines := strings.SplitAfter(want, "\n"); got != strings.Join(lines[:min(n, len(lines)-1)], "") {
				t.Errorf("the last %d are\n%s\nwant\n%s", n, got, want)
			}
		}
		check(t, os.Remove(filepath.Join(w.dir, "shallow")))
		if logs, err := w.snapshot(t, "main").Log(t.Context(), 200); err == nil {
			t.Errorf("%d commits and no error, with some lost", len(logs))
		}
	})
}

// TestLogBytes: what 200 commits cost to look through.
func TestLogBytes(t *testing.T) {
	for name, most := range map[string]int64{"http": 40_000, "http without filter": 160_000} {
		t.Run(name, func(t *testing.T) {
			big := make([]byte, 1<<18)
			for i, r := 0, rand.New(rand.NewPCG(3, 4)); i < len(big); i++ {
				big[i] = byte(r.Uint32())
			}
			w := open(t, name, map[string]string{"big": string(big)})
			w.history(t, 300, false)
			git(t, w.dir, "repack", "-a", "-d", "--quiet")
			s := w.snapshot(t, "main")
			before := len(w.forge.Requests())
			logs, err := s.Log(t.Context(), 200)
			check(t, err)
			if len(logs) != 200 {
				t.Errorf("%d commits, want 200", len(logs))
			}
			sent := int64(0)
			for _, r := range w.forge.Requests()[before:] {
				sent += r.Out
			}
			t.Logf("%d bytes were sent for 200 commits", sent)
			if sent > most {
				t.Errorf("%d bytes were sent, want %d at most", sent, most)
			}
		})
	}
}

// TestLogReuse takes commits from a checkout, as far as it has them.
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
			alone(t)
			w := open(t, test.way, map[string]string{"a": "1"})
			w.history(t, 40, true)
			c, err := checkout.Open(w.clone(t, test.clone...))
			check(t, err)
			git(t, w.dir, "repack", "-a", "-d", "--quiet", "--depth=50", "--window=50")
			w.remote.Checkout = c
			s := w.snapshot(t, "main")
			w.costs(t, "log", test.want, func() {
				logs, err := s.Log(t.Context(), test.n)
				check(t, err)
				if want := git(t, w.dir, "log", "--format=%H %T %P %s", fmt.Sprint("-n", test.n), "main"); hashes(logs) != want {
					t.Errorf("log\n%s\nwant\n%s", hashes(logs), want)
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

// A branch that is deleted, or replaced, after it was seen: its commits are nobody's any more.
func TestAheadOvertaken(t *testing.T) {
	eachWay(t, map[string]string{"a": "1"}, func(t *testing.T, w way) {
		w.seed(t, "gone", map[string]string{"a": "2"})
		r := w.open(t)
		s, err := r.Snapshot(t.Context(), "main")
		check(t, err)
		git(t, w.dir, "branch", "-D", "gone")
		// A repository on disk, and one session over ssh, still have the commits.
		if _, err := s.Ahead(t.Context(), "gone"); !errors.Is(err, gitrepo.ErrMoved) && strings.HasPrefix(w.name, "http") {
			t.Errorf("got %v, want ErrMoved", err)
		}
	})
}
