package yqedit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

func evaluateOne(name, src, expr string) (string, []yamledit.Change, []string, error) {
	result, err := Evaluate(fstest.MapFS{name: {Data: []byte(src)}}, []Expression{{name, expr}}, ignore)
	if text, ok := result.Files[name]; ok {
		src = string(text)
	}
	return src, result.Changes, result.Warnings, err
}

func TestEvaluateErrors(t *testing.T) {
	t.Parallel()
	const other = " does not yield the document: it must be an assignment, such as .a = 1, or del(.a)"
	bomb := "a0: &a0 [x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("a%d: &a%[1]d [%s]\n", i+1,
			strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	for _, tt := range []struct {
		src, expr string
		kind      error
		want      string
	}{
		{"a: 1\n", ".a", yamledit.ErrUneditable, "f.yaml: .a" + other},
		{"a: {b: 1}\n", ".a", yamledit.ErrUneditable, "f.yaml: .a" + other},
		{"a: {b: 1}\n", ".a | .b = 2", yamledit.ErrUneditable, "f.yaml: .a | .b = 2" + other},
		{"a: 1\n", ".a + 1", yamledit.ErrUneditable, "f.yaml: .a + 1" + other},
		{"a: 1\n", "[.a]", yamledit.ErrUneditable, "f.yaml: [.a]" + other},
		{"a: 1\n", `select(.a == 2) | .a = 3`, yamledit.ErrNoNode, `f.yaml: select(.a == 2) | .a = 3 selects nothing`},
		{"a: [x]\n", `(.a[] | select(. == "y")) = "z"`, yamledit.ErrNoNode,
			`f.yaml: (.a[] | select(. == "y")) = "z" selects nothing`},
		{"a: v\nb: [{x: y}]\n", `.a = (.b[] | select(.x == "none"))`, yamledit.ErrNoNode,
			`f.yaml: .a = (.b[] | select(.x == "none")) selects nothing`},
		{"b: 1\n", `.a = .z[]`, yamledit.ErrNoNode, `f.yaml: .a = .z[] selects nothing`},
		{"a: 1\n", `.a = error("no")`, yamledit.ErrUneditable, `f.yaml: .a = error("no") fails: no`},
		{"a: b: c\n", ".a = 1", yamledit.ErrSyntax,
			"f.yaml:1: cannot be read as YAML: mapping values are not allowed in this context"},
		{"b: 1\na: 1\na: 2\n", `.b = 2`, yamledit.ErrUneditable,
			`f.yaml:3: .b = 2 changes a map in which the key "a" is there twice`},
		{"a: 1\nb: 2\n", `with_entries(.key = "c")`, yamledit.ErrUneditable,
			`f.yaml:2: with_entries(.key = "c") changes a map in which the key "c" is there twice`},
		{"b: 1\n? [x]\n: 1\n? [z]\n: 2\n", `sort_keys(.)`, yamledit.ErrUneditable,
			`f.yaml:4: sort_keys(.) changes a map in which the key "[z]" is there twice`},
		{bomb, `explode(.)`, yamledit.ErrUneditable,
			`f.yaml: explode(.) meets aliases that make more than 1000000 nodes`},
		{bomb + "# " + strings.Repeat("x", maxReached), `explode(.)`, yamledit.ErrUneditable,
			`f.yaml: explode(.) meets aliases that make more than 1000000 nodes`},
		{"\xff", ".a = 1", yamledit.ErrSyntax, "f.yaml:1: cannot be read as YAML: not in UTF-8"},
	} {
		got, changes, warnings, err := evaluateOne("f.yaml", tt.src, tt.expr)
		var e *yamledit.Error
		if !errors.As(err, &e) || e.Err != tt.kind || e.Key != tt.expr || e.File != "f.yaml" ||
			err.Error() != tt.want || got != tt.src || changes != nil || warnings != nil {
			t.Errorf("%s: got %.1000q, %v, %v\nwant %s", tt.expr, got, changes, err, tt.want)
		}
	}
	if _, _, _, err := evaluateOne("f.yaml", "a: x\n", `.a = "\(env(HOME))"`); err == nil {
		t.Error("the environment can be read within a string")
	}
}

