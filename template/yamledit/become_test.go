package yamledit_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestBecome(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, src, expr, want string }{
		{"a scalar", "a: v1 # c\n\nb: 'x'\n", `.a = "v2" | .b = "y"`, "a: v2 # c\n\nb: 'y'\n"},
		{"a type", "a: v1 # c\n", `.a = 5`, "a: 5 # c\n"},
		{"a string that looks like a number", "a: v1\n", `.a = "1.10"`, "a: \"1.10\"\n"},
		{"a new key", "a: 1 # c\n\n# end\n", `.b = "x"`, "a: 1 # c\nb: x\n\n# end\n"},
		{"a new key that needs quotes", "a: 1\n", `.on = "yes"`, "a: 1\n\"on\": \"yes\"\n"},
		{"a nested key", "a:\n    b:\n        c: 1\n    # foot\nd: 1\n", `.a.b.e = "x"`,
			"a:\n    b:\n        c: 1\n        e: x\n    # foot\nd: 1\n"},
		{"a path", "a:\n    b: 1\n", `.c.d.e = "x"`, "a:\n    b: 1\nc:\n    d:\n        e: x\n"},
		{"an item", "a:\n- x # c\n- y\nb: 1\n", `.a += ["z"]`, "a:\n- x # c\n- y\n- z\nb: 1\n"},
		{"an item, indented", "a:\n  - x # c\n\n  # d\n  - y\nb: 1\n", `.a += ["z"]`,
			"a:\n  - x # c\n\n  # d\n  - y\n  - z\nb: 1\n"},
		{"an item first", "a:\n  # x\n  - x\n", `.a = ["w"] + .a`, "a:\n  - w\n  # x\n  - x\n"},
		{"an item that is a map", "c:\n- name: a\n  v: 1\n", `.c += [{"name": "b", "v": [1, 2]}]`,
			"c:\n- name: a\n  v: 1\n- name: b\n  v:\n  - 1\n  - 2\n"},
		{"a key in an item", "c:\n- name: a\n- name: b # b\n", `.c[] |= . + {"v": 1}`,
			"c:\n- name: a\n  v: 1\n- name: b # b\n  v: 1\n"},
		{"del", "# file\n\n# a\na: 1 # a\n# b\nb: 2 # b\n\n# c\nc: 3\n", `del(.b)`,
			"# file\n\n# a\na: 1 # a\n\n# c\nc: 3\n"},
		{"del between blank lines", "a: 1\n\nb: 2\n\nc: 3\n", `del(.b)`, "a: 1\n\nc: 3\n"},
		{"del the last", "a: 1\n\n# b\nb:\n  c: 2\n  # d\n", `del(.b)`, "a: 1\n"},
		{"del the first", "# file\n\n# a\na: 1\n\nb: 2\n", `del(.a)`, "# file\n\nb: 2\n"},
		{"del the first below a header", "\n# file\n# too\na: 1\n\n# b\nb: 2\n", `del(.a)`,
			"\n# file\n# too\n\n# b\nb: 2\n"},
		{"del the first below a header, without a blank line", "# file\na: 1\nb: 2\n", `del(.a)`, "# file\nb: 2\n"},
		{"del the first below the headers of documents", "%YAML 1.1\n---\n# x\na: 1\nb: 2\n---\n# y\na: 1\nb: 2\n",
			`del(.a)`, "%YAML 1.1\n---\n# x\nb: 2\n---\n# y\nb: 2\n"},
		{"sort below a header", "# file\nb: 1 # b\n# a\na: 2\n", `sort_keys(.)`, "# file\n# a\na: 2\nb: 1 # b\n"},
		{"a key first below a header", "# file\n- a\n", `. = ["b"] + .`, "# file\n- b\n- a\n"},
		{"del within, first", "a:\n  # b\n  b: 1\n  c: 2\n", `del(.a.b)`, "a:\n  c: 2\n"},
		{"del keeps comments that stand alone", "a: 1\n\n# alone\n\nb: 2\nc: 3\n", `del(.b)`,
			"a: 1\n\n# alone\n\nc: 3\n"},
		{"del keeps comments that stand alone between blank lines", "a: 1\n\n# alone\n\nb: 2\n\nc: 3\n", `del(.b)`,
			"a: 1\n\n# alone\n\nc: 3\n"},
		{"del the last keeps comments that stand alone", "a: 1\n\n# alone\n\n# b\nb: 2\n", `del(.b)`,
			"a: 1\n\n# alone\n\n"},
		{"del keeps all comments that stand alone", "a: 1\n\n# one\n\nb: 2\n\n# two\n\nc: 3\n", `del(.b)`,
			"a: 1\n\n# one\n\n\n# two\n\nc: 3\n"},
		{"other items take no comment over", "l:\n- a # one\n- b\n- c\nm: 1\n", `.l = ["x"]`, "l:\n- x\nm: 1\n"},
		{"other items take no comments over, above and behind", "l:\n  # one\n  - a\n  - b # two\n  - c\nm: 1\n",
			`.l = ["x", "w"]`, "l:\n  - x\n  - w\nm: 1\n"},
		{"del the first of an item", "- a: 1\n  # b\n  b: 2\n", `del(.[0].a)`, "- # b\n  b: 2\n"},
		{"del the only", "a:\n  b: 1\nc: 1\n", `del(.a.b)`, "a: {}\nc: 1\n"},
		{"del an item", "a:\n- x\n- y # y\n- z\n", `del(.a[1])`, "a:\n- x\n- z\n"},
		{"del by select", "a:\n- n: x\n- n: y\n  v: 1\n- n: z\n", `del(.a[] | select(.n == "y"))`,
			"a:\n- n: x\n- n: z\n"},
		{"rename", "a: 1 # c\nb: 2\n", `with_entries(.key |= sub("a"; "z"))`, "z: 1 # c\nb: 2\n"},
		{"sort keys", "b: 1 # b\n# a\na:\n  d: 1\n  c: 2 # c\n", `sort_keys(..)`,
			"# a\na:\n  c: 2 # c\n  d: 1\nb: 1 # b\n"},
		{"sort", "a:\n- z # z\n# x\n- x\n- y\n", `.a |= sort`, "a:\n# x\n- x\n- y\n- z # z\n"},
		{"flow", "a: {b: 1, c: 2} # c\nl: [1, 2]\n", `.a.d = "x" | .l += [3] | del(.a.b)`,
			"a: {c: 2, d: x} # c\nl: [1, 2, 3]\n"},
		{"flow, del the last", "a: {b: 1, c: 2}\n", `del(.a.c)`, "a: {b: 1}\n"},
		{"flow on lines", "a: {\n  b: 1, # b\n  c: 2 # c\n}\n", `.a.d = 3`,
			"a: {\n  b: 1, # b\n  c: 2, # c\n  d: 3\n}\n"},
		{"comments within brackets, del", "a: [\n  x, # x\n  # y\n  y, # y\n  # z\n  z # z\n  # end\n]\nb:   1\n",
			`del(.a[1])`, "a: [\n  x, # x\n  # z\n  z # z\n  # end\n]\nb:   1\n"},
		{"comments within brackets, del the first", "a: [v, # v\n  w # w\n]\n", `del(.a[0])`, "a: [w # w\n]\n"},
		{"comments within brackets, del the last", "a: [v, # v\n  w # w\n]\n", `del(.a[1])`, "a: [v # v\n]\n"},
		{"comments within brackets, del the last on the last line", "a: [v, # v\n  w]\n", `del(.a[1])`,
			"a: [v # v\n  ]\n"},
		{"comments within brackets, a comma at the end", "a: [ # a\n  v, # v\n  w, # w\n]\n",
			`del(.a[1]) | .a += ["x", "z"]`, "a: [ # a\n  v, # v\n  x,\n  z,\n]\n"},
		{"comments within brackets, reverse", "a: [\n  # x\n  x,\n  v # v\n]\n", `.a |= reverse`,
			"a: [\n  v, # v\n  # x\n  x\n]\n"},
		{"comments within brackets, reverse on lines", "a: [v, # v\r\n  w # w\r\n  ]\r\n", `.a |= reverse`,
			"a: [w, # w\r\n  v # v\r\n  ]\r\n"},
		{"comments within braces, sort", "a: {c: 1, # c\n    b: 2} # a\n", `.a |= sort_keys(.)`,
			"a: {b: 2,\n    c: 1 # c\n    } # a\n"},
		{"comments within brackets, first", "a: [v, # v\n  w]\n", `.a = ["u"] + .a`, "a: [u,\n  v, # v\n  w]\n"},
		{"commas first", "a: [v\n  , w\n  , x]\n", `del(.a[1])`, "a: [v\n  , x]\n"},
		{"spaces before commas", "a: { b: 1 , c: 2 }\n", `.a.d = 3 | del(.a.b)`, "a: { c: 2, d: 3 }\n"},
		{"an empty map", "a: {} # c\nb: 1\n", `.a.b = 1`, "a: # c\n  b: 1\nb: 1\n"},
		{"an empty list", "a: []\nb: 1\n", `.a += ["x"]`, "a:\n  - x\nb: 1\n"},
		{"null", "a:\nb: ~ # c\n", `.a.b = 1 | .b = {"x": 1}`, "a:\n  b: 1\nb: # c\n  x: 1\n"},
		{"map to scalar", "a: # c\n  b: 1\n  c: 2\nd: 1\n", `.a = "x"`, "a: x # c\nd: 1\n"},
		{"scalar to map", "a: x # c\nd: 1\n", `.a = {"b": 1}`, "a: # c\n  b: 1\nd: 1\n"},
		{"item to map", "- x\n- y\n", `.[0] = {"b": 1, "c": 2}`, "- b: 1\n  c: 2\n- y\n"},
		{"a literal", "a: |\n  x\n  y\nb: 1\n", `.a += "z\n" | .b = 2`, "a: |\n  x\n  y\n  z\nb: 2\n"},
		{"documents", "a: 1 # x\n---\na: 1 # y\n", `(select(di == 1) | .a) = 2`, "a: 1 # x\n---\na: 2 # y\n"},
		{"documents, select on the right", "a: 1 # x\n---\na: 1 # y\nb: {c: 2}\n", `.a = (.b | select(has("c")) | .c)`,
			"a: 1 # x\n---\na: 2 # y\nb: {c: 2}\n"},
		{"with", "a:\n  b: 1\n", `with(.a; .b = 2 | .c = 3)`, "a:\n  b: 2\n  c: 3\n"},
		{"map", "- 1\n- 2 # c\n", `map(. + 1)`, "- 2\n- 3 # c\n"},
		{"merge", "a: 1\nb:\n  c: 1 # c\n", `. *= {"b": {"d": 2}}`, "a: 1\nb:\n  c: 1 # c\n  d: 2\n"},
		{"CRLF", "a: 1\r\nb:\r\n  c: 1\r\n", `.b.d.e = 1`, "a: 1\r\nb:\r\n  c: 1\r\n  d:\r\n    e: 1\r\n"},
		{"no final newline", "a: 1", `.b = 1`, "a: 1\nb: 1"},
		{"an empty file", "", `.a.b = 1`, "a:\n  b: 1\n"},
		{"comments alone", "# c\n", `.a = 1`, "# c\na: 1\n"},
		{"an anchor", "a: &x\n  b: 1\nc: *x\n", `.a.d = 1`, "a: &x\n  b: 1\n  d: 1\nc: *x\n"},
		{"nothing within braces",
			"on: {push: , pull_request: {branches: [main]}}\nx: {a}\ns: !!set {a, b}\nt: {{ .Name }}\nb: 1\n", `.b = 2`,
			"on: {push: , pull_request: {branches: [main]}}\nx: {a}\ns: !!set {a, b}\nt: {{ .Name }}\nb: 2\n"},
		{"a key alone", "a: {b, c: 1}\nd: {b , c}\n", `.a.b = 2 | .d.b = {"x": 1} | .d.c = 3`,
			"a: {b: 2, c: 1}\nd: {b: {x: 1} , c: 3}\n"},
		{"a literal with a comment", "a: |- # c\n  x\n  y\nb: 1\n", `.a = "z\ny"`, "a: |- # c\n  z\n  y\nb: 1\n"},
		{"a folded one", "a: >- # c\n  x\n  y\nb: 1\n", `.a |= sub("x"; "z")`, "a: >- # c\n  z y\nb: 1\n"},
		{"a literal to a number", "a: | # c\n  x\nb: 1\n", `.a = 5`, "a: 5 # c\nb: 1\n"},
		{"reverse equals", "- x # 1\n- y # 2\n- x # 3\n- z # 4\n", `reverse`, "- z # 4\n- x # 3\n- y # 2\n- x # 1\n"},
		{"items made anew", "- a # 1\n- b # 2\n- c # 3\n- d # 4\n", `. = ["b", "x", "v", "c"]`,
			"- b # 2\n- x\n- v\n- c # 3\n"},
		{"far in a line", "{a: [" + strings.Repeat("é, ", 300) + "x]}\n", `.a[300] = "z"`,
			"{a: [" + strings.Repeat("é, ", 300) + "z]}\n"},
		{"explicit keys", "a:  1 # a\n? b # b\n# c\n: c:   2 # c\n  d: 3\n? |\n  e\n: - f # f\n",
			`.a = 2 | .b.d = "x" | .g = 1`,
			"a:  2 # a\n? b # b\n# c\n: c:   2 # c\n  d: x\n? |\n  e\n: - f # f\ng: 1\n"},
		{"explicit keys without values", "? a # a\n? b\n? c\n", `.a = "x" | .b = {"z": 1} | .d = 1`,
			"? a # a\n: x\n? b\n:\n  z: 1\n? c\nd: 1\n"},
		{"keys that are collections", "a:  1 # a\n? [x, y]\n: v  # v\n? - x\n  - z\n: w  # w\n{x: 1}:  z\n",
			`.b = 2 | del(.a)`, "? [x, y]\n: v  # v\n? - x\n  - z\n: w  # w\n{x: 1}:  z\nb: 2\n"},
		{"explicit keys within braces", "a: {? b : 1, ? [c] : 2, ? d}\n", `.a.b = 2 | .a.d = "x" | .a.e = 1`,
			"a: {? b : 2, ? [c] : 2, ? d: x, e: 1}\n"},
		{"a pair without braces beside", "a: [b: , ? c, d]\ne:   1\n", `.a[2] = 2 | .e = 3`,
			"a: [b: , ? c, 2]\ne:   3\n"},
		{"behind a literal without an end", "a: 1 # a\nb: |+ # b\n  x\n  y", `.c = "z"`,
			"a: 1 # a\nb: |- # b\n  x\n  y\nc: z"},
		{"behind a folded one without an end", "l:\r\n- >2\r\n    x", `.l += ["z"]`, "l:\r\n- >2-\r\n    x\r\n- z"},
		{"behind a kept one without an end", "a:  1\nb: |+2\n   x", `.c = "z"`, "a:  1\nb: |2-\n   x\nc: z"},
		{"a literal behind a literal without an end", "a:  1\nb: |\n  x", `.c = "y\nz\n"`,
			"a:  1\nb: |-\n  x\nc: |\n  y\n  z\n"},
		{"beside a literal without an end", "a: 1 # a\nb: |\n  x", `.a = {"c": 1}`, "a: # a\n  c: 1\nb: |\n  x"},
		{"a comment on nothing", "a:  ", `.a line_comment = "x"`, "a: # x"},
		{"all comments", "# top\na:   1 # x\n\n# y\nb: 2\n", `... comments = ""`, "a:   1\n\nb: 2\n"},
		{"a style", "a: x # c\nb: 1\n", `.a style="double"`, "a: \"x\" # c\nb: 1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, changes, warnings, err := evaluateOne("f.yaml", tt.src, tt.expr)
			if err != nil || got != tt.want || len(warnings) > 0 {
				t.Fatalf("got %q, %q, %v\nwant %q", got, warnings, err, tt.want)
			}
			if len(changes) == 0 {
				t.Error("no changes")
			}
		})
	}
}

