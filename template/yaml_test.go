package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"
)

func TestParseAssignment(t *testing.T) {
	tests := []struct {
		in   string
		want Assignment
	}{
		{"a.yaml:.image.tag=v1", Assignment{"a.yaml", ".image.tag", "v1", false}},
		{"charts/**/values.yaml:.image=acme/app:v1=x", Assignment{"charts/**/values.yaml", ".image", "acme/app:v1=x", false}},
		{"a.yaml:.a=", Assignment{"a.yaml", ".a", "", false}},
		{"a.yaml:.a= =b==", Assignment{"a.yaml", ".a", " =b==", false}},
		{`a.yaml:.c[] | select(.name == "x").image=V`, Assignment{"a.yaml", `.c[] | select(.name == "x").image`, "V", false}},
		{`a.yaml:.c[] | select(.name == "x)=" and .n != 1).image=V=W`, Assignment{"a.yaml", `.c[] | select(.name == "x)=" and .n != 1).image`, "V=W", false}},
		{`a.yaml:.["a=b"]=c`, Assignment{"a.yaml", `.["a=b"]`, "c", false}},
		{`a.yaml:.b | select(.a == "x\"=)").c=d`, Assignment{"a.yaml", `.b | select(.a == "x\"=)").c`, "d", false}},
		{"a.yaml:.a | select(. >= 3)=4", Assignment{"a.yaml", ".a | select(. >= 3)", "4", false}},
		{"a.yaml:.a == .b=4", Assignment{"a.yaml", ".a == .b", "4", false}},
		{"a.yaml:.a as $x | .b[$x]=4", Assignment{"a.yaml", ".a as $x | .b[$x]", "4", false}},
	}
	for _, tt := range tests {
		if got, err := ParseAssignment(tt.in); err != nil || got != tt.want {
			t.Errorf("ParseAssignment(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{
		"", "a.yaml", "a.yaml:", "a.yaml:.a", "a.yaml:=v", ":.a=v", ".a=v", "../a.yaml:.a=v", "/a.yaml:.a=v", "a[.yaml:.a=v",
		"a.yaml:.a==v", "a.yaml:.a[=v", "a.yaml:.a[]]=v", "a.yaml:.a | =v", "a.yaml:.a |= v", `a.yaml:."a=v`, "a.yaml:.a=\xff",
		"a.yaml:select(.a=v", "a.yaml:.a != .b",
	} {
		if got, err := ParseAssignment(in); err == nil {
			t.Errorf("ParseAssignment(%q) = %+v", in, got)
		}
	}
}

// An "=" within brackets is part of the path, for which it is then refused.
func TestParseAssignmentBrackets(t *testing.T) {
	_, err := ParseAssignment("a.yaml:.a | select(.b = 1)=v")
	if want := `path ".a | select(.b = 1)": "=" does more than select nodes`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// yq itself is told to refuse what CheckPath does.
func TestYqIsConfined(t *testing.T) {
	setUpYq()
	for _, expr := range []string{"env(HOME)", `load("/etc/hostname")`, `system("true")`} {
		if got, err := yqlib.NewAllAtOnceEvaluator().EvaluateNodes(expr, &yqlib.CandidateNode{}); err == nil {
			t.Errorf("%s yields %v", expr, got)
		}
	}
}

func TestCheckPath(t *testing.T) {
	for _, expr := range []string{".", ".a", ".a[0].b", ".a[]", "..", `.. | select(tag == "!!int")`, ".a // .b", ".a as $x | .b",
		`.spec.template.spec.containers[] | select(.name == "app") | .image`, `select(.kind == "Deployment").spec`, ".a, .b"} {
		if err := CheckPath(expr); err != nil {
			t.Error(err)
		}
	}
	for _, expr := range []string{
		"", " ", ".a[", ".a | ", "))", ".a = 3", ".a |= 3", ".a += 3", ".a -= 3", ".a *= 3", "del(.a)", "delpaths([[\"a\"]])",
		"setpath([\"a\"]; 1)", ".a style=\"double\"", ".a tag=\"x\"", ".a line_comment=\"x\"", ".a anchor=\"x\"", ".a alias=\"x\"",
		"with(.a; . = 3)", ".a | (.b = 3)", "eval(.a)", "explode(.a)", "env(HOME)", "strenv(HOME)", ".[env(HOME)]", ".a | envsubst",
		"select(.a == strenv(HOME))", "load(\"a\")", "load_str(\"a\")", "load_xml(\"a\")", "load_props(\"a\")", "load_base64(\"a\")",
		"system(\"true\")", "now", "shuffle", "sort_keys(.)",
	} {
		if err := CheckPath(expr); err == nil {
			t.Errorf("CheckPath(%q) takes it", expr)
		}
		_, _, err := Assign(newTree("f.yaml"), []Assignment{{"f.yaml", expr, "x", false}})
		if err == nil || errors.Is(err, ErrNoNode) {
			t.Errorf("Assign(%q) = %v", expr, err)
		}
	}
}

func assignOne(src, path, value string) (string, []Change, error) {
	out, changes, err := Assign(fstest.MapFS{"f.yaml": {Data: []byte(src)}}, []Assignment{{"f.yaml", path, value, false}})
	if text, ok := out["f.yaml"]; ok {
		src = string(text)
	}
	return src, changes, err
}

func TestAssign(t *testing.T) {
	tests := []struct {
		name, src, path, value string
		want                   string
		changes                string // PATH: OLD -> NEW, separated by "; "
	}{
		{"a trailing comment", "image: # x\n  tag: v1   # keep\n  b: 1\n", ".image.tag", "v2", "image: # x\n  tag: v2   # keep\n  b: 1\n", ".image.tag: v1 -> v2"},
		{"odd indentation and order", "b:   1\na:\n     c :  v1\n\n\n", ".a.c", "v2", "b:   1\na:\n     c :  v2\n\n\n", ".a.c: v1 -> v2"},
		{"single quotes", "a: 'it''s' # c", ".a", "that's", "a: 'that''s' # c", ".a: it's -> that's"},
		{"double quotes", `a: "x \" # y" # c`, ".a", `p "q" \r`, `a: "p \"q\" \\r" # c`, `.a: x " # y -> p "q" \r`},
		{"quotes that span lines", "a: \"x\n  y\"\nb: 'x\n\n  y' # c\n", ".a, .b", "z", "a: \"z\"\nb: 'z' # c\n", ".a: x y -> z; .b: x\ny -> z"},
		{"a plain scalar that spans lines", "a: foo\n  bar\n\n  baz # c\nb: 1\n", ".a", "new", "a: new # c\nb: 1\n", ".a: foo bar\nbaz -> new"},
		{"a plain scalar that spans lines, CRLF", "a: foo\r\n  bar\r\nb: 1\r\n", ".a", "new", "a: new\r\nb: 1\r\n", ".a: foo bar -> new"},
		{"CRLF", "a: v1\r\nb: 'v1' # c\r\n", ".b", "v2", "a: v1\r\nb: 'v2' # c\r\n", ".b: v1 -> v2"},
		{"CR", "a: v1\rb: v1\r", ".b", "v2", "a: v1\rb: v2\r", ".b: v1 -> v2"},
		{"a byte order mark", "\ufeffa: v1\nb: v1\n", ".a, .b", "v2", "\ufeffa: v2\nb: v2\n", ".a: v1 -> v2; .b: v1 -> v2"},
		{"characters of many bytes", "é: {ü😀: \"ö\", b: v1}\n", ".é.b", "v2é", "é: {ü😀: \"ö\", b: v2é}\n", `.["é"].b: v1 -> v2é`},
		{"breaks of YAML 1.1", "a: \"x\u0085y\u2028z\u2029\"\nb: v1\n", ".b", "v2", "a: \"x\u0085y\u2028z\u2029\"\nb: v2\n", ".b: v1 -> v2"},
		{"comments and --- before", "# c\n\n---\n# d\na: v1\n", ".a", "v2", "# c\n\n---\n# d\na: v2\n", ".a: v1 -> v2"},
		{"documents", "a: v1\n---\n# c\n---\na: v1 # d\n---\nb: 1\n...\n---\na: v2\n", ".a", "v2", "a: v2\n---\n# c\n---\na: v2 # d\n---\nb: 1\n...\n---\na: v2\n", ".a: v1 -> v2"},
		{"one document", "kind: A\na: v1\n---\nkind: B\na: v1\n", `select(.kind == "B").a`, "v2", "kind: A\na: v1\n---\nkind: B\na: v2\n", ".a: v1 -> v2"},
		{"document by index", "a: v1\n---\na: v1\n", "select(document_index == 1).a", "v2", "a: v1\n---\na: v2\n", ".a: v1 -> v2"},
		{"a scalar as document", "--- v1 # c\n", ".", "v2", "--- v2 # c\n", ".: v1 -> v2"},
		{"a list as document", "- a\n- b\n", ".[1]", "c", "- a\n- c\n", ".[1]: b -> c"},
		{"from the end", "a: [x, y]\n", ".a[-1]", "z", "a: [x, z]\n", ".a[1]: y -> z"},
		{"select", "c:\n- {name: x, image: v1}\n- {name: y, image: v1}\n- name: y\n", `.c[] | select(.name == "y").image`, "v2", "c:\n- {name: x, image: v1}\n- {name: y, image: v2}\n- name: y\n", ".c[1].image: v1 -> v2"},
		{"several", "a: [v1, v1, v2]\nb: v1\n", `.. | select(. == "v1")`, "long-value", "a: [long-value, long-value, v2]\nb: long-value\n", ".a[0]: v1 -> long-value; .a[1]: v1 -> long-value; .b: v1 -> long-value"},
		{"twice the same", "a: v1\n", ".a, .a", "v2", "a: v2\n", ".a: v1 -> v2"},
		{"any key", "a: {x: v1, y: v1}\n", ".a.*", "v2", "a: {x: v2, y: v2}\n", ".a.x: v1 -> v2; .a.y: v1 -> v2"},
		{"a key with dots", "'a.b': {c/d: v1}\n", `.["a.b"]["c/d"]`, "v2", "'a.b': {c/d: v2}\n", `.["a.b"]["c/d"]: v1 -> v2`},
		{"a key on a line of its own", "? a\n: v1\n", ".a", "v2", "? a\n: v2\n", ".a: v1 -> v2"},
		{"an anchor", "a: &x v1\nb: &y 'v1'\nc: *x\n", ".a, .b", "v2", "a: &x v2\nb: &y 'v2'\nc: *x\n", ".a: v1 -> v2; .b: v1 -> v2"},
		{"below an anchor", "a: &x {t: v1}\nb: *x\n", ".a.t", "v2", "a: &x {t: v2}\nb: *x\n", ".a.t: v1 -> v2"},
		{"beside a merge key", "a: &x {t: v1}\nb:\n  <<: *x\n  t: v3\n", ".b.t", "v2", "a: &x {t: v1}\nb:\n  <<: *x\n  t: v2\n", ".b.t: v3 -> v2"},
		{"above a merge key", "a: &x {t: v1}\nb:\n  t: v3\n  <<: *x\n", ".b.t", "v2", "a: &x {t: v1}\nb:\n  t: v2\n  <<: *x\n", ".b.t: v3 -> v2"},
		{"tags", "a: !!str v1\nb: !x v1\nc: !!str &d \"v1\"\n", ".a, .b, .c", "v2", "a: !!str v2\nb: !x v2\nc: !!str &d \"v2\"\n", ".a: v1 -> v2; .b: v1 -> v2; .c: v1 -> v2"},
		{"a number with a tag", "a: !!int 5 # c\nb: !!int\n  # d\n  5\n", ".a, .b", "6", "a: !!int 6 # c\nb: !!int\n  # d\n  6\n", ".a: 5 -> 6; .b: 5 -> 6"},
		{"a number with a tag, in quotes", "a: !!int \"5\"\nb: !!int '5' # c\n", ".a, .b", "6", "a: !!int \"6\"\nb: !!int '6' # c\n", ".a: 5 -> 6; .b: 5 -> 6"},
		{"a whole number with the tag of others", "a: !!float 1\n", ".a", "2", "a: !!float 2\n", ".a: 1 -> 2"},
		{"a boolean of YAML 1.1 with a tag", "a: !!bool yes\n", ".a", "no", "a: !!bool no\n", ".a: yes -> no"},
		{"a tag that is a URI", "a: !<tag:yaml.org,2002:str> v1\n", ".a", "v2", "a: !<tag:yaml.org,2002:str> v2\n", ".a: v1 -> v2"},
		{"a string tag", "a: !!str v1\n", ".a", "6", "a: !!str \"6\"\n", ".a: v1 -> 6"},
		{"nothing there", "a:\nb:   # c\nc: {d: , e: f}\n", ".a, .b, .c.d", "v1", "a: v1\nb: v1   # c\nc: {d: v1, e: f}\n", ".a: null -> v1; .b: null -> v1; .c.d: null -> v1"},
		{"nothing there, in a pair in a list", "[a: , b, c: ]\n", ".[0].a, .[2].c", "v1", "[a: v1 , b, c: v1 ]\n", ".[0].a: null -> v1; .[2].c: null -> v1"},
		{"nothing there but a comment, in flow", "{a: # c\n, b: v1}\n", ".a", "v1", "{a: # c\n\"v1\", b: v1}\n", ".a: null -> v1"},
		{"nothing there, in a list", "- \n-\n- a\n", ".[0], .[1]", "v1", "- v1 \n- v1\n- a\n", ".[0]: null -> v1; .[1]: null -> v1"},
		{"nothing there but an anchor", "a: &x\n# c\nb: &y # d\n", ".a, .b", "v1", "a: &x v1\n# c\nb: &y v1 # d\n", ".a: null -> v1; .b: null -> v1"},
		{"nothing there, at the end", "a:", ".a", "v1", "a: v1", ".a: null -> v1"},
		{"null", "a: null\nb: ~\n", ".a, .b", "", "a: \"\"\nb: \"\"\n", ".a: null -> ; .b: null -> "},
		{"empty quotes", "a: \"\"\nb: ''\n", ".a, .b", "v1", "a: \"v1\"\nb: 'v1'\n", ".a:  -> v1; .b:  -> v1"},
		{"the same value", "a: v1\nb: '5'\nc: 5\nd: ~\n", ".a", "v1", "a: v1\nb: '5'\nc: 5\nd: ~\n", ""},
		{"the same characters", "b: '5'\nc: 5\n", ".b, .c", "5", "b: '5'\nc: 5\n", ""},
		{"null to null", "a: ~\nb:\n", ".a, .b", "null", "a: ~\nb:\n", ""},
		{"actions of Helm in quotes", "a: \"{{ .x }}\"\nb: v1\n", ".b", "v2", "a: \"{{ .x }}\"\nb: v2\n", ".b: v1 -> v2"},
		{"JSON in YAML", "{\n\t\"a\": \"v1\",\n\t\"b\": 3\n}\n", ".a", "v2", "{\n\t\"a\": \"v2\",\n\t\"b\": 3\n}\n", ".a: v1 -> v2"},
		{"block scalars elsewhere", "a: |+\n  x: 1\n\n\nb: v1\nc: >-\n  b: v1\n", ".b", "v2", "a: |+\n  x: 1\n\n\nb: v2\nc: >-\n  b: v1\n", ".b: v1 -> v2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, changes, err := assignOne(tt.src, tt.path, tt.value)
			if err != nil || got != tt.want {
				t.Fatalf("got %q, %v\nwant %q", got, err, tt.want)
			}
			var lines []string
			for _, c := range changes {
				lines = append(lines, fmt.Sprintf("%s: %s -> %s", c.Path, c.Old, c.New))
			}
			// A path may be in several documents; those are told apart, but read the same.
			if got := strings.Join(slices.Compact(lines), "; "); got != tt.changes {
				t.Errorf("changes %s\nwant %s", got, tt.changes)
			}
			if again, changes, err := assignOne(got, tt.path, tt.value); tt.path != `.. | select(. == "v1")` &&
				(err != nil || again != got || changes != nil) {
				t.Errorf("again: %q, %v, %v", again, changes, err)
			}
		})
	}
}

// What a plain scalar becomes.
func TestTypes(t *testing.T) {
	for old, values := range map[string]map[string]string{
		"v1": {
			"v2": "v2", "1.2.3": "1.2.3", "acme/app:v1": "acme/app:v1", "sha256:abc": "sha256:abc", "a,b]": "a,b]", "1a2b3c4": "1a2b3c4",
			"a b": "a b", "-x": "-x", "a'b\"c": "a'b\"c", "é": "é", "NO!": "NO!", "http://example.com/#x": "http://example.com/#x",
			"1.10": `"1.10"`, "5": `"5"`, "-5": `"-5"`, "+5": `"+5"`, "0123": `"0123"`, "0o17": `"0o17"`, "0x1F": `"0x1F"`, "0b1": `"0b1"`,
			"1e5": `"1e5"`, "123e456": `"123e456"`, "1E5": `"1E5"`, ".5": `".5"`, "._5": `"._5"`, "5.": `"5."`, "1_000": `"1_000"`, "1,000": `"1,000"`, "08": `"08"`,
			"12:30:45": `"12:30:45"`, "1:2": `"1:2"`, "2026-11-20": `"2026-11-20"`, "2026-11-20T10:00:00Z": `"2026-11-20T10:00:00Z"`,
			"true": `"true"`, "True": `"True"`, "FALSE": `"FALSE"`, "yes": `"yes"`, "No": `"No"`, "on": `"on"`, "OFF": `"OFF"`, "y": `"y"`, "N": `"N"`,
			"null": `"null"`, "Null": `"Null"`, "~": `"~"`, "": `""`, ".inf": `".inf"`, "-.INF": `"-.INF"`, ".NaN": `".NaN"`, "=": `"="`, "<<": `"<<"`,
			" x": `" x"`, "x ": `"x "`, " ": `" "`, "\t": `"\t"`, "a\tb": `"a\tb"`, "a\nb": `"a\nb"`, "a\r": `"a\r"`, "\x00": `"\u0000"`, "\x7f": `"\u007f"`,
			"\u0085": `"\u0085"`, "\u2028": `"\u2028"`, "\ufeff": `"\ufeff"`, "\u00a0": `"\u00a0"`, "\u200b": `"\u200b"`,
			"@x": `"@x"`, "`x": "\"`x\"", "*x": `"*x"`, "&x": `"&x"`, "!x": `"!x"`, "%x": `"%x"`, "|": `"|"`, ">x": `">x"`, "#x": `"#x"`,
			"\"x": `"\"x"`, "'x": `"'x"`, "[x": `"[x"`, "{x}": `"{x}"`, "]": `"]"`, ",x": `",x"`, "- x": `"- x"`, "-": `"-"`, "? x": `"? x"`, "?": `"?"`,
			": x": `": x"`, ":": `":"`, "a: b": `"a: b"`, "a:": `"a:"`, "a #b": `"a #b"`, "---": "---", `a\b`: `a\b`,
		},
		"3":          {"5": "5", "-5": "-5", "0": "0", "9223372036854775807": "9223372036854775807", "1.5": "1.5", "9223372036854775808": `"9223372036854775808"`, "05": `"05"`, "+5": `"+5"`, "-0": `"-0"`, "1.50": `"1.50"`, "1e5": `"1e5"`, "0x1F": `"0x1F"`, "v1": "v1", "true": `"true"`, "null": `"null"`, "": `""`},
		"1.9":        {"1.10": `"1.10"`, "1.11": "1.11", "2": "2", "2.0": `"2.0"`, "-0.0": `"-0.0"`, "1e5": `"1e5"`, ".5": `".5"`, ".inf": `".inf"`, "Inf": "Inf", "0.1.2": "0.1.2", "1_0.5": `"1_0.5"`},
		"0644":       {"0755": `"0755"`, "420": "420"},
		"true":       {"false": "false", "null": `"null"`, "~": `"~"`, "no": `"no"`, "False": `"False"`, "5": `"5"`, "x": "x", "": `""`},
		"yes":        {"no": "no", "off": "off", "true": "true", "false": "false", "True": `"True"`, "5": `"5"`, "x": "x"},
		"null":       {"true": "true", "5": "5", "0": "0", "-1": "-1", "65535": "65535", "100000": `"100000"`, "05": `"05"`, "-0": `"-0"`, "1.5": `"1.5"`, "x": "x", "": `""`, "~": `"~"`},
		"2026-11-20": {"2026-11-21": "2026-11-21", "x": "x", "5": `"5"`},
		`"5"`:        {"6": `"6"`, "v1": `"v1"`, "true": `"true"`, "a\nb": `"a\nb"`, "": `""`},
		"'5'":        {"6": "'6'", "v1": "'v1'", "it's": "'it''s'", "a\nb": `"a\nb"`, " ": "' '", "": "''", `a\"b`: `'a\"b'`, "\u2028": `"\u2028"`},
	} {
		for value, want := range values {
			got, _, err := assignOne("a: "+old+" # c\nb: "+old+"\n", ".a", value)
			if want = "a: " + want + " # c\nb: " + old + "\n"; err != nil || got != want {
				t.Errorf("%s to %q: got %q, %v; want %q", old, value, got, err, want)
			}
		}
	}
	for value, want := range map[string]string{"v2": "v2", "a:b": "a:b", "a,b": `"a,b"`, "a]": `"a]"`, "a}": `"a}"`, "a{": `"a{"`, "5": `"5"`, "a: b": `"a: b"`, "": `""`} {
		for _, around := range [][2]string{{"a: {x: ", ", y: 1}\n"}, {"a: [", "]\n"}, {"a: {x: {y: ", "}}\n"}} {
			got, _, err := assignOne(around[0]+"v1"+around[1], `.. | select(. == "v1")`, value)
			if want := around[0] + want + around[1]; err != nil || got != want {
				t.Errorf("flow, %q: got %q, %v; want %q", value, got, err, want)
			}
		}
	}
}

func TestAssignErrors(t *testing.T) {
	tests := []struct {
		name, src, path string
		kind            error
		text            string
	}{
		{"no key", "a: {}\n", ".a.b", ErrNoNode, "f.yaml: .a.b selects nothing"},
		{"no key below null", "a: ~\n", ".a.b", ErrNoNode, "f.yaml: .a.b selects nothing"},
		{"no key below a value", "a: v1\n", ".a.b.c", ErrNoNode, "f.yaml: .a.b.c selects nothing"},
		{"no index", "a: [x]\n", ".a[3]", ErrNoNode, "f.yaml: .a[3] selects nothing"},
		{"no match", "a: [x]\n", `.a[] | select(. == "y")`, ErrNoNode, `f.yaml: .a[] | select(. == "y") selects nothing`},
		{"an empty file", "", ".a", ErrNoNode, "f.yaml: .a selects nothing"},
		{"comments", "# c\n", ".a", ErrNoNode, "f.yaml: .a selects nothing"},
		{"a map", "x: 1\na: {b: c}\n", ".a", ErrUneditable, "f.yaml:2: .a selects a map, not a scalar"},
		{"a sequence", "a:\n- b\n", ".a", ErrUneditable, "f.yaml:2: .a selects a sequence, not a scalar"},
		{"one of several", "a: v1\nb: [c]\n", ".a, .b", ErrUneditable, "f.yaml:2: .a, .b selects a sequence, not a scalar"},
		{"a key", "a: v1\n", ".a | key", ErrUneditable, `f.yaml:1: .a | key selects the key "a", not a value`},
		{"an alias", "a: &x v1\nb: *x\n", ".b", ErrUneditable, "f.yaml:2: .b selects the alias *x; set the value at its anchor &x, or in the file by hand"},
		{"through an alias", "a: &x {t: v1}\nb: *x\n", ".b.t", ErrUneditable, "f.yaml:1: .b.t selects .a.t through an alias, and so would change every other use of it; set it there"},
		{"through a merge key", "a: &x {t: v1}\nb:\n  <<: *x\n", ".b.t", ErrUneditable, "f.yaml:1: .b.t selects .a.t through an alias, and so would change every other use of it; set it there"},
		{"computed", "a: 1\n", ".a + 1", ErrUneditable, "f.yaml: .a + 1 yields something computed, which is no node of the file"},
		{"collected", "a: 1\n", "[.a]", ErrUneditable, "f.yaml: [.a] yields something computed, which is no node of the file"},
		{"failing", "a: [1]\n", ".a[\"x\"]", ErrUneditable, "f.yaml: .a[\"x\"] fails: cannot index array with 'x'…"},
		{"a number with a tag", "a: !!int 5\n", ".a", ErrUneditable, `f.yaml:1: .a: "new value" is no !!int, as the tag of the node says`},
		{"a key without a value", "? b\n? c\n", ".b", ErrUneditable, "f.yaml:2: .b selects what cannot be set: .b has no place for a value; write one by hand"},
		{"not YAML", "x: 1\na: b: c\n", ".a", ErrSyntax, "f.yaml:2: cannot be read as YAML: mapping values are not allowed in this context"},
		{"Helm", "x: 1\n{{ if .x }}\na: 1\n{{ end }}\n", ".a", ErrSyntax, "f.yaml:…"},
		{"UTF-16", "\xff\xfea\x00", ".a", ErrSyntax, "f.yaml:1: cannot be read as YAML: not in UTF-8"},
		{"an unknown alias", "a: *x\n", ".a", ErrSyntax, "f.yaml:1: cannot be read as YAML: …"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, changes, err := assignOne(tt.src, tt.path, "new value")
			var e *Error
			if !errors.Is(err, tt.kind) || !errors.As(err, &e) || e.File != "f.yaml" || e.Key != tt.path || changes != nil || got != tt.src {
				t.Fatalf("got %q, %v, %v", got, changes, err)
			}
			start, open := strings.CutSuffix(tt.text, "…")
			if text := err.Error(); text != tt.text && !(open && strings.HasPrefix(text, start)) {
				t.Errorf("got  %s\nwant %s", text, tt.text)
			}
		})
	}
}

func TestAssignFiles(t *testing.T) {
	fsys := func() *tree {
		return &tree{MapFS: fstest.MapFS{
			"charts/a/values.yaml": {Data: []byte("image: {tag: v1}\nn: 1\n")},
			"charts/b/values.yaml": {Data: []byte("image: {tag: v2}\n")},
			"charts/c/other.yaml":  {Data: []byte("x: 1\n")},
			"app.json":             {Data: []byte("{\n\t\"a\": \"v1\", \"n\": 1,\n\t\"t\": true, \"z\": null\n}\n")},
		}}
	}
	tests := []struct {
		name    string
		as      []Assignment
		want    map[string]string
		changes []Change
		err     string
	}{
		{"a glob", []Assignment{{"charts/**/values.yaml", ".image.tag", "v2", false}},
			map[string]string{"charts/a/values.yaml": "image: {tag: v2}\nn: 1\n"},
			[]Change{{"charts/a/values.yaml", ".image.tag", "v1", "v2"}}, ""},
		{"in order", []Assignment{{"charts/a/*", ".image.tag", "v3", false}, {"charts/b/*", ".image.tag", "v3", false}, {"charts/*/values.yaml", ".image.tag", "v4", false}, {"charts/a/values.yaml", ".n", "2", false}},
			map[string]string{"charts/a/values.yaml": "image: {tag: v4}\nn: 2\n", "charts/b/values.yaml": "image: {tag: v4}\n"},
			[]Change{{"charts/a/values.yaml", ".image.tag", "v1", "v4"}, {"charts/a/values.yaml", ".n", "1", "2"}, {"charts/b/values.yaml", ".image.tag", "v2", "v4"}}, ""},
		{"a later path sees an earlier value", []Assignment{{"charts/a/*", ".image.tag", "v3", false}, {"charts/a/*", `.image | select(.tag == "v3").tag`, "v5", false}},
			map[string]string{"charts/a/values.yaml": "image: {tag: v5}\nn: 1\n"},
			[]Change{{"charts/a/values.yaml", ".image.tag", "v1", "v5"}}, ""},
		{"there and back", []Assignment{{"charts/a/*", ".image.tag", "v3", false}, {"charts/a/*", ".image.tag", "v1", false}}, map[string]string{}, nil, ""},
		{"JSON", []Assignment{{"*.json", ".a", "é\u00a0\"\n", false}, {"*.json", ".n", "v2", false}, {"*.json", ".t", "false", false}, {"*.json", ".z", "5", false}},
			map[string]string{"app.json": "{\n\t\"a\": \"é\\u00a0\\\"\\n\", \"n\": \"v2\",\n\t\"t\": false, \"z\": 5\n}\n"},
			[]Change{{"app.json", ".a", "v1", "é\u00a0\"\n"}, {"app.json", ".n", "1", "v2"}, {"app.json", ".t", "true", "false"}, {"app.json", ".z", "null", "5"}}, ""},
		{"none", nil, map[string]string{}, nil, ""},
		{"a path that one file lacks", []Assignment{{"charts/**", ".image.tag", "v2", false}}, nil, nil, "charts/c/other.yaml: .image.tag selects nothing"},
		{"no such file", []Assignment{{"charts/a/values.yaml", ".n", "2", false}, {"charts/d/values.yaml", ".n", "2", false}}, nil, nil, "charts/d/values.yaml: no such file"},
		{"a bad glob", []Assignment{{"/etc/*", ".n", "2", false}}, nil, nil, `pattern "/etc/*" is absolute: give it relative to the repository`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fsys()
			out, changes, err := Assign(fsys, tt.as)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err || out != nil || changes != nil {
					t.Fatalf("got %q, %v, %v; want %s", out, changes, err, tt.err)
				}
				return
			}
			got := map[string]string{}
			for name, text := range out {
				got[name] = string(text)
			}
			if err != nil || !maps.Equal(got, tt.want) || !reflect.DeepEqual(changes, tt.changes) {
				t.Fatalf("got %q, %+v, %v\nwant %q, %+v", got, changes, err, tt.want, tt.changes)
			}
			if len(tt.as) > 0 && len(fsys.prefetched) != 1 {
				t.Errorf("prefetched %q, not once", fsys.prefetched)
			}
			if text, ok := got["app.json"]; ok && !json.Valid([]byte(text)) {
				t.Errorf("not JSON: %s", text)
			}
		})
	}
}

