package ssh

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"

	"update-gitops-repo/gitrepo/internal/paths"
)

// signers returns the keys to offer. Problems with others are kept for Explain.
func (a *Auth) signers() ([]ssh.Signer, error) {
	if a.keyFile != "" {
		key, err := a.readKey(a.keyFile)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAuth, err)
		}
		return []ssh.Signer{a.noting(key, a.fileSource(a.keyFile))}, nil
	}
	signers, err := a.agentSigners()
	problems := []error{}
	if err != nil {
		problems = append(problems, err)
	}
	seen := map[string]bool{}
	for _, file := range a.identities {
		if seen[file] {
			continue
		}
		seen[file] = true
		switch key, err := a.readKey(file); {
		case err == nil:
			signers = append(signers, a.noting(key, a.fileSource(file)))
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

// agentSigners returns the agent's keys; none if there is no agent, or if it is not to be asked.
func (a *Auth) agentSigners() ([]ssh.Signer, error) {
	if !a.agent || os.Getenv("SSH_AUTH_SOCK") == "" {
		return nil, nil
	}
	agent, err := gitssh.NewSSHAgentAuth(a.user)
	if err != nil {
		return nil, fmt.Errorf("ssh agent: %w", err)
	}
	keys, err := agent.Callback()
	if err != nil {
		return nil, fmt.Errorf("ssh agent: %w", err)
	}
	for i, key := range keys {
		keys[i] = a.noting(key, "ssh agent")
	}
	return keys, nil
}

// readKey reads a private key. Like ssh, it refuses a key of this user that others may read.
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
		return nil, fmt.Errorf("ssh key %s: it has a passphrase; add it to an ssh agent", file)
	}
	if err != nil {
		return nil, fmt.Errorf("ssh key %s: it cannot be read as a private key", file)
	}
	return key, nil
}

// fileSource returns the name of a key file for a person, with ~ for the home folder.
func (a *Auth) fileSource(file string) string {
	if rest, ok := strings.CutPrefix(file, a.home+string(filepath.Separator)); ok && a.home != "" {
		file = filepath.Join("~", rest)
	}
	return "ssh key " + file
}

// noting wraps a key so that its source is noted when it signs. Only a key that the server accepts is asked to.
func (a *Auth) noting(key ssh.Signer, source string) ssh.Signer {
	signer, ok := key.(ssh.AlgorithmSigner)
	if !ok {
		return key
	}
	return notingSigner{signer, func() {
		a.mu.Lock()
		a.source = source
		a.mu.Unlock()
	}}
}

// notingSigner calls note before it signs.
type notingSigner struct {
	ssh.AlgorithmSigner
	note func()
}

// SignWithAlgorithm implements ssh.AlgorithmSigner.
func (s notingSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	s.note()
	return s.AlgorithmSigner.SignWithAlgorithm(rand, data, algorithm)
}
