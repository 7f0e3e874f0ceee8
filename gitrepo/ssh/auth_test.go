package ssh_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	cryptossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/ssh"
	"update-gitops-repo/integration/forge"
)

const repo = "acme/gitops"

// server starts a forge's ssh server, and makes a home where nothing is yet.
func server(t *testing.T) (remote gitrepo.Remote, home, key, known string) {
	t.Helper()
	home = gittest.Home(t)
	check(t, os.Mkdir(filepath.Join(home, ".ssh"), 0o700))
	f, err := forge.Start(forge.Config{Kind: forge.GitHub, Partial: true, Token: "token", Dir: t.TempDir()})
	check(t, err)
	t.Cleanup(func() { check(t, f.Close()) })
	check(t, f.CreateRepo(repo, "main"))
	dir := t.TempDir()
	gittest.Put(t, dir, map[string]string{"a": "1"})
	check(t, f.Seed(repo, "main", dir))
	sshd, err := f.StartSSH()
	check(t, err)
	u, _, err := giturl.Parse("ssh://" + sshd.Addr + "/" + repo + ".git")
	check(t, err)
	return gitrepo.Remote{URL: u}, home, sshd.KeyFile, sshd.KnownHostsFile
}

func check(t testing.TB, err error) {
	t.Helper()
	gittest.Check(t, err)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	check(t, err)
	check(t, os.WriteFile(to, data, 0o600))
}

// startAgent serves a key on a socket.
func startAgent(t *testing.T, keyFile string) {
	t.Helper()
	data, err := os.ReadFile(keyFile)
	check(t, err)
	key, err := cryptossh.ParseRawPrivateKey(data)
	check(t, err)
	keyring := agent.NewKeyring()
	check(t, keyring.Add(agent.AddedKey{PrivateKey: key}))
	dir, err := os.MkdirTemp("", "agent") // t.TempDir may be too long for a socket.
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	check(t, err)
	t.Cleanup(func() { check(t, l.Close()) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(keyring, conn) }()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", socket)
}

// TestKeys: each place of a key alone, with a key that the server does not take in the others, and which one it took.
func TestKeys(t *testing.T) {
	remote, home, key, known := server(t)
	dotSSH := filepath.Join(home, ".ssh")
	stranger := filepath.Join(t.TempDir(), "stranger")
	gittest.NewKey(t, stranger, "")
	for _, test := range []struct {
		name   string
		files  map[string]string // below ~/.ssh, and what is copied there
		config string
		agent  string
		remote func(*gitrepo.Remote)
		want   string // the source, or "error: " and a part of it
	}{
		{"key file", map[string]string{"id_rsa": stranger}, "", stranger, func(r *gitrepo.Remote) { r.SSH.KeyFile = key }, "ssh key " + key},
		{"key file alone", map[string]string{"id_rsa": key}, "", key, func(r *gitrepo.Remote) { r.SSH.KeyFile = stranger }, "error: unable to authenticate"},
		{"no key file", map[string]string{"id_rsa": key}, "", "", func(r *gitrepo.Remote) { r.SSH.KeyFile = "/nosuch/key" }, "error: /nosuch/key"},
		{"agent", nil, "", key, nil, "ssh agent"},
		{"agent not wanted", nil, "Host *\n  IdentitiesOnly yes\n", key, nil, "error: no key"},
		{"agent first", map[string]string{"id_rsa": key}, "", key, nil, "ssh agent"},
		{"default", map[string]string{"id_ecdsa": key, "id_ed25519": stranger}, "", stranger, nil, "ssh key ~/.ssh/id_ecdsa"},
		{"Tekton", map[string]string{"id_mine": key}, "Host other\n  IdentityFile ~/.ssh/nosuch\nHost 127.0.0.1\n    HostName 127.0.0.1\n    User git\n    IdentityFile ~/.ssh/id_mine\n", "", nil, "ssh key ~/.ssh/id_mine"},
		{"alias", map[string]string{"id mine": key}, "Host=forge !x\n\tHostname 127.0.0.1\nMatch exec \"touch x\"\n  IdentityFile nosuch\nhost f*\n  identityfile \"%d/.ssh/id mine\"\n  Port 1\n", "",
			func(r *gitrepo.Remote) { r.URL.Host = "forge" }, "ssh key ~/.ssh/id mine"},
		{"included", map[string]string{"id_mine": key}, "Include conf.d/*\nInclude config\n", "", nil, "ssh key ~/.ssh/id_mine"},
		{"a port that is none", map[string]string{"id_rsa": key}, "Port x\n", "", func(r *gitrepo.Remote) { r.URL.Port = 0 }, "error: the port is not a number"},
		{"the port", map[string]string{"id_rsa": key}, "Port " + strings.TrimPrefix(remote.URL.HostPort(), "127.0.0.1:") + "\n", "", func(r *gitrepo.Remote) { r.URL.Port = 22 }, "ssh key ~/.ssh/id_rsa"},
		{"nothing", nil, "", "", nil, "error: no ssh agent with keys, and no key in ~/.ssh"},
	} {
		t.Run(test.name, func(t *testing.T) {
			check(t, os.RemoveAll(dotSSH))
			check(t, os.MkdirAll(filepath.Join(dotSSH, "conf.d"), 0o700))
			check(t, os.WriteFile(filepath.Join(dotSSH, "conf.d", "x"), []byte("IdentityFile ~/.ssh/id_mine\n"), 0o600))
			copyFile(t, known, filepath.Join(dotSSH, "known_hosts"))
			check(t, os.WriteFile(filepath.Join(dotSSH, "config"), []byte(test.config), 0o600))
			for name, from := range test.files {
				copyFile(t, from, filepath.Join(dotSSH, name))
			}
			if test.agent != "" {
				startAgent(t, test.agent)
			}
			remote := remote
			if test.remote != nil {
				test.remote(&remote)
			}
			data, err := os.ReadFile(key)
			check(t, err)
			var mu sync.Mutex
			told := false
			remote.KeyRead = func(key []byte) {
				mu.Lock()
				defer mu.Unlock()
				told = told || bytes.Equal(key, data)
			}
			r, err := gitrepo.Open(t.Context(), remote)
			if want, ok := strings.CutPrefix(test.want, "error: "); ok {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %s", err, want)
				}
				return
			}
			check(t, err)
			mu.Lock()
			defer mu.Unlock()
			if r.KeySource() != test.want || !told && strings.HasPrefix(test.want, "ssh key") {
				t.Errorf("source %q, want %q; told of the key: %t", r.KeySource(), test.want, told)
			}
		})
	}
}

