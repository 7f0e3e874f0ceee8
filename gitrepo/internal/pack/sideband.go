package pack

import (
	"fmt"
	"io"
	"strconv"
)

// Demux returns the pack within a side-band stream (https://git-scm.com/docs/gitprotocol-pack, "Packfile Data"). It
// passes on what has come of a line before the line is whole: the library's reader waits for up to 64 KiB, of which a
// few bytes may be enough.
func Demux(r io.Reader) io.Reader { return &demuxer{r: r} }

type demuxer struct {
	r    io.Reader
	left int // bytes of a line of the pack
}

// Read implements io.Reader.
func (d *demuxer) Read(p []byte) (int, error) {
	for d.left == 0 {
		if err := d.line(); err != nil {
			return 0, err
		}
	}
	n, err := d.r.Read(p[:min(len(p), d.left)])
	d.left -= n
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// line reads the start of a line of the pack, or the whole of another. After the last line it returns io.EOF.
func (d *demuxer) line() error {
	var head [5]byte
	if _, err := io.ReadFull(d.r, head[:4]); err != nil {
		return unexpected(err)
	}
	n, err := strconv.ParseUint(string(head[:4]), 16, 16)
	switch {
	case err != nil:
		return fmt.Errorf("%q where a line begins", head[:4])
	case n == 0:
		return io.EOF
	case n == 4:
		return nil
	case n < 4:
		return fmt.Errorf("a line of length %d", n)
	}
	if _, err := io.ReadFull(d.r, head[4:]); err != nil {
		return unexpected(err)
	}
	rest := int(n) - 5
	switch head[4] {
	case 1:
		d.left = rest
		return nil
	case 2: // Progress.
		_, err := io.CopyN(io.Discard, d.r, int64(rest))
		return unexpected(err)
	case 3:
		said := make([]byte, min(rest, maxMessage))
		if _, err := io.ReadFull(d.r, said); err != nil {
			return unexpected(err)
		}
		return fmt.Errorf("the server says: %s", said)
	}
	return fmt.Errorf("a line on band %d", head[4])
}

// unexpected makes io.EOF io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
