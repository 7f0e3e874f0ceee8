// Package gitrepo changes a branch of a git repository without a working tree: it reads the objects that an edit
// needs, writes the new ones, and has the server compare and swap the branch. With its rooms it is the only importer
// of go-git.
//
// It gives names of its own to what callers need of its internal rooms (Remote, Refusals, error kinds). What is in the
// others, callers import from there.
package gitrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/transport"
)

// Remote is a repository and how to reach it.
type Remote = transport.Remote

// Refusals are what a server refuses although it offers it, remembered from one Open to the next.
type Refusals = transport.Refusals

// Repo is a repository with the references that Open read. It does not read them again: after ErrMoved, call Open.
type Repo struct {
	url  giturl.URL
	conn connection
	refs transport.References
}

// connection is what this package needs of a repository, near or far. Objects go into the given store.
type connection interface {
	fetcher
	pusher
	// References reads the branches.
	References(context.Context) (transport.References, error)
	// KeySource returns the name of the ssh key that the server took; empty if it is not reached over ssh.
	KeySource() string
}

// Open reads the remote's references. Errors: ErrAuth, ErrHostKey, ErrNotFound, ErrEmpty.
func Open(ctx context.Context, r Remote) (*Repo, error) {
	conn, err := connect(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.URL, err)
	}
	refs, err := conn.References(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.URL, err)
	}
	return &Repo{url: r.URL, conn: conn, refs: refs}, nil
}

// connect returns the way to a repository.
func connect(r Remote) (connection, error) {
	if r.URL.Scheme == "file" {
		return transport.OpenDisk(r.URL.Path)
	}
	w, err := transport.NewWire(r)
	if err != nil || r.Checkout == nil || r.Checkout.Objects() == nil {
		return w, err
	}
	return transport.Reuse(w, r.Checkout.Objects()), nil
}

// DefaultBranch returns the short name of the branch that HEAD names; empty if the server does not say.
func (r *Repo) DefaultBranch() string { return r.refs.Head }

// Tip returns a branch's commit, as of Open, in 40 hex digits; empty if there is no such branch.
func (r *Repo) Tip(branch string) string {
	if tip, ok := r.refs.Branches[branch]; ok {
		return tip.String()
	}
	return ""
}

// KeySource returns, for a person, the key that the server took: "ssh agent" or "ssh key ~/.ssh/id_ed25519". It is
// empty for a repository that is not reached over ssh.
func (r *Repo) KeySource() string { return r.conn.KeySource() }

// CheckPush asks the server whether the credentials may push to the repository at all; whether a branch is protected
// only a push shows. Errors: ErrAuth, ErrNotFound, ErrRejected.
func (r *Repo) CheckPush(ctx context.Context) error {
	if err := r.conn.CheckPush(ctx); err != nil {
		return fmt.Errorf("%s: push: %w", r.url, err)
	}
	return nil
}

// PreparePush begins the next push in the background, until the context ends, so that Push need not wait for the
// server's references. It returns at once; that Push returns its errors.
func (r *Repo) PreparePush(ctx context.Context) { r.conn.PreparePush(ctx) }

// Snapshot opens the tip of a branch, and fetches the trees that the scopes name. Errors: ErrNoBranch.
func (r *Repo) Snapshot(ctx context.Context, branch string, scopes ...Scope) (*Snapshot, error) {
	var scope Scope
	for _, other := range scopes {
		scope = scope.Merge(other)
	}
	tip, ok := r.refs.Branches[branch]
	if !ok {
		return nil, fmt.Errorf("%s: branch %q: %w", r.url, branch, ErrNoBranch)
	}
	s := &Snapshot{
		repo: r, tip: tip, store: memory.NewStorage(),
		trees: map[plumbing.Hash]*object.Tree{}, edits: map[string]edit{},
	}
	what := transport.Single
	if scope.everything() {
		what = transport.WithTrees
	}
	if err := r.conn.FetchTip(ctx, s.store, tip, what); err != nil {
		return nil, fmt.Errorf("%s: fetch branch %q: %w", r.url, branch, err)
	}
	commit, err := object.GetCommit(s.store, tip)
	if err != nil {
		return nil, fmt.Errorf("%s: commit %s of branch %q: %w", r.url, tip, branch, err)
	}
	s.base, s.root = commit.TreeHash, commit.TreeHash
	if err := s.fetch(ctx, scope); err != nil {
		return nil, err
	}
	return s, nil
}

// Delete deletes a branch if its tip is still the given commit, in 40 hex digits; a branch that is gone already is no
// error. Tip still returns what Open read. Errors: ErrMoved, ErrRejected with the server's words, ErrAuth.
func (r *Repo) Delete(ctx context.Context, branch, tip string) error {
	err := r.update(ctx, branch, tip, "")
	if errors.Is(err, ErrMoved) {
		err = r.update(ctx, branch, tip, "") // Servers also say so if the branch was deleted a moment ago.
	}
	if err != nil {
		return fmt.Errorf("%s: delete branch %q: %w", r.url, branch, err)
	}
	return nil
}

// Move moves a branch to a commit that the repository has already, if the branch's tip is still from; with an empty
// from it creates the branch, which must not exist. Both commits are given in 40 hex digits. Tip still returns what
// Open read. Errors: ErrMoved, ErrRejected with the server's words, ErrAuth.
func (r *Repo) Move(ctx context.Context, branch, from, to string) error {
	if err := r.move(ctx, branch, from, to); err != nil {
		return fmt.Errorf("%s: move branch %q: %w", r.url, branch, err)
	}
	return nil
}

func (r *Repo) move(ctx context.Context, branch, from, to string) error {
	if to == "" {
		return errors.New("no commit to move it to")
	}
	if err := r.checkRoom(branch); err != nil && from == "" {
		return err
	}
	return r.update(ctx, branch, from, to)
}

// update makes an update that sends no objects. An empty hash means that there is no branch.
func (r *Repo) update(ctx context.Context, branch, from, to string) error {
	if from == "" && to == "" {
		return errors.New("no commit to delete it at")
	}
	for _, hash := range []string{from, to} {
		if hash != "" && (!plumbing.IsHash(hash) || plumbing.NewHash(hash).IsZero()) {
			return fmt.Errorf("%q is not the hash of a commit", hash)
		}
	}
	if err := CheckBranch(branch); err != nil {
		return err
	}
	u := transport.Update{Branch: branch, Old: plumbing.NewHash(from), New: plumbing.NewHash(to), Present: true}
	return r.conn.Push(ctx, memory.NewStorage(), nil, u)
}