// TestBadKeys: a key that cannot be used is named, whether it was asked for or found.
func TestBadKeys(t *testing.T) {
	remote, home, key, known := server(t)
	file := filepath.Join(home, ".ssh", "id_ed25519")
	for want, prepare := range map[string]func(){
		"passphrase":                  func() { gittest.NewKey(t, file, "s3cret") },
		"cannot be read as a private": func() { check(t, os.WriteFile(file, []byte("s3cret"), 0o600)) },
		"its mode is 0644":            func() { copyFile(t, key, file); check(t, os.Chmod(file, 0o644)) },
		"is a directory":              func() { check(t, os.Mkdir(file, 0o700)) },
		"permission denied":           func() { check(t, os.WriteFile(file, nil, 0)) },
	} {
		if os.Getuid() == 0 && want == "permission denied" {
			continue // Root may read all.
		}
		check(t, os.RemoveAll(file))
		prepare()
		remote.SSH = ssh.Options{KnownHostsFile: known}
		for _, remote.SSH.KeyFile = range []string{"", file} {
			_, err := gitrepo.Open(t.Context(), remote)
			if !errors.Is(err, ssh.ErrAuth) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%q: %v, want %s", remote.SSH.KeyFile, err, want)
			}
		}
	}
	// What was not tried is told when what was tried is refused.
	check(t, os.RemoveAll(file))
	check(t, os.WriteFile(file, []byte("x"), 0o600))
	gittest.NewKey(t, filepath.Join(home, ".ssh", "id_rsa"), "")
	remote.SSH.KeyFile = ""
	if _, err := gitrepo.Open(t.Context(), remote); !errors.Is(err, ssh.ErrAuth) || !strings.Contains(err.Error(), "unable to authenticate") || !strings.Contains(err.Error(), file) {
		t.Error(err)
	}
	// Without a home, what is given is enough.
	t.Setenv("HOME", "")
	remote.SSH.KeyFile = key
	_, err := gitrepo.Open(t.Context(), remote)
	check(t, err)
}

