package yamledit

import (
	"bytes"
	"regexp"
	"slices"
	"sync/atomic"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit/internal/parallel"
)

// pieceSize is the least size of a piece. A file of less than two is parsed at once.
var pieceSize = 32 << 10

// piece is a part of a YAML file, and its documents as the parser sees them when it sees that part alone. Pieces start
// at the mark of a document, or at a key without indentation. Where such a line follows on text that is complete in
// itself, nothing that is before it can change how it reads: an open quote or bracket would have left that text
// incomplete, and any other scalar ends where the indentation does. So the pieces, parsed, are the file, parsed. This
// is what makes a large file fast: pieces are parsed at the same time, and only one that changes is parsed again.
type piece struct {
	text []byte
	line int // of the file, counted from 0, on which it starts
	docs []*yaml.Node
}

// cutPieces returns the pieces of src, unparsed, or none when it has to be parsed in one.
func cutPieces(src []byte) []piece {
	// Directives reach into what follows; the other line breaks of YAML are as good as never seen.
	if len(src) < 2*pieceSize || !utf8.Valid(src) || bytes.ContainsAny(src, "\u0085\u2028\u2029") ||
		bytes.Count(src, []byte("\r")) != bytes.Count(src, []byte("\r\n")) {
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

// parsePieces does what parseYAML does, where it can; else it returns no pieces. The nodes of pieces in old, which are
// those of an earlier text, are taken over for what is the same, but for those that isStale says are not to be.
func parsePieces(src []byte, old []piece, isStale func(piece) bool) ([]*yaml.Node, []piece) {
	pieces := cutPieces(src)
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
	parallel.Do(len(fresh), func(i int) {
		var err error
		if fresh[i].docs, err = parseYAML(fresh[i].text); err != nil {
			failed.Store(true)
		}
		shift(fresh[i].docs, fresh[i].line)
	})
	if failed.Load() {
		return nil, nil
	}
	docs, ok := joinPieces(pieces)
	if !ok {
		return nil, nil
	}
	return docs, pieces
}

// joinPieces returns the documents of the file, or false when the pieces do not fit together.
func joinPieces(pieces []piece) ([]*yaml.Node, bool) {
	var docs []*yaml.Node
	for i, p := range pieces {
		more := p.docs
		if i > 0 && isLetter(p.text[0]) { // it goes on with a map
			if len(docs) == 0 || len(more) == 0 || !isOpenMap(docs[len(docs)-1]) || !isOpenMap(more[0]) {
				return nil, false
			}
			joined := *docs[len(docs)-1]
			joined.Content = slices.Concat(joined.Content, more[0].Content)
			docs[len(docs)-1], more = &joined, more[1:]
		}
		docs = append(docs, more...)
	}
	return docs, true
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
