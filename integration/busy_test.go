package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"update-gitops-repo/integration/forge"
)

// chores are what git does to a repository to tidy it, the harshest forms included: nothing is spared for being young.
var chores = []string{
	"repack -adq", "pack-refs --all --prune", "multi-pack-index write", "gc --quiet --prune=now", "prune-packed -q",
	"repack -Adq --write-midx", "commit-graph write --reachable", "repack -dq", "prune --expire=now",
	"maintenance run --quiet --task=gc --task=incremental-repack --task=loose-objects --task=pack-refs",
}

// moreChores are those to a checkout.
var moreChores = []string{
	"read-tree HEAD", "update-index --index-version=4", "config core.x y", "update-index --really-refresh -q",
	"update-index --index-version=2", "config --unset core.x",
}

// busy is a git folder that others work in: git, in every way to tidy up, and threads that make, rename and remove
// files in its folder of packs.
type busy struct {
	dir    string
	stop   context.CancelFunc
	others sync.WaitGroup
	done   atomic.Int32 // chores
}

// startWork begins the work. It ends with rest, or with the test.
func startWork(t *testing.T, dir string, chores []string) *busy {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	b := &busy{dir: dir, stop: stop}
	t.Cleanup(b.rest)
	b.others.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			// A chore may lose a lock to a push, and then gives up. It is let end: half of one leaves a mess.
			if git(context.WithoutCancel(ctx), dir, strings.Fields(chores[i%len(chores)])...).Run() == nil {
				b.done.Add(1)
			}
		}
	})
	for worker := range 2 {
		b.others.Go(func() { scribble(ctx, filepath.Join(dir, "objects", "pack"), worker) })
	}
	return b
}

// rest waits until nobody works in the repository any more.
func (b *busy) rest() {
	b.stop()
	b.others.Wait()
}

// scribble makes, renames and removes files in a folder of packs, under such names as git and others give them for a
// while, until ctx ends.
func scribble(ctx context.Context, dir string, worker int) {
	for i := 0; ctx.Err() == nil; i++ {
		file := filepath.Join(dir, fmt.Sprintf("tmp_pack_%d_%d", worker, i%8))
		renamed := filepath.Join(dir, fmt.Sprintf("pack-%037d%d%02d.rev", 0, worker, i%8))
		_ = os.WriteFile(file, []byte("x"), 0o644) // git prune removes it.
		_ = os.Rename(file, renamed)
		_ = os.Remove(renamed)
		if i%64 == 63 {
			time.Sleep(time.Millisecond) // Others are to get on, too.
		}
	}
}

// git returns git's command on a git folder.
func git(ctx context.Context, gitDir string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "git", append([]string{"--git-dir=" + gitDir}, args...)...)
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	if filepath.Base(gitDir) == ".git" {
		c.Dir = filepath.Dir(gitDir)
	}
	return c
}

