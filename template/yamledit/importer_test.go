package yamledit

import (
	"errors"
	"math"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// What a program that imports the package gets wrong is an error of the edit, after which others may follow.
func TestRefusedValues(t *testing.T) {
	t.Parallel()
	var none *yaml.Node
	for name, do := range map[string]func(f *File) error{
		"no node":             func(f *File) error { return f.Set(f.At("a"), none) },
		"an empty node":       func(f *File) error { return f.Set(f.At("a"), &yaml.Node{}) },
		"an empty document":   func(f *File) error { return f.Set(f.At("a"), &yaml.Node{Kind: yaml.DocumentNode}) },
		"no tree":             func(f *File) error { return f.Become(none) },
		"an empty tree":       func(f *File) error { return f.Become(&yaml.Node{}) },
		"no key":              func(f *File) error { return f.Insert(f.At(), none, 1) },
		"a string for !!int":  func(f *File) error { return f.Set(f.At("b"), "x") },
		"digits for !!int":    func(f *File) error { return f.Set(f.At("b"), "5") },
		"not UTF-8":           func(f *File) error { return f.Set(f.At("a"), "\xff") },
		"not UTF-8, untyped":  func(f *File) error { return f.Set(f.At("a"), Untyped("\xff")) },
		"not UTF-8, inserted": func(f *File) error { return f.Insert(f.At(), "c", "\xff") },
		"not UTF-8, a key":    func(f *File) error { return f.Insert(f.At(), "\xff", 1) },
	} {
		f, err := Parse("f.yaml", []byte("a: 1 # c\nb: !!int 2\n"))
		if err != nil {
			t.Fatal(err)
		}
		if err := do(f); !errors.Is(err, ErrUneditable) {
			t.Errorf("%s: got %v", name, err)
		}
		if err := f.Set(f.At("a"), 3); err != nil {
			t.Errorf("%s, then another: got %v", name, err)
		}
		if text, _, err := f.Bytes(); err != nil || string(text) != "a: 3 # c\nb: !!int 2\n" {
			t.Errorf("%s: got %q, %v", name, text, err)
		}
	}
}

// Nodes that a program unmarshals, or makes without tags, are as good as those of NewNode.
func TestNodesOfOthers(t *testing.T) {
	t.Parallel()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte("a: 2\nb: x\n"), &document); err != nil {
		t.Fatal(err)
	}
	untagged := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
		{Kind: yaml.ScalarNode, Value: "a"}, {Kind: yaml.ScalarNode, Value: "2"},
		{Kind: yaml.ScalarNode, Value: "b"}, {Kind: yaml.ScalarNode, Value: "x"},
	}}
	for _, tree := range []*yaml.Node{&document, untagged} {
		got, _, err := edit("a: 1 # c\nb: y\n", func(f *File) error { return f.Become(tree) })
		if want := "a: 2 # c\nb: x\n"; got != want || err != nil {
			t.Errorf("become: got %q, %v", got, err)
		}
		got, _, err = edit("k: 1 # c\n", func(f *File) error { return f.Set(f.At("k"), tree) })
		if want := "k: # c\n  a: 2\n  b: x\n"; got != want || err != nil {
			t.Errorf("set: got %q, %v", got, err)
		}
		got, _, err = edit("k: 1\n", func(f *File) error {
			return f.Insert(f.At(), &yaml.Node{Kind: yaml.ScalarNode, Value: "l"}, tree)
		})
		if want := "k: 1\nl:\n  a: 2\n  b: x\n"; got != want || err != nil {
			t.Errorf("insert: got %q, %v", got, err)
		}
	}
}

// A file that is JSON stays JSON, whatever value of Go it gets.
func TestJSONStaysJSON(t *testing.T) {
	t.Parallel()
	moment := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		value any
		want  string // empty: refused
	}{
		{moment, `"2026-11-27T00:00:00Z"`},
		{[]any{moment, nil, 1.5}, `["2026-11-27T00:00:00Z", null, 1.5]`},
		{map[int]bool{1: true}, `{"1": true}`},
		{&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "~"}, "null"},
		{&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: "0x1F"}, ""},
		{math.Inf(1), ""},
		{[]float64{math.NaN()}, ""},
	} {
		for _, name := range []string{"set", "insert"} {
			f, err := Parse("f.json", []byte(`{"a": 5}`))
			if err != nil {
				t.Fatal(err)
			}
			before := `{"a": `
			if name == "set" {
				err = f.Set(f.At("a"), tt.value)
			} else {
				before = `{"a": 5, "b": `
				err = f.Insert(f.At(), "b", tt.value)
			}
			if tt.want == "" {
				if !errors.Is(err, ErrUneditable) {
					t.Errorf("%s %v: got %v", name, tt.value, err)
				}
				continue
			}
			text, _, broken := f.Bytes()
			if err := errors.Join(err, broken); err != nil || string(text) != before+tt.want+"}" {
				t.Errorf("%s %v: got %s, %v", name, tt.value, text, err)
			}
		}
	}
}

