package template

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v4"
)

// A run of assignments is one edit: what comes back to its first value keeps its first bytes.
func TestThereAndBack(t *testing.T) {
	tests := []struct {
		src     string
		values  []string
		want    string
		changes int
	}{
		{"a: x # c\n", []string{"y", "x"}, "a: x # c\n", 0},
		{"a: x\n", []string{"yes", "5", "x"}, "a: x\n", 0},
		{"a: x\n", []string{"yes", "z"}, "a: z\n", 1},
		{"a: 3\n", []string{"v1", "5"}, "a: 5\n", 1},
		{"a: ~\n", []string{"x", "null"}, "a: ~\n", 0},
		{"a: |\n  x\n", []string{"", "x\n"}, "a: |\n  x\n", 0},
		{"a: 'x'\n", []string{"\a", "y"}, "a: 'y'\n", 1},
	}
	for _, tt := range tests {
		var as []Assignment
		for _, v := range tt.values {
			as = append(as, Assignment{File: "f.yaml", Path: ".a", Value: v})
		}
		out, changes, err := Assign(fstest.MapFS{"f.yaml": {Data: []byte(tt.src)}}, as)
		got, changed := out["f.yaml"]
		if !changed {
			got = []byte(tt.src)
		}
		if err != nil || string(got) != tt.want || len(changes) != tt.changes || changed != (tt.changes > 0) {
			t.Errorf("%q to %q: got %q, %v, %v", tt.src, tt.values, got, changes, err)
		}
	}
}

// The same, beside an edit that stays.
func TestThereAndBackBeside(t *testing.T) {
	as := []Assignment{{File: "f.yaml", Path: ".a", Value: "5"}, {File: "f.yaml", Path: ".b", Value: "5"}, {File: "f.yaml", Path: ".a", Value: "x"}}
	out, changes, err := Assign(fstest.MapFS{"f.yaml": {Data: []byte("a: x\nb: y\n")}}, as)
	if err != nil || string(out["f.yaml"]) != "a: x\nb: \"5\"\n" || len(changes) != 1 {
		t.Errorf("got %q, %v, %v", out, changes, err)
	}
}

// A key that is there twice is what yq takes it for, however the path is written.
func TestKeyTwice(t *testing.T) {
	one, _, err := assignOne("a: 1\na: 2\n", ".a", "3")
	if err != nil {
		t.Fatal(err)
	}
	if other, _, err := assignOne("a: 1\na: 2\n", ".a | select(true)", "3"); err != nil || one != other {
		t.Errorf("%q, but %q, %v", one, other, err)
	}
}

// A comment above a key belongs to it, wherever pieces start.
func TestPiecesAndComments(t *testing.T) {
	defer func(size int) { pieceSize = size }(pieceSize)
	pieceSize = 1
	got, _, err := assignOne("a: 1\n# c\nb: 1\n", `.b | select((key | head_comment) == "c")`, "2")
	if err != nil || got != "a: 1\n# c\nb: 2\n" {
		t.Errorf("got %q, %v", got, err)
	}
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
	f := &file{pending: []*pending{{node: &yaml.Node{Line: 1}}}}
	if !f.touches(old[0]) || f.touches(old[1]) {
		t.Errorf("an edit in line 1 touches another piece than %+v", old[0])
	}
}

// What the parser of plain scalars and that of the whole file see differently comes out in quotes.
func TestRetryInQuotes(t *testing.T) {
	for value, want := range map[string]string{"---": "\"---\" # c\n", "...": "\"...\" # c\n", "--- x": "\"--- x\" # c\n", "x": "x # c\n"} {
		if got, _, err := assignOne("v1 # c\n", ".", value); err != nil || got != want {
			t.Errorf("%q: got %q, %v", value, got, err)
		}
	}
}

// Of several edits, not the first is blamed when the result reads otherwise.
func TestBlame(t *testing.T) {
	for path, want := range map[string]string{
		".b.x":     "f.yaml:3: setting .b.x would change more than that: ",
		".a, .b.x": "f.yaml: setting .a, .b.x and other values would change more than that: ",
	} {
		if got, _, err := assignOne("a: v1\nb: {x # c\n, y: 1}\n", path, "v2"); !errors.Is(err, ErrUneditable) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
	}
}

