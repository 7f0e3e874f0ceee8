package gitrepo

import "update-gitops-repo/gitrepo/internal/transport"

// Fetched returns how many objects the snapshot has, for tests that count what a read costs.
func (s *Snapshot) Fetched() int { return len(s.store.Objects) }

// Kept returns how many bytes of objects are in memory, and how many in a file.
func (s *Snapshot) Kept() (memory, file int64) {
	return s.repo.conn.(*transport.Wire).Kept()
}
