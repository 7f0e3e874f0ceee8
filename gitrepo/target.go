package gitrepo

import "fmt"

// targetChecker is a connection that knows without asking anybody what it refuses.
type targetChecker interface {
	CheckTarget(branch string) error
}

// CheckTarget returns why no push can move or make a branch, as far as that is known without asking a server: git has
// no room for its name, or a repository on disk takes no push to it. Errors:
// ErrRejected, also ErrNoRoom.
func (r *Repo) CheckTarget(branch string) error {
	err := r.checkRoom(branch)
	if c, ok := r.conn.(targetChecker); ok && err == nil {
		err = c.CheckTarget(branch)
	}
	if err != nil {
		return fmt.Errorf("%s: push to branch %q: %w", r.url, branch, err)
	}
	return nil
}

// checkRoom returns ErrRejected and ErrNoRoom if another branch keeps one of that name from being made.
func (r *Repo) checkRoom(branch string) error {
	if other := r.refs.Conflict(branch); other != "" {
		return fmt.Errorf("%w: there is a branch %q, and %w", ErrRejected, other, ErrNoRoom)
	}
	return nil
}
