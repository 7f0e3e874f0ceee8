package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"update-gitops-repo/integration/forge"
)

// TestSoak has eight workers update one branch at the same time, each its own file, most by pushing to it and some by
// pull requests that are merged at once, while the forge fails a tenth of all requests. Every update has to be there,
// once. There are 40 of them, or as many as SOAK says.
func TestSoak(t *testing.T) {
	const workers = 8
	updates := 40
	if n, err := strconv.Atoi(os.Getenv("SOAK")); err == nil {
		updates = n
	}
	t.Setenv("HOME", t.TempDir())
	f, err := forge.Start(forge.Config{Kind: forge.GitHub, Partial: true, Token: token, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	files := t.TempDir()
	file := func(n int) string { return fmt.Sprintf("worker-%d.yaml", n%workers) }
	values := make([]strings.Builder, workers)
	for n := range updates {
		fmt.Fprintf(&values[n%workers], "u%d: waits\n", n)
	}
	for w := range values {
		if err := os.WriteFile(filepath.Join(files, file(w)), []byte(values[w].String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.CreateRepo(repo, "main"); err != nil {
		t.Fatal(err)
	}
	if err := f.Seed(repo, "main", files); err != nil {
		t.Fatal(err)
	}
	f.FailRequests(forge.Random(8, 0.1, forge.Reset, forge.Lost, forge.Half, forge.Truncated,
		forge.Internal, forge.BadGateway, forge.Unavailable, forge.Timeout, forge.TooMany))

	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := w; n < updates; n += workers {
				args := []string{"-repo=" + f.CloneURL(repo), "-scm-provider=github", "-token=" + token,
					"-scm-url=" + f.APIURL(), "-app=soak",
					fmt.Sprintf("-git-revision=%d", 1000000+n), fmt.Sprintf("-set=%s:.u%d=done", file(n), n)}
				if n/workers%4 == 3 {
					args = append(args, "-merge-pull-request", fmt.Sprintf("-branch=soak-%d", n))
				} else {
					args = append(args, "-create-pull-request=false", "-branch=main")
				}
				if got := runProgram(t.Context(), nil, args...); got.code != 0 ||
					strings.Contains(got.stdout, "nothing to change") {
					t.Errorf("update %d: %+v", n, got)
				}
			}
		})
	}
	wg.Wait()
	f.FailRequests(nil)

	gitOn(t, f, "fsck", "--strict")
	landed := map[string]int{}
	for line := range strings.Lines(gitOn(t, f, "log", "--no-merges",
		"--format=%(trailers:key=Update-Revision,valueonly,separator=)", "main")) {
		landed[strings.TrimSpace(line)]++
	}
	for n := range updates {
		if times := landed[fmt.Sprint(1000000+n)]; times != 1 {
			t.Errorf("update %d is in main %d times", n, times)
		}
	}
	for w := range workers {
		if text := gitOn(t, f, "show", "main:"+file(w)); strings.Contains(text, "waits") ||
			strings.Count(text, "done") != strings.Count(values[w].String(), "waits") {
			t.Errorf("%s in main:\n%s", file(w), text)
		}
	}
	for _, p := range f.PullRequests(repo) {
		if p.State != "merged" {
			t.Errorf("pull request #%d is %s", p.Number, p.State)
		}
	}
	failed := 0
	for _, r := range f.Requests() {
		if r.Status >= 500 || r.Status == 429 || r.Status == 0 {
			failed++
		}
	}
	if failed < updates/10 {
		t.Errorf("only %d requests failed", failed)
	}
	t.Logf("%d updates took %d requests, of which at least %d failed", updates, len(f.Requests()), failed)
}