// What cannot be done in place is done nevertheless, and said.
func TestBecomeWarnings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, src, expr, want, warning string }{
		{"a pair without braces", "l: [a: 1,  2]\n", `.l[0].b = 2`, "l: [{a: 1, b: 2},  2]\n", ".l[0]"},
		{"comments before commas", "a: [\n  x # x\n  , y, # y\n  z # z\n]\nb:   1\n", `del(.a[1])`,
			"a: [x, z]\nb:   1\n", ".a!"},
		{"a pair without braces beside comments", "a:\n- [x: 1, # x\n  z # z\n ]\nb:   1\n", `.a[0][0].b = 2`,
			"a:\n- [{x: 1, b: 2}, # x\n  z # z\n ]\nb:   1\n", ".a[0][0]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, warnings, err := evaluateOne("f.yaml", tt.src, tt.expr)
			path, lost := strings.CutSuffix(tt.warning, "!")
			want := "f.yaml: " + path +
				" is written anew, since it cannot be changed in place: look at its comments and its layout"
			if lost {
				want = "f.yaml: " + path +
					" is written anew, since it cannot be changed in place: some of its comments are lost"
			}
			if err != nil || got != tt.want || len(warnings) != 1 || warnings[0] != want {
				t.Errorf("got %q, %q, %v\nwant %q", got, warnings, err, tt.want)
			}
		})
	}
}

