// Package gittest has what the tests of gitrepo's rooms share: a home of their own, files, and git itself to compare
// with.
package gittest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Check ends the test when there is an error.
func Check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Home makes an empty home, and hides this machine's settings of git and ssh from the test and from git.
func Home(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("GIT_TERMINAL_PROMPT", "0")
	for _, name := range []string{
		"XDG_CONFIG_HOME", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_COUNT", "NETRC",
		"SSH_AUTH_SOCK", "SSH_KNOWN_HOSTS", "GIT_SSH_COMMAND", "GIT_ASKPASS", "SSH_ASKPASS",
	} {
		t.Setenv(name, "") // Restores the variable when the test ends.
		Check(t, os.Unsetenv(name))
	}
	return home
}

// Write writes a file of mode 0600, and the folders above it, and returns its name.
func Write(t testing.TB, file, content string) string {
	t.Helper()
	Check(t, os.MkdirAll(filepath.Dir(file), 0o700))
	Check(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// Put writes files into a folder, in place of those that are there; a content "-> x" makes a symlink, a name that ends
// in "*" an executable file.
func Put(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		mode := os.FileMode(0o644)
		if n, ok := strings.CutSuffix(name, "*"); ok {
			name, mode = n, 0o755
		}
		file := filepath.Join(dir, name)
		Check(t, os.MkdirAll(filepath.Dir(file), 0o755))
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			Check(t, os.Symlink(target, file))
			continue
		}
		Check(t, os.WriteFile(file, []byte(content), mode))
	}
}

// Git runs git in a folder as an author of its own, and returns all that it prints. The test ends when git fails.
func Git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Alex", "GIT_AUTHOR_EMAIL=alex@example.com",
		"GIT_COMMITTER_NAME=Alex", "GIT_COMMITTER_EMAIL=alex@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TryGit runs git in a folder with the settings of the test's home, and returns its standard output, and false when git
// fails.
func TryGit(t testing.TB, dir, stdin string, args ...string) (string, bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	out, err := cmd.Output()
	return string(out), err == nil
}

// NewKey makes an Ed25519 key for ssh, and writes it to a file unless that is empty. An empty passphrase is none.
func NewKey(t testing.TB, file, passphrase string) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	Check(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	Check(t, err)
	if file == "" {
		return signer
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	Check(t, err)
	Write(t, file, string(pem.EncodeToMemory(block)))
	return signer
}
