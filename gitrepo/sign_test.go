package gitrepo_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
	"update-gitops-repo/gitrepo/sign"
)

// signed pushes a commit that the key signed to the branch, and returns its hash.
func signed(t *testing.T, w repotest.Way, branch string, key []byte, text string) string {
	t.Helper()
	signer, err := sign.Parse(key, nil)
	gittest.Check(t, err)
	s, err := w.Snapshot(t, "main").With(t.Context(), repotest.Contents(map[string]string{"a": "signed"}))
	gittest.Check(t, err)
	m := repotest.Message(text)
	m.Committer = gitrepo.Signature{Name: "Build", Email: "build@example.com"}
	m.Signer = signer
	c, err := s.Commit(m)
	gittest.Check(t, err)
	gittest.Check(t, s.Push(t.Context(), c, branch))
	return c.Hash
}

// needSSHKeygen skips a test where git could not verify or make a signature.
func needSSHKeygen(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not installed")
	}
}

// TestSignLikeGit: an Ed25519 signature has no random part, so git makes the same object, byte for byte.
func TestSignLikeGit(t *testing.T) {
	needSSHKeygen(t)
	home := gittest.Home(t)
	t.Setenv("SSH_AUTH_SOCK", "")
	w := repotest.Open(t, "disk", map[string]string{"a": "1"})
	file := filepath.Join(home, "key")
	gittest.NewKey(t, file, "")
	key, err := os.ReadFile(file)
	gittest.Check(t, err)
	for i, text := range []string{"Subject\n", "Subject\n\nBody\n\nTrailer: 1\n"} {
		ours := signed(t, w, fmt.Sprint("like", i), key, text)
		cmd := exec.Command("git", "-C", w.Dir, "-c", "gpg.format=ssh", "-c", "user.signingKey="+file, "commit-tree",
			"-S", "-p", "main", "-F", "-", ours+"^{tree}")
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=Robot", "GIT_AUTHOR_EMAIL=robot@example.com",
			"GIT_AUTHOR_DATE=1700000000 +0000",
			"GIT_COMMITTER_NAME=Build", "GIT_COMMITTER_EMAIL=build@example.com", "GIT_COMMITTER_DATE=1700000000 +0000",
			"GIT_CONFIG_GLOBAL=/dev/null")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("commit-tree: %v\n%s", err, out)
		}
		if theirs := strings.TrimSpace(string(out)); theirs != ours {
			t.Errorf("commit\n%s\ngit makes\n%s", gittest.Git(t, w.Dir, "cat-file", "commit", ours),
				gittest.Git(t, w.Dir, "cat-file", "commit", theirs))
		}
	}
}

type brokenSigner struct{}

func (brokenSigner) Sign([]byte) ([]byte, error) { return nil, fmt.Errorf("no hands") }
func (brokenSigner) String() string              { return "nobody" }

// TestCommitSigner: a commit that cannot be signed is an error, and a committer is checked as an author is.
func TestCommitSigner(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "disk", map[string]string{"a": "1"})
	s, err := w.Snapshot(t, "main").With(t.Context(), repotest.Contents(map[string]string{"a": "2"}))
	gittest.Check(t, err)
	m := repotest.Message("x")
	m.Signer = brokenSigner{}
	if _, err := s.Commit(m); err == nil || !strings.Contains(err.Error(), "no hands") {
		t.Errorf("commit: %v, want the signer's error", err)
	}
	m = repotest.Message("x")
	m.Committer = gitrepo.Signature{Name: "a\nb", Email: "x@example.com"}
	if _, err := s.Commit(m); err == nil || !strings.Contains(err.Error(), "committer") {
		t.Errorf("commit: %v, want an error about the committer", err)
	}
	m.Committer = gitrepo.Signature{Name: "Build", Email: "build@example.com", When: time.Unix(1700000100, 0).UTC()}
	c, err := s.Commit(m)
	gittest.Check(t, err)
	gittest.Check(t, s.Push(t.Context(), c, "main"))
	want := "Robot <robot@example.com> 1700000000|Build <build@example.com> 1700000100\n"
	if got := gittest.Git(t, w.Dir, "log", "-1", "--format=%an <%ae> %at|%cn <%ce> %ct", "main"); got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}
