package yamledit_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// randomDocument returns a document of YAML whose leaves are at the paths.
type randomDocument struct {
	*rand.Rand
	text  strings.Builder
	paths [][]any
}

func (d *randomDocument) one(of ...string) string { return of[d.IntN(len(of))] }

func (d *randomDocument) noise(indent string) {
	for d.IntN(4) == 0 {
		d.text.WriteString(d.one("\n", "   \n", indent+"# a comment: 'x'\n", indent+"# \"é\" \n"))
	}
}

func (d *randomDocument) entries(indent string, path []any, depth int) {
	for i := range 1 + d.IntN(4) {
		d.noise(indent)
		key := fmt.Sprintf("k%d", i)
		at := append(path[:len(path):len(path)], key)
		fmt.Fprintf(&d.text, "%s%s:", indent, key)
		switch kind := d.IntN(8); {
		case kind == 0 && depth > 0:
			d.text.WriteString(d.one("\n", " # map\n", "  \n"))
			d.entries(indent+"  ", at, depth-1)
		case kind == 1:
			fmt.Fprintf(&d.text, " {a: %s, \"b\": [%s, x]}\n", d.leaf(), d.leaf())
			d.paths = append(d.paths, append(at, "a"), append(at[:len(at):len(at)], "b", 0))
		case kind == 2:
			fmt.Fprintf(&d.text, "\n%s- %s\n%s-   %s # c\n", indent, d.leaf(), indent, d.leaf())
			d.paths = append(d.paths, append(at[:len(at):len(at)], 0), append(at[:len(at):len(at)], 1))
		case kind == 3 && depth > 0:
			d.text.WriteString(" |\n" + indent + "  some\n" + indent + "    text \n")
		default:
			d.text.WriteString(d.one(" ", "   ") + d.leaf() + d.one("", "", " # now", "  ", "\t") + "\n")
			d.paths = append(d.paths, at)
		}
	}
}

func (d *randomDocument) leaf() string {
	return d.one("v1", "'v1'", `"v1"`, "1", "true", "'it''s'", `"a\tb\u00e9"`, "é😀", "a#b", "acme/shop:1")
}

