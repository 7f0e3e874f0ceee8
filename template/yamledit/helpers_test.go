package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// nasty are values that some reader of YAML, or some writer, gets wrong.
var nasty = []string{
	"v1.2.3", "a", "1.10", "0123", "08", "0o17", "0x1F", "0b1", "1e5", "1E5", "123e456", ".5", "5.", "1_000", "1,000",
	"+5", "-0", "12:30:45", "1:2",
	"2026-11-20", "2026-11-20T10:00:00Z", "true", "True", "yes", "No", "on", "OFF", "y", "N", "null", "Null", "~", "",
	".inf", "-.INF", ".NaN",
	"=", "<<", " ", " x", "x ", "\t", "a\tb", "\tx", "@x", "`x", "*x", "&x", "!x", "!!int 5", "%x", "%YAML 1.2", "|",
	"|-", ">", ">x", "#x", "#",
	"\"", "'", "it's", `say "x"`, "\"x", "'x", `\`, `a\nb`, "[", "]", "[x", "{x}", "{", "}", ",", ",x", "a,b", "a]",
	"a}b", "-", "- x", "-x", "--", "---", "--- x", "...",
	"?", "? x", "?x", ":", ": x", ":x", "::", "a: b", "a:", "a :b", "a #b", "a#b", "a: #", "{{ .x }}", "${x}", "$(x)",
	"a\nb", "a\nb\n", "a\n", "a\n\n", "\na", "\n", "\n\n", " a\nb", "a\n b\nc", "a\n\nb\n\n\nc\n", "a \nb", "a\n\t b",
	"k: v\nl: w\n", "- a\n- b", "# a\nb", "---\na: b\n", "a\r\nb", "a\rb",
	"\x00", "\x07", "\x1b[31m", "\x7f", "\u0085", "\u00a0", "\u200b", "\u2028", "a\u2029b", "\ufeff", "\ufffe",
	"\ufffd", "é", "日本", "😀", "\U000e0001",
	strings.Repeat("long ", 40) + "x", strings.Repeat("a", 2000), "sha256:0f3c", "acme/app:v1@sha256:0f3c",
	"https://example.com/?a=b&c#d",
}

// scalarAt is a scalar of docs, and where it is.
type scalarAt struct {
	docs  []*yaml.Node
	node  *yaml.Node
	index int // among flat(docs)
	path  string
}

// scalars returns the values in docs that are not aliases.
func scalars(docs []*yaml.Node) []scalarAt {
	var out []scalarAt
	index := -1
	var visit func(n *yaml.Node, path string, isKey bool)
	visit = func(n *yaml.Node, path string, isKey bool) {
		index++
		if n.Kind == yaml.ScalarNode && n.Tag != "!!merge" && !isKey {
			out = append(out, scalarAt{docs, n, index, path})
		}
		for i, child := range n.Content {
			visit(child, childPath(path, n, i), isKey || n.Kind == yaml.MappingNode && i%2 == 0)
		}
	}
	for _, doc := range docs {
		visit(doc, ".", false)
	}
	return out
}

// setOne sets the scalar at p, and returns an error unless that does what it shall.
func setOne(name string, src []byte, p scalarAt, value string) error {
	f, err := Parse(name, src, IgnoreComments)
	if err != nil {
		return err
	}
	n := flat(f.Documents())[p.index]
	if path := f.Path(n); path != p.path {
		return fmt.Errorf("is at %s", path)
	}
	err = f.Set(n, Untyped(value))
	got, changes := src, []Change(nil)
	if err == nil {
		got, changes, err = f.Bytes()
	}
	if errors.Is(err, ErrUneditable) && (noPlace(src, p.node) || quirk.Match(src)) {
		return nil
	}
	if p.node.Style&yaml.TaggedStyle != 0 && typed.MatchString(p.node.Tag) && errors.Is(err, ErrUneditable) {
		return nil
	}
	if err != nil {
		return err
	}
	if Text(p.node) == value {
		if !bytes.Equal(got, src) || len(changes) > 0 {
			return errors.New("changes what is so already")
		}
		return nil
	}
	if len(changes) != 1 || changes[0].New != value || changes[0].Path != p.path {
		return fmt.Errorf("changes %v", changes)
	}
	if err := sameAround(newSource(name, src, false), p.node, got); err != nil {
		return err
	}
	return sameElsewhere(name, p, got, value)
}

// sameAround returns an error unless nothing but the text of n changes.
func sameAround(s *source, n *yaml.Node, got []byte) error {
	start, end, err := s.token(n)
	if err != nil {
		return err
	}
	if start == end {
		start = len(bytes.TrimRight(s.text[:start], " \t\r\n"))
	}
	if n.Style&block != 0 {
		end = max(end, s.bodyOf(n, end).blanks)
	}
	if !bytes.HasPrefix(got, s.text[:start]) || !bytes.HasSuffix(got[start:], s.text[end:]) {
		return fmt.Errorf("%q becomes %q", around(s.text, start, end), around(got, start, len(got)-len(s.text)+end))
	}
	if n.Style&block == 0 && len(lineStarts(got)) > len(s.lines) {
		return errors.New("a line is added")
	}
	return nil
}

// sameElsewhere returns an error unless nothing but the node at p reads differently.
func sameElsewhere(name string, p scalarAt, got []byte, value string) error {
	after, err := parseAs(name, got)
	if err != nil {
		return err
	}
	was, is := flat(p.docs), flat(after)
	if len(was) != len(is) {
		return errors.New("there are more or fewer nodes")
	}
	for i, want := range was {
		switch got := is[i]; {
		case i == p.index:
			if got.Value != value && Text(got) != value {
				return fmt.Errorf("reads %q", got.Value)
			}
		case !alike(want, got):
			return fmt.Errorf("line %d reads %q, not %q", got.Line, got.Value, want.Value)
		}
	}
	return nil
}

// alike reports whether two nodes read the same and have one style.
func alike(x, y *yaml.Node) bool {
	return x.Kind == y.Kind && x.Tag == y.Tag && x.Value == y.Value && x.Anchor == y.Anchor && x.Style == y.Style
}

// quirk finds what the parser reads as no other does: a colon in an anchor, a line of tabs that is fine below a plain
// scalar alone, and a block scalar without indentation.
var quirk = regexp.MustCompile("(?m)&[^\\s]*:|^ +\t\\s*$|^--- [|>]")

// noPlace reports whether there is no value at n, not even an empty one, since there is no colon.
func noPlace(src []byte, n *yaml.Node) bool {
	start, end, err := newSource("", src, false).token(n)
	before := bytes.TrimRight(src[:start], " \t\r\n")
	return err == nil && start == end && n.Anchor == "" && !isTagged(n) && !bytes.HasSuffix(before, []byte(":"))
}

func around(src []byte, start, end int) []byte { return src[max(0, start-40):min(len(src), end+40)] }

// flat returns the nodes of docs in their order.
func flat(docs []*yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for _, n := range docs {
		out = slices.Concat(out, []*yaml.Node{n}, flat(n.Content))
	}
	return out
}

// setText sets what is under a key, or all items of a list, and returns the text.
func setText(t *testing.T, name, src, key, value string) string {
	t.Helper()
	f, err := Parse(name, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	nodes := []*yaml.Node{f.At(key)}
	if list := f.At(); list != nil && list.Kind == yaml.SequenceNode {
		nodes = list.Content
	}
	for _, n := range nodes {
		if err := f.Set(n, Untyped(value)); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}
