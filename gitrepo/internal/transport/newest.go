package transport

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Newest returns the last n commits of the store that tip reaches, in the order of "git log". A missing one is an
// error, unless it is a parent of a commit that the store has as shallow.
func Newest(store *memory.Storage, tip plumbing.Hash, n int) ([]*object.Commit, error) {
	return NewestFetched(store, tip, n, func(plumbing.Hash) error { return nil })
}

// NewestFetched is Newest, but calls fetch for each commit before it is read.
func NewestFetched(
	store *memory.Storage, tip plumbing.Hash, n int, fetch func(plumbing.Hash) error,
) (found []*object.Commit, err error) {
	shallow := map[plumbing.Hash]bool{}
	for _, h := range store.ShallowStorage {
		shallow[h] = true
	}
	var next []*object.Commit
	seen := map[plumbing.Hash]bool{}
	for parents, cut := []plumbing.Hash{tip}, false; ; {
		for _, h := range parents {
			if seen[h] {
				continue
			}
			seen[h] = true
			c, err := readCommit(store, h, fetch)
			if err != nil && !(cut && errors.Is(err, plumbing.ErrObjectNotFound)) {
				return nil, err
			}
			if err == nil {
				next = append(next, c)
			}
		}
		if len(next) == 0 {
			return found, nil
		}
		i := latest(next)
		found = append(found, next[i])
		if len(found) == n {
			return found, nil
		}
		parents, cut = next[i].ParentHashes, shallow[next[i].Hash]
		next = slices.Delete(next, i, i+1)
	}
}

func readCommit(
	store *memory.Storage, hash plumbing.Hash, fetch func(plumbing.Hash) error,
) (*object.Commit, error) {
	if err := fetch(hash); err != nil {
		return nil, err
	}
	c, err := object.GetCommit(store, hash)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", hash, err)
	}
	return c, nil
}

// latest returns the index of the commit that was committed last, the first of several.
func latest(commits []*object.Commit) int {
	last := 0
	for i, c := range commits {
		if c.Committer.When.After(commits[last].Committer.When) {
			last = i
		}
	}
	return last
}
