package integration

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/cmd"
	"update-gitops-repo/integration/forge"
	"update-gitops-repo/integration/memnet"
)

// recipe is a run whose every request is to fail once.
type recipe struct {
	name    string
	kind    forge.Kind
	partial bool
	more    []string      // flags
	before  []string      // flags of a run before it; nil: there is none
	few     []forge.Fault // the faults that count; nil: all
}

func (r recipe) argsOn(f *forge.Server, more ...string) []string {
	return append([]string{
		"-repo=" + f.CloneURL(repo), "-scm-provider=" + string(r.kind), "-token=" + token, "-scm-url=" + f.APIURL(),
		"-git-revision=1a2b3c4d5e6f", "-app=shop", "-base=main",
		"-substitute=tag=v2", "-filepath=apps/**.tmpl", "-set=values.yaml:.image.tag=v2",
	}, more...)
}

// worldFiles are in each world's repository.
var worldFiles = map[string]string{
	"apps/shop/deploy.yaml.tmpl": "image: shop:$({ .tag })\n",
	"apps/shop/deploy.yaml":      "image: shop:v1\n",
	"values.yaml":                "image:\n  tag: v1 # by the pipeline\n",
	"README.md":                  strings.Repeat("Some text that is left alone.\n", 20),
}

// seedWorld makes a repository below dir that has worldFiles, and returns its git directory, to begin worlds with.
func seedWorld(t *testing.T, dir string) string {
	t.Helper()
	files := t.TempDir()
	for name, text := range worldFiles {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(files, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(files, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := startForge(t, forge.Config{Kind: forge.GitHub, Dir: dir})
	if err := f.CreateRepo(repo, "main"); err != nil {
		t.Fatal(err)
	}
	if err := f.Seed(repo, "main", files); err != nil {
		t.Fatal(err)
	}
	return f.GitDir(repo)
}

// startForge starts a forge that ends with the test. It has the token of all tests, and a folder of its own unless c
// names one.
func startForge(t *testing.T, c forge.Config) *forge.Server {
	t.Helper()
	c.Token = token
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	f, err := forge.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// world is a forge, and the arguments of a run on it.
type world struct {
	forge *forge.Server
	args  []string
}

// memory is the network of worlds in a bubble.
var memory memnet.Network

// world starts a forge of the recipe's kind in memory, whose repository is a copy of seeded.
func (r recipe) world(t *testing.T, seeded string) world {
	t.Helper()
	return r.worldOn(t, seeded, memory.Listen)
}

// worldOn is world with another network; nil is the machine's.
func (r recipe) worldOn(t *testing.T, seeded string, listen func() (net.Listener, error)) world {
	t.Helper()
	f := startForge(t, forge.Config{Kind: r.kind, Partial: r.partial, Listen: listen})
	if err := f.CreateRepo(repo, "main"); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"objects", "refs"} {
		if err := os.CopyFS(filepath.Join(f.GitDir(repo), part), os.DirFS(filepath.Join(seeded, part))); err != nil {
			t.Fatal(err)
		}
	}
	if r.before != nil {
		if got := runProgram(t.Context(), nil, r.argsOn(f, r.before...)...); got.code != 0 {
			t.Fatalf("before: %+v", got)
		}
	}
	return world{f, r.argsOn(f, r.more...)}
}

// dialMemory has this process find the forges in memory by their addresses: the program makes its connections as
// http.DefaultTransport does. It ends with the test.
func dialMemory(t *testing.T) {
	transport := http.DefaultTransport.(*http.Transport)
	machine := transport.DialContext
	t.Cleanup(func() { transport.DialContext = machine })
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if memory.Has(addr) {
			return memory.Dial(ctx, addr)
		}
		return machine(ctx, network, addr)
	}
}

// result is a run's exit code and output.
type result struct {
	code           int
	stdout, stderr string
}

// runProgram runs the program in this process, with no environment but env.
func runProgram(ctx context.Context, env []string, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := cmd.Run(ctx, args, env, &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// gitOn runs git on the forge's repository and returns what it prints.
func gitOn(t *testing.T, f *forge.Server, args ...string) string {
	t.Helper()
	// There are no such files, for which fsck would start two processes.
	quick := []string{"--git-dir=" + f.GitDir(repo), "-c", "core.commitGraph=false", "-c", "core.multiPackIndex=false"}
	c := exec.Command("git", append(quick, args...)...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// endState is what counts of the forge: each branch's tree and number of commits, and each pull request.
func endState(t *testing.T, f *forge.Server) string {
	t.Helper()
	gitOn(t, f, "fsck", "--strict")
	all := branches(gitOn(t, f, "log", "--all", "--decorate=full", "--decorate-refs=refs/*",
		"--format=%H %T %P%x09%D"))
	if len(all) == 0 {
		t.Error("git names no branch")
	}
	var b strings.Builder
	for _, branch := range all {
		fmt.Fprintf(&b, "%s has %d commits and tree %s\n", branch.ref, branch.commits, branch.tree)
	}
	for _, p := range f.PullRequests(repo) {
		fmt.Fprintf(&b, "#%d %s %s -> %s %q %q %q\n%s\n",
			p.Number, p.State, p.Head, p.Base, p.Title, p.Labels, p.Comments, p.Body)
	}
	return b.String()
}

// branch is what a reference leads to.
type branch struct {
	ref, tree string
	commits   int // in all of its history
}

// branches returns the references, sorted, in a log of all commits with the lines HASH TREE PARENT... TAB REFERENCES.
func branches(log string) []branch {
	parents, trees, tips := map[string][]string{}, map[string]string{}, map[string]string{}
	for line := range strings.Lines(log) {
		commit, refs, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		fields := strings.Fields(commit)
		trees[fields[0]], parents[fields[0]] = fields[1], fields[2:]
		for ref := range strings.SplitSeq(refs, ", ") {
			if ref = strings.TrimPrefix(ref, "HEAD -> "); ref != "" && ref != "HEAD" {
				tips[ref] = fields[0]
			}
		}
	}
	var all []branch
	for _, ref := range slices.Sorted(maps.Keys(tips)) {
		seen := map[string]bool{}
		next := []string{tips[ref]}
		for len(next) > 0 {
			commit := next[0]
			next = next[1:]
			if !seen[commit] {
				seen[commit] = true
				next = append(next, parents[commit]...)
			}
		}
		all = append(all, branch{ref, trees[tips[ref]], len(seen)})
	}
	return all
}
