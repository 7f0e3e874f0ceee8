package ssh

import (
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"

	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"update-gitops-repo/gitrepo/internal/paths"
)

// signers are the keys to offer. Those that cannot be used are kept for explain.
func (a *Auth) signers() ([]ssh.Signer, error) {
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
		return nil, a.Explain(fmt.Errorf("%w: no ssh agent with keys, and no key in ~/.ssh", ErrAuth))
	}
	return signers, nil
}

// readKey reads a private key as ssh would, which refuses one of its own that others may read.
func (a *Auth) readKey(file string) (ssh.Signer, error) {
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
func (a *Auth) noting(key ssh.Signer, file string) ssh.Signer {
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
