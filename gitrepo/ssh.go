package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/paths"
	"update-gitops-repo/gitrepo/settings"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSH says how to authenticate over ssh, both ways. What is empty is found where OpenSSH looks for it.
type SSH struct {
	// KeyFile is the private key to use, and no other. Without it: the agent's keys, then the IdentityFile that
	// ~/.ssh/config has for the host, then ~/.ssh/id_ed25519, id_ecdsa and id_rsa. Keys with a passphrase are for the
	// agent.
	KeyFile string
	// KnownHostsFile has the host keys to trust, and no others count. Without it: the files of $SSH_KNOWN_HOSTS, or else
	// ~/.ssh/known_hosts (or the UserKnownHostsFile of ~/.ssh/config) and /etc/ssh/ssh_known_hosts. The host key is
	// checked always.
	KnownHostsFile string
}

func init() {
	// This package reads ~/.ssh/config itself: the library looks for it without regard to HOME, and only for the address.
	gitssh.DefaultSSHConfig = nil
}

// SSHSettings returns the files that GIT_SSH_COMMAND, or else core.sshCommand, names, as actions/checkout leaves its key. The
// command itself is never run, and what else it asks for does not count: it cannot switch the check of the host key off.
func SSHSettings(s *settings.Settings) (found SSH) {
	command := s.Getenv("GIT_SSH_COMMAND")
	if command == "" {
		command = s.Get("core.sshcommand")
	}
	words, ok := s.Words(command)
	if !ok || len(words) == 0 || strings.TrimSuffix(filepath.Base(words[0]), ".exe") != "ssh" {
		return SSH{}
	}
	for words = words[1:]; len(words) > 0 && len(words[0]) > 1 && words[0][0] == '-'; words = words[1:] {
		option, value := words[0][1], words[0][2:]
		if strings.IndexByte("BbcDEeFIiJLlmOoPpQRSWw", option) < 0 {
			continue
		}
		if value == "" && len(words) > 1 {
			words = words[1:]
			value = words[0]
		}
		name := "identityfile"
		if option == 'o' {
			name, value = sshKeyword(value)
		} else if option != 'i' {
			continue
		}
		value = s.Expand(value)
		switch {
		case value == "" || value == os.DevNull || value == "none":
		case name == "identityfile" && found.KeyFile == "":
			found.KeyFile = value
		case name == "userknownhostsfile" && found.KnownHostsFile == "":
			found.KnownHostsFile = value
		}
	}
	return found
}

// sshKeyword splits a line of OpenSSH's configuration, "Name value" or "Name=value".
func sshKeyword(line string) (name, value string) {
	line = strings.Trim(line, " \t\r")
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return strings.ToLower(line), ""
	}
	value = strings.TrimLeft(line[end:], " \t")
	value = strings.TrimLeft(strings.TrimPrefix(value, "="), " \t")
	return strings.ToLower(line[:end]), value
}

// sshConfig is what OpenSSH's configuration has for one host: per keyword, in lower case, its values in order, of which
// for most the first one counts.
type sshConfig map[string][]string

// read adds a file, and those that it includes. Blocks under Match are left out: their conditions may ask for anything,
// even for a program to be run. A file that is not there or may not be read has nothing to say.
func (c sshConfig) read(file, host, home string, depth int) {
	data, err := os.ReadFile(file)
	if err != nil || depth > 5 {
		return
	}
	applies := true
	for line := range strings.Lines(string(data)) {
		name, value := sshKeyword(strings.TrimRight(line, "\n"))
		switch {
		case name == "" || name[0] == '#':
		case name == "host":
			applies = matchSSHHost(sshWords(value), host)
		case name == "match":
			applies = false
		case !applies:
		case name == "include":
			for _, pattern := range sshWords(value) {
				if pattern = paths.Expand(pattern, home); !filepath.IsAbs(pattern) {
					pattern = filepath.Join(filepath.Dir(file), pattern)
				}
				files, _ := filepath.Glob(pattern) // fails for a pattern only that matches nothing
				for _, f := range files {
					c.read(f, host, home, depth+1)
				}
			}
		default:
			c[name] = append(c[name], value)
		}
	}
}

