// Package gitrepo changes a branch of a git repository without a working tree: it reads the objects that an edit needs,
// writes the new ones, and has the server compare and swap the branch. It is the only package that imports go-git.
package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/ssh"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Remote is a repository and the way to reach it.
type Remote struct {
	URL         giturl.URL
	Credentials giturl.Credentials // http and https only; the zero value sends none
	HTTPClient  *http.Client       // http and https only; nil means http.DefaultClient
	SSH         ssh.Options        // ssh only
	Checkout    *checkout.Checkout // its objects need not be fetched; nil: there is none
	Received    func(n int)        // told of bytes of objects as they arrive; nil: nobody asks
	Refusals    *Refusals          // what the server was found to refuse, to be remembered from one Open to the next; nil: it is not
	MaxFetch    int64              // how many bytes the server may send, packed or unpacked, before it is refused; 0: any number

	// KeyRead is told what each file of a private key for ssh holds, for it to be kept from being shown; nil: nobody asks.
	KeyRead func(key []byte)
}

// Refusals is what a server was found to refuse, although it offers it. The zero value is nothing yet. It is not safe for
// concurrent use.
type Refusals struct {
	partial bool // to leave objects out
	alone   bool // trees without those below them, commits without trees
}

// Repo is a repository whose references were read once. They do not change while it lives: after ErrMoved, open anew.
type Repo struct {
	url  giturl.URL
	conn connection
	refs references
}

// references are a repository's branches as they were at one moment.
type references struct {
	branches map[string]plumbing.Hash // short name to tip
	head     string                   // short name of HEAD's branch; empty when HEAD is detached
}

// conflict names a branch that stands in the way of one: git keeps a and a/b from being branches at the same time.
func (r references) conflict(branch string) string {
	for name := range r.branches {
		if strings.HasPrefix(name, branch+"/") || strings.HasPrefix(branch, name+"/") {
			return name
		}
	}
	return ""
}

// connection is what this package needs of a repository, near or far. Objects go into the given store.
type connection interface {
	// references reads the branches.
	references(context.Context) (references, error)
	// fetchTip gets a commit, and as much below it as is cheap; all trees, where they are all needed.
	fetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash, trees bool) error
	// fetchObjects gets objects by their hashes. More may come along.
	fetchObjects(context.Context, *memory.Storage, []plumbing.Hash, extent) error
	// fetchCommits gets the commits that tip reaches and base does not.
	fetchCommits(ctx context.Context, store *memory.Storage, tip, base plumbing.Hash) error
	// fetchLog gets the last n commits that tip, which the store has, reaches. It sets as shallow those whose parents are
	// not to be had.
	fetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error
	// checkPush asks for what push would ask for, and stops there.
	checkPush(context.Context) error
	// preparePush begins a push, to go on while others work.
	preparePush(context.Context)
	// keySource says which ssh key the server took; empty where there is no such thing.
	keySource() string
	// push sends the named objects of the store and moves the branch, if it still is at u.old.
	push(ctx context.Context, store *memory.Storage, objects []plumbing.Hash, u update) error
}

// extent is which objects are asked for.
type extent int

const (
	blobs extent = iota // files' contents
	alone               // trees without those below them
	below               // trees with all those below them
)

// update moves a branch from old (zero: it must not exist) to new (zero: it is deleted, if it is not gone already).
type update struct {
	branch   string
	old, new plumbing.Hash
	there    bool // the server has all of new
}

// Open reads the remote's references. Errors: ErrAuth, ErrHostKey, ErrNotFound, ErrEmpty.
func Open(ctx context.Context, r Remote) (*Repo, error) {
	conn, err := connect(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.URL, err)
	}
	refs, err := conn.references(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.URL, err)
	}
	return &Repo{url: r.URL, conn: conn, refs: refs}, nil
}

func connect(r Remote) (connection, error) {
	if r.URL.Scheme == "file" {
		return openLocal(r.URL.Path)
	}
	w, err := newWire(r)
	if err != nil || r.Checkout == nil || r.Checkout.Objects() == nil {
		return w, err
	}
	return &reusing{connection: w, objects: r.Checkout.Objects()}, nil
}

