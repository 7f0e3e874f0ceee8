package template

import (
	"bytes"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// pieceSize is the least size of a piece. A file of less than two is parsed at once.
var pieceSize = 32 << 10

// piece is a part of a YAML file, and its documents as the parser sees them when it sees that part alone. Pieces start at
// the mark of a document, or at a key without indentation. Where such a line follows on text that is complete in itself,
// nothing that is before it can change how it reads: an open quote or bracket would have left that text incomplete, and any
// other scalar ends where the indentation does. So the pieces, parsed, are the file, parsed. This is what makes a large file
// fast: pieces are parsed at the same time, and only one that changes is parsed again.
type piece struct {
	text []byte
	line int // of the file, counted from 0, on which it starts
	docs []*yaml.Node
}

// cut returns the pieces of src, unparsed, or none when it has to be parsed in one.
func cut(src []byte) []piece {
	// Directives reach into what follows; the other line breaks of YAML are as good as never seen.
	if len(src) < 2*pieceSize || !utf8.Valid(src) || bytes.Count(src, []byte("\r")) != bytes.Count(src, []byte("\r\n")) ||
		bytes.ContainsAny(src, "\u0085\u2028\u2029") {
		return nil
	}
	var out []piece
	start, line, startLine := 0, 0, 0
	for at := 0; at < len(src); line++ {
		text := src[at:]
		switch c := text[0]; {
		case c == '%', bytes.HasPrefix(text, []byte("...")):
			return nil
		case at-start >= pieceSize && (isLetter(c) || documentMark.Match(text[:min(4, len(text))])):
			out = append(out, piece{text: src[start:at], line: startLine})
			start, startLine = at, line
		}
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			break
		}
		at += end + 1
	}
	return append(out, piece{text: src[start:], line: startLine})
}

var documentMark = regexp.MustCompile(`^(?:---|\.\.\.)(?:[ \t]|$)`)

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }

// parsePieces does what parse does, where it can; else it returns no pieces. The nodes of pieces in old, which are those
// of an earlier text, are taken over for what is the same, but for those that isStale says are not to be.
func parsePieces(src []byte, old []piece, isStale func(piece) bool) ([]*yaml.Node, []piece) {
	pieces := cut(src)
	var fresh []*piece
	same := func(p *piece, o piece) bool {
		if !bytes.Equal(p.text, o.text) || isStale(o) {
			return false
		}
		p.docs = o.docs
		shift(p.docs, p.line-o.line)
		return true
	}
	first, last := 0, 0
	for first < min(len(pieces), len(old)) && same(&pieces[first], old[first]) {
		first++
	}
	for last < min(len(pieces), len(old))-first && same(&pieces[len(pieces)-1-last], old[len(old)-1-last]) {
		last++
	}
	for i := first; i < len(pieces)-last; i++ {
		fresh = append(fresh, &pieces[i])
	}
	var failed atomic.Bool
	parallel(len(fresh), func(i int) {
		var err error
		if fresh[i].docs, err = parse(fresh[i].text); err != nil {
			failed.Store(true)
		}
		shift(fresh[i].docs, fresh[i].line)
	})
	if failed.Load() {
		return nil, nil
	}
	var docs []*yaml.Node
	for i, p := range pieces {
		more := p.docs
		if i > 0 && isLetter(p.text[0]) { // it goes on with a map
			if len(docs) == 0 || len(more) == 0 || !isOpenMap(docs[len(docs)-1]) || !isOpenMap(more[0]) {
				return nil, nil
			}
			whole := *docs[len(docs)-1]
			whole.Content = slices.Concat(whole.Content, more[0].Content)
			docs[len(docs)-1], more = &whole, more[1:]
		}
		docs = append(docs, more...)
	}
	return docs, pieces
}

// isOpenMap reports whether a key without indentation can go on with the map n.
func isOpenMap(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle == 0 && n.Column == 1
}

// shift adds to the lines of nodes and of all that is below them.
func shift(nodes []*yaml.Node, lines int) {
	if lines == 0 {
		return
	}
	for _, n := range nodes {
		n.Line += lines
		shift(n.Content, lines)
	}
}

// parallel calls do for 0 to n-1, as many at the same time as there are processors.
func parallel(n int, do func(int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	group.Wait()
}
