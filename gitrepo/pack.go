package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// quota is what a server may send, as it comes and unpacked. Its methods may be called from several goroutines.
type quota struct {
	max                int64 // 0: no end
	received, unpacked atomic.Int64
}

func (q *quota) receive(n int) error { return q.count(&q.received, int64(n)) }

func (q *quota) unpack(n int64) error { return q.count(&q.unpacked, n) }

func (q *quota) count(total *atomic.Int64, n int64) error {
	if q.max > 0 && (n < 0 || n > q.max || total.Add(n) > q.max) {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, q.max)
	}
	return nil
}

const (
	// perObject is what an object counts for besides its contents: endless empty ones take memory too.
	perObject = 1 << 10
	// maxDelta is the size above which git makes no deltas of a file (core.bigFileThreshold,
	// https://git-scm.com/docs/git-config). Both it and what it is made from have to be in memory.
	maxDelta = 512 << 20
	// maxPending is how many deltas may come before what they are made from. Git sends none like that.
	maxPending = 1 << 16
)

// errTooMany is a pack of more objects than were to be taken.
var errTooMany = errors.New("too many objects")

// unpacker reads a pack in one go: each object is checked and stored as it comes, and nothing is kept twice. The
// library's own parser trusts the sizes that packs declare, and holds what it reads twice.
type unpacker struct {
	store *memory.Storage
	quota *quota
	spill *spill

	hashes  map[int64]plumbing.Hash // of what is stored, by offset, which is how deltas name what they are made from
	pending []delta
	buf     bytes.Buffer
}

// delta is an object of the pack that is made from another one.
type delta struct {
	at   int64
	base int64         // by its offset; 0: by its hash
	hash plumbing.Hash // of the base
	data []byte
}

// unpack stores the objects of a pack. With a most that is not 0, it takes none of one that has more, but for the commit
// and its tree if those are what comes first, and the error is errTooMany.
func (u *unpacker) unpack(ctx context.Context, pack io.Reader, most uint32) error {
	scanner := packfile.NewScanner(pack)
	_, count, err := scanner.Header()
	if err != nil {
		return err
	}
	if most > 0 && count > most {
		return u.first(scanner)
	}
	u.hashes = map[int64]plumbing.Hash{}
	for range count {
		if err := u.next(scanner); err != nil {
			return err
		}
	}
	if _, err := scanner.Checksum(); err != nil {
		return err
	}
	return u.resolve(ctx)
}

// first stores what comes first where that is the commit and its tree: git sends commits before trees, and a tree before
// those below it.
func (u *unpacker) first(scanner *packfile.Scanner) error {
	var root plumbing.Hash
	for _, want := range []plumbing.ObjectType{plumbing.CommitObject, plumbing.TreeObject} {
		h, err := scanner.NextObjectHeader()
		if err != nil {
			return err
		}
		if h.Type != want {
			break
		}
		if err := u.inflate(scanner, h); err != nil {
			return err
		}
		o := &plumbing.MemoryObject{}
		o.SetType(h.Type)
		if _, err := o.Write(u.buf.Bytes()); err != nil {
			return err
		}
		if want == plumbing.TreeObject && o.Hash() != root {
			break
		}
		if _, err := u.store.SetEncodedObject(o); err != nil {
			return err
		}
		if want == plumbing.CommitObject {
			c, err := object.DecodeCommit(u.store, o)
			if err != nil {
				return err
			}
			root = c.TreeHash
		}
	}
	return errTooMany
}

// inflate reads an object's data into buf, or as much of it as its header says and the quota has room for.
func (u *unpacker) inflate(scanner *packfile.Scanner, h *packfile.ObjectHeader) error {
	if err := u.quota.unpack(h.Length + perObject); err != nil {
		return err
	}
	u.buf.Reset()
	if _, _, err := scanner.NextObject(&u.buf); err != nil {
		return err
	}
	if int64(u.buf.Len()) != h.Length {
		return fmt.Errorf("object at %d: %d bytes, not %d", h.Offset, u.buf.Len(), h.Length)
	}
	return nil
}

