package gitrepo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/transport"
)

// Signature names who made a commit, and when.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Message is what a commit holds in addition to its tree.
type Message struct {
	Text      string // subject, blank line, body, blank line, trailers
	Author    Signature
	Committer Signature // zero: the author; without a When, at the author's
	Signer    Signer    // nil: unsigned
}

// Commit is a commit that has been made but not pushed.
type Commit struct {
	Hash string // 40 hex digits
	Tree string // 40 hex digits

	hash    plumbing.Hash
	objects []plumbing.Hash // all that the remote does not have: blobs, trees, the commit
}

// Commit makes a commit of the snapshot on top of its tip. Errors: ErrNoChange when their trees are equal.
func (s *Snapshot) Commit(m Message) (Commit, error) {
	if m.Committer == (Signature{}) {
		m.Committer = m.Author
	}
	if m.Committer.When.IsZero() {
		m.Committer.When = m.Author.When
	}
	author, err := m.Author.object("author")
	if err != nil {
		return Commit{}, err
	}
	committer, err := m.Committer.object("committer")
	if err != nil {
		return Commit{}, err
	}
	if s.root == s.base {
		return Commit{}, ErrNoChange
	}
	c := &object.Commit{
		Author:       author,
		Committer:    committer,
		Message:      m.Text,
		TreeHash:     s.root,
		ParentHashes: []plumbing.Hash{s.tip},
	}
	if err := addSignature(c, m.Signer); err != nil {
		return Commit{}, err
	}
	hash, err := put(s.store, c)
	if err != nil {
		return Commit{}, fmt.Errorf("encode commit: %w", err)
	}
	return Commit{Hash: hash.String(), Tree: s.root.String(), hash: hash,
		objects: append(slices.Clone(s.objects), hash)}, nil
}

func (s Signature) object(role string) (object.Signature, error) {
	if err := CheckIdentity(s.Name, s.Email); err != nil {
		return object.Signature{}, fmt.Errorf("%s: %w", role, err)
	}
	return object.Signature{Name: s.Name, Email: s.Email, When: s.When}, nil
}

// pusher moves branches.
type pusher interface {
	// CheckPush asks for what Push would ask for, and stops there.
	CheckPush(context.Context) error
	// PreparePush begins a push in the background.
	PreparePush(context.Context)
	// Push sends the named objects of the store and moves the branch, if it still is at u.Old.
	Push(ctx context.Context, store *memory.Storage, objects []plumbing.Hash, u transport.Update) error
}

// Push sends the commit and moves the branch to it, creating the branch where it is new. The server compares and swaps:
// the branch must still be where Open saw it, else ErrMoved. That makes the push a lease, and safe to use to replace a
// branch as well as to extend it. Other errors: ErrRejected with the server's words, ErrAuth.
func (s *Snapshot) Push(ctx context.Context, c Commit, branch string) error {
	u := transport.Update{Branch: branch, Old: s.repo.refs.Branches[branch], New: c.hash}
	err := s.repo.checkRoom(branch)
	if err == nil {
		err = s.repo.conn.Push(ctx, s.store, c.objects, u)
	}
	if err != nil {
		return fmt.Errorf("%s: push to branch %q: %w", s.repo.url, branch, err)
	}
	return nil
}