// A string for a node with a tag of its own keeps the tag.
func TestSetOwnTag(t *testing.T) {
	t.Parallel()
	for _, value := range []any{"5", Untyped("5")} {
		got, _, err := edit("a: !Ref bucket # c\nb: !!str x\n", func(f *File) error {
			return errors.Join(f.Set(f.At("a"), value), f.Set(f.At("b"), value))
		})
		if want := "a: !Ref \"5\" # c\nb: !!str \"5\"\n"; got != want || err != nil {
			t.Errorf("%T: got %q, %v", value, got, err)
		}
	}
}

// Renames in a row are one change a key, also where one takes the name of another.
func TestRenamesInARow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		names         [][2]string
		text, changes string
	}{
		{[][2]string{{"a", "x"}, {"x", "z"}}, "z: 1\nb: 2\n", ".z:  -> 1; .a: 1 -> "},
		{[][2]string{{"a", "x"}, {"x", "a"}}, "a: 1\nb: 2\n", ""},
		{[][2]string{{"a", "x"}, {"b", "a"}, {"x", "b"}}, "b: 1\na: 2\n", ".b: 2 -> 1; .a: 1 -> 2"},
		{[][2]string{{"b", "x"}, {"a", "b"}}, "b: 1\nx: 2\n", ".x:  -> 2; .b: 2 -> 1; .a: 1 -> "},
	} {
		text, changes, err := edit("a: 1\nb: 2\n", func(f *File) error {
			for _, n := range tt.names {
				if err := f.Rename(f.At(n[0]), n[1]); err != nil {
					return err
				}
			}
			return nil
		})
		if text != tt.text || changes != tt.changes || err != nil {
			t.Errorf("%v: got %q, %s, %v", tt.names, text, changes, err)
		}
	}
}

// An edit whose text another one changes, too, is made after that; a document without text of its own is no obstacle.
func TestEditsInOnePlace(t *testing.T) {
	t.Parallel()
	got, changes, err := edit("a: 1\nb: 2\n", func(f *File) error {
		if err := f.Rename(f.At("b"), "c"); err != nil {
			return err
		}
		return f.Delete(f.At("c"), KeepComments)
	})
	if want := "a: 1\n"; got != want || changes != ".b: 2 -> " || err != nil {
		t.Errorf("got %q, %s, %v", got, changes, err)
	}
	f, err := Parse("f.yaml", []byte("---\n---\na: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Set(f.Documents()[0], []int{1}); err != nil {
		t.Fatal(err)
	}
	if err := f.Insert(f.Documents()[1], "b", 2); err != nil {
		t.Fatal(err)
	}
	text, _, err := f.Bytes()
	if want := "---\n- 1\n---\na: 1\nb: 2\n"; string(text) != want || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
}

// New entries are laid out as the rest of the file is.
func TestLayoutOfNewEntries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		src   string
		value any
		want  string
	}{
		{"a:\n   b: 1\n", map[string]int{"d": 1}, "a:\n   b: 1\nc:\n   d: 1\n"},
		{"a: 1\n", "x\ny\n\n", "a: 1\nc: |+\n  x\n  y\n\n"},
		{"a: 1\n", "x\ny\n", "a: 1\nc: |\n  x\n  y\n"},
		{"a: 1\n", "x\ny", "a: 1\nc: |-\n  x\n  y\n"},
	} {
		got, _, err := edit(tt.src, func(f *File) error { return f.Insert(f.At(), "c", tt.value) })
		if got != tt.want || err != nil {
			t.Errorf("%q: got %q, %v", tt.src, got, err)
		}
	}
}

// A document that is a block scalar ends at the mark of the next one.
func TestBlockScalarDocument(t *testing.T) {
	t.Parallel()
	got, _, err := edit("--- |\n  text\n---\nb: 1\n", func(f *File) error {
		return f.Set(f.Documents()[0], []int{1})
	})
	if want := "---\n- 1\n---\nb: 1\n"; got != want || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