// TestHostKey: the server's key is always checked.
func TestHostKey(t *testing.T) {
	remote, home, key, known := server(t)
	data, err := os.ReadFile(known)
	check(t, err)
	_, _, hostKey, _, _, err := cryptossh.ParseKnownHosts(data)
	check(t, err)
	addr := remote.URL.HostPort()
	other := gittest.NewKey(t, "", "").PublicKey()
	fingerprint := cryptossh.FingerprintSHA256(hostKey)
	line := func(key cryptossh.PublicKey) string { return knownhosts.Line([]string{addr}, key) + "\n" }
	hashed := knownhosts.HashHostname(knownhosts.Normalize(addr)) + " " + strings.SplitN(line(hostKey), " ", 2)[1]
	for name, test := range map[string]struct {
		content string
		want    string // of the error; empty: none
	}{
		"right":               {string(data), ""},
		"right, among others": {"# hosts\n\nexample.com " + string(cryptossh.MarshalAuthorizedKey(other)) + line(other) + line(hostKey), ""},
		"hashed":              {hashed, ""},
		"wildcard":            {"*.example.com,127.0.* " + string(cryptossh.MarshalAuthorizedKey(hostKey)), ""},
		"unknown":             {"", "is not in "},
		"another port":        {knownhosts.Line([]string{"127.0.0.1:1"}, hostKey), "is not in "},
		"changed":             {line(other), "has changed"},
		"revoked":             {line(hostKey) + "@revoked * " + string(cryptossh.MarshalAuthorizedKey(hostKey)), "line 2 of "},
		"another authority":   {"@cert-authority " + line(other), "has changed"},
	} {
		file := filepath.Join(t.TempDir(), "known")
		check(t, os.WriteFile(file, []byte(test.content), 0o600))
		remote := remote
		remote.SSH = ssh.Options{KeyFile: key, KnownHostsFile: file}
		_, err := gitrepo.Open(t.Context(), remote)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (!errors.Is(err, ssh.ErrHostKey) || errors.Is(err, ssh.ErrAuth) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), fingerprint)):
			t.Errorf("%s: %v, want %q and %s", name, err, test.want, fingerprint)
		}
	}

	// Where the files are looked for.
	remote.SSH.KeyFile = key
	mine := filepath.Join(home, ".ssh", "known_hosts")
	if _, err := gitrepo.Open(t.Context(), remote); !errors.Is(err, ssh.ErrHostKey) || !strings.Contains(err.Error(), fingerprint) {
		t.Errorf("no files: %v", err)
	}
	check(t, os.WriteFile(mine, []byte("x y z\n"), 0o600))
	if _, err := gitrepo.Open(t.Context(), remote); !errors.Is(err, ssh.ErrHostKey) || !strings.Contains(err.Error(), mine+":1") {
		t.Errorf("a broken file: %v", err)
	}
	check(t, os.WriteFile(mine, data, 0o600))
	_, err = gitrepo.Open(t.Context(), remote)
	check(t, err)
	remote.SSH.KnownHostsFile = filepath.Join(home, "nosuch")
	if _, err := gitrepo.Open(t.Context(), remote); !errors.Is(err, ssh.ErrHostKey) || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("a file that is not there: %v", err)
	}
	remote.SSH.KnownHostsFile = ""
	check(t, os.Rename(mine, mine+"2"))
	check(t, os.WriteFile(filepath.Join(home, ".ssh", "config"), []byte("UserKnownHostsFile ~/nosuch ~/.ssh/known_hosts2\nStrictHostKeyChecking no\n"), 0o600))
	_, err = gitrepo.Open(t.Context(), remote)
	check(t, err)
	check(t, os.WriteFile(mine+"2", nil, 0o600))
	if _, err := gitrepo.Open(t.Context(), remote); !errors.Is(err, ssh.ErrHostKey) {
		t.Errorf("StrictHostKeyChecking: %v", err)
	}
	check(t, os.WriteFile(mine+"2", data, 0o600))
	t.Setenv("SSH_KNOWN_HOSTS", filepath.Join(home, "nosuch")+":"+filepath.Join(home, "empty"))
	check(t, os.WriteFile(filepath.Join(home, "empty"), nil, 0o600))
	if _, err := gitrepo.Open(t.Context(), remote); !errors.Is(err, ssh.ErrHostKey) {
		t.Errorf("SSH_KNOWN_HOSTS comes first: %v", err)
	}
}

// TestHostKeyKinds: of a server with several keys, one of them a certificate, that is asked for which is known.
func TestHostKeyKinds(t *testing.T) {
	authority, certified := gittest.NewKey(t, "", ""), gittest.NewKey(t, "", "")
	cert := &cryptossh.Certificate{Key: certified.PublicKey(), CertType: cryptossh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: cryptossh.CertTimeInfinity}
	check(t, cert.SignCert(rand.Reader, authority))
	host, err := cryptossh.NewCertSigner(cert, certified)
	check(t, err)
	config := &cryptossh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(host)
	config.AddHostKey(certified)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { check(t, l.Close()) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _, _, _ = cryptossh.NewServerConn(conn, config) // The test is about the client's side only.
			}()
		}
	}()
	u, _, err := giturl.Parse("ssh://" + l.Addr().String() + "/a/b")
	check(t, err)
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	remote := gitrepo.Remote{URL: u, SSH: ssh.Options{KeyFile: filepath.Join(dir, "key"), KnownHostsFile: filepath.Join(dir, "known")}}
	gittest.NewKey(t, remote.SSH.KeyFile, "")
	for name, test := range map[string]struct {
		line  string
		known bool
	}{
		"authority":         {"@cert-authority " + knownhosts.Line([]string{u.HostPort()}, authority.PublicKey()), true},
		"another authority": {"@cert-authority " + knownhosts.Line([]string{u.HostPort()}, gittest.NewKey(t, "", "").PublicKey()), false},
		"the key itself":    {knownhosts.Line([]string{u.HostPort()}, certified.PublicKey()), true},
	} {
		check(t, os.WriteFile(remote.SSH.KnownHostsFile, []byte(test.line), 0o600))
		if _, err := gitrepo.Open(t.Context(), remote); err == nil || errors.Is(err, ssh.ErrHostKey) == test.known {
			t.Errorf("%s: %v", name, err)
		}
	}
}
