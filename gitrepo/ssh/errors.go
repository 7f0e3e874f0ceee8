package ssh

import "errors"

// What can go wrong, for errors.Is.
var (
	// ErrAuth: there is no key to offer, or the server refuses all that were offered.
	ErrAuth = errors.New("authentication failed")
	// ErrHostKey: the server's host key is not known, or differs from the known one.
	ErrHostKey = errors.New("host key refused")
)
