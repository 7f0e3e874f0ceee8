// Package ssh authenticates over ssh as OpenSSH would: with the keys of the agent and of ~/.ssh/config, and against the
// files of known hosts (ssh(1), ssh_config(5)). It runs no ssh.
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
	// This package reads ~/.ssh/config itself: the library looks for it without regard to HOME, and only for the address.
	gitssh.DefaultSSHConfig = nil
}

// Auth authenticates to one host, both ways. It implements go-git's ssh.AuthMethod.
type Auth struct {
	options    Options
	user       string
	host       string // what to connect to
	port       int
	home       string // empty: there is none
	identities []string
	agent      bool
	known      []string // files
	keyRead    func([]byte)

	mu       sync.Mutex
	source   string // of the key that was used to sign
	problems []error
}

// New reads how to reach a URL's host: what ~/.ssh/config and /etc/ssh/ssh_config have for it counts, but for blocks under
// Match. Every private key that is read from a file is passed to keyRead, so that it can be kept out of what is shown;
// keyRead may be nil.
func New(u giturl.URL, o Options, keyRead func(key []byte)) (*Auth, error) {
	a := &Auth{options: o, user: u.User, host: strings.Trim(u.Host, "[]"), port: u.Port, home: paths.Home(os.Getenv), keyRead: keyRead}
	found := config{}
	if a.home != "" {
		found.read(filepath.Join(a.home, ".ssh", "config"), a.host, a.home, 0)
	}
	found.read("/etc/ssh/ssh_config", a.host, a.home, 0)
	// The short form of a URL has no port, and the parser gives it ssh's own.
	if port := found.firstWord("port"); port != "" && (a.port == 0 || a.port == gitssh.DefaultPort) {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("ssh's configuration for %s: the port is not a number", a.host)
		}
		a.port = int(n)
	}
	if a.port == 0 {
		a.port = gitssh.DefaultPort
	}
	for _, value := range found["identityfile"] {
		for _, name := range words(value) {
			a.identities = append(a.identities, a.tokens(name))
		}
	}
	a.agent = found.firstWord("identitiesonly") != "yes"
	switch list := filepath.SplitList(os.Getenv("SSH_KNOWN_HOSTS")); {
	case o.KnownHostsFile != "":
		a.known = []string{o.KnownHostsFile}
	case len(list) > 0:
		a.known = list
	default:
		for _, name := range found.first("userknownhostsfile") {
			a.known = append(a.known, a.tokens(name))
		}
		if len(a.known) == 0 && a.home != "" {
			a.known = []string{filepath.Join(a.home, ".ssh", "known_hosts")}
		}
		a.known = append(a.known, "/etc/ssh/ssh_known_hosts")
	}
	if name := found.firstWord("hostname"); name != "" {
		a.host = strings.ToLower(strings.ReplaceAll(name, "%h", a.host))
	}
	return a, nil
}

// tokens expands what the names of files may have in them.
func (a *Auth) tokens(name string) string {
	return paths.Expand(strings.NewReplacer("%%", "%", "%d", a.home, "%h", a.host, "%r", a.user).Replace(name), a.home)
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

// Explain adds to a refusal which keys could not be tried.
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

// Address returns what to connect to: what ssh's configuration has for the URL's host and port.
func (a *Auth) Address() (host string, port int) { return a.host, a.port }

// KeySource returns, for a person, the key that the server took: "ssh agent" or "ssh key ~/.ssh/id_ed25519". It is empty
// until the server has taken one.
func (a *Auth) KeySource() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.source
}