// holders write a text as the value of a key at an indentation, in a style.
var holders = map[string]func(d *randomDocument, text, indent string) string{
	"literal": func(d *randomDocument, text, indent string) string { return inBlock(d, "|", text, indent) },
	"folded": func(d *randomDocument, text, indent string) string {
		var lines []string
		flush := false
		for _, line := range strings.SplitAfter(text, "\n") {
			isFlush := strings.Trim(line, "\n") != "" && line[0] != ' '
			if flush && isFlush {
				lines = append(lines, "\n")
			}
			lines = append(lines, line)
			if line != "\n" {
				flush = isFlush
			}
		}
		return inBlock(d, ">", strings.Join(lines, ""), indent)
	},
	"double": func(d *randomDocument, text, indent string) string {
		var out strings.Builder
		atStart := false
		for _, r := range text {
			switch {
			case r == '\n':
				out.WriteString(`\n`)
				if d.IntN(3) == 0 { // the next line begins with an escape, since its spaces would be lost
					out.WriteString("\\\n" + indent + "  ")
					atStart = true
					continue
				}
			case r == '"' || r == '\\':
				out.WriteString(`\` + string(r))
			case r == '\t':
				out.WriteString(`\t`)
			case d.IntN(20) == 0, atStart && r == ' ':
				fmt.Fprintf(&out, `\U%08x`, r)
			default:
				out.WriteRune(r)
			}
			atStart = false
		}
		return `"` + out.String() + `"`
	},
}

func inBlock(d *randomDocument, sign, text, indent string) string {
	bare := strings.TrimRight(text, "\n")
	switch len(text) - len(bare) {
	case 0:
		sign += "-"
	case 1:
	default:
		sign += "+"
	}
	step := d.one("  ", "    ")
	if d.IntN(3) == 0 || strings.HasPrefix(strings.TrimLeft(text, "\n"), " ") {
		sign += fmt.Sprint(len(step))
	}
	var out strings.Builder
	out.WriteString(sign + d.one("", "", " # c") + "\n")
	for line := range strings.Lines(text) {
		if line != "\n" {
			out.WriteString(indent + step)
		}
		out.WriteString(line)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// TestEmbeddedRandom sets a leaf of random documents in strings of random styles, in strings: it alone changes, and one
// line.
func TestEmbeddedRandom(t *testing.T) {
	t.Parallel()
	styles := []string{"literal", "folded", "double"}
	tried := map[string]int{}
	for seed := range uint64(2000) {
		d := &randomDocument{Rand: rand.New(rand.NewPCG(seed, 1))}
		d.entries("", nil, 2)
		text := d.text.String()
		switch d.IntN(4) {
		case 0:
			text = strings.TrimRight(text, "\n \t")
		case 1:
			text += "\n\n"
		}
		if len(d.paths) == 0 {
			continue
		}
		style := styles[d.IntN(len(styles))]
		levels := 1 + d.IntN(2)
		outer := text
		for range levels {
			outer = d.one("", "# top\n") + "before: 1\nin:\n  values: " + holders[style](d, outer, "  ") + "\n" +
				d.one("", "after: [1, 2] # c\n", "\n\n# end\nz: |\n  a\n")
		}
		newline := d.one("\n", "\n", "\r\n")
		outer = strings.ReplaceAll(outer, "\n", newline)
		path := d.paths[d.IntN(len(d.paths))]
		value := d.one("v2", "1.10", "a: b # c", "it's \"it\"", "é\t\\", " x ")
		if setsOneLine(t, oneLine{outer, text, path, value, levels}) {
			tried[style]++
		}
		if t.Failed() {
			t.Fatal("seed", seed, style)
		}
	}
	for _, style := range styles {
		if tried[style] < 100 {
			t.Error(style, tried[style])
		}
	}
}

// oneLine is a value that is set at a path in a document that strings of strings hold.
type oneLine struct {
	outer, text string
	path        []any
	value       string
	levels      int
}

// setsOneLine sets the value, and checks that it alone changes. It is false where the text is not held as is.
func setsOneLine(t *testing.T, c oneLine) bool {
	t.Helper()
	f, err := yamledit.Parse("f", []byte(c.outer))
	if err != nil {
		return false
	}
	in := f
	for range c.levels {
		if in.At("in", "values") == nil {
			return false
		}
		if in, err = in.Embedded(in.At("in", "values")); err != nil {
			return false
		}
	}
	before, _, err := in.Bytes()
	if err != nil || string(before) != c.text || in.At(c.path...) == nil {
		return false
	}
	if err := in.Set(in.At(c.path...), c.value); err != nil {
		t.Error(err)
		return true
	}
	after, changes, err := f.Bytes()
	if err != nil {
		t.Errorf("%v\n%s", err, c.outer)
		return true
	}
	old, now := strings.SplitAfter(c.outer, "\n"), strings.SplitAfter(string(after), "\n")
	differ := 0
	for i := range min(len(old), len(now)) {
		if old[i] != now[i] {
			differ++
		}
	}
	if len(old) != len(now) || differ != 1 || len(changes) != 1 {
		t.Errorf("%d lines differ, %d to %d, %v: %q\n%s\nbecomes\n%s", differ, len(old), len(now), changes, c.value,
			c.outer, after)
	}
	text := string(after)
	for range c.levels {
		var held struct{ In struct{ Values string } }
		if err := yaml.Unmarshal([]byte(text), &held); err != nil {
			t.Error(err)
		}
		text = held.In.Values
	}
	var want, got yaml.Node
	if yaml.Unmarshal([]byte(c.text), &want) != nil || yaml.Unmarshal([]byte(text), &got) != nil {
		t.Errorf("does not parse: %s", text)
		return true
	}
	leaf := yamledit.Lookup(want.Content[0], c.path...)
	leaf.Tag, leaf.Value = "!!str", c.value
	if !reflect.DeepEqual(plainTree(&want), plainTree(&got)) {
		t.Errorf("got\n%s\nfrom\n%s", text, c.text)
	}
	return true
}

// plainTree returns what a tree reads, without positions and styles.
func plainTree(n *yaml.Node) any {
	out := []any{n.Kind, n.Tag, n.Value}
	for _, child := range n.Content {
		out = append(out, plainTree(child))
	}
	return out
}
