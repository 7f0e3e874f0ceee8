package ssh_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
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

// keyCase is a way to a key, with a key that the server refuses in the other places.
type keyCase struct {
	name   string
	files  map[string]string // below ~/.ssh: the key that is copied there
	config string            // ~/.ssh/config
	agent  string            // the key that the agent has; empty: there is none
	remote func(*gitrepo.Remote)
	want   string // the source, or "error: " and a part of it
}

// lay writes the case's files into ~/.ssh.
func (c keyCase) lay(t *testing.T, dotSSH, known string) {
	t.Helper()
	check(t, os.RemoveAll(dotSSH))
	gittest.Write(t, filepath.Join(dotSSH, "conf.d", "x"), "IdentityFile ~/.ssh/id_mine\n")
	gittest.Write(t, filepath.Join(dotSSH, "config"), c.config)
	copyFile(t, known, filepath.Join(dotSSH, "known_hosts"))
	for name, from := range c.files {
		copyFile(t, from, filepath.Join(dotSSH, name))
	}
}

// recorder notes whether a key was read. The connection is made in another goroutine.
type recorder struct {
	mu   sync.Mutex
	key  []byte
	read bool
}

func (r *recorder) note(key []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = r.read || bytes.Equal(key, r.key)
}

func (r *recorder) noted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.read
}

// TestKeys: each place of a key alone, and which key the server accepted.
func TestKeys(t *testing.T) {
	remote, home, key, known := server(t)
	stranger := filepath.Join(t.TempDir(), "stranger")
	gittest.NewKey(t, stranger, "")
	data, err := os.ReadFile(key)
	check(t, err)
	port := strings.TrimPrefix(remote.URL.HostPort(), "127.0.0.1:")
	keyFile := func(file string) func(*gitrepo.Remote) {
		return func(r *gitrepo.Remote) { r.SSH.KeyFile = file }
	}
	at := func(port int) func(*gitrepo.Remote) { return func(r *gitrepo.Remote) { r.URL.Port = port } }
	for _, test := range []keyCase{
		{
			name: "key file", files: map[string]string{"id_rsa": stranger}, agent: stranger,
			remote: keyFile(key), want: "ssh key " + key,
		},
		{
			name: "key file alone", files: map[string]string{"id_rsa": key}, agent: key,
			remote: keyFile(stranger), want: "error: unable to authenticate",
		},
		{
			name: "no key file", files: map[string]string{"id_rsa": key},
			remote: keyFile("/nosuch/key"), want: "error: /nosuch/key",
		},
		{name: "agent", agent: key, want: "ssh agent"},
		{name: "agent not wanted", config: "Host *\n  IdentitiesOnly yes\n", agent: key, want: "error: no key"},
		{name: "agent first", files: map[string]string{"id_rsa": key}, agent: key, want: "ssh agent"},
		{
			name: "default", files: map[string]string{"id_ecdsa": key, "id_ed25519": stranger}, agent: stranger,
			want: "ssh key ~/.ssh/id_ecdsa",
		},
		{
			name: "Tekton", files: map[string]string{"id_mine": key},
			config: "Host other\n  IdentityFile ~/.ssh/nosuch\nHost 127.0.0.1\n    HostName 127.0.0.1\n    User git\n" +
				"    IdentityFile ~/.ssh/id_mine\n",
			want: "ssh key ~/.ssh/id_mine",
		},
		{
			name: "alias", files: map[string]string{"id mine": key},
			config: "Host=forge !x\n\tHostname 127.0.0.1\nMatch exec \"touch x\"\n  IdentityFile nosuch\nhost f*\n" +
				"  identityfile \"%d/.ssh/id mine\"\n  Port 1\n",
			remote: func(r *gitrepo.Remote) { r.URL.Host = "forge" }, want: "ssh key ~/.ssh/id mine",
		},
		{
			name: "patterns", files: map[string]string{"id_mine": key},
			config: "Host * !127.0.0.?\n  UserKnownHostsFile /nosuch\n" +
				"Host [1]27.0.0.1 127\\.0.0.1\n  UserKnownHostsFile /nosuch\n" +
				"Host 1*.?.0.*1\n  IdentityFile ~/.ssh/id_mine\n",
			want: "ssh key ~/.ssh/id_mine",
		},
		{
			name: "included", files: map[string]string{"id_mine": key},
			config: "Include conf.d/* [\nInclude config\n", want: "ssh key ~/.ssh/id_mine",
		},
		{
			name: "a port that is no number", files: map[string]string{"id_rsa": key}, config: "Port x\n",
			remote: at(0), want: "error: the port is not a number",
		},
		{
			name: "the port", files: map[string]string{"id_rsa": key}, config: "Port " + port + "\n",
			remote: at(22), want: "ssh key ~/.ssh/id_rsa",
		},
		{name: "nothing", want: "error: no ssh agent with keys, and no key in ~/.ssh"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.lay(t, filepath.Join(home, ".ssh"), known)
			if test.agent != "" {
				startAgent(t, test.agent)
			}
			remote := remote
			if test.remote != nil {
				test.remote(&remote)
			}
			reads := &recorder{key: data}
			remote.KeyRead = reads.note
			r, err := gitrepo.Open(t.Context(), remote)
			if want, ok := strings.CutPrefix(test.want, "error: "); ok {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %s", err, want)
				}
				return
			}
			check(t, err)
			if r.KeySource() != test.want || strings.HasPrefix(test.want, "ssh key") && !reads.noted() {
				t.Errorf("source %q, want %q; key passed on: %t", r.KeySource(), test.want, reads.noted())
			}
		})
	}
}

// isError reports whether err is of a kind, and has all the parts in its text.
func isError(err, kind error, parts ...string) bool {
	return errors.Is(err, kind) && !slices.ContainsFunc(parts, func(part string) bool {
		return !strings.Contains(err.Error(), part)
	})
}

