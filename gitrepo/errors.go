package gitrepo

import (
	"errors"

	"update-gitops-repo/gitrepo/internal/pack"
	"update-gitops-repo/gitrepo/ssh"
)

// What can go wrong, for errors.Is. Errors that wrap one of these name their subject (repository, branch or path).
var (
	// ErrAuth: the server wants credentials, or refuses the ones it was given.
	ErrAuth = ssh.ErrAuth
	// ErrHostKey: the ssh server's host key is not known, or is not the known one.
	ErrHostKey = ssh.ErrHostKey
	// ErrNotFound: there is no repository there, or the credentials may not see it.
	ErrNotFound = errors.New("repository not found")
	// ErrEmpty: the repository has no commit yet.
	ErrEmpty = errors.New("repository is empty")
	// ErrNoBranch: the branch does not exist on the remote.
	ErrNoBranch = errors.New("no such branch")
	// ErrNoChange: the edits leave the tree as it is.
	ErrNoChange = errors.New("nothing to change")
	// ErrPath: a path that must not be written, such as one that leaves the repository or leads through a symlink.
	ErrPath = errors.New("refused path")
	// ErrMoved: the branch is not where it was seen any more; start again from its new tip.
	ErrMoved = errors.New("branch moved")
	// ErrRejected: the server refuses the push for good (a protected branch, a hook); its own words follow.
	ErrRejected = errors.New("push refused")
	// ErrTooLarge: the server sends more than Remote.MaxFetch allows.
	ErrTooLarge = pack.ErrTooLarge
	// ErrFault: the connection broke, or what came over it is not whole. Another attempt may get past it; what was pushed may
	// have arrived.
	ErrFault = errors.New("transfer failed")
	// ErrConflict: a file was changed in the checkout and, in another way, on the branch.
	ErrConflict = errors.New("changed in the checkout and, in another way, on the branch")
)
