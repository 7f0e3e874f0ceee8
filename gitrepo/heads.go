package gitrepo

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// othersRead is how much of the references that are no branches is read before the rest is given up.
const othersRead = 64 << 10

// maxReferences is how many bytes of references are taken: some two million of them, which the library all keeps.
const maxReferences = 128 << 20

// heads is what a server says of its references (https://git-scm.com/docs/gitprotocol-http, "Discovering References"),
// without those that are not branches. A forge has one or two for each pull request there ever was, and protocol version 0 lists
// them all. They come by name: once there are many behind the branches, the rest is not waited for.
//
// Protocol version 2 lists what it is asked for, but costs every run one request more.
type heads struct {
	r      *bufio.Reader
	line   []byte // to be read
	last   string // the name before
	seen   bool   // a branch
	size   int    // of all that was read
	others int    // bytes of what was left out, as long as all names were in order
	end    error
}

func newHeads(r io.Reader) *heads { return &heads{r: bufio.NewReader(r)} }

// Read implements io.Reader.
func (h *heads) Read(p []byte) (int, error) {
	for len(h.line) == 0 {
		if h.end != nil {
			return 0, h.end
		}
		h.next()
	}
	n := copy(p, h.line)
	h.line = h.line[n:]
	return n, nil
}

// next reads a line. What is none is handed on as it is, for the library to complain of.
func (h *heads) next() {
	head := make([]byte, 4)
	n, err := io.ReadFull(h.r, head)
	if err != nil {
		h.line, h.end = head[:n], err
		if n > 0 && err == io.ErrUnexpectedEOF {
			h.end = io.EOF
		}
		return
	}
	size, err := strconv.ParseUint(string(head), 16, 16)
	if err != nil || size <= 4 {
		h.line = head
		return
	}
	if h.size += int(size); h.size > maxReferences {
		h.end = fmt.Errorf("%w: more than %d bytes of references", ErrTooLarge, maxReferences)
		return
	}
	line := make([]byte, size)
	copy(line, head)
	n, err = io.ReadFull(h.r, line[4:])
	if err != nil {
		h.line, h.end = line[:4+n], err
		if err == io.ErrUnexpectedEOF {
			h.end = io.EOF
		}
		return
	}
	_, name, _ := strings.Cut(strings.TrimSuffix(string(line[4:]), "\n"), " ")
	if !strings.HasPrefix(name, "refs/") || strings.HasPrefix(name, "refs/heads/") || strings.Contains(name, "\x00") {
		h.line = line
		if strings.HasPrefix(name, "refs/heads/") {
			h.last, h.seen = name, true
		}
		return
	}
	name = strings.TrimSuffix(name, "^{}") // What the tag before leads to.
	if name < h.last {
		h.others = -1 << 60 // Not by name: there may be branches to the last.
	}
	if h.last = name; h.seen && name > "refs/heads/" {
		h.others += len(line)
	}
	if h.others > othersRead {
		h.line, h.end = []byte("0000"), io.EOF
	}
}