// What changes nothing is no error.
func TestEvaluateNothing(t *testing.T) {
	t.Parallel()
	for src, expr := range map[string]string{
		"a:   v2 # c\n": `.a = "v2"`, "b: 1\n": `del(.a)`, "a: ~\n": `.a = null`, "a:\n": `.a = null`,
		"a: {b: [1]}\n": `.a.b[0] = 1`,
		"a: 1\nb: 2\n":  `sort_keys(..)`, "": `del(.a)`, "# c\n": `.`, "a: [1, 2]\n": `.a |= unique`,
		"a: 'x'\n": `.a = "x"`, "c: |-\n  x": `.`,
		"a: v2\nb: v1\n": `.a |= (select(. == "v1") | "v2")`, "a: [x]\n": `.a -= (.a[] | select(. == "y"))`,
		"a: x\nb: [x, y]\n": `.a = (.b[] | select(. == "x"))`,
	} {
		got, changes, warnings, err := evaluateOne("f.yaml", src, expr)
		if err != nil || got != src || changes != nil || warnings != nil {
			t.Errorf("%s: got %q, %v, %q, %v", expr, got, changes, warnings, err)
		}
	}
}

func TestEvaluateFiles(t *testing.T) {
	t.Parallel()
	fsys := &recorder{MapFS: fstest.MapFS{
		"a.yaml":   {Data: []byte("v: 1 # a\n")},
		"b/b.yaml": {Data: []byte("v: 1 # b\nl: [x]\n")},
		"c.json":   {Data: []byte("{\"v\": 1}\n")},
	}}
	result, err := Evaluate(fsys, []Expression{
		{"**.yaml", ".v = 2"}, {"b/*", `.v = 3 | del(.l) | .m.k = "x"`}, {"**", `.v += 1`}, {"**.yaml",
			`(.m | select(.k == "x") | .k) = "y"`},
	}, ignore)
	out, changes, warnings := result.Files, result.Changes, result.Warnings
	if err != nil || warnings != nil || len(out) != 3 || len(fsys.prefetched) != 1 {
		t.Fatalf("got %q, %q, %v", out, warnings, err)
	}
	for name, want := range map[string]string{"a.yaml": "v: 3 # a\n", "b/b.yaml": "v: 4 # b\nm:\n  k: \"y\"\n",
		"c.json": "{\"v\": 2}\n"} {
		if string(out[name]) != want {
			t.Errorf("%s: got %q, want %q", name, out[name], want)
		}
	}
	want := []yamledit.Change{{File: "a.yaml", Path: ".v", Old: "1", New: "3"},
		{File: "b/b.yaml", Path: ".v", Old: "1", New: "4"}, {File: "b/b.yaml", Path: ".m", Old: "", New: "{k: x}"},
		{File: "b/b.yaml", Path: ".l", Old: "[x]", New: ""},
		{File: "b/b.yaml", Path: ".m.k", Old: "x", New: "y"}, {File: "c.json", Path: ".v", Old: "1", New: "2"}}
	if !slices.Equal(changes, want) {
		t.Errorf("changes %+v\nwant %+v", changes, want)
	}

	for _, tt := range []struct{ file, expr, want string }{
		{"d.yaml", ".v = 1", "d.yaml: no such file"},
		{"**.yaml", "(.x[] | .v) = 1", "**.yaml: (.x[] | .v) = 1 selects nothing"},
		{"**", ".v", "a.yaml: .v does not yield the document: it must be an assignment, such as .a = 1, or del(.a)"},
		{"**", ".v = env(X)", `expression ".v = env(X)": env is refused: it reads the environment`},
	} {
		if result, err := Evaluate(fsys, []Expression{{tt.file, tt.expr}}, ignore); err == nil ||
			err.Error() != tt.want ||
			result.Files != nil || result.Changes != nil {
			t.Errorf("got %v, %v; want %s", result, err, tt.want)
		}
	}
	if _, err := Evaluate(broken{}, []Expression{{"a.yaml", ".a = 1"}}, ignore); err == nil {
		t.Error("a broken file system is no error")
	}
}