// sshWords splits a value at its spaces, but for those in double quotes.
func sshWords(value string) []string {
	var words []string
	for i, part := range strings.Split(value, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

func matchSSHHost(patterns []string, host string) bool {
	matched := false
	for _, p := range patterns {
		p, negated := strings.CutPrefix(p, "!")
		if ok := matchWildcard(strings.ToLower(p), host); ok && negated {
			return false
		} else if ok {
			matched = true
		}
	}
	return matched
}

// matchWildcard knows * and ?, which both match any character.
func matchWildcard(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		pattern = strings.TrimLeft(pattern, "*")
		for i := range len(s) + 1 {
			if matchWildcard(pattern, s[i:]) {
				return true
			}
		}
		return false
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && matchWildcard(pattern[1:], s[1:])
}

// first is the value of a keyword that counts where one does, as words.
func (c sshConfig) first(name string) []string {
	if values := c[name]; len(values) > 0 {
		return sshWords(values[0])
	}
	return nil
}

func (c sshConfig) firstWord(name string) string {
	if words := c.first(name); len(words) > 0 {
		return words[0]
	}
	return ""
}

// sshAuth implements go-git's ssh.AuthMethod.
type sshAuth struct {
	options    SSH
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

func newSSHAuth(u giturl.URL, o SSH) (*sshAuth, error) {
	a := &sshAuth{options: o, user: u.User, host: strings.Trim(u.Host, "[]"), port: u.Port, home: paths.Home(os.Getenv)}
	config := sshConfig{}
	if a.home != "" {
		config.read(filepath.Join(a.home, ".ssh", "config"), a.host, a.home, 0)
	}
	config.read("/etc/ssh/ssh_config", a.host, a.home, 0)
	// The short form of a URL has no port, and the parser gives it ssh's own.
	if port := config.firstWord("port"); port != "" && (a.port == 0 || a.port == gitssh.DefaultPort) {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("ssh's configuration for %s: the port is not a number", a.host)
		}
		a.port = int(n)
	}
	if a.port == 0 {
		a.port = gitssh.DefaultPort
	}
	for _, value := range config["identityfile"] {
		for _, name := range sshWords(value) {
			a.identities = append(a.identities, a.tokens(name))
		}
	}
	a.agent = config.firstWord("identitiesonly") != "yes"
	switch list := filepath.SplitList(os.Getenv("SSH_KNOWN_HOSTS")); {
	case o.KnownHostsFile != "":
		a.known = []string{o.KnownHostsFile}
	case len(list) > 0:
		a.known = list
	default:
		for _, name := range config.first("userknownhostsfile") {
			a.known = append(a.known, a.tokens(name))
		}
		if len(a.known) == 0 && a.home != "" {
			a.known = []string{filepath.Join(a.home, ".ssh", "known_hosts")}
		}
		a.known = append(a.known, "/etc/ssh/ssh_known_hosts")
	}
	if name := config.firstWord("hostname"); name != "" {
		a.host = strings.ToLower(strings.ReplaceAll(name, "%h", a.host))
	}
	return a, nil
}

// tokens expands what the names of files may have in them.
func (a *sshAuth) tokens(name string) string {
	return paths.Expand(strings.NewReplacer("%%", "%", "%d", a.home, "%h", a.host, "%r", a.user).Replace(name), a.home)
}

// Name implements transport.AuthMethod.
func (a *sshAuth) Name() string { return gitssh.PublicKeysCallbackName }

// String implements transport.AuthMethod.
func (a *sshAuth) String() string { return "user: " + a.user + ", name: " + a.Name() }

// ClientConfig implements go-git's ssh.AuthMethod.
func (a *sshAuth) ClientConfig() (*ssh.ClientConfig, error) {
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

// signers are the keys to offer. Those that cannot be used are kept for explain.
func (a *sshAuth) signers() ([]ssh.Signer, error) {
	if a.options.KeyFile != "" {
		key, err := a.readKey(a.options.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAuth, err)
		}
		return []ssh.Signer{a.noting(key, a.options.KeyFile)}, nil
	}
	var signers []ssh.Signer
	var problems []error
	if a.agent && os.Getenv("SSH_AUTH_SOCK") != "" {
		agent, err := gitssh.NewSSHAgentAuth(a.user)
		var keys []ssh.Signer
		if err == nil {
			keys, err = agent.Callback()
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("ssh agent: %w", err))
		}
		for _, key := range keys {
			signers = append(signers, a.noting(key, ""))
		}
	}
	files := slices.Clone(a.identities)
	if a.home != "" {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			files = append(files, filepath.Join(a.home, ".ssh", name))
		}
	}
	seen := map[string]bool{}
	for _, file := range files {
		if seen[file] {
			continue
		}
		seen[file] = true
		switch key, err := a.readKey(file); {
		case err == nil:
			signers = append(signers, a.noting(key, file))
		case !paths.Absent(err):
			problems = append(problems, err)
		}
	}
	a.mu.Lock()
	a.problems = problems
	a.mu.Unlock()
	if len(signers) == 0 {
		return nil, a.explain(fmt.Errorf("%w: no ssh agent with keys, and no key in ~/.ssh", ErrAuth))
	}
	return signers, nil
}