// next reads one object.
func (u *unpacker) next(scanner *packfile.Scanner) error {
	h, err := scanner.NextObjectHeader()
	if err != nil {
		return err
	}
	switch {
	case h.Type.IsDelta():
		if h.Length > maxDelta {
			return fmt.Errorf("object at %d: a delta of %d bytes", h.Offset, h.Length)
		}
	case !h.Type.Valid():
		return fmt.Errorf("object at %d: type %d", h.Offset, h.Type)
	case u.spill.takes(h.Length):
		if err := u.quota.unpack(h.Length + perObject); err != nil {
			return err
		}
		o, err := u.spill.object(h.Type, h.Length, func(w io.Writer) error {
			_, _, err := scanner.NextObject(w)
			return err
		})
		if err != nil {
			return fmt.Errorf("object at %d: %w", h.Offset, err)
		}
		u.hashes[h.Offset], err = u.store.SetEncodedObject(o)
		return err
	}
	if err := u.inflate(scanner, h); err != nil {
		return err
	}
	if !h.Type.IsDelta() {
		return u.add(h.Offset, h.Type, u.buf.Bytes())
	}
	d := delta{at: h.Offset, base: h.OffsetReference, hash: h.Reference, data: u.buf.Bytes()}
	done, err := u.apply(d)
	if err != nil || done {
		return err
	}
	if len(u.pending) == maxPending {
		return fmt.Errorf("object at %d: what it is made from has not come yet, as for %d others", d.at, maxPending)
	}
	d.data = bytes.Clone(d.data)
	u.pending = append(u.pending, d)
	return nil
}

// add stores an object.
func (u *unpacker) add(at int64, t plumbing.ObjectType, data []byte) error {
	var o plumbing.EncodedObject
	var err error
	if u.spill.takes(int64(len(data))) {
		o, err = u.spill.object(t, int64(len(data)), func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
	} else {
		m := &plumbing.MemoryObject{}
		m.SetType(t)
		_, err = m.Write(data)
		o, u.spill.kept = m, u.spill.kept+int64(len(data))
	}
	if err != nil {
		return err
	}
	u.hashes[at], err = u.store.SetEncodedObject(o)
	return err
}

// apply makes an object from a delta, if what it is made from is there.
func (u *unpacker) apply(d delta) (done bool, err error) {
	base := d.hash
	if d.base != 0 {
		base = u.hashes[d.base]
	}
	o, err := u.store.EncodedObject(plumbing.AnyObject, base)
	if err != nil {
		return false, nil
	}
	size, err := deltaSize(d.data)
	if err == nil && max(size, uint64(o.Size())) > maxDelta {
		err = fmt.Errorf("a delta from %d bytes to %d", o.Size(), size)
	}
	if err == nil {
		err = u.quota.unpack(int64(size))
	}
	if err != nil {
		return false, fmt.Errorf("object at %d: %w", d.at, err)
	}
	from, err := contents(o)
	if err != nil {
		return false, err
	}
	data, err := packfile.PatchDelta(from, d.data)
	if err != nil {
		return false, fmt.Errorf("object at %d: %w", d.at, err)
	}
	return true, u.add(d.at, o.Type(), data)
}

// resolve applies the deltas that came before what they are made from.
func (u *unpacker) resolve(ctx context.Context) error {
	for len(u.pending) > 0 {
		var left []delta
		for _, d := range u.pending {
			done, err := u.apply(d)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			if !done {
				left = append(left, d)
			}
		}
		if len(left) == len(u.pending) {
			return fmt.Errorf("%w: %d objects are made from others that did not come", packfile.ErrReferenceDeltaNotFound, len(left))
		}
		u.pending = left
	}
	return nil
}

// deltaSize reads the size of what a delta makes, the second of the two numbers that it starts with, each in groups of
// seven bits, the lowest first (https://git-scm.com/docs/pack-format).
func deltaSize(data []byte) (size uint64, err error) {
	for range 2 {
		size = 0
		for shift := 0; ; shift += 7 {
			if len(data) == 0 || shift > 56 {
				return 0, packfile.ErrInvalidDelta
			}
			b := data[0]
			data = data[1:]
			size |= uint64(b&0x7f) << shift
			if b&0x80 == 0 {
				break
			}
		}
	}
	return size, nil
}

// contents reads an object.
func contents(o plumbing.EncodedObject) (_ []byte, err error) {
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	data := make([]byte, o.Size())
	_, err = io.ReadFull(r, data)
	return data, err
}
