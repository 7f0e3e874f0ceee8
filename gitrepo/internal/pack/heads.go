package pack

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Heads returns a server's list of references (https://git-scm.com/docs/gitprotocol-http, "Discovering References")
// without those that are not branches. A forge has one or two for each pull request there ever was, and protocol
// version 0 lists them all. They come sorted by name: once there are many after the branches, the rest is not waited
// for. A list of more than 128 MiB is ErrTooLarge.
//
// Protocol version 2 lists what it is asked for, but costs every run one more request.
func Heads(r io.Reader) io.Reader { return &heads{r: bufio.NewReader(r)} }

type heads struct {
	r      *bufio.Reader
	line   []byte // what the next Read returns
	last   string // the name before
	seen   bool   // a branch was
	size   int    // bytes read
	others int    // bytes left out after the branches; far below 0 if the names are not sorted
	end    error
}

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

// next reads a line. Anything else is passed on as it is, for the library to complain of.
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
	h.filter(line)
}

// filter passes a line on unless it has a reference that is not a branch.
func (h *heads) filter(line []byte) {
	_, name, _ := strings.Cut(strings.TrimSuffix(string(line[4:]), "\n"), " ")
	branch := strings.HasPrefix(name, "refs/heads/")
	// The first line has the capabilities, too, and must stay whatever it names.
	if branch || !strings.HasPrefix(name, "refs/") || strings.Contains(name, "\x00") {
		h.line = line
		if branch {
			h.last, h.seen = name, true
		}
		return
	}
	name = strings.TrimSuffix(name, "^{}") // The object that the tag before points to.
	if name < h.last {
		h.others = -1 << 60 // Not sorted: there may be branches up to the end.
	}
	if h.last = name; h.seen && name > "refs/heads/" {
		h.others += len(line)
	}
	if h.others > maxOthers {
		h.line, h.end = []byte("0000"), io.EOF
	}
}
