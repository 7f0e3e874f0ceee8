package yamledit_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// TestEmbedded sets image.tag in the document that .values holds.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, before, after string }{
		{"literal", "values: |\n  image:\n    tag: v1 # now\nb: 1\n", "values: |\n  image:\n    tag: v2 # now\nb: 1\n"},
		{"strip", "values: |-\n    image:\n      tag: v1\nb: 1\n", "values: |-\n    image:\n      tag: v2\nb: 1\n"},
		{"keep", "values: |+\n  image:\n    tag: v1\n\n\nb: 1\n", "values: |+\n  image:\n    tag: v2\n\n\nb: 1\n"},
		{"indicator", "values: |2\n    image:\n      tag: v1\n", "values: |2\n    image:\n      tag: v2\n"},
		{"indicator and sign", "values: |2-\n    image:\n      tag: v1\n", "values: |2-\n    image:\n      tag: v2\n"},
		{"comment beside the header", "values: | # in text\n  image:\n    tag: v1\n",
			"values: | # in text\n  image:\n    tag: v2\n"},
		{"trailing spaces and tabs", "values: |  \n  x: \"a\"  \n  y: 1\t\n  image:\n    tag: v1\t \n",
			"values: |  \n  x: \"a\"  \n  y: 1\t\n  image:\n    tag: v2\t \n"},
		{"blank lines with spaces", "values: |\n  a: 1\n \n\n  \n  image:\n    tag: v1\n",
			"values: |\n  a: 1\n \n\n  \n  image:\n    tag: v2\n"},
		{"blank lines first", "values: |\n\n\n  # c\n  image:\n    tag: v1\n",
			"values: |\n\n\n  # c\n  image:\n    tag: v2\n"},
		{"no line break at the end", "values: |\n  image:\n    tag: v1", "values: |\n  image:\n    tag: v2"},
		{"CRLF", "values: |\r\n  image:\r\n    tag: v1\r\nb: 1\r\n",
			"values: |\r\n  image:\r\n    tag: v2\r\nb: 1\r\n"},
		{"anchor and tag", "values: &a !!str |\n  image:\n    tag: v1\nb: *a\n",
			"values: &a !!str |\n  image:\n    tag: v2\nb: *a\n"},
		{"JSON in a block", "values: |\n  {\n    \"image\": {\"tag\": \"v1\"}\n  }\n",
			"values: |\n  {\n    \"image\": {\"tag\": \"v2\"}\n  }\n"},
		{"JSON in double quotes", `values: "{\"image\":{\"tag\":\"v1\",\"x\":\"a\u002fb\"}}" # c` + "\n",
			`values: "{\"image\":{\"tag\":\"v2\",\"x\":\"a\u002fb\"}}" # c` + "\n"},
		{"JSON in single quotes", `values: '{"image":{"tag":"v1","x":"it''s"}}'` + "\n",
			`values: '{"image":{"tag":"v2","x":"it''s"}}'` + "\n"},
		{"YAML in double quotes", `values: "image:\n  tag: v1\n  x: \"1\"\n"` + "\n",
			`values: "image:\n  tag: v2\n  x: \"1\"\n"` + "\n"},
		{"double quotes over lines", "values: \"image:\\n\\\n  \\  tag: v1\\n\\\n  \\  x: a\n  b\\n\"\nb: 1\n",
			"values: \"image:\\n\\\n  \\  tag: v2\\n\\\n  \\  x: a\n  b\\n\"\nb: 1\n"},
		{"single quotes over lines", "values: 'image: {tag: v1,\n  x: 1}\n\n\n  y: 2'\n",
			"values: 'image: {tag: v2,\n  x: 1}\n\n\n  y: 2'\n"},
		{"folded", "values: >\n  image: {tag: v1,\n  x: 1}\n\n  y: 2\nb: 1\n",
			"values: >\n  image: {tag: v2,\n  x: 1}\n\n  y: 2\nb: 1\n"},
		{"folded with indented lines", "values: >-\n  image:\n    tag: v1\n    x: 1\n\n\n  y: some\n  words\n",
			"values: >-\n  image:\n    tag: v2\n    x: 1\n\n\n  y: some\n  words\n"},
		{"in flow", `{a: 1, values: "image: {tag: v1}", b: 2}` + "\n",
			`{a: 1, values: "image: {tag: v2}", b: 2}` + "\n"},
		{"outer JSON", `{"values": "{\"image\":{\"tag\":\"v1\",\"e\":\"\ud83d\ude00\"}}", "b": 1}` + "\n",
			`{"values": "{\"image\":{\"tag\":\"v2\",\"e\":\"\ud83d\ude00\"}}", "b": 1}` + "\n"},
		{"emoji before", "values: |\n  a: \U0001F600 é\n  image: {e: \U0001F600, tag: v1}\n",
			"values: |\n  a: \U0001F600 é\n  image: {e: \U0001F600, tag: v2}\n"},
		{"several documents", "values: |\n  a: 1\n  ---\n  image:\n    tag: v1\n",
			"values: |\n  a: 1\n  ---\n  image:\n    tag: v2\n"},
		{"in a list", "- values: |-\n    image:\n      tag: v1\n- b\n",
			"- values: |-\n    image:\n      tag: v2\n- b\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, err := yamledit.Parse("f", []byte(c.before))
			if err != nil {
				t.Fatal(err)
			}
			holder, path := f.At("values"), ".values"
			if holder == nil {
				holder, path = f.At(0, "values"), ".[0].values"
			}
			in, err := f.Embedded(holder)
			if err != nil {
				t.Fatal(err)
			}
			if err := in.Set(in.At("image", "tag"), "v2"); err != nil {
				t.Fatal(err)
			}
			after, changes, err := f.Bytes()
			if err != nil || string(after) != c.after {
				t.Fatalf("got %q, %v\nwant %q", after, err, c.after)
			}
			if len(changes) != 1 || !strings.HasPrefix(changes[0].Path, path+" | from_") ||
				!strings.HasSuffix(changes[0].Path, " | .image.tag") ||
				changes[0].Old != "v1" || changes[0].New != "v2" {
				t.Errorf("%+v", changes)
			}
		})
	}
}

