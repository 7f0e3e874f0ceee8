package yamledit

import (
	"strings"
	"testing"
)

func TestHideVersions(t *testing.T) {
	t.Parallel()
	tests := []struct{ src, want string }{
		{"a: 1\n", "a: 1\n"},
		{"%YAML 1.2\n---\na\n", "#YAML 1.2\n---\na\n"},
		{"\ufeff%YAML 1.2\n---\na\n", "\ufeff#YAML 1.2\n---\na\n"},
		{"# c\n\n%TAG ! a\r\n%YAML  1.2 # d\r\n---\r\na\r\n", "# c\n\n%TAG ! a\r\n#YAML  1.2 # d\r\n---\r\na\r\n"},
		{"a\n...\n # c\n%YAML 1.2\n---\na\n", "a\n...\n # c\n#YAML 1.2\n---\na\n"},
		{"%YAML 1.1\n---\na\n", "%YAML 1.1\n---\na\n"},
		{"%YAML 2.0\n---\na\n", "%YAML 2.0\n---\na\n"},
		{"--- |\n%YAML 1.2\n", "--- |\n%YAML 1.2\n"},
		{"a: \"\n%YAML 1.2\n\"\n", "a: \"\n%YAML 1.2\n\"\n"},
	}
	for _, tt := range tests {
		if got := hideVersions([]byte(tt.src)); string(got) != tt.want {
			t.Errorf("%q: got %q, want %q", tt.src, got, tt.want)
		}
	}
}

func TestParseJSON(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"{}", "[]", " [ ] ", `{"a":1}`,
		"\ufeff{\"a\": [1, -2.5, 1e3, true, false, null, \"x\", {}, []], \"b\": {\"c\": \"é\\n\"}}\r\n",
		"{\r\n\t\"a\"\r\n:\t1\r\n}", "\"😀\" ", "5", "[\"\u2028\",\n1]",
	} {
		got, err := parseJSON([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		want, err := parseYAML([]byte(src))
		if err != nil && !strings.Contains(src, "\t\"a\"") { // which is beyond the YAML parser
			t.Fatal(err)
		}
		if err != nil {
			continue
		}
		a, b := flat(got), flat(want)
		if len(a) != len(b) {
			t.Errorf("%q: %d nodes, not %d", src, len(a), len(b))
			continue
		}
		for i := range a {
			if a[i].Kind != b[i].Kind || a[i].Tag != b[i].Tag || Text(a[i]) != Text(b[i]) ||
				a[i].Line != b[i].Line || a[i].Column != b[i].Column || a[i].Style != b[i].Style {
				t.Errorf("%q: %+v, not %+v", src, a[i], b[i])
			}
		}
	}
	for _, src := range []string{"{", "[1", "{\"a\":", "{a: 1}", "[1,]", "1 x", "// c\n{}"} {
		if docs, err := parseJSON([]byte(src)); err == nil {
			t.Errorf("%q: got %v", src, docs)
		}
	}
	// Objects one behind the other, and one that is YAML alone.
	for src, want := range map[string]string{"{\"a\": \"v1\"}\n{\"b\": 1}\n": "{\"a\": \"v2\"}\n{\"b\": 1}\n",
		"{\"a\": \"v1\"} # c\n": "{\"a\": \"v2\"} # c\n"} {
		if got := setText(t, "f.json", src, "a", "v2"); got != want {
			t.Errorf("%q: got %q", src, got)
		}
	}
}

// JSON that is nested without end is an error, and does not exhaust the stack.
func TestNestedJSON(t *testing.T) {
	t.Parallel()
	for depth, want := range map[int]string{10_000: "", 10_001: "depth", 8_000_000: "depth"} {
		src := []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
		if _, err := parseAs("f.json", src); (want == "") != (err == nil) ||
			err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d: got %v", depth, err)
		}
	}
}

// JSON stays JSON, whatever the name of its file.
func TestJSONByContent(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"\ufeff\n{\"a\": 5}\n":                     "\ufeff\n{\"a\": \"a b\"}\n",
		`{"\ud83d\ude00": "\ud83d\ude00", "a": 5}`: `{"\ud83d\ude00": "\ud83d\ude00", "a": "a b"}`,
		`{"a": 5} # c`:                             `{"a": a b} # c`, `{a: 5}`: `{a: a b}`, "a: 5\n": "a: a b\n",
	} {
		for _, name := range []string{"f.yaml", "composer.lock", "F.JSON"} {
			if got := setText(t, name, src, "a", "a b"); got != want {
				t.Errorf("%s, %q: got %q, want %q", name, src, got, want)
			}
		}
	}
}
