// Package repotest has what the tests of gitrepo and of its transport share: a repository on a forge of their own, with
// a real git server, and each way to reach it.
package repotest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/ssh"
	"update-gitops-repo/integration/forge"
	"update-gitops-repo/secret"
)

const (
	// Token is the password that the forge wants over http.
	Token = "git-token-77aa"
	// Name is the repository's name on the forge.
	Name = "acme/gitops"
)

// Way is one way to reach the forge's repository.
type Way struct {
	Name   string
	Forge  *forge.Server
	Remote gitrepo.Remote
	Dir    string // the bare repository
}

// Each runs a test over http with and without partial clone, over http with a server that advertises filters and then
// refuses them, over ssh, and on disk, side by side. The repository is seeded with the files.
func Each(t *testing.T, files map[string]string, test func(*testing.T, Way)) {
	t.Helper()
	for _, name := range []string{"http", "http without filter", "http filter refused", "ssh", "disk"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, Open(t, name, files))
		})
	}
}

// Open starts a forge with a repository and returns the way of that name to it.
func Open(t *testing.T, name string, files map[string]string) Way {
	t.Helper()
	config := forge.Config{
		Kind: forge.GitHub, Partial: name != "http without filter", Token: Token, Dir: t.TempDir(),
	}
	f, err := forge.Start(config)
	gittest.Check(t, err)
	t.Cleanup(func() { gittest.Check(t, f.Close()) })
	gittest.Check(t, f.CreateRepo(Name, "main"))
	w := Way{Name: name, Forge: f, Dir: f.GitDir(Name)}
	w.Seed(t, "main", files)
	address := f.CloneURL(Name)
	switch name {
	case "http filter refused":
		gittest.Git(t, w.Dir, "config", "uploadpackfilter.blob:none.allow", "false")
		gittest.Git(t, w.Dir, "config", "uploadpackfilter.tree.allow", "false")
	case "ssh":
		server, err := f.StartSSH()
		gittest.Check(t, err)
		w.Remote.SSH = ssh.Options{KeyFile: server.KeyFile, KnownHostsFile: server.KnownHostsFile}
		address = "ssh://" + server.Addr + "/" + Name + ".git"
	case "disk":
		address = w.Dir
	}
	w.Remote.URL, _, err = giturl.Parse(address)
	gittest.Check(t, err)
	if w.Remote.URL.Scheme == "http" {
		w.Remote.Credentials = giturl.Credentials{Username: secret.New("git"), Password: secret.New(Token)}
	}
	return w
}

// Seed commits files on a branch, on top of what is there.
func (w Way) Seed(t *testing.T, branch string, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	gittest.Put(t, dir, files)
	gittest.Check(t, w.Forge.Seed(Name, branch, dir))
}

// Hook writes a hook of the bare repository that runs a shell command.
func (w Way) Hook(t *testing.T, name, command string) {
	t.Helper()
	gittest.Put(t, filepath.Join(w.Dir, "hooks"), map[string]string{name + "*": "#!/bin/sh\n" + command + "\n"})
}

// Import runs git fast-import in the bare repository.
func (w Way) Import(t *testing.T, script string) {
	t.Helper()
	cmd := exec.Command("git", "-C", w.Dir, "fast-import", "--quiet", "--force")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("fast-import: %v\n%s", err, out)
	}
}

// Few and Many are numbers of applications whose trees are fetched at once, and are not.
const Few, Many = 15, 800

// Apps adds a commit to main with n applications of three environments, a folder each: four trees an application.
func (w Way) Apps(t *testing.T, n int) {
	t.Helper()
	var script strings.Builder
	fmt.Fprintf(&script,
		"commit refs/heads/main\ncommitter C <c@example.com> 1700000000 +0000\ndata 4\nApps\nfrom refs/heads/main^0\n")
	for i := range n {
		for _, env := range []string{"dev", "staging", "production"} {
			content := fmt.Sprintf("app: %d\nenv: %s\n", i, env)
			fmt.Fprintf(&script, "M 100644 inline apps/app-%04d/%s/values.yaml\ndata %d\n%s\n", i, env,
				len(content), content)
		}
	}
	w.Import(t, script.String())
}

