// Package pack reads what a git server sends: its list of branches, the side-band stream, and packs, which it unpacks
// into a store in memory that spills into a file. It trusts no size that a server declares.
package pack

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Unpacker stores the objects of packs that come one after the other. It is not safe for concurrent use.
type Unpacker struct {
	quota *Quota
	spill spill
}

// NewUnpacker returns an Unpacker that counts what it unpacks on the quota.
func NewUnpacker(q *Quota) *Unpacker { return &Unpacker{quota: q} }

// Kept returns how many bytes of objects are in memory, and how many in the file.
func (u *Unpacker) Kept() (memory, file int64) { return u.spill.kept, u.spill.size }

// Unpack stores all objects of a pack. Errors: ErrTooLarge, ErrBaseMissing; all others mean that the pack is damaged.
func (u *Unpacker) Unpack(ctx context.Context, to *memory.Storage, pack io.Reader) error {
	return u.UnpackFew(ctx, to, pack, 0)
}

// UnpackFew stores all objects of a pack that has at most so many; 0 means any number. Of a larger pack it stores the
// commit and its tree if these come first, reads no further, and returns ErrTooManyObjects. Other errors are as for
// Unpack.
func (u *Unpacker) UnpackFew(ctx context.Context, to *memory.Storage, pack io.Reader, most uint32) error {
	p := parser{
		scanner: packfile.NewScanner(pack), store: to, quota: u.quota, spill: &u.spill,
		hashes: map[int64]plumbing.Hash{}, waiting: map[base][]delta{},
	}
	_, count, err := p.scanner.Header()
	if err != nil {
		return err
	}
	if most > 0 && count > most {
		return p.first()
	}
	for range count {
		if err := p.next(ctx); err != nil {
			return err
		}
	}
	if _, err := p.scanner.Checksum(); err != nil {
		return err
	}
	if p.waits > 0 {
		return fmt.Errorf("%w, for %d objects", ErrBaseMissing, p.waits)
	}
	return nil
}

// parser reads one pack in one pass: each object is checked and stored as it comes, and nothing is kept twice. The
// library's own parser trusts the sizes that packs declare, and holds what it reads twice.
type parser struct {
	scanner *packfile.Scanner
	store   *memory.Storage
	quota   *Quota
	spill   *spill
	buf     bytes.Buffer // the contents of the object that is being read

	hashes  map[int64]plumbing.Hash // of what is stored, by offset, which is how most deltas name their bases
	waiting map[base][]delta        // for their bases
	waits   int                     // how many deltas wait
}

// first stores the objects that come first if they are the commit and its tree: git sends commits before trees, and a
// tree before those below it.
func (p *parser) first() error {
	commit, err := p.nextOf(plumbing.CommitObject)
	if err != nil {
		return err
	}
	if commit == nil {
		return ErrTooManyObjects
	}
	if _, err := p.store.SetEncodedObject(commit); err != nil {
		return err
	}
	c, err := object.DecodeCommit(p.store, commit)
	if err != nil {
		return err
	}
	tree, err := p.nextOf(plumbing.TreeObject)
	if err == nil && tree != nil && tree.Hash() == c.TreeHash {
		_, err = p.store.SetEncodedObject(tree)
	}
	if err != nil {
		return err
	}
	return ErrTooManyObjects
}

// nextOf reads the next object if it is of the type; nil if it is of another.
func (p *parser) nextOf(want plumbing.ObjectType) (plumbing.EncodedObject, error) {
	h, err := p.scanner.NextObjectHeader()
	if err != nil || h.Type != want {
		return nil, err
	}
	if err := p.inflate(h); err != nil {
		return nil, err
	}
	return inMemory(h.Type, p.buf.Bytes())
}

// next reads one object.
func (p *parser) next(ctx context.Context) error {
	h, err := p.scanner.NextObjectHeader()
	switch {
	case err != nil:
		return err
	case h.Type.IsDelta():
		return p.nextDelta(ctx, h)
	case !h.Type.Valid():
		return fmt.Errorf("object at %d: type %d", h.Offset, h.Type)
	case p.spill.takes(h.Length):
		return p.nextSpilled(ctx, h)
	}
	if err := p.inflate(h); err != nil {
		return err
	}
	o, err := p.spill.newObject(h.Type, p.buf.Bytes())
	if err != nil {
		return err
	}
	return p.keep(ctx, h.Offset, o)
}

// nextSpilled writes an object straight into the file.
func (p *parser) nextSpilled(ctx context.Context, h *packfile.ObjectHeader) error {
	if err := p.quota.unpack(h.Length + perObject); err != nil {
		return err
	}
	o, err := p.spill.object(h.Type, h.Length, func(w io.Writer) error {
		_, _, err := p.scanner.NextObject(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("object at %d: %w", h.Offset, err)
	}
	return p.keep(ctx, h.Offset, o)
}

// inflate reads an object's contents into buf, or as much of them as its header says and the quota has room for.
func (p *parser) inflate(h *packfile.ObjectHeader) error {
	if err := p.quota.unpack(h.Length + perObject); err != nil {
		return err
	}
	p.buf.Reset()
	if _, _, err := p.scanner.NextObject(&p.buf); err != nil {
		return err
	}
	if int64(p.buf.Len()) != h.Length {
		return fmt.Errorf("object at %d: %d bytes, not %d", h.Offset, p.buf.Len(), h.Length)
	}
	return nil
}

// Encode returns a pack of objects of the store. It has no deltas: against what is not sent there can be none, and
// between a handful of small files they save nothing.
func Encode(from *memory.Storage, objects []plumbing.Hash) (*bytes.Buffer, error) {
	var pack bytes.Buffer
	if _, err := packfile.NewEncoder(&pack, from, false).Encode(objects, 0); err != nil {
		return nil, fmt.Errorf("encode pack: %w", err)
	}
	return &pack, nil
}
