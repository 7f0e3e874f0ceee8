package template

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v4"
)

// nasty are values that some reader of YAML, or some writer, gets wrong.
var nasty = []string{
	"v1.2.3", "a", "1.10", "0123", "08", "0o17", "0x1F", "0b1", "1e5", "1E5", "123e456", ".5", "5.", "1_000", "1,000", "+5", "-0", "12:30:45", "1:2",
	"2026-11-20", "2026-11-20T10:00:00Z", "true", "True", "yes", "No", "on", "OFF", "y", "N", "null", "Null", "~", "", ".inf", "-.INF", ".NaN",
	"=", "<<", " ", " x", "x ", "\t", "a\tb", "\tx", "@x", "`x", "*x", "&x", "!x", "!!int 5", "%x", "%YAML 1.2", "|", "|-", ">", ">x", "#x", "#",
	"\"", "'", "it's", `say "x"`, "\"x", "'x", `\`, `a\nb`, "[", "]", "[x", "{x}", "{", "}", ",", ",x", "a,b", "a]", "a}b", "-", "- x", "-x", "--", "---", "--- x", "...",
	"?", "? x", "?x", ":", ": x", ":x", "::", "a: b", "a:", "a :b", "a #b", "a#b", "a: #", "{{ .x }}", "${x}", "$(x)",
	"a\nb", "a\nb\n", "a\n", "a\n\n", "\na", "\n", "\n\n", " a\nb", "a\n b\nc", "a\n\nb\n\n\nc\n", "a \nb", "a\n\t b", "k: v\nl: w\n", "- a\n- b", "# a\nb", "---\na: b\n", "a\r\nb", "a\rb",
	"\x00", "\x07", "\x1b[31m", "\x7f", "\u0085", "\u00a0", "\u200b", "\u2028", "a\u2029b", "\ufeff", "\ufffe", "\ufffd", "é", "日本", "😀", "\U000e0001",
	strings.Repeat("long ", 40) + "x", strings.Repeat("a", 2000), "sha256:0f3c", "acme/app:v1@sha256:0f3c", "https://example.com/?a=b&c#d",
}

// corpus returns YAML files that nobody here wrote: all of the folder that the environment names, or else some of the
// Go modules that are at hand.
func corpus(t *testing.T) (names []string, all bool) {
	dir := os.Getenv("YAML_CORPUS")
	if all = dir != ""; !all {
		out, err := exec.Command("go", "env", "GOMODCACHE").Output()
		if err != nil {
			t.Skip(err)
		}
		dir = strings.TrimSpace(string(out))
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(name); err == nil && d.Type().IsRegular() && (ext == ".yaml" || ext == ".yml" || ext == ".json") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !all {
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		names = names[:min(200, len(names))]
	}
	return names, all
}

// TestCorpus sets scalars of files that nobody here wrote to nasty values: each lands, no byte around the scalar changes,
// and nothing else reads differently.
func TestCorpus(t *testing.T) {
	defer func(size int) { pieceSize = size }(pieceSize)
	pieceSize = 200
	random := rand.New(rand.NewPCG(3, 4))
	end := time.Now().Add(10 * time.Second)
	files, edits, each := 0, 0, 3
	names, all := corpus(t)
	if all {
		each = 20
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		inTree := "f" + filepath.Ext(name)
		docs, err := parseAs(inTree, src)
		if err != nil {
			continue // some are templates, some are there to be refused
		}
		files++
		if err := samePieces(src, docs); err != nil && !isJSON(inTree, src) {
			t.Errorf("%s: in pieces: %v", name, err)
		}
		places := scalars(docs)
		for range min(each, len(places)) {
			edits++
			p, value := places[random.IntN(len(places))], nasty[random.IntN(len(nasty))]
			if err := samePlaces(docs, p); err != nil {
				t.Errorf("%s: %s: %v", name, p.path, err)
			}
			if err := setOne(inTree, src, docs, p, value); err != nil {
				t.Errorf("%s: %s to %q: %v", name, p.path, value, err)
			}
		}
		if !all && time.Now().After(end) {
			break
		}
	}
	t.Logf("%d edits in %d files", edits, files)
}

// scalars returns the places of the values in docs that are not aliases.
func scalars(docs []*yaml.Node) []place {
	var out []place
	var visit func(n *yaml.Node, p place)
	visit = func(n *yaml.Node, p place) {
		if n.Kind == yaml.ScalarNode && n.Tag != "!!merge" {
			p.node = n
			out = append(out, p)
		}
		seen := map[string]bool{}
		for i, child := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 {
				continue
			}
			q := p
			q.path = childPath(p.path, n, i)
			// Of keys that are no strings, or there twice, no path is sure.
			if key := n.Content[max(0, i-1)]; n.Kind == yaml.MappingNode && (key.Kind != yaml.ScalarNode || key.Tag != "!!str" || seen[key.Value] || !printable(key.Value) || strings.ContainsAny(key.Value, "*?\\")) {
				continue
			} else {
				seen[key.Value] = true
			}
			visit(child, q)
		}
	}
	for i, doc := range docs {
		visit(doc, place{document: i, path: "."})
	}
	return out
}

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
			if a[i].Kind != b[i].Kind || a[i].Tag != b[i].Tag || a[i].Value != b[i].Value || a[i].Anchor != b[i].Anchor || a[i].Style != b[i].Style || a[i].Line != b[i].Line || a[i].Column != b[i].Column {
				return fmt.Errorf("%+v, not %+v", b[i], a[i])
			}
		}
	}
	return nil
}

// samePlaces returns an error unless following the path of p leads where yq goes.
func samePlaces(docs []*yaml.Node, p place) error {
	for _, path := range []string{p.path, keyPath(p.path, "x"), p.path + "[0]"} {
		sel, err := parseSelector(path)
		if err != nil {
			return err
		}
		for i, doc := range docs {
			followed, ok := sel.follow(doc, i)
			if !ok {
				continue
			}
			found, err := sel.evaluate(doc, i, false)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			for i := range found {
				found[i].anchored = false
			}
			if !slices.Equal(followed, found) {
				return fmt.Errorf("%s: %+v, not %+v", path, followed, found)
			}
		}
	}
	return nil
}

// setOne sets the scalar at p by Assign, and returns an error unless that does what it shall.
func setOne(name string, src []byte, docs []*yaml.Node, p place, value string) error {
	path := p.path
	if len(docs) > 1 {
		path = fmt.Sprintf("select(di == %d) | %s", p.document, p.path)
	}
	out, changes, err := Assign(fstest.MapFS{name: {Data: src}}, []Assignment{{File: name, Path: path, Value: value}})
	if errors.Is(err, ErrUneditable) && (noPlace(src, p) || quirk.Match(src)) {
		return nil
	}
	if p.node.Style&yaml.TaggedStyle != 0 && typed.MatchString(p.node.Tag) && errors.Is(err, ErrUneditable) {
		return nil
	}
	if err != nil {
		return err
	}
	if reads(p.node) == value {
		if len(out) > 0 || len(changes) > 0 {
			return errors.New("changes what is so already")
		}
		return nil
	}
	if len(changes) != 1 || changes[0].New != value {
		return fmt.Errorf("changes %v", changes)
	}
	// Nothing but the scalar changes.
	lines := lineStarts(src)
	start, end, err := span(src, lines, p.node)
	if err != nil {
		return err
	}
	if start == end {
		start = len(bytes.TrimRight(src[:start], " \t\r\n"))
	}
	if p.node.Style&block != 0 {
		end = max(end, bodyOf(src, lines, p.node, end).blanks)
	}
	got := out[name]
	if !bytes.HasPrefix(got, src[:start]) || !bytes.HasSuffix(got[start:], src[end:]) {
		return fmt.Errorf("%q becomes %q", around(src, start, end), around(got, start, len(got)-len(src)+end))
	}
	if p.node.Style&block == 0 && len(lineStarts(got)) > len(lines) {
		return errors.New("a line is added")
	}
	// Nothing else reads differently.
	after, err := parseAs(name, got)
	if err != nil {
		return err
	}
	was, is := flat(docs), flat(after)
	if len(was) != len(is) {
		return errors.New("there are more or fewer nodes")
	}
	for i := range was {
		switch a, b := was[i], is[i]; {
		case a == p.node:
			if b.Value != value && reads(b) != value {
				return fmt.Errorf("reads %q", b.Value)
			}
		case a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || a.Anchor != b.Anchor || a.Style != b.Style:
			return fmt.Errorf("line %d reads %q, not %q", b.Line, b.Value, a.Value)
		}
	}
	return nil
}

// quirk finds what the parser reads as no other does: a colon in an anchor, a line of tabs that is fine below a plain
// scalar alone, and a block scalar without indentation.
var quirk = regexp.MustCompile("(?m)&[^\\s]*:|^ +\t\\s*$|^--- [|>]")

// noPlace reports whether there is no value at p, not even an empty one, since there is no colon.
func noPlace(src []byte, p place) bool {
	start, end, err := span(src, lineStarts(src), p.node)
	before := bytes.TrimRight(src[:start], " \t\r\n")
	return err == nil && start == end && p.node.Anchor == "" && !isTagged(p.node) && !bytes.HasSuffix(before, []byte(":"))
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

func setText(t *testing.T, name, src, path, value string) string {
	t.Helper()
	out, _, err := Assign(fstest.MapFS{name: {Data: []byte(src)}}, []Assignment{{File: name, Path: path, Value: value}})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := out[name]; ok {
		return string(got)
	}
	return src
}