// embeddedIn parses text, and the document in its values, and fails the test unless both are as they should be.
func embeddedIn(t *testing.T, text string) (f, in *yamledit.File) {
	t.Helper()
	f, err := yamledit.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if in, err = f.Embedded(f.At("values")); err != nil {
		t.Fatal(err)
	}
	return f, in
}

func wantText(t *testing.T, f *yamledit.File, want string) []yamledit.Change {
	t.Helper()
	after, changes, err := f.Bytes()
	if err != nil || string(after) != want {
		t.Fatalf("got %q, %v\nwant %q", after, err, want)
	}
	return changes
}

// TestEmbeddedStructure adds, deletes and renames entries of documents in strings.
func TestEmbeddedStructure(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, before, after string }{
		{"literal", "values: |\n  # c\n  a: 1 # one\n  b: 2\nz: 1\n", "values: |\n  # c\n  b: 2\n  c: 3\nz: 1\n"},
		{"strip", "values: |-\n  a: 1\n  b: 2\nz: 1\n", "values: |-\n  b: 2\n  c: 3\nz: 1\n"},
		{"keep", "values: |+\n  a: 1\n  b: 2\n\nz: 1\n", "values: |+\n  b: 2\n  c: 3\n\nz: 1\n"},
		{"no line break at the end", "values: |\n  a: 1\n  b: 2", "values: |\n  b: 2\n  c: 3"},
		{"strip without a line break", "values: |-\n  a: 1\n  b: 2", "values: |-\n  b: 2\n  c: 3"},
		{"CRLF", "values: |\r\n  a: 1\r\n  b: 2\r\nz: 1\r\n", "values: |\r\n  b: 2\r\n  c: 3\r\nz: 1\r\n"},
		{"JSON", `values: '{"a":1,"b":2}'` + "\n", `values: '{"b":2, "c": 3}'` + "\n"},
		{"JSON in double quotes", `values: "{\"a\":1,\"b\":2}"` + "\n", `values: "{\"b\":2, \"c\": 3}"` + "\n"},
		{"YAML in double quotes", `values: "a: 1\nb: 2\n"` + "\n", `values: "b: 2\nc: 3\n"` + "\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, in := embeddedIn(t, c.before)
			if err := in.Delete(in.At("a")); err != nil {
				t.Fatal(err)
			}
			if err := in.Insert(in.Documents()[0], "c", 3); err != nil {
				t.Fatal(err)
			}
			wantText(t, f, c.after)
		})
	}
}

