package yamledit

import (
	"fmt"
	"testing"

	"go.yaml.in/yaml/v4"
)

// samePieces returns an error unless src reads the same in pieces.
func samePieces(src []byte, docs []*yaml.Node) error {
	defer func(size int) { pieceSize = size }(pieceSize)
	for _, size := range []int{1, 100} {
		pieceSize = max(size, len(src)/1000)
		inPieces, pieces := parsePieces(src, nil, nil)
		if pieces == nil {
			continue
		}
		a, b := flat(docs), flat(inPieces)
		if len(a) != len(b) {
			return fmt.Errorf("%d nodes, not %d", len(b), len(a))
		}
		for i := range a {
			if !alike(a[i], b[i]) || a[i].Line != b[i].Line || a[i].Column != b[i].Column {
				return fmt.Errorf("%+v, not %+v", b[i], a[i])
			}
		}
	}
	return nil
}

func TestStalePieces(t *testing.T) {
	defer func(size int) { pieceSize = size }(pieceSize)
	pieceSize = 1
	src := []byte("a: 1\nb: 1\n")
	_, old := parsePieces(src, nil, nil)
	for _, stale := range []bool{false, true} {
		_, pieces := parsePieces(src, old, func(piece) bool { return stale })
		if len(pieces) != 2 || (pieces[1].docs[0] == old[1].docs[0]) == stale {
			t.Errorf("stale %v: %+v", stale, pieces)
		}
	}
	f := &File{scalars: []*scalarEdit{{before: &yaml.Node{Line: 1}}}}
	if !f.touches(old[0]) || f.touches(old[1]) {
		t.Errorf("an edit in line 1 touches another piece than %+v", old[0])
	}
}

// FuzzPieces: a text reads the same in pieces, if it can be read so.
func FuzzPieces(f *testing.F) {
	for _, src := range []string{
		"a: 1\nb: 2\n", "a: |\n  x\nb: 'y\n  z'\nc: [1,\n2]\nd: 3\n", "a: \"x\nb: y\"\nc: 1\n",
		"a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "---\na: 1\n---\nb: 1\nc: 1\n", "# c\na: 1\n# d\n\nb: 1\n",
		"a:\n- b\nc:\n", "--- x\ny\n", "? a\nb: 1\n", "{a: 1}\nb: 1\n", "- a\n- b\n", "a: x\n y\nb: >\n\n\nc: 1",
		"!!map\na: 1\nb: 1\n", "  a: 1\nb: 1\n", "a: 'x\n---\ny'\n", "--- &x\na: 1\nb: 1\n", "a: [\nb: c\n]\n",
		"a\nb\n", "a:\tx\r\nb: y\r\n", "a: 1\n...\nb: 1\n",
	} {
		f.Add(src)
	}
	defer func(size int) { pieceSize = size }(pieceSize)
	pieceSize = 1
	f.Fuzz(func(t *testing.T, src string) {
		docs, err := parseYAML([]byte(src))
		if err == nil {
			err = samePieces([]byte(src), docs)
		} else if _, pieces := parsePieces([]byte(src), nil, nil); pieces == nil {
			err = nil
		}
		if err != nil {
			t.Errorf("%q: in pieces: %v", src, err)
		}
	})
}
