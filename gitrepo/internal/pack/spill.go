package pack

import (
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
)

// spill keeps objects' contents where there is more room than in memory: in a temporary file without a name, which goes
// when the process ends, however it ends. If no such file can be made, or it is full, all stays in memory. A whole
// object in a file is one read away; a pack and its index would have it inflated and its deltas applied each time.
type spill struct {
	kept  int64 // bytes in memory
	tried bool
	file  readWriterAt // nil: not made yet, or it cannot be, or it is full
	size  int64        // of the file, in bytes
}

type readWriterAt interface {
	io.ReaderAt
	io.WriterAt
}

// takes reports whether an object of the size goes to the file.
func (s *spill) takes(size int64) bool {
	if size <= maxInMemory-s.kept {
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

// nameless returns a file that is gone when it is closed; nil if none can be made. The garbage collector closes it.
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

// newObject returns an object with a copy of the data.
func (s *spill) newObject(t plumbing.ObjectType, data []byte) (plumbing.EncodedObject, error) {
	size := int64(len(data))
	if s.takes(size) {
		return s.object(t, size, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
	}
	s.kept += size
	return inMemory(t, data)
}

func inMemory(t plumbing.ObjectType, data []byte) (plumbing.EncodedObject, error) {
	o := &plumbing.MemoryObject{}
	o.SetType(t)
	_, err := o.Write(data)
	return o, err
}

// object appends an object to the file; write writes its contents. An object that the file has no room for is kept in
// memory, and the file is given up.
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
		return inMemory(t, w.kept)
	}
	o := &spilled{kind: t, hash: hasher.Sum(), file: s.file, at: s.size, size: size}
	s.size += size
	return o, nil
}

// spillWriter writes to a file. When the file takes no more, it keeps all in memory, what was written before too.
type spillWriter struct {
	file        readWriterAt // nil: all is in kept
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

// SetType implements plumbing.EncodedObject, and does nothing: the object does not change.
func (o *spilled) SetType(plumbing.ObjectType) {}

// SetSize implements plumbing.EncodedObject, and does nothing.
func (o *spilled) SetSize(int64) {}

// Writer implements plumbing.EncodedObject, and refuses.
func (o *spilled) Writer() (io.WriteCloser, error) { return nil, os.ErrPermission }
