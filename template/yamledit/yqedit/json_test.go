package yqedit

import (
	"errors"
	"testing"

	"update-gitops-repo/template/yamledit"
)

// A JSON file stays JSON: what JSON cannot hold is refused, and a style changes nothing.
func TestJSON(t *testing.T) {
	t.Parallel()
	const src = "{\"name\": \"shop\", \"n\": 1, \"l\": [1, {}]}\n"
	for _, expr := range []string{
		`.x = 0x1F`, `.n = 007`, `.l[0] = 0x10`, `.name anchor = "x"`, `.name anchor = "x" | .a alias = "x"`,
		`.name tag = "!!binary"`, `.name tag = "!custom"`, `.name tag = "!!bool"`,
		`.n tag = "!!bool"`, `.n tag = "!!null"`, `.x = "a" | .x tag = "!!null"`, `.l tag = "!!set"`,
	} {
		for _, name := range []string{"f.json", "f.yaml", "composer.lock"} {
			got, _, _, err := evaluateOne(name, src, expr)
			if !errors.Is(err, yamledit.ErrUneditable) || got != src {
				t.Errorf("%s: %s: %q, %v", name, expr, got, err)
			}
		}
	}
	for _, tt := range []struct{ expr, want string }{
		{`.n tag = "!!str"`, "{\"name\": \"shop\", \"n\": \"1\", \"l\": [1, {}]}\n"},
		{`.x = "1" | .x tag = "!!int"`, "{\"name\": \"shop\", \"n\": 1, \"l\": [1, {}], \"x\": 1}\n"},
		{`.n = 1.5e3`, "{\"name\": \"shop\", \"n\": 1.5e3, \"l\": [1, {}]}\n"},
		{`.n style = "double"`, src}, {`.name style = "single"`, src}, {`.. style = ""`, src},
		{`.l style = "" | .n = 2 | .n style = "double"`, "{\"name\": \"shop\", \"n\": 2, \"l\": [1, {}]}\n"},
	} {
		got, _, warnings, err := evaluateOne("f.json", src, tt.expr)
		if got != tt.want || warnings != nil || err != nil {
			t.Errorf("%s: %q, %q, %v", tt.expr, got, warnings, err)
		}
	}
	const quoted = "{\"name\": \"shop\", \"n\": \"1\", \"l\": [1, {}]}\n" // as yq has it in what is YAML to it
	if got, _, _, err := evaluateOne("f.yaml", src, `.n style = "double"`); got != quoted || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, _, _, err := evaluateOne("f.json", src, `.name tag = "!!int"`); err == nil {
		t.Errorf("%q", got) // yq itself fails
	}
	lines := "{\"a\": 1}\n{\"a\": 2}\n"
	if got, _, _, err := evaluateOne("f.json", lines, `.a += 1`); got != "{\"a\": 2}\n{\"a\": 3}\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
