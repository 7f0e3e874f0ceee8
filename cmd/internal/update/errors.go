package update

import (
	"errors"

	"update-gitops-repo/cmd/internal/report"
)

var (
	// ErrNoDefault says that the remote names no default branch, or one that no branch can be called.
	ErrNoDefault = errors.New("the repository does not say which branch is its default")
	// ErrSameBranch says that a pull request would go from a branch to itself.
	ErrSameBranch = errors.New("it is the base itself")
	// ErrOnlyRegular says that the forge cannot commit a file: its API takes no symlinks and sets no modes.
	ErrOnlyRegular = errors.New("the forge's API commits regular files only, and none that is executable")
	// ErrBranchLeft says that the branch of a pull request that is merged cannot be deleted.
	ErrBranchLeft = errors.New("its branch is left")
	// ErrSecret says that a secret of this run is in what would be pushed, where it could not be taken back. That is
	// refused rather than redacted, since whoever wrote it meant something else to be there.
	ErrSecret = errors.New("there is a token, key or password of this run in it")
)

// UnfinishedError is the failure of a step after the push. What was done before it stays, and another run picks up
// there.
type UnfinishedError struct {
	done string // "pull request #1 is open"
	err  error
}

// Error returns what is done, and what failed.
func (e *UnfinishedError) Error() string { return e.done + "; " + e.err.Error() }

// Unwrap returns the failure.
func (e *UnfinishedError) Unwrap() error { return e.err }

// Unfinished returns err as the failure of a step after what r reports; err itself where that is nothing.
func Unfinished(r report.Report, err error) error {
	done := r.Standing()
	if done == "" {
		return err
	}
	return &UnfinishedError{done, err}
}
