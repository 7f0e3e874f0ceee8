package yamledit

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// edit makes edits of a text, and returns what becomes of it and what changed ("PATH: OLD -> NEW; …").
func edit(src string, do func(f *File) error) (text, changes string, err error) {
	f, err := Parse("f.yaml", []byte(src))
	if err != nil {
		return "", "", err
	}
	if err := do(f); err != nil {
		return "", "", err
	}
	out, made, err := f.Bytes()
	var lines []string
	for _, c := range made {
		lines = append(lines, fmt.Sprintf("%s: %s -> %s", c.Path, c.Old, c.New))
	}
	if err == nil && len(f.Warnings()) > 0 {
		err = errors.New(strings.Join(f.Warnings(), "\n"))
	}
	return string(out), strings.Join(lines, "; "), err
}

func TestSetValues(t *testing.T) {
	t.Parallel()
	tree := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq",
		Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: "5"}}}
	for _, tt := range []struct {
		src   string
		value any
		want  string
	}{
		{"a: v1 # c\n", "v2", "a: v2 # c\n"},
		{"a: v1 # c\n", "5", "a: \"5\" # c\n"},
		{"a: 3 # c\n", "5", "a: \"5\" # c\n"},
		{"a: 3\n", "3", "a: \"3\"\n"},
		{"a: 'v1'\n", "5", "a: '5'\n"},
		{"a: v1 # c\n", 5, "a: 5 # c\n"},
		{"a: 'v1' # c\n", 5, "a: 5 # c\n"},
		{"a: |\n  v1\nb: 1\n", 5, "a: 5\nb: 1\n"},
		{"a: 1\n", 2.5, "a: 2.5\n"},
		{"a: 1\n", math.Inf(1), "a: .inf\n"},
		{"a: x\n", true, "a: true\n"},
		{"a: x # c\n", nil, "a: null # c\n"},
		{"a: ~\n", nil, "a: ~\n"},
		{"a:\n", nil, "a:\n"},
		{"a: # c\n", "x", "a: x # c\n"},
		{"a: x # c\n", []int{1, 2}, "a: # c\n  - 1\n  - 2\n"},
		{"a: x\n", map[string]any{"b": map[string]string{"c": "d"}}, "a:\n  b:\n    c: d\n"},
		{"a: {b: 1} # c\n", "x", "a: x # c\n"},
		{"a: [1,  2] # c\n", []int{1, 2, 3}, "a: [1,  2, 3] # c\n"},
		{"a: x\n", tree, "a:\n  - \"5\"\n"},
		{"a: &x 1\nb: *x\n", 2, "a: &x 2\nb: *x\n"},
		{"a: !!str 1\n", "2", "a: !!str \"2\"\n"},
		{"a: !!int 1\n", 2, "a: !!int 2\n"},
		{"{\"a\": 1}", "x", "{\"a\": \"x\"}"},
		{"{\"a\": 1}", nil, "{\"a\": null}"},
	} {
		got, _, err := edit(tt.src, func(f *File) error { return f.Set(f.At("a"), tt.value) })
		if err != nil || got != tt.want {
			t.Errorf("%q to %v: got %q, %v; want %q", tt.src, tt.value, got, err, tt.want)
		}
		again, changes, err := edit(got, func(f *File) error { return f.Set(f.At("a"), tt.value) })
		if tree, _ := NewNode(tt.value); tree.Kind == yaml.ScalarNode && (err != nil || again != got || changes != "") {
			t.Errorf("%q to %v again: got %q, %s, %v", got, tt.value, again, changes, err)
		}
	}
}

