package gitrepo

import (
	"errors"

	"update-gitops-repo/gitrepo/internal/pack"
	"update-gitops-repo/gitrepo/internal/transport"
)

// What can go wrong, for errors.Is. Errors that wrap one of these name their subject (repository, branch or path).
var (
	// ErrAuth: the server wants credentials, or refuses the ones it was given.
	ErrAuth = transport.ErrAuth
	// ErrHostKey: the ssh server's host key is not known, or differs from the known one.
	ErrHostKey = transport.ErrHostKey
	// ErrNotFound: there is no repository there, or the credentials may not see it.
	ErrNotFound = transport.ErrNotFound
	// ErrEmpty: the repository has no commit yet.
	ErrEmpty = transport.ErrEmpty
	// ErrNoBranch: the branch does not exist on the remote.
	ErrNoBranch = errors.New("no such branch")
	// ErrNoChange: the edits leave the tree as it is.
	ErrNoChange = errors.New("nothing to change")
	// ErrPath: a path that must not be written, such as one that leaves the repository or leads through a symlink.
	ErrPath = errors.New("refused path")
	// ErrMoved: the branch is no longer where it was seen; start again from its new tip.
	ErrMoved = transport.ErrMoved
	// ErrRejected: the server refuses the push for good (a protected branch, a hook); its own words follow.
	ErrRejected = transport.ErrRejected
	// ErrTooLarge: the server sends more than Remote.MaxFetch allows.
	ErrTooLarge = pack.ErrTooLarge
	// ErrFault: the connection broke, or what came over it is damaged. Another attempt may succeed; what was pushed may
	// have arrived.
	ErrFault = transport.ErrFault
	// ErrNoRoom: there is a branch whose name begins with the other's and a slash, or the other way round.
	ErrNoRoom = errors.New("git has no room for both names")
	// ErrConflict: a file was changed differently in the checkout and on the branch.
	ErrConflict = errors.New("changed differently in the checkout and on the branch")
)

// IsNetworkFailure reports whether err is a failure of the network that may be gone a moment later: a connection that
// broke, a timeout, a name server that does not answer. It knows no answers of servers. An unknown error is none, nor
// is one that stays: a host that does not exist, a refused certificate.
//
// A context's deadline looks like any other timeout. Callers check their context first.
func IsNetworkFailure(err error) bool { return transport.IsNetworkFailure(err) }
