package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/transport"
)

// Log is a commit in what Snapshot.Log and Snapshot.Ahead return.
type Log struct {
	Hash    string   // 40 hex digits
	Tree    string   // 40 hex digits
	Parents []string // 40 hex digits each
	Author  string   // "Name <email>"
	Message string
}

func newLog(c *object.Commit) Log {
	l := Log{
		Hash:    c.Hash.String(),
		Tree:    c.TreeHash.String(),
		Author:  fmt.Sprintf("%s <%s>", c.Author.Name, c.Author.Email),
		Message: c.Message,
	}
	for _, parent := range c.ParentHashes {
		l.Parents = append(l.Parents, parent.String())
	}
	return l
}

// Subject returns the message's first line.
func (l Log) Subject() string {
	subject, _, _ := strings.Cut(strings.TrimSpace(l.Message), "\n")
	return subject
}

// Log returns the last n commits that the snapshot's branch reaches, by all parents, in the order of "git log": the
// tip, then always the one that was committed last among the parents of those before it. There are fewer if the
// history is shorter, or if the server's repository is shallow.
//
// It takes one request, or none if the checkout has the commits; two or three if the server refuses what it offers,
// or sends deltas against what only the checkout has. A server with partial clone sends only the commits; another one
// sends also what their trees have and the tip's does not.
func (s *Snapshot) Log(ctx context.Context, n int) ([]Log, error) {
	if n <= 0 {
		return nil, nil
	}
	// A separate store: history is not part of the snapshot.
	store := memory.NewStorage()
	store.Objects, store.Commits = maps.Clone(s.store.Objects), maps.Clone(s.store.Commits)
	commits, err := transport.Newest(store, s.tip, n)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		if err := s.repo.conn.FetchLog(ctx, store, s.tip, n); err != nil {
			return nil, fmt.Errorf("%s: fetch %d commits: %w", s.repo.url, n, err)
		}
		commits, err = transport.Newest(store, s.tip, n)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.repo.url, err)
	}
	logs := make([]Log, len(commits))
	for i, c := range commits {
		logs[i] = newLog(c)
	}
	return logs, nil
}

// Ahead returns the commits that the branch has and the snapshot's branch does not, the tip first: those that
// replacing the branch would discard. There are none if the branch does not exist or is merged. Errors: ErrMoved if
// the branch was replaced or deleted since Open.
func (s *Snapshot) Ahead(ctx context.Context, branch string) ([]Log, error) {
	tip, ok := s.repo.refs.Branches[branch]
	if !ok || tip == s.tip {
		return nil, nil
	}
	// A separate store: what it holds afterwards is what the base does not have.
	store := memory.NewStorage()
	if err := s.repo.conn.FetchCommits(ctx, store, tip, s.tip); err != nil {
		return nil, fmt.Errorf("%s: fetch branch %q: %w", s.repo.url, branch, err)
	}
	var logs []Log
	seen := map[plumbing.Hash]bool{}
	for next := []plumbing.Hash{tip}; len(next) > 0; next = next[1:] {
		if seen[next[0]] {
			continue
		}
		seen[next[0]] = true
		commit, ok := store.Commits[next[0]]
		if !ok {
			continue
		}
		c, err := object.DecodeCommit(store, commit)
		if err != nil {
			return nil, fmt.Errorf("%s: commit %s of branch %q: %w", s.repo.url, next[0], branch, err)
		}
		logs = append(logs, newLog(c))
		next = append(next, c.ParentHashes...)
	}
	return logs, nil
}