// What is deleted with an entry, and may be one itself, is named.
func TestBecomeDisabled(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"a: 1\n# replicas: 3\n# old\nb: 1\n": "f.yaml: .b is deleted with the comments above it, " +
			"which may be entries of their own: # replicas: 3",
		"a: 1\n\n#- x\n#  y\nb: 1\n": "f.yaml: .b is deleted with the comments above it, " +
			"which may be entries of their own: #- x",
		"a: 1\r\n# x:\r\n#   y: 1\r\nb: 1\r\n": "f.yaml: .b is deleted with the comments above it, " +
			"which may be entries of their own: # x:",
		"a: 1\n# see https://x\n# well-known\nb: 1\n": "",
		"a: 1\n# x: 1\n\n# b\nb: 1\n":                 "",
		"# x: 1\nb: 1\na: 1\n":                        "",
		"a: 1\nb: 1 # x: 1\n":                         "",
	} {
		got, _, warnings, err := evaluateOne("f.yaml", src, `del(.b)`)
		if err != nil || strings.Join(warnings, "\n") != want || strings.Contains(got, "b: 1") {
			t.Errorf("%q: %q, %q, %v", src, got, warnings, err)
		}
		if _, _, warnings, err := evaluateOne("f.yaml", src, `sort_keys(.)`); err != nil || warnings != nil {
			t.Errorf("%q: %q, %v", src, warnings, err)
		}
	}
}