func TestEntries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, src     string
		do            func(f *File) error
		want, changes string
	}{
		{"a key at the end", "a: 1 # c\n\n# end\n", func(f *File) error { return f.Insert(f.At(), "b", "x") },
			"a: 1 # c\nb: x\n\n# end\n", ".b:  -> x"},
		{"a key with a style", "a: 1\n", func(f *File) error {
			return f.Insert(f.At(),
				&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "b", Style: yaml.SingleQuotedStyle}, 5)
		}, "a: 1\n'b': 5\n", ".b:  -> 5"},
		{"a key into null", "a: # c\nb: 1\n", func(f *File) error { return f.Insert(f.At("a"), "x", 1) },
			"a: # c\n  x: 1\nb: 1\n", ".a: null -> {x: 1}"},
		{"an item into null", "a: ~\n", func(f *File) error { return f.Insert(f.At("a"), 0, "x") }, "a:\n  - x\n",
			".a: null -> [x]"},
		{"an item first", "a:\n# x\n- x\n", func(f *File) error { return f.Insert(f.At("a"), 0, "w") },
			"a:\n- w\n# x\n- x\n", ".a[0]:  -> w"},
		{"an item of a list in a line", "a: [x,  z] # c\n", func(f *File) error { return f.Insert(f.At("a"), 1, "w") },
			"a: [x, w,  z] # c\n", ".a[1]:  -> w"},
		{"two keys behind one", "a: 1\nd: 1\n", func(f *File) error {
			return errors.Join(f.InsertAfter(f.At("a"), "c", 1), f.InsertAfter(f.At("a"), "b", 1))
		}, "a: 1\nb: 1\nc: 1\nd: 1\n", ".b:  -> 1; .c:  -> 1"},
		{"a key, and another value for it", "a: 1\n", func(f *File) error {
			return errors.Join(f.Insert(f.At(), "b", 1), f.Set(f.At("b"), 2), f.Insert(f.At(), "c", 1),
				f.Set(f.At("a"), "x"))
		}, "a: x\nb: 2\nc: 1\n", ".b:  -> 2; .c:  -> 1; .a: 1 -> x"},
		{"an entry with its comments", "a: 1\n# b\nb: 2 # b\nc: 3\n",
			func(f *File) error { return f.Delete(f.At("b")) }, "a: 1\nc: 3\n", ".b: 2 -> "},
		{"an entry without comments", "a: 1\n# b\nb: 2 # b\n   # more\nc: 3\n",
			func(f *File) error { return f.Delete(f.At("b"), KeepComments) }, "a: 1\n# b\nc: 3\n", ".b: 2 -> "},
		{"the only entry", "x:\n  # b\n  b: 2\ny: 1\n",
			func(f *File) error { return f.Delete(f.At("x", "b"), KeepComments) }, "x: {}\ny: 1\n", ".x: {b: 2} -> {}"},
		{"an entry in a line", "{a: 1, b: 2}\n", func(f *File) error { return f.Delete(f.At("a"), KeepComments) },
			"{b: 2}\n", ".a: 1 -> "},
		{"an entry behind a dash", "- a: 1\n  b: 2\n",
			func(f *File) error { return f.Delete(f.At(0, "a"), KeepComments) }, "- b: 2\n", ".[0].a: 1 -> "},
		{"an item", "- a\n- b # b\n- c\n", func(f *File) error { return f.Delete(f.At(-2)) }, "- a\n- c\n",
			".[1]: b -> "},
		{"an entry that was set", "a: 1\nb:\n  c: 2\nd: 3\n", func(f *File) error {
			return errors.Join(f.Set(f.At("b", "c"), 5), f.Delete(f.At("b"), KeepComments))
		}, "a: 1\nd: 3\n", ".b.c: 2 -> 5; .b: {c: 5} -> "},
		{"two entries, and a value", "a: 1\nb: 2\nc: 3\nd: 4", func(f *File) error {
			return errors.Join(f.Delete(f.At("b"), KeepComments), f.Set(f.At("a"), "x"),
				f.Delete(f.At("d"), KeepComments))
		}, "a: x\nc: 3", ".a: 1 -> x; .b: 2 -> ; .d: 4 -> "},
		{"entries in both ways", "a: 1\nb: {c: 1, d: 2}\ne: 5\n", func(f *File) error {
			return errors.Join(f.Delete(f.At("b", "c")), f.Delete(f.At("a"), KeepComments), f.Delete(f.At("b", "d")))
		}, "b: {}\ne: 5\n", ".b.c: 1 -> ; .a: 1 -> ; .b: {d: 2} -> {}"},
		{"another key", "a: 1 # a\n'b': 2 # b\n", func(f *File) error { return f.Rename(f.At("b"), "c") },
			"a: 1 # a\n'c': 2 # b\n", ".c:  -> 2; .b: 2 -> "},
		{"another key and value", "{a: 1, b: x}\n", func(f *File) error {
			return errors.Join(f.Set(f.At("b"), "w"), f.Rename(f.At("b"), "5"))
		}, "{a: 1, \"5\": w}\n", `.["5"]:  -> w; .b: x -> `},
		{"another key for a map", "a:\n  b: 1\n", func(f *File) error { return f.Rename(f.At("a"), "c") },
			"c:\n  b: 1\n", ".c:  -> {b: 1}; .a: {b: 1} -> "},
		{"the same key", "a: 1\n", func(f *File) error { return f.Rename(f.At("a"), "a") }, "a: 1\n", ""},
		{"an empty file", "# c\n", func(f *File) error {
			return f.Become(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "x"})
		}, "# c\nx\n", ".:  -> x"},
		{"one after the other", "a: 1\nb: 2\n", func(f *File) error {
			b := f.At("b")
			if err := f.Insert(f.At(), "c", 3); err != nil {
				return err
			}
			if _, _, err := f.Bytes(); err != nil {
				return err
			}
			return errors.Join(f.Set(b, 5), f.Set(f.At("c"), 6), f.Delete(f.At("a")))
		}, "b: 5\nc: 6\n", ".c:  -> 6; .b: 2 -> 5; .a: 1 -> "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, changes, err := edit(tt.src, tt.do)
			if err != nil || got != tt.want || changes != tt.changes {
				t.Errorf("got %q, %s, %v\nwant %q, %s", got, changes, err, tt.want, tt.changes)
			}
		})
	}
}

func TestEditErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, src string
		do        func(f *File) error
		kind      error
		want      string
	}{
		{"no node", "a: 1\n", func(f *File) error { return f.Set(f.At("b"), 1) }, ErrNoNode,
			"f.yaml: there is no such node"},
		{"a node of another file", "a: 1\n", func(f *File) error { return f.Delete(&yaml.Node{Line: 1, Column: 1}) },
			ErrUneditable, "f.yaml:1: the node is not one of this file"},
		{"a node that was replaced", "a: [1]\n", func(f *File) error {
			n := f.At("a", 0)
			return errors.Join(f.Set(f.At("a"), "x"), f.Set(n, 1))
		}, ErrUneditable, "f.yaml:1: the node is not one of this file"},
		{"a key", "a: 1\n", func(f *File) error { return f.Set(f.At().Content[0], "b") }, ErrUneditable,
			`f.yaml:1: the key "a" is not a value`},
		{"no value for YAML", "a: 1\n", func(f *File) error { return f.Set(f.At("a"), make(chan int)) }, ErrUneditable,
			"f.yaml:1: .a: a chan int is no value for YAML: …"},
		{"no value for the tag", "a: !!int 1\n", func(f *File) error { return f.Set(f.At("a"), true) }, ErrUneditable,
			`f.yaml:1: .a: "true" is no !!int, as the tag of the node says`},
		{"into a value", "a: 1\n", func(f *File) error { return f.Insert(f.At("a"), "b", 1) }, ErrUneditable,
			"f.yaml:1: .a is a value"},
		{"into an alias", "a: &x {}\nb: *x\n", func(f *File) error { return f.Insert(f.At("b"), "b", 1) },
			ErrUneditable, "f.yaml:2: .b is an alias"},
		{"an index into a map", "a: {}\n", func(f *File) error { return f.Insert(f.At("a"), 0, 1) }, ErrUneditable,
			"f.yaml:1: .a is a map"},
		{"a key into a list", "a: []\n", func(f *File) error { return f.Insert(f.At("a"), "b", 1) }, ErrUneditable,
			"f.yaml:1: .a is a sequence"},
		{"an index too far", "a: [1]\n", func(f *File) error { return f.Insert(f.At("a"), 2, 1) }, ErrUneditable,
			"f.yaml:1: .a has 1 items"},
		{"a key that is there", "a: 1\n", func(f *File) error { return f.Insert(f.At(), "a", 1) }, ErrUneditable,
			`f.yaml:1: . has the key "a" already`},
		{"a key that is none", "a: 1\n", func(f *File) error { return f.Insert(f.At(), 1.5, 1) }, ErrUneditable,
			"f.yaml:1: . cannot get an entry under a float64"},
		{"behind an item", "[1]\n", func(f *File) error { return f.InsertAfter(f.At(0), "a", 1) }, ErrUneditable,
			"f.yaml:1: .[0] is not within a map"},
		{"a document", "a: 1\n", func(f *File) error { return f.Delete(f.At()) }, ErrUneditable,
			"f.yaml:1: a document cannot be deleted"},
		{"a key for an item", "[1]\n", func(f *File) error { return f.Rename(f.At(0), "a") }, ErrUneditable,
			"f.yaml:1: .[0] has no key to rename"},
		{"a key for another", "a: 1\nb: 2\n", func(f *File) error { return f.Rename(f.At("a"), "b") }, ErrUneditable,
			`f.yaml:1: .a cannot be renamed: the key "b" is there already`},
		{"a key without a value", "? b\n? c\n", func(f *File) error { return f.Set(f.At("b"), "x") }, ErrUneditable,
			"f.yaml:2: .b cannot be set: there is no place for a value; write one by hand"},
		{"too many documents", "a: 1\n", func(f *File) error { return f.Become(f.At(), f.At()) }, ErrUneditable,
			"f.yaml: 1 documents cannot become 2"},
		{"a key twice", "a: 1\nb: 1\nb: 2\n", func(f *File) error { return f.Insert(f.At(), "c", 1) }, ErrDuplicateKey,
			`f.yaml:3: the key "b" is there twice`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := edit(tt.src, tt.do)
			start, open := strings.CutSuffix(tt.want, "…")
			if !errors.Is(err, tt.kind) || got != "" ||
				err.Error() != tt.want && !(open && strings.HasPrefix(err.Error(), start)) {
				t.Errorf("got %q, %v; want %s", got, err, tt.want)
			}
		})
	}
}

// After an edit that failed on the way to the text, nothing more is done.
func TestFailedFile(t *testing.T) {
	t.Parallel()
	f, err := Parse("f.yaml", []byte("a: 1\nb: {x # c\n, y: 1}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Set(f.At("b", "x"), "v"); err != nil {
		t.Fatal(err)
	}
	_, _, first := f.Bytes()
	if !errors.Is(first, ErrUneditable) {
		t.Fatal(first)
	}
	if text, changes, err := f.Bytes(); err != first || text != nil || changes != nil {
		t.Errorf("got %q, %v, %v", text, changes, err)
	}
	if err := f.Set(f.At("a"), 2); err != first {
		t.Errorf("got %v", err)
	}
	if err := f.Become(f.At()); err != first {
		t.Errorf("got %v", err)
	}
}
