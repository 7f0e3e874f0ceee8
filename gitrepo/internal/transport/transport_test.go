package transport_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
	"update-gitops-repo/gitrepo/ssh"
	"update-gitops-repo/secret"
)

// TestSHA256: a repository with SHA-256 hashes is refused, and is not ErrFault.
func TestSHA256(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"http", "ssh"} {
		w := repotest.Open(t, name, map[string]string{"a": "1"})
		gittest.Check(t, os.RemoveAll(w.Dir))
		gittest.Git(t, t.TempDir(), "init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main",
			w.Dir)
		tree := strings.TrimSpace(gittest.Git(t, w.Dir, "hash-object", "-w", "-t", "tree", "/dev/null"))
		gittest.Git(t, w.Dir, "update-ref", "refs/heads/main",
			strings.TrimSpace(gittest.Git(t, w.Dir, "commit-tree", "-m", "x", tree)))
		_, err := gitrepo.Open(t.Context(), w.Remote)
		if err == nil || errors.Is(err, gitrepo.ErrFault) ||
			!strings.HasSuffix(err.Error(), `objectFormat "sha256" is not supported`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBusyReferences: a reference is never missing while it is being rewritten.
func TestBusyReferences(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "disk", map[string]string{"a": "1"})
	file := filepath.Join(w.Dir, "refs", "heads", "main")
	hash, err := os.ReadFile(file)
	gittest.Check(t, err)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			err := errors.Join(os.WriteFile(file+".lock", nil, 0o600), os.WriteFile(file+".lock", hash, 0o600),
				os.Rename(file+".lock", file))
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 3000 {
		r, err := gitrepo.Open(t.Context(), w.Remote)
		if err != nil || r.Tip("main") == "" {
			t.Errorf("open: %v", err)
			break
		}
	}
	close(done)
	wg.Wait()
}

// TestLocal: what only a repository on disk has.
func TestLocal(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "disk", map[string]string{"a": "1"})
	dir := t.TempDir()
	remote := func(name string) repotest.Way {
		w := w
		w.Dir = filepath.Join(dir, name)
		w.Remote.URL.Path = w.Dir
		return w
	}
	refused := func(w repotest.Way, branch, why string) {
		t.Helper()
		before := gittest.Git(t, w.Dir, "for-each-ref")
		err := w.Edit(t, "main", branch, map[string]string{"a": "2"})
		if !errors.Is(err, gitrepo.ErrRejected) || !strings.Contains(err.Error(), why) {
			t.Errorf("push to %s: %v, want a refusal for %q", branch, err, why)
		}
		if now := gittest.Git(t, w.Dir, "for-each-ref"); now != before {
			t.Errorf("references moved:\n%s\nto\n%s", before, now)
		}
	}

	gittest.Git(t, dir, "clone", "--quiet", "--shared", "--bare", w.Dir, "shared")
	gittest.Check(t, remote("shared").Edit(t, "main", "main", map[string]string{"a": "2"}))
	gittest.Git(t, filepath.Join(dir, "shared"), "fsck", "--strict")

	gittest.Git(t, dir, "clone", "--quiet", w.Dir, "clone")
	clone := filepath.Join(dir, "clone")
	gittest.Git(t, clone, "worktree", "add", "--quiet", "-b", "linked", filepath.Join(dir, "linked"))
	refused(remote("clone"), "main", "checked out")
	refused(remote("clone"), "linked", "checked out")
	refused(remote("linked"), "linked", "checked out")
	gittest.Check(t, remote("linked").Edit(t, "main", "other", map[string]string{"a": "2"}))
	gittest.Git(t, clone, "symbolic-ref", "refs/heads/alias", "refs/heads/other")
	refused(remote("clone"), "alias", "another name")

	lock := filepath.Join(clone, ".git", "refs", "heads", "other.lock")
	gittest.Check(t, os.WriteFile(lock, nil, 0o600))
	if err := remote("clone").Edit(t, "main", "other", map[string]string{"a": "3"}); !errors.Is(err, gitrepo.ErrMoved) {
		t.Errorf("push under somebody's lock: %v", err)
	}
	gittest.Check(t, os.Remove(lock))

	gittest.Git(t, clone, "config", "core.hooksPath", "hooks.d")
	refused(remote("clone"), "other", "core.hooksPath")
	gittest.Git(t, clone, "config", "--unset", "core.hooksPath")
	for _, hook := range []string{"pre-receive", "update", "reference-transaction", "post-receive", "post-update"} {
		file := filepath.Join(clone, ".git", "hooks", hook)
		gittest.Check(t, os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755))
		refused(remote("clone"), "third", hook)
		gittest.Check(t, os.Remove(file))
	}

	gittest.Git(t, dir, "init", "--quiet", "--object-format=sha256", "sha256")
	_, err := gitrepo.Open(t.Context(), remote("sha256").Remote)
	if err == nil || !strings.Contains(err.Error(), `objectFormat "sha256"`) {
		t.Errorf("SHA-256: %v", err)
	}
}

