package gitrepo_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/credential"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/secret"
)

// sshHome is a forge's ssh server, and a home where nothing is yet.
func sshHome(t *testing.T) (w way, home, key, known string) {
	t.Helper()
	w = open(t, "ssh", map[string]string{"a": "1"})
	known, key = os.Getenv("SSH_KNOWN_HOSTS"), filepath.Join(os.Getenv("HOME"), ".ssh", "id_ed25519")
	home = t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("SSH_KNOWN_HOSTS", "")
	check(t, os.Mkdir(filepath.Join(home, ".ssh"), 0o700))
	return w, home, key, known
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	check(t, err)
	check(t, os.WriteFile(to, data, 0o600))
}

func newKey(t *testing.T, file, passphrase string) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	check(t, err)
	if file != "" {
		block, err := ssh.MarshalPrivateKey(key, "")
		if passphrase != "" {
			block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
		}
		check(t, err)
		check(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	return signer
}

// startAgent serves a key on a socket.
func startAgent(t *testing.T, keyFile string) {
	t.Helper()
	data, err := os.ReadFile(keyFile)
	check(t, err)
	key, err := ssh.ParseRawPrivateKey(data)
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
			go agent.ServeAgent(keyring, conn)
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", socket)
}

// TestSSHKeys: each place of a key alone, with a key that the server does not take in the others, and which one it took.
func TestSSHKeys(t *testing.T) {
	w, home, key, known := sshHome(t)
	dotSSH := filepath.Join(home, ".ssh")
	stranger := filepath.Join(t.TempDir(), "stranger")
	newKey(t, stranger, "")
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
		{"the port", map[string]string{"id_rsa": key}, "Port " + strings.TrimPrefix(w.remote.URL.HostPort(), "127.0.0.1:") + "\n", "", func(r *gitrepo.Remote) { r.URL.Port = 22 }, "ssh key ~/.ssh/id_rsa"},
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
			remote := w.remote
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

// TestSSHBadKeys: a key that cannot be used is named, whether it was asked for or found.
func TestSSHBadKeys(t *testing.T) {
	w, home, key, known := sshHome(t)
	file := filepath.Join(home, ".ssh", "id_ed25519")
	for want, prepare := range map[string]func(){
		"passphrase":                  func() { newKey(t, file, "s3cret") },
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
		w.remote.SSH = gitrepo.SSH{KnownHostsFile: known}
		for _, w.remote.SSH.KeyFile = range []string{"", file} {
			_, err := gitrepo.Open(t.Context(), w.remote)
			if !errors.Is(err, gitrepo.ErrAuth) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%q: %v, want %s", w.remote.SSH.KeyFile, err, want)
			}
		}
	}
	// What was not tried is told when what was tried is refused.
	check(t, os.RemoveAll(file))
	check(t, os.WriteFile(file, []byte("x"), 0o600))
	newKey(t, filepath.Join(home, ".ssh", "id_rsa"), "")
	w.remote.SSH.KeyFile = ""
	if _, err := gitrepo.Open(t.Context(), w.remote); !errors.Is(err, gitrepo.ErrAuth) || !strings.Contains(err.Error(), "unable to authenticate") || !strings.Contains(err.Error(), file) {
		t.Error(err)
	}
	// Without a home, what is given is enough.
	t.Setenv("HOME", "")
	w.remote.SSH.KeyFile = key
	_, err := gitrepo.Open(t.Context(), w.remote)
	check(t, err)
}

// TestSSHHostKey: the server's key is always checked.
func TestSSHHostKey(t *testing.T) {
	w, home, key, known := sshHome(t)
	data, err := os.ReadFile(known)
	check(t, err)
	_, _, hostKey, _, _, err := ssh.ParseKnownHosts(data)
	check(t, err)
	addr := w.remote.URL.HostPort()
	other := newKey(t, "", "").PublicKey()
	fingerprint := ssh.FingerprintSHA256(hostKey)
	line := func(key ssh.PublicKey) string { return knownhosts.Line([]string{addr}, key) + "\n" }
	hashed := knownhosts.HashHostname(knownhosts.Normalize(addr)) + " " + strings.SplitN(line(hostKey), " ", 2)[1]
	for name, test := range map[string]struct {
		content string
		want    string // of the error; empty: none
	}{
		"right":               {string(data), ""},
		"right, among others": {"# hosts\n\nexample.com " + string(ssh.MarshalAuthorizedKey(other)) + line(other) + line(hostKey), ""},
		"hashed":              {hashed, ""},
		"wildcard":            {"*.example.com,127.0.* " + string(ssh.MarshalAuthorizedKey(hostKey)), ""},
		"unknown":             {"", "is not in "},
		"another port":        {knownhosts.Line([]string{"127.0.0.1:1"}, hostKey), "is not in "},
		"changed":             {line(other), "has changed"},
		"revoked":             {line(hostKey) + "@revoked * " + string(ssh.MarshalAuthorizedKey(hostKey)), "line 2 of "},
		"another authority":   {"@cert-authority " + line(other), "has changed"},
	} {
		file := filepath.Join(t.TempDir(), "known")
		check(t, os.WriteFile(file, []byte(test.content), 0o600))
		remote := w.remote
		remote.SSH = gitrepo.SSH{KeyFile: key, KnownHostsFile: file}
		_, err := gitrepo.Open(t.Context(), remote)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (!errors.Is(err, gitrepo.ErrHostKey) || errors.Is(err, gitrepo.ErrAuth) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), fingerprint)):
			t.Errorf("%s: %v, want %q and %s", name, err, test.want, fingerprint)
		}
	}

	// Where the files are looked for.
	w.remote.SSH.KeyFile = key
	mine := filepath.Join(home, ".ssh", "known_hosts")
	if _, err := gitrepo.Open(t.Context(), w.remote); !errors.Is(err, gitrepo.ErrHostKey) || !strings.Contains(err.Error(), fingerprint) {
		t.Errorf("no files: %v", err)
	}
	check(t, os.WriteFile(mine, []byte("x y z\n"), 0o600))
	if _, err := gitrepo.Open(t.Context(), w.remote); !errors.Is(err, gitrepo.ErrHostKey) || !strings.Contains(err.Error(), mine+":1") {
		t.Errorf("a broken file: %v", err)
	}
	check(t, os.WriteFile(mine, data, 0o600))
	_, err = gitrepo.Open(t.Context(), w.remote)
	check(t, err)
	w.remote.SSH.KnownHostsFile = filepath.Join(home, "nosuch")
	if _, err := gitrepo.Open(t.Context(), w.remote); !errors.Is(err, gitrepo.ErrHostKey) || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("a file that is not there: %v", err)
	}
	w.remote.SSH.KnownHostsFile = ""
	check(t, os.Rename(mine, mine+"2"))
	check(t, os.WriteFile(filepath.Join(home, ".ssh", "config"), []byte("UserKnownHostsFile ~/nosuch ~/.ssh/known_hosts2\nStrictHostKeyChecking no\n"), 0o600))
	_, err = gitrepo.Open(t.Context(), w.remote)
	check(t, err)
	check(t, os.WriteFile(mine+"2", nil, 0o600))
	if _, err := gitrepo.Open(t.Context(), w.remote); !errors.Is(err, gitrepo.ErrHostKey) {
		t.Errorf("StrictHostKeyChecking: %v", err)
	}
	check(t, os.WriteFile(mine+"2", data, 0o600))
	t.Setenv("SSH_KNOWN_HOSTS", filepath.Join(home, "nosuch")+":"+filepath.Join(home, "empty"))
	check(t, os.WriteFile(filepath.Join(home, "empty"), nil, 0o600))
	if _, err := gitrepo.Open(t.Context(), w.remote); !errors.Is(err, gitrepo.ErrHostKey) {
		t.Errorf("SSH_KNOWN_HOSTS comes first: %v", err)
	}
}