func TestHideVersions(t *testing.T) {
	tests := []struct{ src, want string }{
		{"a: 1\n", "a: 1\n"},
		{"%YAML 1.2\n---\na\n", "#YAML 1.2\n---\na\n"},
		{"\ufeff%YAML 1.2\n---\na\n", "\ufeff#YAML 1.2\n---\na\n"},
		{"# c\n\n%TAG ! a\r\n%YAML  1.2 # d\r\n---\r\na\r\n", "# c\n\n%TAG ! a\r\n#YAML  1.2 # d\r\n---\r\na\r\n"},
		{"a\n...\n # c\n%YAML 1.2\n---\na\n", "a\n...\n # c\n#YAML 1.2\n---\na\n"},
		{"%YAML 1.1\n---\na\n", "%YAML 1.1\n---\na\n"},
		{"%YAML 2.0\n---\na\n", "%YAML 2.0\n---\na\n"},
		{"--- |\n%YAML 1.2\n", "--- |\n%YAML 1.2\n"},
		{"a: \"\n%YAML 1.2\n\"\n", "a: \"\n%YAML 1.2\n\"\n"},
	}
	for _, tt := range tests {
		if got := hideVersions([]byte(tt.src)); string(got) != tt.want {
			t.Errorf("%q: got %q, want %q", tt.src, got, tt.want)
		}
	}
}

// lineStarts, which is made for speed, finds the lines that lineBreak does.
func TestLineStarts(t *testing.T) {
	for _, src := range []string{"", "a", "a\n", "\n\n", "a\r\nb\rc\n\r", "é\u0085\u2028\u2029x\u2027", "\ufeffa\n", "\u0085", "\xc2", "\x85", "\xe2\x80", "\xa8"} {
		want := []int{0}
		if strings.HasPrefix(src, byteOrderMark) {
			want[0] = len(byteOrderMark)
		}
		for _, at := range lineBreak.FindAllStringIndex(src, -1) {
			want = append(want, at[1])
		}
		if got := lineStarts([]byte(src)); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", src, got, want)
		}
	}
}

// What is edited in pieces comes out as in one.
func TestPieces(t *testing.T) {
	var as []Assignment
	for i, value := range []string{"a", "x\ny", "1.10", "v1", "\a"} {
		as = append(as, Assignment{File: "f.yaml", Path: fmt.Sprintf(".service%d.image.tag", i*3), Value: value})
		as = append(as, Assignment{File: "f.yaml", Path: fmt.Sprintf(".service%d.env[1].value", i*2), Value: strings.Repeat("line\n", i+1)})
	}
	as = append(as, Assignment{File: "f.yaml", Path: ".service4.new", Value: "x", Create: true}, Assignment{File: "f.yaml", Path: ".service13.image.tag", Value: "v3"})
	src := append(manifests(8000, ""), manifests(8000, "---\n")...)
	as = append(as, Assignment{File: "f.yaml", Path: ".service5.image.tag", Value: "v5"})
	for _, test := range []struct {
		src []byte
		as  []Assignment
	}{{manifests(8000, ""), as}, {src, as[:4]}} {
		fsys := fstest.MapFS{"f.yaml": {Data: test.src}}
		want, changed, err := Assign(fsys, test.as[:min(1, len(test.as))])
		if err == nil {
			want, changed, err = Assign(fsys, test.as)
		}
		if err != nil {
			t.Error(err)
			continue
		}
		func() {
			defer func(size int) { pieceSize = size }(pieceSize)
			pieceSize = 100
			got, changes, err := Assign(fsys, test.as)
			if err != nil || string(got["f.yaml"]) != string(want["f.yaml"]) || !slices.Equal(changes, changed) {
				t.Errorf("got %q, %v, %v\nwant %q, %v", got["f.yaml"], changes, err, want["f.yaml"], changed)
			}
		}()
	}
}

func TestPathsThatAreNone(t *testing.T) {
	const dot = "; a path starts with a dot: ."
	for expr, want := range map[string]string{
		"tag": dot + "tag", "image.tag": dot + "image.tag", "kind": dot + "kind", "replicas": dot + "replicas", "spec[0].x": dot + "spec[0].x",
		`"a"`: "yields something computed", "3": "yields something computed", ".a | length": "yields something computed", ".a | .b | tag": "yields something computed",
	} {
		if err := CheckPath(expr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckPath(%q) = %v; want %s", expr, err, want)
		}
	}
	for _, expr := range []string{"first", "..", "parent", "select(.a)", "first.a"} {
		if err := CheckPath(expr); err != nil {
			t.Error(err)
		}
	}
}

// Aliases of aliases make 9^9 nodes of a few lines; they are not followed.
func TestAliasBomb(t *testing.T) {
	var src strings.Builder
	src.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&src, "a%d: &a%[1]d [%s]\n", i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	src.WriteString("b: v1\nloop: &l [*l]\n")
	if _, _, err := assignOne(src.String(), ".a8"+strings.Repeat("[]", 9), "v2"); !errors.Is(err, ErrUneditable) && !errors.Is(err, ErrNoNode) {
		t.Errorf("got %v", err)
	}
	for _, path := range []string{".b", ".a0[3]", ".none, .a0[3]"} {
		got, changes, err := assignOne(src.String(), path, "v2")
		if err != nil || len(changes) != 1 || strings.Count(got, "v2") != 1 {
			t.Errorf("%s: %v, %v", path, changes, err)
		}
	}
}

