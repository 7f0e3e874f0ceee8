package yqedit

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v4"
	k8s "sigs.k8s.io/yaml"

	"update-gitops-repo/template/yamledit"
)

// TestValues checks what VALUE is: text in double quotes, or as it is given.
func TestValues(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]value{
		"16": {"16", false}, `"16"`: {"16", true}, `""`: {"", true}, "": {"", false}, `"a\nb"`: {"a\nb", true},
		"\"a\nb\tc\"": {"a\nb\tc", true}, `"\"16\""`: {`"16"`, true}, `"\\"`: {`\`, true},
		`"\/\b\f\r\t"`:               {"/\b\f\r\t", true},
		`"\u00e9\u0000\uD83D\uDE00"`: {"é\x00😀", true}, `"\ud7ff\ue000"`: {"\ud7ff\ue000", true},
		`"\ufffd"`: {"\ufffd", true}, `"é"`: {"é", true}, `'16'`: {"'16'", false}, `a "b"`: {`a "b"`, false},
		` "16"`: {` "16"`, false}, `two\nlines`: {`two\nlines`, false},
	} {
		got, err := ParseAssignment("f.yaml:.a=" + in)
		if err != nil || got.value() != want {
			t.Errorf("%s: got %+v, %v; want %+v", in, got.value(), err, want)
		}
	}
	for in, literal := range map[string]string{
		`"`: `"\""`, `"a`: `"\"a"`, `"a"b`: `"\"a\"b"`, `"a" `: `"\"a\" "`,
		`"a" "b"`: `"\"a\" \"b\""`, `"""`: `"\"\"\""`,
		`"\"`: `"\"\\\""`, `"\q"`: `"\"\\q\""`, `"\'"`: `"\"\\'\""`, `"\u12"`: `"\"\\u12\""`,
		`"\ud83d"`:       `"\"\\ud83d\""`,
		`"\ude00\ud83d"`: `"\"\\ude00\\ud83d\""`, `"a"#<`: `"\"a\"#<"`,
	} {
		_, err := ParseAssignment("f.yaml:.a=" + in)
		e, ok := errors.AsType[*ValueError](err)
		if !ok || e.Value != in || e.Literal != literal {
			t.Errorf("%s: got %+v, want %s", in, e, literal)
			continue
		}
		if again, err := ParseAssignment("f.yaml:.a=" + literal); err != nil || again.value() != (value{in, true}) {
			t.Errorf("%s: got %+v, %v; want %s", literal, again, err, in)
		}
	}
}

// TestText checks that text in double quotes is written as a string, whatever there was.
func TestText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ old, text, want string }{
		{"1", `"16"`, `"16"`}, {"16", `"16"`, `"16"`}, {"1.5", `"1.10"`, `"1.10"`}, {"1", `"v1"`, "v1"},
		{"true", `"false"`, `"false"`}, {"true", `"true"`, `"true"`}, {"yes", `"no"`, `"no"`},
		{"yes", `"yes"`, `"yes"`},
		{"yes", `"true"`, `"true"`}, {"~", `"null"`, `"null"`}, {"null", `"null"`, `"null"`}, {"", `"16"`, `"16" `},
		{"v1", `"16"`, `"16"`}, {"'v1'", `"16"`, "'16'"}, {`"1"`, `"16"`, `"16"`}, {"1", `""`, `""`},
		{"'1'", `""`, "''"}, {"0o17", `"0o17"`, `"0o17"`}, {"0x1F", `"0x1F"`, `"0x1F"`}, {"1e3", `"1e3"`, `"1e3"`},
		{".5", `".5"`, `".5"`}, {"2024-01-01", `"2024-01-01"`, `"2024-01-01"`},
		{"12:30:45", `"12:30:45"`, `"12:30:45"`},
		{"010", `"010"`, `"010"`}, {"1_000", `"1_000"`, `"1_000"`}, {"12e4567", `"12e4567"`, `"12e4567"`},
		{"1", `"a\nb"`, `"a\nb"`}, {"1", `"'1'"`, `"'1'"`}, {"1", `"\"1\""`, `"\"1\""`},
		{"!!str 1", `"16"`, `!!str "16"`},
		{"&x 1", `"16"`, `&x "16"`}, {"v1", `"v1"`, "v1"},
	} {
		a, err := ParseAssignment("f.yaml:.a=" + tt.text)
		if err != nil {
			t.Fatal(err)
		}
		src, want := "a: "+tt.old+" # c\nb: "+tt.old+"\n", "a: "+tt.want+" # c\nb: "+tt.old+"\n"
		fsys := fstest.MapFS{"f.yaml": {Data: []byte(src)}}
		for range 2 {
			result, err := Assign(fsys, []Assignment{a}, ignore)
			text, changed := result.Files["f.yaml"]
			if !changed {
				text = fsys["f.yaml"].Data
			}
			if err != nil || string(text) != want || len(result.Changes) != len(result.Files) ||
				changed != (string(fsys["f.yaml"].Data) != want) {
				t.Errorf("%q, %s: got %q, %+v, %v; want %q", src, tt.text, text, result.Changes, err, want)
			}
			fsys["f.yaml"].Data = text
		}
	}
	src := "a: !!int 5\n"
	result, err := Assign(fstest.MapFS{"f.yaml": {Data: []byte(src)}},
		[]Assignment{{File: "f.yaml", Path: ".a", Value: "6", Text: true}}, ignore)
	if e, ok := errors.AsType[*yamledit.Error](err); !ok || !strings.Contains(e.Hint, "tag") {
		t.Errorf("got %+v, %v", result, err)
	}
}

// TestTextOfEveryKind checks that any text, in place of any scalar or of nothing, reads as just that text to the parser
// of Kubernetes, which is of YAML 1.1, and to one of YAML 1.2.
func TestTextOfEveryKind(t *testing.T) {
	t.Parallel()
	texts := []string{"16", "1.10", "1e3", "12e4567", ".5", "0x1F", "0o17", "0b1", "010", "1_000", "12:30:45", "190:20",
		"2024-01-01", "2024-01-01T10:00:00Z", "true", "False", "yes", "No", "on", "y", "null", "~", "", " ", "=", "<<",
		"-", ".inf", ".NaN", "a: b", "a #b", "it's", `"16"`, "'16'", "two\nlines", "two\nlines\n", "\ttab",
		"- a", "{a}", "[", "*x", "&x", "!!int 5", "%a", "@a", "|", "---", "é😀", "\u00a0", "\u2028", "\ufeff"}
	olds := []string{"1", "1.5", "true", "yes", "~", "null", "", "v1", "'v1'", `"1"`, "0o17", "12:30:45", "2024-01-01",
		"|\n    v1", ">-\n    v1", "&x 1", "nothing"}
	for _, old := range olds {
		for _, text := range texts {
			for _, layout := range []string{"k:\n  a: %s\nz: 1\n", "k: {a: %s, b: 1}\nz: 1\n"} {
				src := strings.Replace(layout, "%s", old, 1)
				if old == "nothing" {
					src = "k:\n  b: 1\nz: 1\n"
				}
				if parsed(src) == nil || strings.Contains(layout, "{") && strings.ContainsAny(old, "|>") {
					continue
				}
				got, _, err := createAs(src, Assignment{File: "f.yaml", Path: ".k.a", Value: text, Text: true})
				if err != nil {
					t.Errorf("%q, %q: %v", src, text, err)
					continue
				}
				var one, two struct {
					K map[string]any
					Z int
				}
				err = errors.Join(k8s.Unmarshal([]byte(got), &one), yaml.Unmarshal([]byte(got), &two))
				if err != nil ||
					one.K["a"] != any(text) || two.K["a"] != any(text) || one.Z != 1 {
					t.Errorf("%q, %q: got %q, which reads %q and %q, %v", src, text, got, one.K["a"], two.K["a"], err)
				}
			}
		}
	}
}

// TestSingleQuotes checks that a value in single quotes, which stay a part of it, comes with a warning.
func TestSingleQuotes(t *testing.T) {
	t.Parallel()
	a, err := ParseAssignment("*.yaml:.a='16'")
	if err != nil {
		t.Fatal(err)
	}
	result, err := Assign(fstest.MapFS{"f.yaml": {Data: []byte("a: 1\n")}}, []Assignment{a}, ignore)
	want := `*.yaml:.a: the value '16' is written with its single quotes; give "16" for the text within them`
	text := string(result.Files["f.yaml"])
	if err != nil || text != "a: \"'16'\"\n" || !slices.Equal(result.Warnings, []string{want}) {
		t.Errorf("got %+v, %v", result, err)
	}
}
