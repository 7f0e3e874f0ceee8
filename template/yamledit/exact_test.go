package yamledit_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/yamledit"
	"update-gitops-repo/template/yamledit/yqedit"
)

// A run of assignments is one edit: what comes back to its first value keeps its first bytes.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
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
		var as []yqedit.Assignment
		for _, v := range tt.values {
			as = append(as, yqedit.Assignment{File: "f.yaml", Path: ".a", Value: v})
		}
		out, changes, err := assign(fstest.MapFS{"f.yaml": {Data: []byte(tt.src)}}, as)
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
	t.Parallel()
	as := []yqedit.Assignment{{File: "f.yaml", Path: ".a", Value: "5"}, {File: "f.yaml", Path: ".b", Value: "5"},
		{File: "f.yaml", Path: ".a", Value: "x"}}
	out, changes, err := assign(fstest.MapFS{"f.yaml": {Data: []byte("a: x\nb: y\n")}}, as)
	if err != nil || string(out["f.yaml"]) != "a: x\nb: \"5\"\n" || len(changes) != 1 {
		t.Errorf("got %q, %v, %v", out, changes, err)
	}
}

// A comment above a key belongs to it, wherever pieces start.
func TestPiecesAndComments(t *testing.T) {
	defer yamledit.SetPieceSize(1)()
	got, _, err := assignOne("a: 1\n# c\nb: 1\n", `.b | select((key | head_comment) == "c")`, "2")
	if err != nil || got != "a: 1\n# c\nb: 2\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// What the parser of plain scalars and that of the whole file see differently comes out in quotes.
func TestRetryInQuotes(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"---": "\"---\" # c\n", "...": "\"...\" # c\n",
		"--- x": "\"--- x\" # c\n", "x": "x # c\n"} {
		if got, _, err := assignOne("v1 # c\n", ".", value); err != nil || got != want {
			t.Errorf("%q: got %q, %v", value, got, err)
		}
	}
}

// Of several edits, not the first is blamed when the result reads otherwise.
func TestBlame(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		".b.x":     "f.yaml:3: setting .b.x would change more than that: ",
		".a, .b.x": "f.yaml: setting .a and other values would change more than that: ",
	} {
		if got, _, err := assignOne("a: v1\nb: {x # c\n, y: 1}\n", path, "v2"); !errors.Is(err,
			yamledit.ErrUneditable) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
	}
}

// What is edited in pieces comes out as in one.
func TestPieces(t *testing.T) {
	var as []yqedit.Assignment
	for i, value := range []string{"a", "x\ny", "1.10", "v1", "\a"} {
		as = append(as, yqedit.Assignment{File: "f.yaml", Path: fmt.Sprintf(".service%d.image.tag", i*3), Value: value})
		as = append(as,
			yqedit.Assignment{File: "f.yaml", Path: fmt.Sprintf(".service%d.env[1].value", i*2),
				Value: strings.Repeat("line\n", i+1)})
	}
	as = append(as, yqedit.Assignment{File: "f.yaml", Path: ".service4.new", Value: "x", Missing: yqedit.CreateMissing},
		yqedit.Assignment{File: "f.yaml", Path: ".service13.image.tag", Value: "v3"})
	src := append(manifests(8000, ""), manifests(8000, "---\n")...)
	as = append(as, yqedit.Assignment{File: "f.yaml", Path: ".service5.image.tag", Value: "v5"})
	for _, test := range []struct {
		src []byte
		as  []yqedit.Assignment
	}{{manifests(8000, ""), as}, {src, as[:4]}} {
		fsys := fstest.MapFS{"f.yaml": {Data: test.src}}
		want, changed, err := assign(fsys, test.as[:min(1, len(test.as))])
		if err == nil {
			want, changed, err = assign(fsys, test.as)
		}
		if err != nil {
			t.Error(err)
			continue
		}
		func() {
			defer yamledit.SetPieceSize(100)()
			got, changes, err := assign(fsys, test.as)
			if err != nil || string(got["f.yaml"]) != string(want["f.yaml"]) || !slices.Equal(changes, changed) {
				t.Errorf("got %q, %v, %v\nwant %q, %v", got["f.yaml"], changes, err, want["f.yaml"], changed)
			}
		}()
	}
}
