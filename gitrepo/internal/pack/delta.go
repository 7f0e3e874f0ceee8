package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// base names the object that a delta is against: by its offset in the pack, or by its hash if the offset is 0.
type base struct {
	offset int64
	hash   plumbing.Hash
}

// delta is an object of the pack that is made from another one.
type delta struct {
	at   int64 // its offset
	data []byte
}

// nextDelta reads a delta, and applies it if its base is stored. Else the delta waits for it.
func (p *parser) nextDelta(ctx context.Context, h *packfile.ObjectHeader) error {
	if h.Length > maxDelta {
		return fmt.Errorf("object at %d: a delta of %d bytes", h.Offset, h.Length)
	}
	if err := p.inflate(h); err != nil {
		return err
	}
	on := base{offset: h.OffsetReference}
	hash, stored := p.hashes[on.offset]
	if on.offset == 0 {
		on.hash = h.Reference
		hash, stored = on.hash, true
	}
	if stored {
		if from, err := p.store.EncodedObject(plumbing.AnyObject, hash); err == nil {
			o, err := p.patch(from, delta{h.Offset, p.buf.Bytes()})
			if err != nil {
				return err
			}
			return p.keep(ctx, h.Offset, o)
		}
	}
	if p.waits == maxWaiting {
		return fmt.Errorf("object at %d: delta base missing, as for %d others", h.Offset, maxWaiting)
	}
	p.waiting[on] = append(p.waiting[on], delta{h.Offset, bytes.Clone(p.buf.Bytes())})
	p.waits++
	return nil
}

// keep stores an object, then the ones whose deltas wait for it, then those that wait for these.
func (p *parser) keep(ctx context.Context, at int64, o plumbing.EncodedObject) error {
	type found struct {
		at     int64
		object plumbing.EncodedObject
	}
	for next := []found{{at, o}}; len(next) > 0; {
		f := next[len(next)-1]
		next = next[:len(next)-1]
		hash, err := p.store.SetEncodedObject(f.object)
		if err != nil {
			return err
		}
		p.hashes[f.at] = hash
		for _, on := range []base{{offset: f.at}, {hash: hash}} {
			for _, d := range p.waiting[on] {
				o, err := p.patch(f.object, d)
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					return err
				}
				next = append(next, found{d.at, o})
				p.waits--
			}
			delete(p.waiting, on)
		}
	}
	return nil
}

// patch returns the object that a delta makes of its base.
func (p *parser) patch(from plumbing.EncodedObject, d delta) (plumbing.EncodedObject, error) {
	size, err := deltaSize(d.data)
	if err == nil && max(size, uint64(from.Size())) > maxDelta {
		err = fmt.Errorf("a delta from %d bytes to %d", from.Size(), size)
	}
	if err == nil {
		err = p.quota.unpack(int64(size))
	}
	if err != nil {
		return nil, fmt.Errorf("object at %d: %w", d.at, err)
	}
	before, err := contents(from)
	if err != nil {
		return nil, err
	}
	after, err := packfile.PatchDelta(before, d.data)
	if err != nil {
		return nil, fmt.Errorf("object at %d: %w", d.at, err)
	}
	return p.spill.newObject(from.Type(), after)
}

// deltaSize returns the size of what a delta makes: the second of the two numbers that it starts with, each in groups
// of seven bits, the lowest first (https://git-scm.com/docs/pack-format).
func deltaSize(data []byte) (size uint64, err error) {
	for range 2 {
		size = 0
		for shift := 0; ; shift += 7 {
			if len(data) == 0 || shift > 56 {
				return 0, packfile.ErrInvalidDelta
			}
			group := data[0]
			data = data[1:]
			size |= uint64(group&0x7f) << shift
			if group&0x80 == 0 {
				break
			}
		}
	}
	return size, nil
}

// contents returns what an object holds.
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