// TestDeaf: a server that accepts a connection and sends nothing is left when the context ends.
func TestDeaf(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	gittest.Check(t, err)
	defer func() { gittest.Check(t, l.Close()) }()
	hosts := filepath.Join(t.TempDir(), "known_hosts")
	gittest.Check(t, os.WriteFile(hosts, nil, 0o600))
	key := filepath.Join(t.TempDir(), "key")
	gittest.NewKey(t, key, "")
	for _, scheme := range []string{"http", "ssh"} {
		ctx, cancel := context.WithCancel(t.Context())
		u, _, err := giturl.Parse(scheme + "://" + l.Addr().String() + "/acme/gitops.git")
		gittest.Check(t, err)
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err = gitrepo.Open(ctx, gitrepo.Remote{URL: u, SSH: ssh.Options{KeyFile: key, KnownHostsFile: hosts}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want canceled", scheme, err)
		}
	}
}

func TestAuth(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "http", map[string]string{"a": "1"})
	for _, password := range []string{"", "wrong-password"} {
		w.Remote.Credentials.Password = secret.New(password)
		_, err := gitrepo.Open(t.Context(), w.Remote)
		if !errors.Is(err, gitrepo.ErrAuth) || password != "" && strings.Contains(err.Error(), password) {
			t.Errorf("password %q: %v", password, err)
		}
	}
}

func TestSSHAuth(t *testing.T) {
	w := repotest.Open(t, "ssh", map[string]string{"a": "1"})
	key, err := os.ReadFile(w.Remote.SSH.KeyFile)
	gittest.Check(t, err)
	w.Remote.SSH.KeyFile = ""
	for name, set := range map[string]map[string]string{
		"no key":   {"HOME": t.TempDir()},
		"no agent": {"HOME": t.TempDir(), "SSH_AUTH_SOCK": filepath.Join(t.TempDir(), "nosuch")},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range set {
				t.Setenv(k, v)
			}
			if _, err := gitrepo.Open(t.Context(), w.Remote); !errors.Is(err, gitrepo.ErrAuth) {
				t.Errorf("%v, want an authentication error", err)
			}
		})
	}
	t.Run("stale agent, good key", func(t *testing.T) {
		home := t.TempDir()
		gittest.Write(t, filepath.Join(home, ".ssh", "id_ed25519"), string(key))
		t.Setenv("HOME", home)
		t.Setenv("SSH_AUTH_SOCK", filepath.Join(t.TempDir(), "nosuch"))
		_, err := gitrepo.Open(t.Context(), w.Remote)
		gittest.Check(t, err)
	})
	t.Run("bad key", func(t *testing.T) {
		home := t.TempDir()
		gittest.Check(t, os.Mkdir(filepath.Join(home, ".ssh"), 0o700))
		gittest.Check(t, os.WriteFile(filepath.Join(home, ".ssh", "id_rsa"), []byte("not a key"), 0o600))
		t.Setenv("HOME", home)
		_, err := gitrepo.Open(t.Context(), w.Remote)
		if !errors.Is(err, gitrepo.ErrAuth) || !strings.Contains(err.Error(), "id_rsa") {
			t.Errorf("%v, want an error that names the key", err)
		}
	})
}

// TestReceived: bytes are reported as they arrive, over http and ssh; on disk none do.
func TestReceived(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1\n"}, func(t *testing.T, w repotest.Way) {
		received := 0
		w.Remote.Received = func(n int) { received += n }
		if w.Snapshot(t, "main"); (received > 0) != (w.Name != "disk") {
			t.Errorf("%d bytes", received)
		}
	})
}

