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

// soakWorkers is how many workers update one branch at the same time.
const soakWorkers = 8

// TestSoak has the workers update one branch, each its own file, most by pushing to it and some by pull requests that
// are merged at once, while the forge fails a tenth of all requests. Every update has to be there, once. There are 40
// of them, or as many as SOAK says.
func TestSoak(t *testing.T) {
	updates := 40
	if n, err := strconv.Atoi(os.Getenv("SOAK")); err == nil {
		updates = n
	}
	t.Setenv("HOME", t.TempDir())
	f := startSoak(t, updates)
	f.FailRequests(forge.Random(8, 0.1, forge.Reset, forge.Lost, forge.Half, forge.Truncated,
		forge.Internal, forge.BadGateway, forge.Unavailable, forge.Timeout, forge.TooMany))
	var wg sync.WaitGroup
	for worker := range soakWorkers {
		wg.Go(func() {
			for n := worker; n < updates; n += soakWorkers {
				got := runProgram(t.Context(), nil, soakArgs(f, n)...)
				if got.code != 0 || strings.Contains(got.stdout, "nothing to change") {
					t.Errorf("update %d: %+v", n, got)
				}
			}
		})
	}
	wg.Wait()
	f.FailRequests(nil)
	checkSoak(t, f, updates)

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

// soakFile is the file that an update is in, and soakRevision its revision.
func soakFile(update int) string     { return fmt.Sprintf("worker-%d.yaml", update%soakWorkers) }
func soakRevision(update int) string { return fmt.Sprint(1000000 + update) }

// startSoak starts a forge whose repository has a value for each update.
func startSoak(t *testing.T, updates int) *forge.Server {
	t.Helper()
	f := startForge(t, forge.Config{Kind: forge.GitHub, Partial: true})
	values := map[string]string{}
	for n := range updates {
		values[soakFile(n)] += fmt.Sprintf("u%d: waits\n", n)
	}
	files := t.TempDir()
	for name, text := range values {
		if err := os.WriteFile(filepath.Join(files, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.CreateRepo(repo, "main"); err != nil {
		t.Fatal(err)
	}
	if err := f.Seed(repo, "main", files); err != nil {
		t.Fatal(err)
	}
	return f
}

// soakArgs are the arguments of an update. A worker's every fourth one is a pull request.
func soakArgs(f *forge.Server, update int) []string {
	args := []string{
		"-repo=" + f.CloneURL(repo), "-scm-provider=github", "-token=" + token, "-scm-url=" + f.APIURL(), "-app=soak",
		"-git-revision=" + soakRevision(update), fmt.Sprintf("-set=%s:.u%d=done", soakFile(update), update),
	}
	if update/soakWorkers%4 == 3 {
		return append(args, "-merge-pull-request", fmt.Sprintf("-branch=soak-%d", update))
	}
	return append(args, "-create-pull-request=false", "-branch=main")
}

// checkSoak: main has each update once, and each pull request is merged.
func checkSoak(t *testing.T, f *forge.Server, updates int) {
	t.Helper()
	gitOn(t, f, "fsck", "--strict")
	landed := map[string]int{}
	const format = "--format=%(trailers:key=Update-Revision,valueonly,separator=)"
	for line := range strings.Lines(gitOn(t, f, "log", "--no-merges", format, "main")) {
		landed[strings.TrimSpace(line)]++
	}
	want := map[string]string{}
	for n := range updates {
		if times := landed[soakRevision(n)]; times != 1 {
			t.Errorf("update %d is in main %d times", n, times)
		}
		want[soakFile(n)] += fmt.Sprintf("u%d: done\n", n)
	}
	for name, text := range want {
		if got := gitOn(t, f, "show", "main:"+name); got != text {
			t.Errorf("%s in main:\n%s\nwant\n%s", name, got, text)
		}
	}
	for _, p := range f.PullRequests(repo) {
		if p.State != "merged" {
			t.Errorf("pull request #%d is %s", p.Number, p.State)
		}
	}
}