// Selecting does not add what is asked for.
func TestSelectingIsReadOnly(t *testing.T) {
	if got, _, err := assignOne("a: v1\n", `.x.y, (select(has("x") | not) | .a)`, "v2"); err != nil || got != "a: v2\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestEqual(t *testing.T) {
	const src = "a: &x 1\nb: [v, {c: d}]\n"
	for text, want := range map[string]bool{
		src: true, "# c\na:   &x 1\nb: ['v', {c: \"d\"}]\n": true,
		"a: &y 1\nb: [v, {c: d}]\n": false, "a: 1\nb: [v, {c: d}]\n": false, "a: &x '1'\nb: [v, {c: d}]\n": false, "a: &x 2\nb: [v, {c: d}]\n": false,
		"a: &x 1\nb: [v, [c, d]]\n": false, "a: &x 1\nb: [v]\n": false, "a: &x 1\nb: [v, {c: d}]\n---\n": false, "a: &x 1\nb: [v, {e: d}]\n": false,
	} {
		before, err := parse([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		after, err := parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := equal(before, after, nil) == nil; got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestParseJSON(t *testing.T) {
	for _, src := range []string{
		"{}", "[]", " [ ] ", `{"a":1}`, "\ufeff{\"a\": [1, -2.5, 1e3, true, false, null, \"x\", {}, []], \"b\": {\"c\": \"é\\n\"}}\r\n", "{\r\n\t\"a\"\r\n:\t1\r\n}", "\"😀\" ", "5", "[\"\u2028\",\n1]",
	} {
		got, err := parseJSON([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		want, err := parse([]byte(src))
		if err != nil && !strings.Contains(src, "\t\"a\"") { // which is beyond the YAML parser
			t.Fatal(err)
		}
		if err != nil {
			continue
		}
		a, b := flat(got), flat(want)
		if len(a) != len(b) {
			t.Errorf("%q: %d nodes, not %d", src, len(a), len(b))
			continue
		}
		for i := range a {
			if a[i].Kind != b[i].Kind || a[i].Tag != b[i].Tag || reads(a[i]) != reads(b[i]) || a[i].Line != b[i].Line || a[i].Column != b[i].Column || a[i].Style != b[i].Style {
				t.Errorf("%q: %+v, not %+v", src, a[i], b[i])
			}
		}
	}
	for _, src := range []string{"{", "[1", "{\"a\":", "{a: 1}", "[1,]", "1 x", "// c\n{}"} {
		if docs, err := parseJSON([]byte(src)); err == nil {
			t.Errorf("%q: got %v", src, docs)
		}
	}
	// Objects one behind the other, and one that is YAML alone.
	for src, want := range map[string]string{"{\"a\": \"v1\"}\n{\"b\": 1}\n": "{\"a\": \"v2\"}\n{\"b\": 1}\n", "{\"a\": \"v1\"} # c\n": "{\"a\": \"v2\"} # c\n"} {
		if got := setText(t, "f.json", src, ".a | select(.)", "v2"); got != want {
			t.Errorf("%q: got %q", src, got)
		}
	}
}

// What takes time with the square of its size would not come to an end here.
func TestNothingQuadratic(t *testing.T) {
	spaces := strings.Repeat(" ", 2_000_000)
	if got := setText(t, "f.yaml", "a: x"+spaces+"y\nb: 1\n", ".a", "v2"); got != "a: v2\nb: 1\n" {
		t.Errorf("got %d bytes", len(got))
	}
	list := "[" + strings.Repeat(`"v1",`, 300_000) + "1]"
	if got := setText(t, "f.json", list, ".[]", "v2"); got != "["+strings.Repeat(`"v2",`, 300_000)+`"v2"]` {
		t.Errorf("got %d bytes", len(got))
	}
}

// JSON that is nested without end is an error, and does not exhaust the stack.
func TestNestedJSON(t *testing.T) {
	for depth, want := range map[int]string{10_000: "", 10_001: "depth", 8_000_000: "depth"} {
		src := []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
		if _, err := parseAs("f.json", src); (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d: got %v", depth, err)
		}
	}
}

// JSON stays JSON, whatever the name of its file.
func TestJSONByContent(t *testing.T) {
	for src, want := range map[string]string{
		"\ufeff\n{\"a\": 5}\n": "\ufeff\n{\"a\": \"a b\"}\n", `{"\ud83d\ude00": "\ud83d\ude00", "a": 5}`: `{"\ud83d\ude00": "\ud83d\ude00", "a": "a b"}`,
		`{"a": 5} # c`: `{"a": a b} # c`, `{a: 5}`: `{a: a b}`, "a: 5\n": "a: a b\n",
	} {
		for _, name := range []string{"f.yaml", "composer.lock", "F.JSON"} {
			if got := setText(t, name, src, ".a", "a b"); got != want {
				t.Errorf("%s, %q: got %q, want %q", name, src, got, want)
			}
		}
	}
}

// FuzzSpan: wherever the parser sees a scalar, the span of it is found and reads the same on its own.
func FuzzSpan(f *testing.F) {
	for _, src := range []string{
		"a: v\n", "a: 'v'\nb: \"w\"", "a: |\n  x\n y\n", "a: >2-\n   x\n\n  y\n# c\n", "- - x\n  - y\n", "{a: b, c, \"d\":e}", "a: &x !!str v # c\n", "\ufeffa: é\n", "a: x\r\n  y\r\n",
		"a: |+\n\n\n", "? a\n: b\n", "%YAML 1.2\n---\na: 1\n...\n", "--- |\n x\n--- 'y'\n", "a: \"x\\\n  y\"", "a:\n", "a: !!str\n", "a: ! x\n", "a: |1\n  x\n", "- |\n\tx\n", "a: >\n x\n  y\n\n z\n",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		docs, err := parse([]byte(src))
		if err != nil || quirk.MatchString(src) {
			return
		}
		lines := lineStarts([]byte(src))
		for _, n := range flat(docs) {
			if n.Kind != yaml.ScalarNode {
				continue
			}
			start, end, err := span([]byte(src), lines, n)
			if err != nil || start > end || end > len(src) {
				t.Fatalf("%q: %q is not found: %d, %d, %v", src, n.Value, start, end, err)
			}
			if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
				again, err := parse([]byte(src[start:end]))
				if err == nil && (len(again) != 1 || again[0].Value != n.Value) {
					t.Errorf("%q: %q at %d to %d reads otherwise", src, n.Value, start, end)
				}
			}
			if n.Style&block != 0 {
				b := bodyOf([]byte(src), lines, n, end)
				if b.start < end || b.end < b.start || b.blanks < b.end || b.blanks > len(src) {
					t.Errorf("%q: %q has the body %+v", src, n.Value, b)
				}
			}
		}
	})
}

// FuzzPieces: a text reads the same in pieces, if it can be read so.
func FuzzPieces(f *testing.F) {
	for _, src := range []string{
		"a: 1\nb: 2\n", "a: |\n  x\nb: 'y\n  z'\nc: [1,\n2]\nd: 3\n", "a: \"x\nb: y\"\nc: 1\n", "a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "---\na: 1\n---\nb: 1\nc: 1\n", "# c\na: 1\n# d\n\nb: 1\n",
		"a:\n- b\nc:\n", "--- x\ny\n", "? a\nb: 1\n", "{a: 1}\nb: 1\n", "- a\n- b\n", "a: x\n y\nb: >\n\n\nc: 1", "!!map\na: 1\nb: 1\n", "  a: 1\nb: 1\n", "a: 'x\n---\ny'\n", "--- &x\na: 1\nb: 1\n", "a: [\nb: c\n]\n", "a\nb\n", "a:\tx\r\nb: y\r\n", "a: 1\n...\nb: 1\n",
	} {
		f.Add(src)
	}
	defer func(size int) { pieceSize = size }(pieceSize)
	pieceSize = 1
	f.Fuzz(func(t *testing.T, src string) {
		docs, err := parse([]byte(src))
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

// FuzzQuote: whatever a scalar is to read, its token does, in every style, and nothing else comes of it.
func FuzzQuote(f *testing.F) {
	for _, value := range nasty {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, src := range []string{"k: v1 # c\nz: 1\n", "k: 'v1'\nz: 1\n", "k: \"v1\"\nz: 1\n", "k: |2\n  v1\nz: 1\n", "k: >+\n  v1\n\nz: 1\n", "{k: v1, z: 1}", "- v1\n- z\n"} {
			docs, err := parse([]byte(src))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal([]byte(value), bytes.ToValidUTF8([]byte(value), []byte("?"))) {
				return // ParseAssignment refuses it
			}
			if err := setOne("f.yaml", []byte(src), docs, scalars(docs)[0], value); err != nil {
				t.Errorf("%q to %q: %v", src, value, err)
			}
		}
	})
}
