package yamledit

import (
	"fmt"
	"strings"
	"testing"
)

// TestCompare has two texts and what differs: PATH: OLD -> NEW, with "none" for what is not there.
func TestCompare(t *testing.T) {
	const pods = "kind: Pod\nmetadata: {name: a}\nspec: {tag: 1}\n---\nkind: Pod\nmetadata: {name: b}\nspec: {tag: 1}\n"
	for _, test := range []struct{ name, before, after, want string }{
		{"nothing", "a: 1\n", "a: 1\n", ""},
		{"a value", "a: 1\nb: x\n", "a: 2\nb: x\n", ".a: 1 -> 2"},
		{"comments, styles and the order of keys", "a: 1 # x\nb: x\n", "# y\nb: \"x\"\na: 1\n", ""},
		{"an anchor", "a: &x 1\nb: *x\n", "a: &x 2\nb: *x\n", ".a: 1 -> 2"},
		{"another anchor", "a: &x 1\n", "a: &y 1\n", ""},
		{"a key", "a: 1\n", "a: 1\nb: 2\n", ".b: none -> 2"},
		{"an odd key", "a.b: 1\n", "a.b: 2\n", `.["a.b"]: 1 -> 2`},
		{"a key that goes", "a: {b: 1, c: [2]}\n", "a: {b: 1}\n", ".a.c: [2] -> none"},
		{"an empty string", "a:\n", "a: ''\nb: ''\n", ".a: null -> ; .b: none -> "},
		{"types", "a: 1\nb: \"true\"\n", "a: \"1\"\nb: true\n", `.a: 1 -> "1"; .b: "true" -> true`},
		{"a map for a string", "a: x\n", "a: {b: 1}\n", ".a: x -> {b: 1}"},
		{"items", "a: [1, 2, 3]\n", "a: [1, 5, 3]\n", ".a[1]: 2 -> 5"},
		{"an item more", "a: [1, 3]\n", "a: [1, 2, 3]\n", ".a[1]: none -> 2"},
		{"an item less", "a: [1, 2, 3]\n", "a: [1, 3]\n", ".a[1]: 2 -> none"},
		{"items that change places", "a: [1, 2]\n", "a: [2, 1]\n", ".a: [1, 2] -> [2, 1]"},
		{
			"named items",
			"- name: a\n  tag: 1\n- name: b\n  tag: 1\n", "- name: c\n- name: a\n  tag: 2\n- name: b\n  tag: 3\n",
			".[0]: none -> {name: c}; .[1].tag: 1 -> 2; .[2].tag: 1 -> 3",
		},
		{
			"another name", "- name: a\n  tag: 1\n", "- name: b\n  tag: 1\n",
			".[0]: none -> {name: b, tag: 1}; .[0]: {name: a, tag: 1} -> none",
		},
		{"a key twice", "a: {b: 1, b: 2}\n", "a: {b: 1, b: 3}\n", ".a: {b: 1, b: 2} -> {b: 1, b: 3}"},
		{"documents", "a: 1\n---\na: 1\n", "a: 1\n---\na: 2\n", "select(di == 1) | .a: 1 -> 2"},
		{"lists of documents", "[1]\n---\n[1]\n", "[1]\n---\n[2]\n", "select(di == 1) | .[0]: 1 -> 2"},
		{"a document more", "a: 1\n", "a: 1\n---\nb: 1\n", "select(di == 1) | .: none -> {b: 1}"},
		{"a document less", "a: 1\n---\nb: 1\n", "b: 1\n", "select(di == 0) | .: {a: 1} -> none"},
		{
			"objects that move", pods,
			strings.Replace(strings.Join(swap(strings.Split(pods, "---\n")), "---\n"), "1", "2", 1),
			"select(di == 0) | .spec.tag: 1 -> 2",
		},
		{"no document", "", "a: 1\n", ".: none -> {a: 1}"},
		{"comments alone", "# a\n", "# b\n", ""},
	} {
		changes, err := Compare("f.yaml", []byte(test.before), []byte(test.after))
		var got []string
		for _, c := range changes {
			old, now := c.Old, c.New
			if c.Added {
				old += "none"
			}
			if c.Deleted {
				now += "none"
			}
			got = append(got, fmt.Sprintf("%s: %s -> %s", c.Path, old, now))
			if c.File != "f.yaml" {
				t.Errorf("%s: the file is %q", test.name, c.File)
			}
		}
		if list := strings.Join(got, "; "); err != nil || list != test.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", test.name, err, list, test.want)
		}
	}
	for _, text := range []string{"a: {{ .x }}-{{ .y }}\n", "a: [\n", "\xff"} {
		if _, err := Compare("f.yaml", []byte("a: 1\n"), []byte(text)); err == nil {
			t.Errorf("%q is no YAML", text)
		}
		if _, err := Compare("f.yaml", []byte(text), []byte("a: 1\n")); err == nil {
			t.Errorf("%q is no YAML", text)
		}
	}
	changes, err := Compare("f.json", []byte(`{"a": "\ud83d\ude00"}`), []byte(`{"a": "b"}`))
	if err != nil || len(changes) != 1 || changes[0].Old != "😀" {
		t.Errorf("JSON: %v, %+v", err, changes)
	}
}

// TestCompareDeep has lists in lists, which must not take the square of their depth.
func TestCompareDeep(t *testing.T) {
	nest := func(depth int, leaf string) []byte {
		return []byte(strings.Repeat("[", depth) + leaf + strings.Repeat("]", depth))
	}
	for _, depth := range []int{maxDepth - 1, 9000} {
		changes, err := Compare("f.json", nest(depth, "1"), nest(depth, "2"))
		if err != nil || len(changes) != 1 || strings.Count(changes[0].Path, "[0]") != min(depth, maxDepth) {
			t.Errorf("%d: %v, %.200v", depth, err, changes)
		}
	}
}

func swap(two []string) []string { return []string{two[1], two[0]} }
