package checkout

import "errors"

// What can go wrong, for errors.Is.
var (
	// ErrNoCheckout: the folder is not in a git checkout, or the checkout has no remote named origin.
	ErrNoCheckout = errors.New("not a usable checkout")
	// ErrNoFile: no file of the checkout matches.
	ErrNoFile = errors.New("no file matches")
	// ErrFiltered: git would pass the file to a program that makes something else of it, such as Git LFS.
	ErrFiltered = errors.New("cannot be committed as it stands")
)