// DefaultBranch is the short name of the branch that HEAD names; empty when the server does not say.
func (r *Repo) DefaultBranch() string { return r.refs.head }

// Tip is a branch's commit in 40 hex digits, when the references were read; empty when there is no such branch.
func (r *Repo) Tip(branch string) string {
	if tip, ok := r.refs.branches[branch]; ok {
		return tip.String()
	}
	return ""
}

// KeySource says, for a person, which key the server took: "ssh agent" or "ssh key ~/.ssh/id_ed25519". It is empty for a
// repository that is not reached over ssh.
func (r *Repo) KeySource() string { return r.conn.keySource() }

// CheckPush asks the server whether the credentials may push to the repository at all; what protects a single branch only a
// push itself tells. Errors: ErrAuth, ErrNotFound, ErrRejected.
func (r *Repo) CheckPush(ctx context.Context) error {
	if err := r.conn.checkPush(ctx); err != nil {
		return fmt.Errorf("%s: push: %w", r.url, err)
	}
	return nil
}

// PreparePush begins what every push begins with, so that the next one need not wait for it. It returns at once and goes
// on until the context ends; what goes wrong, that push tells.
func (r *Repo) PreparePush(ctx context.Context) { r.conn.preparePush(ctx) }

// Snapshot opens the tip of a branch, and fetches the trees that the scopes name. Errors: ErrNoBranch.
func (r *Repo) Snapshot(ctx context.Context, branch string, scopes ...Scope) (*Snapshot, error) {
	var scope Scope
	for _, other := range scopes {
		scope = scope.Merge(other)
	}
	tip, ok := r.refs.branches[branch]
	if !ok {
		return nil, fmt.Errorf("%s: branch %q: %w", r.url, branch, ErrNoBranch)
	}
	s := &Snapshot{
		repo: r, tip: tip, store: memory.NewStorage(),
		trees: map[plumbing.Hash]*object.Tree{}, edits: map[string]edit{},
	}
	if err := r.conn.fetchTip(ctx, s.store, tip, scope.everything()); err != nil {
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
// error. What this Repo says of its branches stays as it was. Errors: ErrMoved, ErrRejected with the server's words,
// ErrAuth.
func (r *Repo) Delete(ctx context.Context, branch, tip string) error {
	err := r.update(ctx, branch, tip, "")
	if errors.Is(err, ErrMoved) {
		err = r.update(ctx, branch, tip, "") // Servers say the same of a branch that somebody deleted a moment ago.
	}
	if err != nil {
		return fmt.Errorf("%s: delete branch %q: %w", r.url, branch, err)
	}
	return nil
}

// Move moves a branch to a commit that the repository has already, if the branch's tip is still from; with an empty from
// it creates the branch, which must not exist. Both commits are given in 40 hex digits. What this Repo says of its
// branches stays as it was. Errors: ErrMoved, ErrRejected with the server's words, ErrAuth.
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
	if other := r.refs.conflict(branch); other != "" && from == "" {
		return fmt.Errorf("%w: there is a branch %q, and git has no room for both names", ErrRejected, other)
	}
	return r.update(ctx, branch, from, to)
}

// update makes an update that sends no objects. An empty hash stands for no branch.
func (r *Repo) update(ctx context.Context, branch, from, to string) error {
	if from == "" && to == "" {
		return errors.New("no commit to delete it at")
	}
	for _, hash := range []string{from, to} {
		if hash != "" && (!plumbing.IsHash(hash) || plumbing.NewHash(hash).IsZero()) {
			return fmt.Errorf("%q is no commit's hash", hash)
		}
	}
	if err := CheckBranch(branch); err != nil {
		return err
	}
	u := update{branch: branch, old: plumbing.NewHash(from), new: plumbing.NewHash(to), there: true}
	return r.conn.push(ctx, memory.NewStorage(), nil, u)
}
