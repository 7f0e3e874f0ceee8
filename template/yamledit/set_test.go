package yamledit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src, path, value string
		want                   string
		changes                string // PATH: OLD -> NEW, separated by "; "
	}{
		{"a trailing comment", "image: # x\n  tag: v1   # keep\n  b: 1\n", ".image.tag", "v2",
			"image: # x\n  tag: v2   # keep\n  b: 1\n", ".image.tag: v1 -> v2"},
		{"odd indentation and order", "b:   1\na:\n     c :  v1\n\n\n", ".a.c", "v2", "b:   1\na:\n     c :  v2\n\n\n",
			".a.c: v1 -> v2"},
		{"single quotes", "a: 'it''s' # c", ".a", "that's", "a: 'that''s' # c", ".a: it's -> that's"},
		{"double quotes", `a: "x \" # y" # c`, ".a", `p "q" \r`, `a: "p \"q\" \\r" # c`, `.a: x " # y -> p "q" \r`},
		{"quotes that span lines", "a: \"x\n  y\"\nb: 'x\n\n  y' # c\n", ".a, .b", "z", "a: \"z\"\nb: 'z' # c\n",
			".a: x y -> z; .b: x\ny -> z"},
		{"a plain scalar that spans lines", "a: foo\n  bar\n\n  baz # c\nb: 1\n", ".a", "new", "a: new # c\nb: 1\n",
			".a: foo bar\nbaz -> new"},
		{"a plain scalar that spans lines, CRLF", "a: foo\r\n  bar\r\nb: 1\r\n", ".a", "new", "a: new\r\nb: 1\r\n",
			".a: foo bar -> new"},
		{"CRLF", "a: v1\r\nb: 'v1' # c\r\n", ".b", "v2", "a: v1\r\nb: 'v2' # c\r\n", ".b: v1 -> v2"},
		{"CR", "a: v1\rb: v1\r", ".b", "v2", "a: v1\rb: v2\r", ".b: v1 -> v2"},
		{"a byte order mark", "\ufeffa: v1\nb: v1\n", ".a, .b", "v2", "\ufeffa: v2\nb: v2\n",
			".a: v1 -> v2; .b: v1 -> v2"},
		{"characters of many bytes", "é: {ü😀: \"ö\", b: v1}\n", ".é.b", "v2é", "é: {ü😀: \"ö\", b: v2é}\n",
			`.["é"].b: v1 -> v2é`},
		{"breaks of YAML 1.1", "a: \"x\u0085y\u2028z\u2029\"\nb: v1\n", ".b", "v2",
			"a: \"x\u0085y\u2028z\u2029\"\nb: v2\n", ".b: v1 -> v2"},
		{"comments and --- before", "# c\n\n---\n# d\na: v1\n", ".a", "v2", "# c\n\n---\n# d\na: v2\n", ".a: v1 -> v2"},
		{"documents", "a: v1\n---\n# c\n---\na: v1 # d\n---\nb: 1\n...\n---\na: v2\n", ".a", "v2",
			"a: v2\n---\n# c\n---\na: v2 # d\n---\nb: 1\n...\n---\na: v2\n", ".a: v1 -> v2"},
		{"one document", "kind: A\na: v1\n---\nkind: B\na: v1\n", `select(.kind == "B").a`, "v2",
			"kind: A\na: v1\n---\nkind: B\na: v2\n", ".a: v1 -> v2"},
		{"document by index", "a: v1\n---\na: v1\n", "select(document_index == 1).a", "v2", "a: v1\n---\na: v2\n",
			".a: v1 -> v2"},
		{"a scalar as document", "--- v1 # c\n", ".", "v2", "--- v2 # c\n", ".: v1 -> v2"},
		{"a list as document", "- a\n- b\n", ".[1]", "c", "- a\n- c\n", ".[1]: b -> c"},
		{"from the end", "a: [x, y]\n", ".a[-1]", "z", "a: [x, z]\n", ".a[1]: y -> z"},
		{"select", "c:\n- {name: x, image: v1}\n- {name: y, image: v1}\n- name: y\n",
			`.c[] | select(.name == "y").image`, "v2",
			"c:\n- {name: x, image: v1}\n- {name: y, image: v2}\n- name: y\n", ".c[1].image: v1 -> v2"},
		{"several", "a: [v1, v1, v2]\nb: v1\n", `.. | select(. == "v1")`, "long-value",
			"a: [long-value, long-value, v2]\nb: long-value\n",
			".a[0]: v1 -> long-value; .a[1]: v1 -> long-value; .b: v1 -> long-value"},
		{"twice the same", "a: v1\n", ".a, .a", "v2", "a: v2\n", ".a: v1 -> v2"},
		{"any key", "a: {x: v1, y: v1}\n", ".a.*", "v2", "a: {x: v2, y: v2}\n", ".a.x: v1 -> v2; .a.y: v1 -> v2"},
		{"a key with dots", "'a.b': {c/d: v1}\n", `.["a.b"]["c/d"]`, "v2", "'a.b': {c/d: v2}\n",
			`.["a.b"]["c/d"]: v1 -> v2`},
		{"a key on a line of its own", "? a\n: v1\n", ".a", "v2", "? a\n: v2\n", ".a: v1 -> v2"},
		{"an anchor", "a: &x v1\nb: &y 'v1'\nc: *x\n", ".a, .b", "v2", "a: &x v2\nb: &y 'v2'\nc: *x\n",
			".a: v1 -> v2; .b: v1 -> v2"},
		{"below an anchor", "a: &x {t: v1}\nb: *x\n", ".a.t", "v2", "a: &x {t: v2}\nb: *x\n", ".a.t: v1 -> v2"},
		{"beside a merge key", "a: &x {t: v1}\nb:\n  <<: *x\n  t: v3\n", ".b.t", "v2",
			"a: &x {t: v1}\nb:\n  <<: *x\n  t: v2\n", ".b.t: v3 -> v2"},
		{"above a merge key", "a: &x {t: v1}\nb:\n  t: v3\n  <<: *x\n", ".b.t", "v2",
			"a: &x {t: v1}\nb:\n  t: v2\n  <<: *x\n", ".b.t: v3 -> v2"},
		{"tags", "a: !!str v1\nb: !x v1\nc: !!str &d \"v1\"\n", ".a, .b, .c", "v2",
			"a: !!str v2\nb: !x v2\nc: !!str &d \"v2\"\n", ".a: v1 -> v2; .b: v1 -> v2; .c: v1 -> v2"},
		{"a number with a tag", "a: !!int 5 # c\nb: !!int\n  # d\n  5\n", ".a, .b", "6",
			"a: !!int 6 # c\nb: !!int\n  # d\n  6\n", ".a: 5 -> 6; .b: 5 -> 6"},
		{"a number with a tag, in quotes", "a: !!int \"5\"\nb: !!int '5' # c\n", ".a, .b", "6",
			"a: !!int \"6\"\nb: !!int '6' # c\n", ".a: 5 -> 6; .b: 5 -> 6"},
		{"a whole number with the tag of others", "a: !!float 1\n", ".a", "2", "a: !!float 2\n", ".a: 1 -> 2"},
		{"a boolean of YAML 1.1 with a tag", "a: !!bool yes\n", ".a", "no", "a: !!bool no\n", ".a: yes -> no"},
		{"a tag that is a URI", "a: !<tag:yaml.org,2002:str> v1\n", ".a", "v2", "a: !<tag:yaml.org,2002:str> v2\n",
			".a: v1 -> v2"},
		{"a string tag", "a: !!str v1\n", ".a", "6", "a: !!str \"6\"\n", ".a: v1 -> 6"},
		{"nothing there", "a:\nb:   # c\nc: {d: , e: f}\n", ".a, .b, .c.d", "v1",
			"a: v1\nb: v1   # c\nc: {d: v1, e: f}\n", ".a: null -> v1; .b: null -> v1; .c.d: null -> v1"},
		{"nothing there, in a pair in a list", "[a: , b, c: ]\n", ".[0].a, .[2].c", "v1", "[a: v1 , b, c: v1 ]\n",
			".[0].a: null -> v1; .[2].c: null -> v1"},
		{"nothing there but a comment, in flow", "{a: # c\n, b: v1}\n", ".a", "v1", "{a: # c\n\"v1\", b: v1}\n",
			".a: null -> v1"},
		{"nothing there, in a list", "- \n-\n- a\n", ".[0], .[1]", "v1", "- v1 \n- v1\n- a\n",
			".[0]: null -> v1; .[1]: null -> v1"},
		{"nothing there but an anchor", "a: &x\n# c\nb: &y # d\n", ".a, .b", "v1", "a: &x v1\n# c\nb: &y v1 # d\n",
			".a: null -> v1; .b: null -> v1"},
		{"nothing there, at the end", "a:", ".a", "v1", "a: v1", ".a: null -> v1"},
		{"null", "a: null\nb: ~\n", ".a, .b", "", "a: \"\"\nb: \"\"\n", ".a: null -> ; .b: null -> "},
		{"empty quotes", "a: \"\"\nb: ''\n", ".a, .b", "v1", "a: \"v1\"\nb: 'v1'\n", ".a:  -> v1; .b:  -> v1"},
		{"the same value", "a: v1\nb: '5'\nc: 5\nd: ~\n", ".a", "v1", "a: v1\nb: '5'\nc: 5\nd: ~\n", ""},
		{"the same characters", "b: '5'\nc: 5\n", ".b, .c", "5", "b: '5'\nc: 5\n", ""},
		{"null to null", "a: ~\nb:\n", ".a, .b", "null", "a: ~\nb:\n", ""},
		{"actions of Helm in quotes", "a: \"{{ .x }}\"\nb: v1\n", ".b", "v2", "a: \"{{ .x }}\"\nb: v2\n",
			".b: v1 -> v2"},
		{"JSON in YAML", "{\n\t\"a\": \"v1\",\n\t\"b\": 3\n}\n", ".a", "v2", "{\n\t\"a\": \"v2\",\n\t\"b\": 3\n}\n",
			".a: v1 -> v2"},
		{"block scalars elsewhere", "a: |+\n  x: 1\n\n\nb: v1\nc: >-\n  b: v1\n", ".b", "v2",
			"a: |+\n  x: 1\n\n\nb: v2\nc: >-\n  b: v1\n", ".b: v1 -> v2"},
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
	t.Parallel()
	for old, values := range map[string]map[string]string{
		"v1": {
			"v2": "v2", "1.2.3": "1.2.3", "acme/app:v1": "acme/app:v1", "sha256:abc": "sha256:abc", "a,b]": "a,b]",
			"1a2b3c4": "1a2b3c4",
			"a b":     "a b", "-x": "-x", "a'b\"c": "a'b\"c", "é": "é", "NO!": "NO!",
			"http://example.com/#x": "http://example.com/#x",
			"1.10":                  `"1.10"`, "5": `"5"`, "-5": `"-5"`, "+5": `"+5"`,
			"0123": `"0123"`, "0o17": `"0o17"`,
			"0x1F": `"0x1F"`, "0b1": `"0b1"`,
			"1e5": `"1e5"`, "123e456": `"123e456"`, "1E5": `"1E5"`, ".5": `".5"`, "._5": `"._5"`, "5.": `"5."`,
			"1_000": `"1_000"`, "1,000": `"1,000"`, "08": `"08"`,
			"12:30:45": `"12:30:45"`, "1:2": `"1:2"`, "2026-11-20": `"2026-11-20"`,
			"2026-11-20T10:00:00Z": `"2026-11-20T10:00:00Z"`,
			"true":                 `"true"`, "True": `"True"`, "FALSE": `"FALSE"`, "yes": `"yes"`,
			"No": `"No"`, "on": `"on"`,
			"OFF": `"OFF"`, "y": `"y"`, "N": `"N"`,
			"null": `"null"`, "Null": `"Null"`, "~": `"~"`, "": `""`, ".inf": `".inf"`, "-.INF": `"-.INF"`,
			".NaN": `".NaN"`, "=": `"="`, "<<": `"<<"`,
			" x": `" x"`, "x ": `"x "`, " ": `" "`, "\t": `"\t"`, "a\tb": `"a\tb"`, "a\nb": `"a\nb"`, "a\r": `"a\r"`,
			"\x00": `"\u0000"`, "\x7f": `"\u007f"`,
			"\u0085": `"\u0085"`, "\u2028": `"\u2028"`, "\ufeff": `"\ufeff"`, "\u00a0": `"\u00a0"`,
			"\u200b": `"\u200b"`,
			"@x":     `"@x"`, "`x": "\"`x\"", "*x": `"*x"`, "&x": `"&x"`, "!x": `"!x"`, "%x": `"%x"`, "|": `"|"`,
			">x": `">x"`, "#x": `"#x"`,
			"\"x": `"\"x"`, "'x": `"'x"`, "[x": `"[x"`, "{x}": `"{x}"`, "]": `"]"`, ",x": `",x"`, "- x": `"- x"`,
			"-": `"-"`, "? x": `"? x"`, "?": `"?"`,
			": x": `": x"`, ":": `":"`, "a: b": `"a: b"`, "a:": `"a:"`, "a #b": `"a #b"`, "---": "---", `a\b`: `a\b`,
		},
		"3": {"5": "5", "-5": "-5", "0": "0", "9223372036854775807": "9223372036854775807", "1.5": "1.5",
			"9223372036854775808": `"9223372036854775808"`, "05": `"05"`, "+5": `"+5"`, "-0": `"-0"`, "1.50": `"1.50"`,
			"1e5": `"1e5"`, "0x1F": `"0x1F"`, "v1": "v1", "true": `"true"`, "null": `"null"`, "": `""`},
		"1.9": {"1.10": `"1.10"`, "1.11": "1.11", "2": "2", "2.0": `"2.0"`, "-0.0": `"-0.0"`, "1e5": `"1e5"`,
			".5": `".5"`, ".inf": `".inf"`, "Inf": "Inf", "0.1.2": "0.1.2", "1_0.5": `"1_0.5"`},
		"0644": {"0755": `"0755"`, "420": "420"},
		"true": {"false": "false", "null": `"null"`, "~": `"~"`, "no": `"no"`, "False": `"False"`, "5": `"5"`,
			"x": "x", "": `""`},
		"yes": {"no": "no", "off": "off", "true": "true", "false": "false", "True": `"True"`, "5": `"5"`,
			"x": "x"},
		"null": {"true": "true", "5": "5", "0": "0", "-1": "-1", "65535": "65535", "999999": "999999",
			"-999999": "-999999", "1000000": `"1000000"`, "1234567": `"1234567"`, "12e4567": `"12e4567"`,
			"2024-01-01": `"2024-01-01"`, "05": `"05"`, "-0": `"-0"`, "1.5": `"1.5"`, "x": "x", "": `""`, "~": `"~"`},
		"2026-11-20": {"2026-11-21": "2026-11-21", "x": "x", "5": `"5"`},
		`"5"`:        {"6": `"6"`, "v1": `"v1"`, "true": `"true"`, "a\nb": `"a\nb"`, "": `""`},
		"'5'": {"6": "'6'", "v1": "'v1'", "it's": "'it''s'", "a\nb": `"a\nb"`, " ": "' '", "": "''",
			`a\"b`: `'a\"b'`, "\u2028": `"\u2028"`},
	} {
		for value, want := range values {
			got, _, err := assignOne("a: "+old+" # c\nb: "+old+"\n", ".a", value)
			if want = "a: " + want + " # c\nb: " + old + "\n"; err != nil || got != want {
				t.Errorf("%s to %q: got %q, %v; want %q", old, value, got, err, want)
			}
		}
	}
	for value, want := range map[string]string{"v2": "v2", "a:b": "a:b", "a,b": `"a,b"`, "a]": `"a]"`, "a}": `"a}"`,
		"a{": `"a{"`, "5": `"5"`, "a: b": `"a: b"`, "": `""`} {
		for _, around := range [][2]string{{"a: {x: ", ", y: 1}\n"}, {"a: [", "]\n"}, {"a: {x: {y: ", "}}\n"}} {
			got, _, err := assignOne(around[0]+"v1"+around[1], `.. | select(. == "v1")`, value)
			if want := around[0] + want + around[1]; err != nil || got != want {
				t.Errorf("flow, %q: got %q, %v; want %q", value, got, err, want)
			}
		}
	}
}
