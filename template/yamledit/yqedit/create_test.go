package yqedit

import (
	"errors"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/yamledit"
)

func createOne(name, src, path, value string) (string, []yamledit.Change, error) {
	return createAs(src, Assignment{File: name, Path: path, Value: value})
}

// createAs makes an assignment in a text, with CreateMissing.
func createAs(src string, a Assignment) (string, []yamledit.Change, error) {
	name := a.File
	a.Missing = CreateMissing
	result, err := Assign(fstest.MapFS{name: {Data: []byte(src)}}, []Assignment{a}, ignore)
	if text, ok := result.Files[name]; ok {
		src = string(text)
	}
	return src, result.Changes, err
}

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, src, path, value, want string }{
		{"f.yaml", "image:\n    tag: v1 # c\n\n# end\n", ".image.digest", "sha256:ab",
			"image:\n    tag: v1 # c\n    digest: sha256:ab\n\n# end\n"},
		{"f.yaml", "a: 1\n", ".b.c.d", "x", "a: 1\nb:\n  c:\n    d: x\n"},
		{"f.yaml", "a: {} # c\n", ".a.b", "x", "a: # c\n  b: x\n"},
		{"f.yaml", "a:\nb: 1\n", ".a.b", "x", "a:\n  b: x\nb: 1\n"},
		{"f.yaml", "a: ~\n", ".a.b", "x", "a:\n  b: x\n"},
		{"f.yaml", "a: {b: 1}\n", ".a.c", "x, y", "a: {b: 1, c: \"x, y\"}\n"},
		{"f.yaml", "", ".a.b", "x", "a:\n  b: x\n"},
		{"f.yaml", "# c\n", ".a", "x", "# c\na: x\n"},
		{"f.yaml", "---\n", ".a", "x", "---\na: x\n"},
		{"f.yaml", "a:\n- x\n", ".a[1]", "w", "a:\n- x\n- w\n"},
		{"f.yaml", "a:\n- x: 1\n", ".a[0].w", "z", "a:\n- x: 1\n  w: z\n"},
		{"f.yaml", "a:\n- x: 1\n", ".a[1].w", "z", "a:\n- x: 1\n- w: z\n"},
		{"f.yaml", "a: 1\n", ".l[0]", "z", "a: 1\nl:\n  - z\n"},
		{"f.yaml", "a: 1\n", `.["b.c/d"]`, "z", "a: 1\nb.c/d: z\n"},
		{"f.yaml", "a: 1\n", `.["1"]`, "z", "a: 1\n\"1\": z\n"},
		{"f.yaml", "a: 1\r\n", ".b.c", "z", "a: 1\r\nb:\r\n  c: z\r\n"},
		{"f.yaml", "a: 1", ".b", "z", "a: 1\nb: z"},
		{"f.yaml", "a: 1 # c\nb: |\n  x", ".c", "z", "a: 1 # c\nb: |-\n  x\nc: z"},
		{"f.yaml", "a: 1 # c\nb: |\n  x", ".a", "z", "a: z # c\nb: |\n  x"},
		{"f.yaml", "a:  1 # c\n? [x, y]\n: z\n", ".c", "z", "a:  1 # c\n? [x, y]\n: z\nc: z\n"},
		{"f.yaml", "a: &x\n  b: 1\nc:\n  <<: *x\n", ".c.d", "z", "a: &x\n  b: 1\nc:\n  <<: *x\n  d: z\n"},
		{"f.yaml", "a: v1\n", ".a", "v2", "a: v2\n"}, // it is there
		{"f.json", "{\n  \"a\": 1\n}\n", ".b", "x", "{\n  \"a\": 1,\n  \"b\": \"x\"\n}\n"},
		{"f.json", "{\n  \"a\": {}\n}\n", ".a.b.c", "5",
			"{\n  \"a\": {\n    \"b\": {\n      \"c\": 5\n    }\n  }\n}\n"},
		{"f.json", "{\"a\": [1]}", ".a[1]", "true", "{\"a\": [1, true]}"},
	} {
		got, changes, err := createOne(tt.name, tt.src, tt.path, tt.value)
		if err != nil || got != tt.want || len(changes) != 1 {
			t.Errorf("%q, %s: got %q, %v, %v\nwant %q", tt.src, tt.path, got, changes, err, tt.want)
		}
		if again, changes, err := createOne(tt.name, got, tt.path, tt.value); err != nil ||
			again != got || changes != nil {
			t.Errorf("%q, %s again: %q, %v, %v", tt.src, tt.path, again, changes, err)
		}
	}
}

func TestCreateTypes(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"5": "5", "-5": "-5", "0": "0", "65535": "65535", "1234567": `"1234567"`, "true": "true", "false": "false",
		"null": "null", "v1": "v1", "1.2.3": "1.2.3", "": `""`,
		"1.10": `"1.10"`, "1.5": `"1.5"`, "007": `"007"`, "+5": `"+5"`, "-0": `"-0"`, "1e5": `"1e5"`, "0x1F": `"0x1F"`,
		"yes": `"yes"`, "True": `"True"`, "~": `"~"`,
		"9223372036854775808": `"9223372036854775808"`, "2026-11-20": `"2026-11-20"`, "12:30": `"12:30"`,
		"a: b": `"a: b"`, "a #b": `"a #b"`,
		"@a": `"@a"`, " a": `" a"`, "a\nb": `"a\nb"`, "\n": `"\n"`, "\x00": `"\u0000"`, "{{ .x }}": `"{{ .x }}"`,
		"|": `"|"`, "é": "é",
	} {
		got, _, err := createOne("f.yaml", "a: 1\n", ".b", value)
		if want = "a: 1\nb: " + want + "\n"; err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", value, got, err, want)
		}
	}
}

func TestCreateErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ src, path, want string }{
		{"a: 1\n", ".b[]", "f.yaml: .b[] selects nothing, and only a path of keys and indices can be created"},
		{"a: 1\n", `.b | select(. == "x")`,
			`f.yaml: .b | select(. == "x") selects nothing, and only a path of keys and indices can be created`},
		{"a: 1\n", ".b.*", "f.yaml: .b.* selects nothing, and only a path of keys and indices can be created"},
		{"a: 1\n", ".b, .c", "f.yaml: .b, .c selects nothing, and only a path of keys and indices can be created"},
		{"a: 1\n---\nb: 1\n", ".c",
			"f.yaml: .c selects nothing, and there are several documents in which it could be created"},
		{"a: 1\n", ".a.b", "f.yaml: .a.b cannot be created, since .a is a value"},
		{"x: &x 1\na: *x\n", ".a.b", "f.yaml: .a.b cannot be created, since .a is an alias"},
		{"a:\n- 1\n", ".a[2]", "f.yaml: .a[2] cannot be created, since .a has 1 items"},
		{"a: {b: 1}\n", ".a[0]", "f.yaml: .a[0] cannot be created, since .a is a map"},
		{"l: [a: 1]\n", ".l[0].b", "f.yaml: .l[0].b cannot be created without writing what is around it anew"},
	} {
		got, changes, err := createOne("f.yaml", tt.src, tt.path, "v")
		if !errors.Is(err, yamledit.ErrUneditable) || err.Error() != tt.want || got != tt.src || changes != nil {
			t.Errorf("%q: got %q, %v, %v\nwant %s", tt.src, got, changes, err, tt.want)
		}
	}
}