// explain adds to a refusal which keys could not be tried.
func (a *sshAuth) explain(err error) error {
	if a == nil || !errors.Is(err, ErrAuth) {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, problem := range a.problems {
		err = fmt.Errorf("%w; %w", err, problem)
	}
	return err
}

// readKey reads a private key as ssh would, which refuses one of its own that others may read.
func (a *sshAuth) readKey(file string) (ssh.Signer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ssh key: %w", err)
	}
	if a.keyRead != nil {
		a.keyRead(data)
	}
	if err := checkMode(file); err != nil {
		return nil, fmt.Errorf("ssh key %s: %w", file, err)
	}
	key, err := ssh.ParsePrivateKey(data)
	if _, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		return nil, fmt.Errorf("ssh key %s: it has a passphrase, which nobody is there to type", file)
	}
	if err != nil {
		return nil, fmt.Errorf("ssh key %s: it cannot be read as a private key", file)
	}
	return key, nil
}

// notingSigner remembers that the server had it sign, which it does for a key that it takes.
type notingSigner struct {
	ssh.AlgorithmSigner
	note func()
}

// SignWithAlgorithm implements ssh.AlgorithmSigner.
func (s notingSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	s.note()
	return s.AlgorithmSigner.SignWithAlgorithm(rand, data, algorithm)
}

// noting wraps a key of a file, or of the agent.
func (a *sshAuth) noting(key ssh.Signer, file string) ssh.Signer {
	signer, ok := key.(ssh.AlgorithmSigner)
	if !ok {
		return key
	}
	source := "ssh agent"
	if file != "" {
		if rest, ok := strings.CutPrefix(file, a.home+string(filepath.Separator)); ok && a.home != "" {
			file = filepath.Join("~", rest)
		}
		source = "ssh key " + file
	}
	return notingSigner{signer, func() {
		a.mu.Lock()
		a.source = source
		a.mu.Unlock()
	}}
}

// hostKeys gives the check of the server's key, and the kinds of key to ask for: those that are known, first.
func (a *sshAuth) hostKeys() (ssh.HostKeyCallback, []string, error) {
	var files []string
	for _, file := range a.known {
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		} else if !paths.Absent(err) {
			return nil, nil, fmt.Errorf("%w: %w", ErrHostKey, err)
		}
	}
	if len(files) == 0 {
		return func(host string, _ net.Addr, key ssh.PublicKey) error {
			return fmt.Errorf("%w: no file of known hosts is there, looked for %s; %s shows %s", ErrHostKey, strings.Join(a.known, ", "), host, fingerprint(key))
		}, nil, nil
	}
	db, err := gitssh.NewKnownHostsDb(files...)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrHostKey, err)
	}
	check := db.HostKeyCallback()
	algorithms := db.HostKeyAlgorithms(net.JoinHostPort(a.host, strconv.Itoa(a.port)))
	for _, other := range ssh.SupportedAlgorithms().HostKeys {
		// Last come the others, so that a server without a known kind shows what it has.
		if !slices.Contains(algorithms, other) {
			algorithms = append(algorithms, other)
		}
	}
	return func(host string, remote net.Addr, key ssh.PublicKey) error {
		err := check(host, remote, key)
		if err == nil {
			return nil
		}
		if changed, ok := errors.AsType[*knownhosts.KeyError](err); ok {
			if len(changed.Want) == 0 {
				return fmt.Errorf("%w: %s is not in %s; it shows %s", ErrHostKey, host, strings.Join(files, " or "), fingerprint(key))
			}
			known := changed.Want[0]
			return fmt.Errorf("%w: the key of %s has changed, or somebody is in between: it shows %s, but line %d of %s has %s",
				ErrHostKey, host, fingerprint(key), known.Line, known.Filename, fingerprint(known.Key))
		}
		if revoked, ok := errors.AsType[*knownhosts.RevokedError](err); ok {
			return fmt.Errorf("%w: %s shows %s, which line %d of %s revokes", ErrHostKey, host, fingerprint(key), revoked.Revoked.Line, revoked.Revoked.Filename)
		}
		return fmt.Errorf("%w: %s shows %s: %w", ErrHostKey, host, fingerprint(key), err)
	}, algorithms, nil
}

func fingerprint(key ssh.PublicKey) string {
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}