// History adds n commits on main, each with a merge now and then, equal dates and dates that go back; every one changes
// a file of a folder of its own in a tree of some size.
func (w Way) History(t *testing.T, n int, merges bool) {
	t.Helper()
	var script strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	date := 1700000000
	fmt.Fprintf(&script, "reset refs/heads/main\nfrom refs/heads/main^0\n\n")
	for i := range n {
		date += r.IntN(5) - 1
		fmt.Fprintf(&script, "commit refs/heads/main\nmark :%d\n", i+1)
		for _, role := range []string{"author", "committer"} {
			fmt.Fprintf(&script, "%s A <a@example.com> %d +0000\n", role, date)
		}
		text := fmt.Sprintf("Deploy app%d\n\nSequence: %d\n", i%20, i)
		fmt.Fprintf(&script, "data %d\n%s\n", len(text), text)
		if i > 0 && merges && r.IntN(3) == 0 {
			fmt.Fprintf(&script, "from :%d\n", 1+r.IntN(i))
			fmt.Fprintf(&script, "merge :%d\n", i)
		}
		content := fmt.Sprintf("image: %x\n%s", i*7919, strings.Repeat("other: setting\n", 40))
		fmt.Fprintf(&script, "M 100644 inline apps/app%d/values.yaml\ndata %d\n%s\n", i%20, len(content), content)
	}
	w.Import(t, script.String())
}

// Clone clones the bare repository from disk, and returns the working tree.
func (w Way) Clone(t *testing.T, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	gittest.Git(t, ".", append([]string{"clone", "--quiet", "file://" + w.Dir, dir}, args...)...)
	return dir
}

// Tip returns where a branch is in the bare repository; empty if there is none.
func (w Way) Tip(t *testing.T, branch string) string {
	t.Helper()
	return strings.TrimSpace(gittest.Git(t, w.Dir, "for-each-ref", "--format=%(objectname)", "refs/heads/"+branch))
}

// Costs runs f and compares the number of HTTP requests, where they are counted.
func (w Way) Costs(t *testing.T, what string, want int, f func()) {
	t.Helper()
	before := len(w.Forge.Requests())
	f()
	if got := w.Forge.Requests()[before:]; strings.HasPrefix(w.Name, "http") && len(got) != want {
		t.Errorf("%s: %d requests, want %d: %+v", what, len(got), want, got)
	}
}

// Repo opens the repository.
func (w Way) Repo(t *testing.T) *gitrepo.Repo {
	t.Helper()
	r, err := gitrepo.Open(t.Context(), w.Remote)
	gittest.Check(t, err)
	return r
}

// Snapshot opens the tip of a branch.
func (w Way) Snapshot(t *testing.T, branch string) *gitrepo.Snapshot {
	t.Helper()
	s, err := w.Repo(t).Snapshot(t.Context(), branch)
	gittest.Check(t, err)
	return s
}

// TrySnapshot opens the tip of main.
func TrySnapshot(ctx context.Context, r gitrepo.Remote) (*gitrepo.Snapshot, error) {
	repo, err := gitrepo.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	return repo.Snapshot(ctx, "main")
}

// Commit opens the tip of a branch and commits files on it.
func (w Way) Commit(t *testing.T, base string, files map[string]string) (*gitrepo.Snapshot, gitrepo.Commit) {
	t.Helper()
	s, err := w.Snapshot(t, base).With(t.Context(), Contents(files))
	gittest.Check(t, err)
	c, err := s.Commit(Message("Edit\n"))
	gittest.Check(t, err)
	return s, c
}

// Edit makes the whole round: it opens the tip of a branch, commits files on it, and pushes.
func (w Way) Edit(t *testing.T, base, branch string, files map[string]string) error {
	t.Helper()
	s, c := w.Commit(t, base, files)
	return s.Push(t.Context(), c, branch)
}

// Retry calls f until its error is not gitrepo.ErrMoved, at most so many times, and returns the last error.
func Retry(tries int, f func() error) error {
	err := f()
	for try := 1; try < tries && errors.Is(err, gitrepo.ErrMoved); try++ {
		err = f()
	}
	return err
}

// Message returns a commit message by a fixed author at a fixed time.
func Message(text string) gitrepo.Message {
	author := gitrepo.Signature{Name: "Robot", Email: "robot@example.com", When: time.Unix(1700000000, 0).UTC()}
	return gitrepo.Message{Text: text, Author: author}
}

// Contents returns files as Snapshot.With takes them.
func Contents(files map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for name, content := range files {
		out[name] = []byte(content)
	}
	return out
}

// FormatLogs returns commits as "git log --format=%H %T %P %s" does.
func FormatLogs(logs []gitrepo.Log) string {
	var out strings.Builder
	for _, l := range logs {
		fmt.Fprintf(&out, "%s %s %s %s\n", l.Hash, l.Tree, strings.Join(l.Parents, " "), l.Subject())
	}
	return out.String()
}