// mustGit runs git on a git folder and returns what it prints, without the line's end.
func mustGit(t *testing.T, gitDir string, args ...string) string {
	t.Helper()
	out, err := git(context.WithoutCancel(t.Context()), gitDir, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// seedBusy makes a bare repository with a file for each writer, in two commits: one in a pack, one of loose objects.
func seedBusy(t *testing.T, writers int) (gitDir string) {
	t.Helper()
	gitDir = filepath.Join(t.TempDir(), "busy.git")
	mustGit(t, gitDir, "init", "--quiet", "--bare", "--initial-branch=main")
	clone := filepath.Join(t.TempDir(), ".git")
	mustGit(t, clone, "init", "--quiet", "--initial-branch=main")
	for commit := range 2 {
		for n := range writers {
			file := filepath.Join(filepath.Dir(clone), busyFile(n))
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755),
				os.WriteFile(file, fmt.Appendf(nil, "seed: %d\ntag: none\n", commit), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		mustGit(t, clone, "add", ".")
		mustGit(t, clone, "commit", "--quiet", "-m", "seed")
		mustGit(t, clone, "push", "--quiet", gitDir, "main")
		if commit == 0 {
			mustGit(t, gitDir, "repack", "-adq")
		}
	}
	return gitDir
}

// busyFile is a writer's file, and busyBranch its branch: the first two share one.
func busyFile(writer int) string { return fmt.Sprintf("apps/app-%d/values.yaml", writer) }
func busyBranch(writer int) string {
	if writer < 2 {
		return "main"
	}
	return fmt.Sprintf("writer-%d", writer)
}

// TestBusyRepository has the program push to a repository on disk that is never left in peace. No run may fail, and
// every change has to be there.
func TestBusyRepository(t *testing.T) {
	const writers = 4
	runs := 300 / writers
	if testing.Short() {
		runs = 40 / writers
	}
	t.Setenv("HOME", t.TempDir())
	dir := seedBusy(t, writers)
	b := startWork(t, dir, chores)
	var wg sync.WaitGroup
	for writer := range writers {
		wg.Go(func() {
			for n := range runs {
				got := runProgram(t.Context(), nil, "-repo="+dir, "-create-pull-request=false", "-app=app",
					fmt.Sprintf("-git-revision=%d", 1000000+n), "-base=main", "-branch="+busyBranch(writer),
					fmt.Sprintf("-set=%s:.tag=v%d", busyFile(writer), n))
				if got.code != 0 || strings.Contains(got.stdout, "nothing to change") {
					t.Errorf("writer %d, run %d: %+v", writer, n, got)
				}
			}
		})
	}
	wg.Wait()
	b.rest()
	t.Logf("%d runs beside %d chores", writers*runs, b.done.Load())
	mustGit(t, dir, "fsck", "--strict", "--full")
	for writer := range writers {
		name := busyBranch(writer) + ":" + busyFile(writer)
		if got, want := mustGit(t, dir, "show", name), fmt.Sprintf("seed: 1\ntag: v%d", runs-1); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got, want := mustGit(t, dir, "rev-list", "--count", "main"), fmt.Sprint(2+2*runs); got != want {
		t.Errorf("main has %s commits, want %s", got, want)
	}
	if left, err := fs.Glob(os.DirFS(dir), "objects/pack/*.keep"); err != nil || len(left) > 0 {
		t.Errorf("%q are left, %v", left, err)
	}
}

// TestBusyCheckout has the program take files and objects of a checkout that is never left in peace either.
func TestBusyCheckout(t *testing.T) {
	runs := 40
	if testing.Short() {
		runs = 8
	}
	t.Setenv("HOME", t.TempDir())
	f := startForge(t, forge.Config{Kind: forge.GitHub, Partial: true})
	if err := errors.Join(f.CreateRepo(repo, "main"), os.RemoveAll(f.GitDir(repo))); err != nil {
		t.Fatal(err)
	}
	seed := seedBusy(t, 20)
	if err := os.Rename(seed, f.GitDir(repo)); err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), ".git")
	mustGit(t, clone, "clone", "--quiet", f.GitDir(repo), ".")
	b := startWork(t, clone, append(moreChores, chores...))
	for n := range runs {
		added := filepath.Join(filepath.Dir(clone), busyFile(1))
		if err := os.WriteFile(added, fmt.Appendf(nil, "added: %d\n", n), 0o644); err != nil {
			t.Fatal(err)
		}
		got := runProgram(t.Context(), nil, "-repo="+f.CloneURL(repo), "-workdir="+filepath.Dir(clone), "-token="+token,
			"-create-pull-request=false", "-app=app", fmt.Sprintf("-git-revision=%d", 1000000+n),
			"-branch=new-"+fmt.Sprint(n), "-add=apps/**", fmt.Sprintf("-set=%s:.tag=v%d", busyFile(0), n))
		if got.code != 0 {
			t.Errorf("run %d: %+v", n, got)
			continue
		}
		changed := mustGit(t, f.GitDir(repo), "diff", "--name-only", "main", fmt.Sprintf("new-%d", n))
		if want := busyFile(0) + "\n" + busyFile(1); changed != want {
			t.Errorf("run %d changed %q, want %q", n, changed, want)
		}
	}
	b.rest()
	t.Logf("%d runs beside %d chores", runs, b.done.Load())
}