func TestBecomeJSON(t *testing.T) {
	t.Parallel()
	const src = "{\n  \"a\": \"v1\",\n  \"l\": [\n    1,\n    2\n  ],\n  \"m\": {}\n}\n"
	for expr, want := range map[string]string{
		`.a = "yes"`: "{\n  \"a\": \"yes\",\n  \"l\": [\n    1,\n    2\n  ],\n  \"m\": {}\n}\n",
		`.b = "x"`: "{\n  \"a\": \"v1\",\n  \"l\": [\n    1,\n    2\n  ],\n  \"m\": {},\n" +
			"  \"b\": \"x\"\n}\n",
		`.l += [3]`:  "{\n  \"a\": \"v1\",\n  \"l\": [\n    1,\n    2,\n    3\n  ],\n  \"m\": {}\n}\n",
		`del(.l[0])`: "{\n  \"a\": \"v1\",\n  \"l\": [\n    2\n  ],\n  \"m\": {}\n}\n",
		`del(.m)`:    "{\n  \"a\": \"v1\",\n  \"l\": [\n    1,\n    2\n  ]\n}\n",
		`.m.x = {"y": [null]}`: "{\n  \"a\": \"v1\",\n  \"l\": [\n    1,\n    2\n  ],\n  \"m\": {\n" +
			"    \"x\": {\n      \"y\": [\n        null\n      ]\n    }\n  }\n}\n",
		`del(.l) | del(.m)`:      "{\n  \"a\": \"v1\"\n}\n",
		`.l = "x" | .m = "a\nb"`: "{\n  \"a\": \"v1\",\n  \"l\": \"x\",\n  \"m\": \"a\\nb\"\n}\n",
	} {
		for _, name := range []string{"f.json", "composer.lock"} {
			got, _, warnings, err := evaluateOne(name, src, expr)
			if err != nil || got != want || warnings != nil || !json.Valid([]byte(got)) {
				t.Errorf("%s: %s: got %q, %q, %v\nwant %q", name, expr, got, warnings, err, want)
			}
		}
	}
}
