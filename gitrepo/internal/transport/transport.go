// Package transport reaches a repository: over git's pack protocol by http or ssh (Wire), on this machine's disk
// (Disk), or with a checkout beside it whose objects need not be fetched (Reusing). Objects go into a store of the
// caller's.
package transport

import (
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/ssh"
)

// Remote is a repository and how to reach it.
type Remote struct {
	URL         giturl.URL
	Credentials giturl.Credentials // http and https only; the zero value sends none
	HTTPClient  *http.Client       // http and https only; nil means http.DefaultClient
	SSH         ssh.Options        // ssh only
	KeyRead     func(key []byte)   // called with each private key of a file that ssh reads, to be redacted; may be nil
	Checkout    *checkout.Checkout // its objects need not be fetched; nil: there is none
	Received    func(n int)        // called as n bytes of objects arrive; may be nil
	Refusals    *Refusals          // remembered from one connection to the next; nil: forgotten
	MaxFetch    int64              // how many bytes the server may send, packed or unpacked; 0: no limit
}

// Refusals are what a server refuses although it offers it. The zero value has none. It is not safe for concurrent use.
type Refusals struct {
	partial bool // to leave objects out
	single  bool // to leave out all below a tree or a commit
}

// References are a repository's branches at one moment.
type References struct {
	Branches map[string]plumbing.Hash // short name to tip
	Head     string                   // short name of HEAD's branch; empty if HEAD is detached
}

// Conflict returns a branch that keeps one of the given name from being made: git has no room for both a and a/b. It is
// empty if there is none.
func (r References) Conflict(branch string) string {
	for name := range r.Branches {
		if strings.HasPrefix(name, branch+"/") || strings.HasPrefix(branch, name+"/") {
			return name
		}
	}
	return ""
}

// Extent is which objects come along with those that are asked for.
type Extent int

const (
	// Single: none, for trees and commits.
	Single Extent = iota
	// WithTrees: all trees below trees and commits.
	WithTrees
	// Blobs: none, for files' contents.
	Blobs
)

// Update moves a branch from Old (zero: it must not exist) to New (zero: it is deleted, unless it is gone already).
type Update struct {
	Branch   string
	Old, New plumbing.Hash
	Present  bool // the server has all of New
}

// name returns the branch's full name.
func (u Update) name() plumbing.ReferenceName { return plumbing.NewBranchReferenceName(u.Branch) }

// deletes reports whether the branch is to be deleted.
func (u Update) deletes() bool { return u.New.IsZero() }