func TestParseExpression(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Expression{
		"a.yaml:.b = 1":                  {"a.yaml", ".b = 1"},
		"charts/**.yaml:.b = \"x:y\"":    {"charts/**.yaml", ".b = \"x:y\""},
		`f:del(.a) | .b |= (. + 1)`:      {"f", `del(.a) | .b |= (. + 1)`},
		`f:.a |= tz("Europe/Berlin")`:    {"f", `.a |= tz("Europe/Berlin")`},
		`f:.a = "\(.b) tz"`:              {"f", `.a = "\(.b) tz"`},
		`f:with(.a; .b = 1)`:             {"f", `with(.a; .b = 1)`},
		`f:select(.kind == "A").b = "c"`: {"f", `select(.kind == "A").b = "c"`},
	} {
		if got, err := ParseExpression(in); err != nil || got != want {
			t.Errorf("ParseExpression(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "a.yaml", ":.a = 1", "/a:.a = 1", "../a:.a = 1", "a:", "a: ", "a:.a = ", "a:.a[ = 1", "a:.a = env(X)",
		"a:.a = strenv(X)", "a:.a |= envsubst", "a:.a |= envsubst(ne)", "a:.[] | split_doc",
		"a:.a = load(\"x\")", "a:.a = load_str(\"x\")", "a:.a = system(\"true\")", "a:.a = now", "a:.a |= shuffle",
		"a:eval(.a) = 1", "a:with(.a; . = now)", `a:.a |= tz("Local")`, `a:.a |= tz("Lo"+"cal")`,
		`a:.a |= tz(.b)`, `a:.a |= tz("Lo\(.b)")`, `a:.a = "\(.b | tz("Lo" + "cal"))"`, `a:.a = "\(.b |
tz(.c))"`,
	} {
		if got, err := ParseExpression(in); err == nil {
			t.Errorf("ParseExpression(%q) = %q", in, got)
		}
	}
}

// FuzzEvaluate runs typical expressions on any text. Whatever comes out reads as what yq makes of it.
func FuzzEvaluate(f *testing.F) {
	exprs := []string{`.new = "x"`, `.a = 5`, `.a.b = "1.10"`, `del(.a)`, `del(.[0])`, `. += ["x"]`,
		`.a += ["x", {"y": 1}]`, `sort_keys(..)`, `.a |= reverse`, `(.. | select(tag == "!!str")) = "s"`,
		`.a = {"b": [1]}`, `.a = "x\ny"`, `. *= {"a": {"b": {}}}`, `(select(di == 1) | .a) = 2`, `.. style = "double"`,
		`.a line_comment = "x"`, `del(.a.b)`, `map(. + 1)`}
	for i, src := range []string{"a: 1\nb: 2\n", "a:\n  b: 1 # c\n  # d\nc: |\n  x\n", "- a\n- b: 1\n  a: 2\n",
		"a: {b: 1, c: [x, y]}\n", "a: &x\n- 1\nb: *x\n", "", "# c\n", "---\na: 1\n---\na: 2\n", "? a\n: b\n",
		"a: x\n  y\n", "{\"a\": [1,\n2]}", "a: !!str 5\n", "a:\n", "- - - x\n  - y\n", "a: >-\n  x\n\n",
		"\ufeffa: 1\r\nb: 1", "a: [x: 1]\n", "a: [1, # c\n 2 # d\n]\n", "\"a\":\n    - b\n    # c\n",
		"'a' : 1\n", "a: |+\n\n\nb: 1"} {
		for j := range exprs {
			if (i+j)%3 == 0 {
				f.Add(src, j)
			}
		}
	}
	f.Fuzz(func(t *testing.T, src string, i int) {
		expr := exprs[uint(i)%uint(len(exprs))]
		docs := parsed(src)
		if len(docs) == 0 {
			return
		}
		got, _, _, err := evaluateOne("f.yaml", src, expr)
		if err != nil {
			var e *yamledit.Error
			if !errors.As(err, &e) || got != src {
				t.Fatalf("%s of %q: %v", expr, src, err)
			}
			return
		}
		tree, err := parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		var want []*yaml.Node
		for i, doc := range docs {
			result, _, err := transformOne(doc, i, tree)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, result)
		}
		if err := readsLike(got, want); err != nil {
			t.Errorf("%s of %q: %q: %v", expr, src, got, err)
		}
		if again, _, _, err := evaluateOne("f.yaml", got, `.`); err != nil || again != got {
			t.Errorf("%s of %q: %q, %v", expr, src, again, err)
		}
	})
}
