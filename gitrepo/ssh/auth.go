// Package ssh authenticates over ssh as OpenSSH would: with the keys of the agent and of ~/.ssh/config, and against the
// files of known hosts (ssh(1), ssh_config(5)). It does not run ssh. config.go reads the files; New in auth.go says
// what each keyword does.
package ssh

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/paths"
)

func init() {
	// The library reads ~/.ssh/config regardless of HOME, and only for the address. This package does it instead.
	gitssh.DefaultSSHConfig = nil
}

// Auth authenticates the user to a host, and the host to the user. It implements go-git's ssh.AuthMethod.
type Auth struct {
	user       string
	host       string // to connect to
	port       int
	home       string   // empty: there is none
	keyFile    string   // the only key to offer; empty: those below
	identities []string // private keys, in files that may be missing
	agent      bool     // its keys come first
	knownHosts []string // files that may be missing
	keyRead    func([]byte)

	mu       sync.Mutex
	source   string  // of the key that the server accepted
	problems []error // with keys that cannot be offered
}

// New returns the authentication for a URL's host. It reads ~/.ssh/config and /etc/ssh/ssh_config, except blocks under
// Match. keyRead is called with the contents of each private key file, so that the caller can keep them out of what is
// shown; nil: it is not called.
func New(u giturl.URL, o Options, keyRead func(key []byte)) (*Auth, error) {
	a := &Auth{
		user: u.User, host: strings.Trim(u.Host, "[]"), port: u.Port, home: paths.Home(os.Getenv),
		keyFile: o.KeyFile, keyRead: keyRead,
	}
	c := readConfig(a.host, a.home)
	if err := a.setPort(c.firstWord("port")); err != nil {
		return nil, err
	}
	for _, value := range c.values["identityfile"] {
		for _, name := range words(value) {
			a.identities = append(a.identities, a.expand(name))
		}
	}
	if a.home != "" {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			a.identities = append(a.identities, filepath.Join(a.home, ".ssh", name))
		}
	}
	a.agent = c.firstWord("identitiesonly") != "yes"
	a.knownHosts = a.knownHostsFiles(o, c)
	if name := c.firstWord("hostname"); name != "" {
		a.host = strings.ToLower(strings.ReplaceAll(name, "%h", a.host))
	}
	return a, nil
}

// setPort chooses the port. The short form of a URL has none, but the URL's parser sets ssh's default: so a configured
// port replaces the default.
func (a *Auth) setPort(configured string) error {
	if a.port == 0 {
		a.port = gitssh.DefaultPort
	}
	if configured == "" || a.port != gitssh.DefaultPort {
		return nil
	}
	port, err := strconv.ParseUint(configured, 10, 16)
	if err != nil {
		return fmt.Errorf("ssh's configuration for %s: the port is not a number", a.host)
	}
	a.port = int(port)
	return nil
}

// knownHostsFiles returns the files of known hosts, see Options.KnownHostsFile.
func (a *Auth) knownHostsFiles(o Options, c config) []string {
	if o.KnownHostsFile != "" {
		return []string{o.KnownHostsFile}
	}
	if files := filepath.SplitList(os.Getenv("SSH_KNOWN_HOSTS")); len(files) > 0 {
		return files
	}
	var files []string
	for _, name := range c.first("userknownhostsfile") {
		files = append(files, a.expand(name))
	}
	if len(files) == 0 && a.home != "" {
		files = []string{filepath.Join(a.home, ".ssh", "known_hosts")}
	}
	return append(files, "/etc/ssh/ssh_known_hosts")
}

// expand expands the tokens in a file's name (ssh_config(5), TOKENS).
func (a *Auth) expand(name string) string {
	return paths.Expand(strings.NewReplacer("%%", "%", "%d", a.home, "%h", a.host, "%r", a.user).Replace(name), a.home)
}

// Address returns what to connect to: the host and port that ssh's configuration has for those of the URL.
func (a *Auth) Address() (host string, port int) { return a.host, a.port }

// KeySource returns, for a person, the key that the server accepted: "ssh agent" or "ssh key ~/.ssh/id_ed25519". It is
// empty until then.
func (a *Auth) KeySource() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.source
}

// Explain adds to an ErrAuth which keys could not be offered, and why.
func (a *Auth) Explain(err error) error {
	if !errors.Is(err, ErrAuth) {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, problem := range a.problems {
		err = fmt.Errorf("%w; %w", err, problem)
	}
	return err
}

// Name implements transport.AuthMethod.
func (a *Auth) Name() string { return gitssh.PublicKeysCallbackName }

// String implements transport.AuthMethod.
func (a *Auth) String() string { return "user: " + a.user + ", name: " + a.Name() }

// ClientConfig implements go-git's ssh.AuthMethod.
func (a *Auth) ClientConfig() (*ssh.ClientConfig, error) {
	check, algorithms, err := a.hostKeys()
	if err != nil {
		return nil, err
	}
	signers, err := a.signers()
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		User:              a.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signers...)},
		HostKeyCallback:   check,
		HostKeyAlgorithms: algorithms,
	}, nil
}