// TestBadKeys: a key that cannot be used is named, whether it was asked for or found.
func TestBadKeys(t *testing.T) {
	remote, home, key, known := server(t)
	file := filepath.Join(home, ".ssh", "id_ed25519")
	for want, prepare := range map[string]func(){
		"passphrase":                  func() { gittest.NewKey(t, file, "s3cret") },
		"cannot be read as a private": func() { gittest.Write(t, file, "s3cret") },
		"its mode is 0644, so other users may read it": func() {
			copyFile(t, key, file)
			check(t, os.Chmod(file, 0o644))
		},
		"is a directory":    func() { check(t, os.Mkdir(file, 0o700)) },
		"permission denied": func() { check(t, os.WriteFile(file, nil, 0)) },
	} {
		if os.Getuid() == 0 && want == "permission denied" {
			continue // Root may read all.
		}
		check(t, os.RemoveAll(file))
		prepare()
		remote.SSH = ssh.Options{KnownHostsFile: known}
		for _, remote.SSH.KeyFile = range []string{"", file} {
			_, err := gitrepo.Open(t.Context(), remote)
			if !isError(err, ssh.ErrAuth, want, file) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%q: %v, want %s", remote.SSH.KeyFile, err, want)
			}
		}
	}
	// When the server refuses the keys, those that could not be offered are named.
	check(t, os.RemoveAll(file))
	check(t, os.WriteFile(file, []byte("x"), 0o600))
	gittest.NewKey(t, filepath.Join(home, ".ssh", "id_rsa"), "")
	remote.SSH.KeyFile = ""
	if _, err := gitrepo.Open(t.Context(), remote); !isError(err, ssh.ErrAuth, "unable to authenticate", file) {
		t.Error(err)
	}
	// Options are enough without a home.
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
		"right": {string(data), ""},
		"right, among others": {"# hosts\n\nexample.com " + string(cryptossh.MarshalAuthorizedKey(other)) +
			line(other) + line(hostKey), ""},
		"hashed":       {hashed, ""},
		"wildcard":     {"*.example.com,127.0.* " + string(cryptossh.MarshalAuthorizedKey(hostKey)), ""},
		"unknown":      {"", "is not in "},
		"another port": {knownhosts.Line([]string{"127.0.0.1:1"}, hostKey), "is not in "},
		"changed":      {line(other), "has changed"},
		"revoked": {line(hostKey) + "@revoked * " + string(cryptossh.MarshalAuthorizedKey(hostKey)),
			"line 2 of "},
		"another authority": {"@cert-authority " + line(other), "has changed"},
	} {
		file := filepath.Join(t.TempDir(), "known")
		check(t, os.WriteFile(file, []byte(test.content), 0o600))
		remote := remote
		remote.SSH = ssh.Options{KeyFile: key, KnownHostsFile: file}
		_, err := gitrepo.Open(t.Context(), remote)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (!isError(err, ssh.ErrHostKey, test.want, fingerprint) || errors.Is(err, ssh.ErrAuth)):
			t.Errorf("%s: %v, want %q and %s", name, err, test.want, fingerprint)
		}
	}

	// Where the files are looked for.
	remote.SSH.KeyFile = key
	mine := filepath.Join(home, ".ssh", "known_hosts")
	if _, err := gitrepo.Open(t.Context(), remote); !isError(err, ssh.ErrHostKey, fingerprint) {
		t.Errorf("no files: %v", err)
	}
	check(t, os.WriteFile(mine, []byte("x y z\n"), 0o600))
	if _, err := gitrepo.Open(t.Context(), remote); !isError(err, ssh.ErrHostKey, mine+":1") {
		t.Errorf("a broken file: %v", err)
	}
	check(t, os.WriteFile(mine, data, 0o600))
	_, err = gitrepo.Open(t.Context(), remote)
	check(t, err)
	remote.SSH.KnownHostsFile = filepath.Join(home, "nosuch")
	if _, err := gitrepo.Open(t.Context(), remote); !isError(err, ssh.ErrHostKey, "nosuch") {
		t.Errorf("a missing file: %v", err)
	}
	remote.SSH.KnownHostsFile = ""
	check(t, os.Rename(mine, mine+"2"))
	check(t, os.WriteFile(filepath.Join(home, ".ssh", "config"),
		[]byte("UserKnownHostsFile ~/nosuch ~/.ssh/known_hosts2\nStrictHostKeyChecking no\n"), 0o600))
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
	cert := &cryptossh.Certificate{Key: certified.PublicKey(), CertType: cryptossh.HostCert,
		ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: cryptossh.CertTimeInfinity}
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
	remote := gitrepo.Remote{URL: u,
		SSH: ssh.Options{KeyFile: filepath.Join(dir, "key"), KnownHostsFile: filepath.Join(dir, "known")}}
	gittest.NewKey(t, remote.SSH.KeyFile, "")
	for name, test := range map[string]struct {
		line  string
		known bool
	}{
		"authority": {"@cert-authority " + knownhosts.Line([]string{u.HostPort()}, authority.PublicKey()),
			true},
		"another authority": {"@cert-authority " +
			knownhosts.Line([]string{u.HostPort()}, gittest.NewKey(t, "", "").PublicKey()), false},
		"the key itself": {knownhosts.Line([]string{u.HostPort()}, certified.PublicKey()), true},
	} {
		check(t, os.WriteFile(remote.SSH.KnownHostsFile, []byte(test.line), 0o600))
		if _, err := gitrepo.Open(t.Context(), remote); err == nil || errors.Is(err, ssh.ErrHostKey) == test.known {
			t.Errorf("%s: %v", name, err)
		}
	}
}
