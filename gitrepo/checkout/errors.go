package checkout

import "errors"

// What can go wrong, for errors.Is.
var (
	// ErrNoCheckout: the folder is not in a git checkout, or the checkout has no remote named origin.
	ErrNoCheckout = errors.New("not a usable checkout")
	// ErrNoFile: no file of the checkout matches.
	ErrNoFile = errors.New("no file matches")
	// ErrFiltered: git would have a program, such as Git LFS, convert the file before it stores it.
	ErrFiltered = errors.New("cannot be committed as it stands")
)
