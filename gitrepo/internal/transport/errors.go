package transport

import (
	"errors"
	"fmt"

	"update-gitops-repo/gitrepo/ssh"
)

// What can go wrong on the way to a repository, for errors.Is.
var (
	// ErrAuth: the server wants credentials, or refuses the ones it was given.
	ErrAuth = ssh.ErrAuth
	// ErrHostKey: the ssh server's host key is not known, or differs from the known one.
	ErrHostKey = ssh.ErrHostKey
	// ErrNotFound: there is no repository there, or the credentials may not see it.
	ErrNotFound = errors.New("repository not found")
	// ErrEmpty: the repository has no commit yet.
	ErrEmpty = errors.New("repository is empty")
	// ErrMoved: the branch is no longer where it was seen; start again from its new tip.
	ErrMoved = errors.New("branch moved")
	// ErrRejected: the server refuses the push for good (a protected branch, a hook); its own words follow.
	ErrRejected = errors.New("push refused")
	// ErrFault: the connection broke, or what came over it is damaged. Another attempt may succeed; what was pushed may
	// have arrived.
	ErrFault = errors.New("transfer failed")
)

// fault makes err an ErrFault.
func fault(err error) error { return fmt.Errorf("%w: %w", ErrFault, err) }