// TestNameConflict: git cannot have the branches a and a/b at the same time, loose or packed.
func TestNameConflict(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1"}, func(t *testing.T, w repotest.Way) {
		gittest.Git(t, w.Dir, "branch", "packed", "main")
		gittest.Git(t, w.Dir, "branch", "deploy/x", "main")
		gittest.Git(t, w.Dir, "pack-refs", "--all")
		gittest.Git(t, w.Dir, "branch", "loose/y", "main")
		before := gittest.Git(t, w.Dir, "for-each-ref")
		for _, branch := range []string{"packed/z", "deploy", "deploy/x/y", "loose"} {
			if err := w.Edit(t, "main", branch, map[string]string{"a": "2"}); !errors.Is(err, gitrepo.ErrRejected) {
				t.Errorf("push to %s: %v, want a refusal", branch, err)
			}
		}
		if now := gittest.Git(t, w.Dir, "for-each-ref"); now != before {
			t.Errorf("references moved:\n%s\nto\n%s", before, now)
		}
		gittest.Check(t, w.Edit(t, "main", "deploy/y", map[string]string{"a": "2"}))
		gittest.Check(t, w.Edit(t, "packed", "packed", map[string]string{"a": "2"}))
	})
}

// TestLostRace: a branch that was moved, created or deleted since Open is not touched.
func TestLostRace(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1"}, func(t *testing.T, w repotest.Way) {
		w.Seed(t, "old", map[string]string{"a": "0"})
		s, c := w.Commit(t, "main", map[string]string{"a": "2"})
		w.Seed(t, "main", map[string]string{"b": "other"})
		w.Seed(t, "new", map[string]string{"c": "other"})
		gittest.Git(t, w.Dir, "update-ref", "-d", "refs/heads/old")
		before := gittest.Git(t, w.Dir, "for-each-ref")
		for _, branch := range []string{"main", "new", "old"} {
			if err := s.Push(t.Context(), c, branch); !errors.Is(err, gitrepo.ErrMoved) {
				t.Errorf("push to %s: %v, want moved", branch, err)
			}
		}
		if now := gittest.Git(t, w.Dir, "for-each-ref"); now != before {
			t.Errorf("references moved:\n%s\nto\n%s", before, now)
		}
		for _, r := range w.Forge.Requests() {
			if r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/git-receive-pack") {
				t.Error("a pack was sent that the server's references already told to be too late")
			}
		}
	})
}

// TestCheckPush reports who may push; reading needs no such right.
func TestCheckPush(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"a": "1"}, func(t *testing.T, w repotest.Way) {
		r := w.Repo(t)
		gittest.Check(t, r.CheckPush(t.Context()))
		r.PreparePush(t.Context())
		if strings.HasPrefix(r.KeySource(), "ssh key ") != (w.Name == "ssh") {
			t.Errorf("key source %q", r.KeySource())
		}
		if w.Name == "http" {
			gittest.Git(t, w.Dir, "config", "http.receivepack", "false")
			if err := r.CheckPush(t.Context()); !errors.Is(err, gitrepo.ErrAuth) {
				t.Errorf("%v, want an authentication error", err)
			}
		}
		if w.Name == "disk" {
			gittest.Check(t, os.RemoveAll(filepath.Join(w.Dir, "refs", "heads")))
			if err := r.CheckPush(t.Context()); !errors.Is(err, gitrepo.ErrRejected) {
				t.Errorf("%v, want a refusal", err)
			}
		}
	})
}

// TestLog: the commits are those that git lists, in its order, also if the repository is shallow.
func TestLog(t *testing.T) {
	t.Parallel()
	repotest.Each(t, map[string]string{"z": "first\n"}, func(t *testing.T, w repotest.Way) {
		w.History(t, 20, true)
		format := []string{"log", "--format=%H %T %P %s", "-n30", "main"}
		logs, err := w.Snapshot(t, "main").Log(t.Context(), 30)
		if want := gittest.Git(t, w.Dir, format...); err != nil || repotest.FormatLogs(logs) != want {
			t.Errorf("the log is\n%s\nwant\n%s; %v", repotest.FormatLogs(logs), want, err)
		}
		if w.Name != "disk" {
			return
		}
		gittest.Git(t, ".", "clone", "--quiet", "--bare", "--depth=5", "file://"+w.Dir, w.Dir+"-shallow")
		w.Remote.URL.Path = w.Dir + "-shallow"
		logs, err = w.Snapshot(t, "main").Log(t.Context(), 30)
		want := strings.Count(gittest.Git(t, w.Remote.URL.Path, "log", "--format=%H", "main"), "\n")
		if err != nil || len(logs) != want {
			t.Errorf("%d commits of a shallow repository, want %d; %v", len(logs), want, err)
		}
	})
}
