package yqedit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mikefarah/yq/v4/pkg/yqlib"

	"update-gitops-repo/template/yamledit"
)

// yq itself is told to refuse what CheckPath does.
func TestYqIsConfined(t *testing.T) {
	t.Parallel()
	setUpYq()
	for _, expr := range []string{"env(HOME)", `load("/etc/hostname")`, `system("true")`} {
		if got, err := yqlib.NewAllAtOnceEvaluator().EvaluateNodes(expr, &yqlib.CandidateNode{}); err == nil {
			t.Errorf("%s yields %v", expr, got)
		}
	}
	now, err := yqlib.ExpressionParser.ParseExpression("now")
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := navigate((&yqlib.Context{}).SingleChildContext(&yqlib.CandidateNode{}), now)
	if err == nil || err.Error() != "fails: the clock is off" {
		t.Errorf("now yields %v, %v", nodes, err)
	}
}

func TestCheckPath(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{".", ".a", ".a[0].b", ".a[]", "..", `.. | select(tag == "!!int")`,
		".a // .b", ".a as $x | .b",
		`.spec.template.spec.containers[] | select(.name == "app") | .image`,
		`select(.kind == "Deployment").spec`, ".a, .b"} {
		if err := CheckPath(expr); err != nil {
			t.Error(err)
		}
	}
	for _, expr := range []string{
		"", " ", ".a[", ".a | ", "))", ".a = 3", ".a |= 3", ".a += 3", ".a -= 3", ".a *= 3", "del(.a)",
		"delpaths([[\"a\"]])",
		"setpath([\"a\"]; 1)", ".a style=\"double\"", ".a tag=\"x\"", ".a line_comment=\"x\"", ".a anchor=\"x\"",
		".a alias=\"x\"",
		"with(.a; . = 3)", ".a | (.b = 3)", "eval(.a)", "explode(.a)", "env(HOME)", "strenv(HOME)", ".[env(HOME)]",
		".a | envsubst",
		"select(.a == strenv(HOME))", "load(\"a\")", "load_str(\"a\")", "load_xml(\"a\")", "load_props(\"a\")",
		"load_base64(\"a\")",
		"system(\"true\")", "now", "shuffle", "sort_keys(.)",
	} {
		if err := CheckPath(expr); err == nil {
			t.Errorf("CheckPath(%q) takes it", expr)
		}
		_, err := Assign(fstest.MapFS{"f.yaml": {}}, []Assignment{{File: "f.yaml", Path: expr, Value: "x"}}, ignore)
		if err == nil || errors.Is(err, yamledit.ErrNoNode) {
			t.Errorf("Assign(%q) = %v", expr, err)
		}
	}
}

func TestAssignErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src, path string
		kind            error
		text            string
	}{
		{"no key", "a: {}\n", ".a.b", yamledit.ErrNoNode, "f.yaml: .a.b selects nothing"},
		{"no key below null", "a: ~\n", ".a.b", yamledit.ErrNoNode, "f.yaml: .a.b selects nothing"},
		{"no key below a value", "a: v1\n", ".a.b.c", yamledit.ErrNoNode, "f.yaml: .a.b.c selects nothing"},
		{"no index", "a: [x]\n", ".a[3]", yamledit.ErrNoNode, "f.yaml: .a[3] selects nothing"},
		{"no match", "a: [x]\n", `.a[] | select(. == "y")`, yamledit.ErrNoNode,
			`f.yaml: .a[] | select(. == "y") selects nothing`},
		{"an empty file", "", ".a", yamledit.ErrNoNode, "f.yaml: .a selects nothing"},
		{"comments", "# c\n", ".a", yamledit.ErrNoNode, "f.yaml: .a selects nothing"},
		{"a map", "x: 1\na: {b: c}\n", ".a", yamledit.ErrUneditable, "f.yaml:2: .a selects a map, not a scalar"},
		{"a sequence", "a:\n- b\n", ".a", yamledit.ErrUneditable, "f.yaml:2: .a selects a sequence, not a scalar"},
		{"one of several", "a: v1\nb: [c]\n", ".a, .b", yamledit.ErrUneditable,
			"f.yaml:2: .a, .b selects a sequence, not a scalar"},
		{"a key", "a: v1\n", ".a | key", yamledit.ErrUneditable, `f.yaml:1: .a | key selects the key "a", not a value`},
		{"an alias", "a: &x v1\nb: *x\n", ".b", yamledit.ErrUneditable,
			"f.yaml:2: .b selects the alias *x of .a, and setting that would change every other use of it"},
		{"an alias of a key", "&x a: v1\nb: *x\n", ".b", yamledit.ErrUneditable,
			`f.yaml:2: .b selects the alias *x of the key "a", and setting that would change every other use of it`},
		{"through an alias", "a: &x {t: v1}\nb: *x\n", ".b.t", yamledit.ErrUneditable,
			"f.yaml:1: .b.t selects .a.t through an alias or a merge key, and so would change every other use of it"},
		{"through a merge key", "a: &x {t: v1}\nb:\n  <<: *x\n", ".b.t", yamledit.ErrUneditable,
			"f.yaml:1: .b.t selects .a.t through an alias or a merge key, and so would change every other use of it"},
		{"computed", "a: 1\n", ".a + 1", yamledit.ErrUneditable,
			"f.yaml: .a + 1 yields something computed, which is no node of the file"},
		{"collected", "a: 1\n", "[.a]", yamledit.ErrUneditable,
			"f.yaml: [.a] yields something computed, which is no node of the file"},
		{"a key of a list", "a: [1]\n", ".a[\"x\"]", yamledit.ErrNoNode,
			`f.yaml: .a["x"] selects nothing: .a is a list`},
		{"a key of a list behind an alias", "a: &a [1]\nb: *a\n", ".b.x", yamledit.ErrNoNode,
			"f.yaml: .b.x selects nothing: .a is a list"},
		{"a key of a list, by an expression", "a: [1]\n", "(.a, .b) | .x", yamledit.ErrNoNode,
			`f.yaml: (.a, .b) | .x selects nothing: cannot index array with 'x' ("x" is no number)`},
		{"too large an index", "a: [1]\n", ".a[\"99999999999999999999\"]", yamledit.ErrNoNode,
			`f.yaml: .a["99999999999999999999"] selects nothing: .a is a list`},
		{"a number with a tag", "a: !!int 5\n", ".a", yamledit.ErrUneditable,
			`f.yaml:1: .a: "new value" is no !!int, as the tag of the node says`},
		{"a key without a value", "? b\n? c\n", ".b", yamledit.ErrUneditable,
			"f.yaml:2: .b cannot be set: there is no place for a value; write one by hand"},
		{"not YAML", "x: 1\na: b: c\n", ".a", yamledit.ErrSyntax,
			"f.yaml:2: cannot be read as YAML: mapping values are not allowed in this context"},
		{"Helm", "x: 1\n{{ if .x }}\na: 1\n{{ end }}\n", ".a", yamledit.ErrSyntax, "f.yaml:…"},
		{"UTF-16", "\xff\xfea\x00", ".a", yamledit.ErrSyntax, "f.yaml:1: cannot be read as YAML: not in UTF-8"},
		{"an unknown alias", "a: *x\n", ".a", yamledit.ErrSyntax, "f.yaml:1: cannot be read as YAML: …"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, changes, err := assignOne(tt.src, tt.path, "new value")
			var e *yamledit.Error
			if !errors.Is(err, tt.kind) || !errors.As(err, &e) || e.File != "f.yaml" || e.Key != tt.path ||
				changes != nil || got != tt.src {
				t.Fatalf("got %q, %v, %v", got, changes, err)
			}
			hasOwn := tt.kind == yamledit.ErrUneditable || strings.Contains(tt.text, "nothing:")
			if (e.Hint != "") != hasOwn {
				t.Errorf("the hint is %q", e.Hint)
			}
			start, open := strings.CutSuffix(tt.text, "…")
			if text := err.Error(); text != tt.text && !(open && strings.HasPrefix(text, start)) {
				t.Errorf("got  %s\nwant %s", text, tt.text)
			}
		})
	}
}

// A key that is there twice is what yq takes it for, however the path is written.
func TestKeyTwice(t *testing.T) {
	t.Parallel()
	one, _, err := assignOne("a: 1\na: 2\n", ".a", "3")
	if err != nil {
		t.Fatal(err)
	}
	if other, _, err := assignOne("a: 1\na: 2\n", ".a | select(true)", "3"); err != nil || one != other {
		t.Errorf("%q, but %q, %v", one, other, err)
	}
}