func TestEmbeddedThreeDeep(t *testing.T) {
	t.Parallel()
	f, in := embeddedIn(t,
		"b: 1\nvalues: |\n  # outer\n  inner: |\n    # inner\n    json: '{\"tag\": \"v1\"}'\n    c: 1\n")
	second, err := in.Embedded(in.At("inner"))
	if err != nil {
		t.Fatal(err)
	}
	third, err := second.Embedded(second.At("json"))
	if err != nil {
		t.Fatal(err)
	}
	if line := third.OuterLine(1); line != 6 {
		t.Error("line", line)
	}
	for _, err := range []error{third.Set(third.At("tag"), "v2"), second.Set(second.At("c"), 2), f.Set(f.At("b"), 2)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	changes := wantText(t, f,
		"b: 2\nvalues: |\n  # outer\n  inner: |\n    # inner\n    json: '{\"tag\": \"v2\"}'\n    c: 2\n")
	var paths []string
	for _, c := range changes {
		paths = append(paths, c.Path+"="+c.New)
	}
	want := ".values | from_yaml | .inner | from_yaml | .json | from_json | .tag=v2 " +
		".values | from_yaml | .inner | from_yaml | .c=2 .b=2"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	// More edits may follow, and one that comes back to the first value is none.
	if err := third.Set(third.At("tag"), "v1"); err != nil {
		t.Fatal(err)
	}
	changes = wantText(t, f,
		"b: 2\nvalues: |\n  # outer\n  inner: |\n    # inner\n    json: '{\"tag\": \"v1\"}'\n    c: 2\n")
	if len(changes) != 2 {
		t.Errorf("%+v", changes)
	}
}

// TestEmbeddedAndHolder edits the string as a whole and the document in it.
func TestEmbeddedAndHolder(t *testing.T) {
	t.Parallel()
	f, in := embeddedIn(t, "values: |\n  a: 1\nb: 1\n")
	if err := in.Set(in.At("a"), 2); err != nil {
		t.Fatal(err)
	}
	if got := f.Documents()[0].Content[1].Value; got != "a: 2\n" {
		t.Errorf("the string reads %q", got)
	}
	if err := f.Set(f.At("values"), "a: 5\n"); err != nil {
		t.Fatal(err)
	}
	if err := in.Set(in.At("a"), 3); err == nil {
		t.Error("an edit of a document that is gone")
	}
	in, err := f.Embedded(f.At("values"))
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Set(in.At("a"), 6); err != nil {
		t.Fatal(err)
	}
	changes := wantText(t, f, "values: |\n  a: 6\nb: 1\n")
	if len(changes) != 1 || changes[0].Path != ".values" || changes[0].Old != "a: 1\n" || changes[0].New != "a: 6\n" {
		t.Errorf("%+v", changes)
	}
	if err := in.Set(in.At("a"), 7); err != nil {
		t.Fatal(err)
	}
	if err := f.Insert(f.Documents()[0], "c", 1); err != nil {
		t.Fatal(err)
	}
	wantText(t, f, "values: |\n  a: 7\nb: 1\nc: 1\n")
}

func TestEmbeddedRefusals(t *testing.T) {
	t.Parallel()
	cases := []struct{ text, want string }{
		{"values: {a: 1}\n", "f:1: .values holds no document: it is a map"},
		{"values: 5\n", "f:1: .values holds no document: it is no string"},
		{"a: &a x\nvalues: *a\n", "f:2: .values holds no document: it is an alias"},
		{"b: 1\nvalues: |\n  a: 1\n  b: [\n", "f:4: .values holds text that cannot be read as YAML: "},
		{"b: 1\nvalues: \"a: 1\\nb: [1\"\n", "f:2: .values holds text that cannot be read as YAML: "},
	}
	for _, c := range cases {
		f, err := yamledit.Parse("f", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Embedded(f.At("values")); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: got %v\nwant %s", c.text, err, c.want)
		}
	}
	f, in := embeddedIn(t, "values: >\n  a: {x: 1,\n  b: 2}\n")
	if err := in.Set(in.At("a", "x"), "two\nlines"); err != nil {
		t.Fatal(err)
	}
	wantText(t, f, "values: >\n  a: {x: \"two\\nlines\",\n  b: 2}\n")
	f, in = embeddedIn(t, "c: 1\nvalues: >\n  a: 1\n\n  b: 2\n")
	if err := in.Delete(in.At("a")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Bytes(); err == nil ||
		!strings.Contains(err.Error(), "f:2: .values cannot be set: it is in a folded block") {
		t.Error(err)
	}
}

// FuzzEmbedded sets the first value in each document that a string of a file holds, twice: either nothing is returned,
// or that alone differs, and the second time nothing does.
func FuzzEmbedded(f *testing.F) {
	for _, seed := range []string{
		"values: |\n  image:\n    tag: v1 # now\nb: 1\n", "values: \"{\\\"a\\\": 1}\"\n",
		"- 'a: 1'\n- >-\n  a: {b: 1,\n  c: 2}\n",
		"a: |2+\n   b: 1\n\n\n---\nc: \"a: 1\\n\\\n  b: 2\"\n",
		"{\"a\": \"{\\\"b\\\": \\\"\\ud83d\\ude00\\\"}\"}", "a: |\r\n  b: 1\r\n",
	} {
		f.Add(seed, "v2")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		after, ok := setEmbedded(t, text, value)
		if !ok {
			return
		}
		if again, ok := setEmbedded(t, after, value); !ok || again != after {
			t.Errorf("the second time %q becomes %q", after, again)
		}
	})
}

// setEmbedded sets the first value in each document that a string holds, and returns the text, or false for an error.
func setEmbedded(t *testing.T, text, value string) (string, bool) {
	t.Helper()
	f, err := yamledit.Parse("f", []byte(text))
	if err != nil {
		return "", false
	}
	want := map[string]string{} // of each string that holds a document, by its path
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		for i, child := range n.Content {
			if n.Kind != yaml.MappingNode || i%2 == 1 {
				visit(child)
			}
		}
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
			return
		}
		in, err := f.Embedded(n)
		if err != nil {
			return
		}
		leaf := firstLeaf(in.Documents())
		if leaf == nil || in.Set(leaf, value) != nil {
			return
		}
		if got, _, err := in.Bytes(); err == nil {
			want[f.Path(n)] = string(got)
		}
	}
	docs := f.Documents()
	if len(docs) != 1 {
		return "", false
	}
	visit(docs[0])
	after, _, err := f.Bytes()
	if err != nil {
		return "", false
	}
	again, err := yamledit.Parse("f", after)
	if err != nil {
		t.Fatal(err)
	}
	var check func(n *yaml.Node)
	check = func(n *yaml.Node) {
		for i, child := range n.Content {
			if n.Kind != yaml.MappingNode || i%2 == 1 {
				check(child)
			}
		}
		text, ok := want[again.Path(n)]
		if ok && n.Kind == yaml.ScalarNode && strings.TrimRight(text, "\n") != strings.TrimRight(n.Value, "\n") {
			t.Errorf("%s is %q, and not %q", again.Path(n), n.Value, text)
		}
	}
	check(again.Documents()[0])
	return string(after), true
}

// firstLeaf returns the first value of documents, or nil.
func firstLeaf(nodes []*yaml.Node) *yaml.Node {
	for _, n := range nodes {
		if n.Kind == yaml.ScalarNode {
			return n
		}
		for i, child := range n.Content {
			if n.Kind == yaml.SequenceNode || i%2 == 1 {
				if leaf := firstLeaf([]*yaml.Node{child}); leaf != nil {
					return leaf
				}
			}
		}
	}
	return nil
}