// TestSSHHostKeyKinds: of a server with several keys, one of them a certificate, that is asked for which is known.
func TestSSHHostKeyKinds(t *testing.T) {
	authority, certified := newKey(t, "", ""), newKey(t, "", "")
	cert := &ssh.Certificate{Key: certified.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
	check(t, cert.SignCert(rand.Reader, authority))
	host, err := ssh.NewCertSigner(cert, certified)
	check(t, err)
	config := &ssh.ServerConfig{NoClientAuth: true}
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
				ssh.NewServerConn(conn, config) // That the client gets so far is all that the test is about.
			}()
		}
	}()
	u, _, err := giturl.Parse("ssh://" + l.Addr().String() + "/a/b")
	check(t, err)
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	remote := gitrepo.Remote{URL: u, SSH: gitrepo.SSH{KeyFile: filepath.Join(dir, "key"), KnownHostsFile: filepath.Join(dir, "known")}}
	newKey(t, remote.SSH.KeyFile, "")
	for name, test := range map[string]struct {
		line  string
		known bool
	}{
		"authority":         {"@cert-authority " + knownhosts.Line([]string{u.HostPort()}, authority.PublicKey()), true},
		"another authority": {"@cert-authority " + knownhosts.Line([]string{u.HostPort()}, newKey(t, "", "").PublicKey()), false},
		"the key itself":    {knownhosts.Line([]string{u.HostPort()}, certified.PublicKey()), true},
	} {
		check(t, os.WriteFile(remote.SSH.KnownHostsFile, []byte(test.line), 0o600))
		if _, err := gitrepo.Open(t.Context(), remote); err == nil || errors.Is(err, gitrepo.ErrHostKey) == test.known {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHTTPCredentials: what is found lets git in, and a bearer token goes out as one.
func TestHTTPCredentials(t *testing.T) {
	w := open(t, "http", map[string]string{"a": "1"})
	home := t.TempDir()
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": home, "GIT_CONFIG_NOSYSTEM": "1", "NETRC": ""} {
		t.Setenv(name, value)
	}
	for name, content := range map[string]string{
		".netrc":           "machine 127.0.0.1 login git password " + token,
		".git-credentials": "http://git:" + token + "@" + w.remote.URL.HostPort(),
		".gitconfig":       "[credential]\n\thelper = \"!f() { echo username=git; echo password=" + token + "; }; f\"\n",
	} {
		file := filepath.Join(home, name)
		check(t, os.WriteFile(file, []byte(content), 0o600))
		s, err := settings.Read("", os.Getenv)
		check(t, err)
		found, err := credential.Find(t.Context(), s, w.remote.URL)
		check(t, err)
		w.remote.Credentials = found.Credentials
		if _, err := gitrepo.Open(t.Context(), w.remote); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		check(t, os.Remove(file))
	}

	got := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	u, _, err := giturl.Parse(server.URL + "/a/b")
	check(t, err)
	if _, err := gitrepo.Open(t.Context(), gitrepo.Remote{URL: u, Credentials: giturl.Credentials{Password: secret.New("a.b"), Bearer: true}}); !errors.Is(err, gitrepo.ErrAuth) || got != "Bearer a.b" {
		t.Errorf("%v, sent %q", err, got)
	}
}