func TestPathsThatAreNone(t *testing.T) {
	t.Parallel()
	const dot = "; a path starts with a dot: ."
	for expr, want := range map[string]string{
		"tag": dot + "tag", "image.tag": dot + "image.tag", "kind": dot + "kind", "replicas": dot + "replicas",
		"spec[0].x": dot + "spec[0].x",
		`"a"`:       "yields something computed", "3": "yields something computed",
		".a | length": "yields something computed", ".a | .b | tag": "yields something computed",
	} {
		if err := CheckPath(expr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckPath(%q) = %v; want %s", expr, err, want)
		}
	}
	for _, expr := range []string{"first", "..", "parent", "select(.a)", "first.a"} {
		if err := CheckPath(expr); err != nil {
			t.Error(err)
		}
	}
}

// Aliases of aliases make 9^9 nodes of a few lines; they are not followed.
func TestAliasBomb(t *testing.T) {
	t.Parallel()
	var src strings.Builder
	src.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&src, "a%d: &a%[1]d [%s]\n", i,
			strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	src.WriteString("b: v1\nloop: &l [*l]\n")
	if _, _, err := assignOne(src.String(), ".a8"+strings.Repeat("[]", 9), "v2"); !errors.Is(err,
		yamledit.ErrUneditable) && !errors.Is(err, yamledit.ErrNoNode) {
		t.Errorf("got %v", err)
	}
	for _, path := range []string{".b", ".a0[3]", ".none, .a0[3]"} {
		got, changes, err := assignOne(src.String(), path, "v2")
		if err != nil || len(changes) != 1 || strings.Count(got, "v2") != 1 {
			t.Errorf("%s: %v, %v", path, changes, err)
		}
	}
}

// Selecting does not add what is asked for.
func TestSelectingIsReadOnly(t *testing.T) {
	t.Parallel()
	if got, _, err := assignOne("a: v1\n", `.x.y, (select(has("x") | not) | .a)`, "v2"); err != nil ||
		got != "a: v2\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestAliasHints checks that what the hint of a refused alias says does what it says.
func TestAliasHints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ src, path, want string }{
		{"a: &x v\nb: *x\n", ".b", "a: &x v\nb: w\n"},
		{"- &x v\n- *x\n", ".[]", "- &x v\n- w\n"},
		{"&x v: 1\na: *x\n", ".a", "&x v: 1\na: w\n"},
		{"a: 1\n---\na: &x v\nb: *x\n---\nb: 1\n", ".b", "a: 1\n---\na: &x v\nb: w\n---\nb: 1\n"},
		{"a: &x\n  k: v\n  l: 1\nb: *x\n", ".b.k", "a: &x\n  k: v\n  l: 1\nb:\n  k: w\n  l: 1\n"},
		{"a: &x [v]\nb: *x\n", ".b[0]", "a: &x [v]\nb: [w]\n"},
		{"a: &x {m: {k: v}}\nb:\n  <<: *x\n", ".b.m.k", "a: &x {m: {k: v}}\nb:\n  m: {k: w}\n"},
		{"a: 1\n---\na: &x {k: v}\nb: *x\n", ".b.k", "a: 1\n---\na: &x {k: v}\nb: {k: w}\n"},
	} {
		_, _, err := assignOne(tt.src, tt.path, "w")
		e, ok := errors.AsType[*yamledit.Error](err)
		if !ok {
			t.Errorf("%q, %s: got %v", tt.src, tt.path, err)
			continue
		}
		_, rest, _ := strings.Cut(e.Hint, "-yq='")
		x, err := ParseExpression(strings.TrimSuffix(rest, "'"))
		if err != nil {
			t.Errorf("%q, %s: %s: %v", tt.src, tt.path, e.Hint, err)
			continue
		}
		result, err := Evaluate(fstest.MapFS{"f.yaml": {Data: []byte(tt.src)}}, []Expression{x}, ignore)
		if err != nil || string(result.Files["f.yaml"]) != tt.want {
			t.Errorf("%q, %s: %s: got %q, %v; want %q", tt.src, tt.path, e.Hint, result.Files["f.yaml"], err, tt.want)
		}
	}
}
