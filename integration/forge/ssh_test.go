package forge

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// dial opens a connection as a client that has what StartSSH returned.
func dial(t *testing.T, access SSH) *ssh.Client {
	t.Helper()
	key, err := os.ReadFile(access.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	known, err := knownhosts.New(access.KnownHostsFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ssh.Dial("tcp", access.Addr, &ssh.ClientConfig{
		User: "git", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: known,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func startSSH(t *testing.T, s *Server) SSH {
	t.Helper()
	access, err := s.StartSSH()
	if err != nil {
		t.Fatal(err)
	}
	return access
}

// The git program clones, pushes and fetches by hash through OpenSSH.
func TestSSHGit(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("no ssh program")
	}
	s := start(t, GitHub, true)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	branch(t, s, "topic", map[string]string{"a.yaml": "a: 2\n"})
	call(t, s, "POST", gitHubPulls, object{"title": "T", "head": "topic", "base": "main"})
	access := startSSH(t, s)
	if st, err := os.Stat(access.KeyFile); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", err, st.Mode())
	}
	t.Setenv("GIT_SSH_COMMAND", "ssh -F none -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -i "+
		access.KeyFile+" -o UserKnownHostsFile="+access.KnownHostsFile)
	url := "ssh://git@" + access.Addr + "/acme/gitops.git"

	work := filepath.Join(t.TempDir(), "work")
	git(t, "clone", "--quiet", "--branch=topic", url, work)
	git(t, "-C", work, "commit", "--quiet", "--allow-empty", "-m", "more")
	git(t, "-C", work, "push", "--quiet", "origin", "topic")
	tip := git(t, "-C", work, "rev-parse", "HEAD")
	git(t, "-C", work, "push", "--quiet", "origin", ":topic") // at once: what was pushed must have been seen
	if got := s.PullRequests(repo)[0].HeadSHA; got != tip {
		t.Errorf("head %s, want %s", got, tip)
	}

	blob := at(t, s, "rev-parse", "main:a.yaml")
	for _, version := range []string{"0", "2"} {
		dir := t.TempDir()
		git(t, "init", "--quiet", "--bare", dir)
		git(t, "-C", dir, "-c", "protocol.version="+version, "fetch", "--quiet", "--depth=1", url, blob)
		if got := git(t, "-C", dir, "cat-file", "-t", blob); got != "blob" {
			t.Errorf("version %s: got a %s", version, got)
		}
	}
	if out, err := tryGit(t, "ls-remote", "ssh://git@"+access.Addr+"/acme/none.git"); err == nil ||
		!strings.Contains(out, "Repository not found") {
		t.Errorf("%v: %s", err, out)
	}
}

// runSSH runs a command in a session of its own, with GIT_PROTOCOL unless it is empty, and returns its exit status and
// output.
func runSSH(t *testing.T, c *ssh.Client, command, protocol string) (status int, out string) {
	t.Helper()
	session, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	if err := session.Setenv("HOME", "/"); err == nil {
		t.Error("HOME was let through")
	}
	if protocol != "" {
		if err := session.Setenv("GIT_PROTOCOL", protocol); err != nil {
			t.Error(err)
		}
	}
	session.Stdin = strings.NewReader("0000")
	output, err := session.CombinedOutput(command)
	if exit, ok := err.(*ssh.ExitError); ok {
		status = exit.ExitStatus()
	} else if err != nil {
		t.Fatal(err)
	}
	return status, string(output)
}

func TestSSHCommands(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	access := startSSH(t, s)
	if _, err := s.StartSSH(); err == nil {
		t.Error("started twice")
	}
	c := dial(t, access)
	for _, tc := range []struct {
		command, protocol string
		status            int
		want              string
	}{
		{"git-upload-pack '/acme/gitops.git'", "", 0, "allow-reachable-sha1-in-want"},
		{"git-upload-pack 'acme/gitops.git'", "version=2", 0, "version 2"},
		{"git upload-pack /acme/gitops.git", "", 0, "refs/heads/main"},
		{"git-receive-pack '/acme/gitops.git'", "", 0, "report-status"},
		{"git-upload-pack '/acme/none.git'", "", 128, "Repository not found"},
		{"git-upload-pack '/acme/x/../gitops.git'", "", 128, "Repository not found"},
		{"git-upload-pack '/../acme/gitops.git'", "", 128, "Repository not found"},
		{"git-upload-archive '/acme/gitops.git'", "", 128, "Repository not found"},
		{"sh -c 'id'", "", 128, "Repository not found"},
	} {
		t.Run(tc.command, func(t *testing.T) {
			status, out := runSSH(t, c, tc.command, tc.protocol)
			if status != tc.status || !strings.Contains(out, tc.want) {
				t.Errorf("%d %s", status, out)
			}
		})
	}
	session, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Shell(); err == nil {
		t.Error("got a shell")
	}
	if _, _, err := c.OpenChannel("direct-tcpip", nil); err == nil {
		t.Error("got a tunnel")
	}
}

func TestSSHRefusesOtherKeys(t *testing.T) {
	s := start(t, GitHub, false)
	mine := startSSH(t, s)
	other := startSSH(t, start(t, GitHub, false))
	key, err := os.ReadFile(other.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, auth := range map[string]ssh.AuthMethod{
		"key": ssh.PublicKeys(signer), "password": ssh.Password(token),
	} {
		c, err := ssh.Dial("tcp", mine.Addr, &ssh.ClientConfig{
			User: "git", Auth: []ssh.AuthMethod{auth}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		})
		if err == nil {
			c.Close()
			t.Errorf("another %s was let in", name)
		}
	}
}

// Close ends sessions and connections that do nothing.
func TestSSHClose(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	access := startSSH(t, s)
	idle, err := net.Dial("tcp", access.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	session, err := dial(t, access).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := session.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := session.Start("git-upload-pack '/acme/gitops.git'"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := session.Wait(); err == nil {
		t.Error("the session ended well")
	}
}

// A renamed repository is served under its old name, too.
func TestSSHRenamed(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	c := dial(t, startSSH(t, s))
	if err := s.Rename(repo, "acme/deploy"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{repo, "acme/deploy"} {
		session, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		session.Stdin = strings.NewReader("0000")
		out, err := session.CombinedOutput("git-upload-pack '/" + name + ".git'")
		if err != nil || !strings.Contains(string(out), "refs/heads/main") {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
