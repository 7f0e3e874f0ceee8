package gitrepo

import (
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
)

// inMemory is how many bytes of objects are kept in memory. What comes after them goes to a file.
const inMemory = 32 << 20

// spill keeps objects' contents where there is more room than in memory: in a temporary file without a name, of which
// nothing is left when the process ends, however it ends. Where no such file can be made, or it is full, it takes nothing. A whole
// object in a file is one read away; a pack and its index would have it inflated and its deltas applied each time.
type spill struct {
	kept  int64 // in memory
	tried bool
	file  readWriterAt // nil: not yet, or not to be had
	size  int64
}

type readWriterAt interface {
	io.ReaderAt
	io.WriterAt
}

// takes tells whether an object of the size is for the file.
func (s *spill) takes(size int64) bool {
	if size <= inMemory-s.kept {
		return false
	}
	if !s.tried {
		s.tried = true
		if f := nameless(); f != nil {
			s.file = f
		}
	}
	return s.file != nil
}

// nameless makes a file that is gone when it is closed; nil where that cannot be. It is closed when nothing refers to it
// any more.
func nameless() *os.File {
	f, err := os.CreateTemp("", "update-gitops-repo-*")
	if err != nil {
		return nil
	}
	if os.Remove(f.Name()) == nil {
		return f
	}
	// Some systems remove no file that is open.
	_ = f.Close()
	_ = os.Remove(f.Name())
	return nil
}

// object appends an object, whose contents write writes. It is kept in memory if it is the one that the file has no room for.
func (s *spill) object(t plumbing.ObjectType, size int64, write func(io.Writer) error) (plumbing.EncodedObject, error) {
	hasher := plumbing.NewHasher(t, size)
	w := &spillWriter{file: s.file, at: s.size}
	if err := write(io.MultiWriter(w, hasher)); err != nil {
		return nil, err
	}
	if n := w.written + int64(len(w.kept)); n != size {
		return nil, fmt.Errorf("%d bytes, not %d", n, size)
	}
	if w.file == nil {
		s.file, s.kept = nil, s.kept+size
		o := &plumbing.MemoryObject{}
		o.SetType(t)
		_, err := o.Write(w.kept)
		return o, err
	}
	o := &spilled{kind: t, hash: hasher.Sum(), file: s.file, at: s.size, size: size}
	s.size += size
	return o, nil
}

// spillWriter writes to a file, or keeps all of it from when the file takes no more, and then has none.
type spillWriter struct {
	file        readWriterAt
	at, written int64
	kept        []byte
}

// Write implements io.Writer.
func (w *spillWriter) Write(p []byte) (int, error) {
	if w.file != nil {
		_, err := w.file.WriteAt(p, w.at+w.written)
		if err == nil {
			w.written += int64(len(p))
			return len(p), nil
		}
		w.kept = make([]byte, w.written)
		if _, err := io.ReadFull(io.NewSectionReader(w.file, w.at, w.written), w.kept); err != nil {
			return 0, err
		}
		w.file, w.written = nil, 0
	}
	w.kept = append(w.kept, p...)
	return len(p), nil
}

// spilled is an object whose contents are in the file.
type spilled struct {
	kind plumbing.ObjectType
	hash plumbing.Hash
	file io.ReaderAt
	at   int64
	size int64
}

var _ plumbing.EncodedObject = &spilled{}

// Hash implements plumbing.EncodedObject.
func (o *spilled) Hash() plumbing.Hash { return o.hash }

// Type implements plumbing.EncodedObject.
func (o *spilled) Type() plumbing.ObjectType { return o.kind }

// Size implements plumbing.EncodedObject.
func (o *spilled) Size() int64 { return o.size }

// Reader implements plumbing.EncodedObject.
func (o *spilled) Reader() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(o.file, o.at, o.size)), nil
}

// SetType implements plumbing.EncodedObject, and does nothing: the object is as it is.
func (o *spilled) SetType(plumbing.ObjectType) {}

// SetSize implements plumbing.EncodedObject, and does nothing.
func (o *spilled) SetSize(int64) {}

// Writer implements plumbing.EncodedObject, and refuses.
func (o *spilled) Writer() (io.WriteCloser, error) { return nil, os.ErrPermission }
