package update

import "errors"

var (
	// ErrNoDefault says that the remote names no default branch, or one that no branch can be called.
	ErrNoDefault = errors.New("the repository does not say which branch is its default")
	// ErrSameBranch says that a pull request would go from a branch to itself.
	ErrSameBranch = errors.New("it is the base itself")
	// ErrOnlyRegular says that the forge cannot commit a file: its API takes no symlinks and sets no modes.
	ErrOnlyRegular = errors.New("the forge's API commits regular files only, and none that is executable")
	// ErrSecret says that a secret of this run is in what would be pushed, where it could not be taken back. That is
	// refused rather than redacted, since whoever wrote it meant something else to be there.
	ErrSecret = errors.New("there is a token, key or password of this run in it")
)