// FuzzAssign sets a scalar of any style to any value. Whatever comes out reads as the value there, and as before
// elsewhere; the lines around are the same.
func FuzzAssign(f *testing.F) {
	values := []string{"v2", "", " ", "5", "1.10", "yes", "~", "a: b", "a #b", "it's", `"`, `\`, "a\nb", "a\r\nb", "\ufeff", "\u2028", "- a",
		"{a: b}", "[", "]", ",", "|", "---", "...", "\x00", "\xff", "😀", "\ufffe", "\U000e0001", "%YAML 1.2", "a:", "!!int 5", "*x", "&x y", "? a"}
	olds := []string{"v1", "'v1'", `"v1"`, "5", "1.5", "true", "~", "", "2026-11-20", "yes", "v1\n    more", "'v1\n\n    more'", "&x v1", "!!str v1", "!x 'v1'", "{}", "*y"}
	for i, old := range olds {
		for j, value := range values {
			f.Add(old, value, (i+j)%4 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, old, value string, flow bool) {
		before, after := "# é\nx: &y 1 # c\nk:\n  é: ", " # d\nz: [2] # e\n"
		if flow {
			before, after = "# é\nx: &y 1 # c\nk: {b: [1], é: ", ", a: \"}\"} # d\nz: [2] # e\n"
		}
		src := before + old + after
		docs, err := parse([]byte(src))
		if err != nil {
			return
		}
		got, changes, err := assignOne(src, ".k.é", value)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%q to %q: %v", old, value, err)
			}
			return
		}
		read := func(text string) (all map[string]any, value any) {
			err := yaml.Unmarshal([]byte(text), &all)
			k, ok := all["k"].(map[string]any)
			if err != nil || !ok {
				t.Skip() // duplicate keys, keys that are no strings, and the like
			}
			value = k["é"]
			delete(k, "é")
			return all, value
		}
		wasAll, was := read(src)
		isAll, is := read(got)
		if !reflect.DeepEqual(wasAll, isAll) || len(docs) != 1 {
			t.Errorf("%q to %q changes more: %q", old, value, got)
		}
		if text, isString := is.(string); isString && text != value || is == nil && value != "null" {
			t.Errorf("%q to %q reads %q: %q", old, value, is, got)
		}
		if _, wasString := was.(string); wasString && !bool11.MatchString(old) {
			if _, isString := is.(string); !isString {
				t.Errorf("%q to %q is no string any more: %q", old, value, got)
			}
		}
		if len(changes) == 0 != (got == src) {
			t.Errorf("%q to %q: %q, %v", old, value, got, changes)
		}
		if !strings.ContainsAny(old, "\r\n\u0085\u2028\u2029") {
			a, b := strings.Split(src, "\n"), strings.Split(got, "\n")
			if len(a) != len(b) || !slices.Equal(a[:2], b[:2]) {
				t.Errorf("%q to %q changes more than one line: %q", old, value, got)
			}
		}
		if again, _, err := assignOne(got, ".k.é", value); err != nil || again != got {
			t.Errorf("%q to %q, again: %q, %v", old, value, again, err)
		}
	})
}

func FuzzParseAssignment(f *testing.F) {
	for _, s := range []string{"a:.b=c", `a:.b[] | select(.c == "d=").e=f`, "a:.b==c", "a", "a:=", `a:."\"=b"=c`, "a:.b as $x | .c=d", ":", "a:env(X)=1",
		"a:first(.b)=1", "a:.b[1:2]=1", "a:.. style=\"\"=1", "a:if .a then .b else .c end=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAssignment(s)
		if err != nil {
			return
		}
		if whole := a.File + ":" + a.Path + "=" + a.Value; whole != s {
			t.Errorf("%q is read as %q", s, whole)
		}
		if strings.Contains(a.File, ":") || CheckGlob(a.File) != nil || CheckPath(a.Path) != nil {
			t.Errorf("%q is read as %+v", s, a)
		}
	})
}
