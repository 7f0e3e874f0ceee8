package gitrepo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

func TestLog(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"z": "first\n"}, func(t *testing.T, w repotest.Way) {
		w.History(t, 60, true)
		for _, n := range []int{-1, 0, 1, 2, 7, 30, 61, 500} {
			s := w.Snapshot(t, "main")
			packs := map[string]int{"http": 1, "http without filter": 1, "http filter refused": 1}[w.Name]
			if n <= 1 {
				packs = 0
			}
			var logs []gitrepo.Log
			w.Costs(t, fmt.Sprint("log of ", n), packs, func() {
				var err error
				logs, err = s.Log(t.Context(), n)
				gittest.Check(t, err)
			})
			want := gittest.Git(t, w.Dir, "log", "--format=%H %T %P %s", fmt.Sprint("-n", max(n, 0)), "main")
			if repotest.FormatLogs(logs) != want {
				t.Errorf("the last %d are\n%s\nwant\n%s", n, repotest.FormatLogs(logs), want)
			}
			// The snapshot has not changed.
			got, err := fs.ReadFile(s.Files(t.Context()), "z")
			if err != nil || string(got) != "first\n" {
				t.Errorf("z is %q, %v", got, err)
			}
			s, err = s.With(t.Context(), repotest.Contents(map[string]string{"apps/app1/values.yaml": fmt.Sprint(n)}))
			gittest.Check(t, err)
			c, err := s.Commit(repotest.Message("x"))
			gittest.Check(t, err)
			gittest.Check(t, s.Push(t.Context(), c, fmt.Sprint("after", n)))
		}
		gittest.Git(t, w.Dir, "config", "uploadpack.allowFilter", "false")
		s := w.Snapshot(t, "main")
		logs, err := s.Log(t.Context(), 30)
		gittest.Check(t, err)
		want := gittest.Git(t, w.Dir, "log", "--format=%H %T %P %s", "-n30", "main")
		if repotest.FormatLogs(logs) != want {
			t.Errorf("without filter, the last 30 are\n%s\nwant\n%s", repotest.FormatLogs(logs), want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Log(ctx, 10); !errors.Is(err, context.Canceled) {
			t.Errorf("log after cancel: %v", err)
		}
		gittest.Git(t, w.Dir, "fsck", "--strict")
	})
}

// TestLogShallow: the history of a shallow server ends early, which is no missing commit.
func TestLogShallow(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"z": "first\n"}, func(t *testing.T, w repotest.Way) {
		w.History(t, 30, true)
		all := gittest.Git(t, w.Dir, "rev-list", "main")
		mirror := filepath.Join(t.TempDir(), "mirror")
		gittest.Git(t, ".", "clone", "--quiet", "--bare", "--depth=5", "--no-local", "file://"+w.Dir, mirror)
		for _, name := range []string{"objects", "shallow"} {
			gittest.Check(t, os.RemoveAll(filepath.Join(w.Dir, name)))
			gittest.Check(t, os.Rename(filepath.Join(mirror, name), filepath.Join(w.Dir, name)))
		}
		want := gittest.Git(t, w.Dir, "rev-list", "main")
		if all == want {
			t.Fatal("the repository is not shallow")
		}
		for _, n := range []int{3, 200} {
			logs, err := w.Snapshot(t, "main").Log(t.Context(), n)
			gittest.Check(t, err)
			got := ""
			for _, l := range logs {
				got += l.Hash + "\n"
			}
			if lines := strings.SplitAfter(want, "\n"); got != strings.Join(lines[:min(n, len(lines)-1)], "") {
				t.Errorf("the last %d are\n%s\nwant\n%s", n, got, want)
			}
		}
		gittest.Check(t, os.Remove(filepath.Join(w.Dir, "shallow")))
		if logs, err := w.Snapshot(t, "main").Log(t.Context(), 200); err == nil {
			t.Errorf("%d commits and no error, with some lost", len(logs))
		}
	})
}
