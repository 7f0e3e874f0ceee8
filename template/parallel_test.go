package template

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// TestRenderMany: each result is its own file's, and files without actions among them are copied.
func TestRenderMany(t *testing.T) {
	fsys, want := fstest.MapFS{}, map[string]string{}
	for i := range 1000 {
		name, src, out := fmt.Sprintf("%d.yaml", i), fmt.Sprintf("%d: $(< .x | upper >)\n", i),
			fmt.Sprintf("%d: X\n", i)
		if i%10 == 0 {
			src, out = "nothing\n", "nothing\n"
		}
		fsys[name+suffix], want[name] = &fstest.MapFile{Data: []byte(src)}, out
	}
	got, err := Renderer{Globs: []string{"**.tmpl"}}.Render(fsys, Values{"x": "x"})
	if err != nil || len(got) != len(want) {
		t.Fatal(len(got), err)
	}
	for name, out := range want {
		if string(got[name]) != out {
			t.Errorf("%s: %q", name, got[name])
		}
	}
}

// TestRenderFirstError: whatever goes wrong at the same time, the error is that of the first file.
func TestRenderFirstError(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 200 {
		src := "$(< .x >)"
		switch {
		case i == 60: // Later to fail than those behind it.
			src = `$(< range until 30000 >)$(< end >)$(< .missing >)`
		case i > 60:
			src = "$(< .other >)"
		}
		fsys[fmt.Sprintf("%03d.tmpl", i)] = &fstest.MapFile{Data: []byte(src)}
	}
	for range 20 {
		_, err := Renderer{Globs: []string{"**.tmpl"}}.Render(fsys, Values{"x": "x"})
		var e *Error
		if !errors.As(err, &e) || e.File != "060.tmpl" || e.Key != ".missing" {
			t.Fatalf("got %v", err)
		}
	}
}

// TestRenderApart: a template that writes to the values writes to its own.
func TestRenderApart(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 100 {
		fsys[fmt.Sprintf("%03d.tmpl", i)] = &fstest.MapFile{Data: []byte(
			`$(< hasKey . "n" >) $(< hasKey .in "n" >)$(< $_ := set . "n" 1 >)$(< $_ := set .in "n" 1 >)`)}
	}
	v := Values{"in": map[string]any{"a": "b"}}
	got, err := Renderer{Globs: []string{"**.tmpl"}}.Render(fsys, v)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range got {
		if string(text) != "false false" {
			t.Errorf("%s: %s", name, text)
		}
	}
	if len(v) != 1 || len(v["in"].(map[string]any)) != 1 {
		t.Errorf("the values are %v now", v)
	}
}

// TestCalledBy: every function can be called, wherever its name stands in an action.
func TestCalledBy(t *testing.T) {
	names := 0
	for name := range library().names {
		for _, src := range []string{"$(<" + name + ">)", "$(< .x|" + name + ">)", "$(<if (" + name + ")>)$(<end>)"} {
			_, err := Renderer{}.Text("x", []byte(src), Values{"x": "y"})
			if err != nil && strings.Contains(err.Error(), "not defined") {
				t.Errorf("%s: %v", src, err)
			}
		}
		names++
	}
	if names < 100 {
		t.Errorf("%d functions", names)
	}
	for _, d := range []Delims{{"do", "end!"}, {"_", "_"}, {"<1", "1>"}} {
		out, err := Renderer{Delims: d}.Text("x", []byte(d.Left+`upper "a" `+d.Right), nil)
		if err != nil || string(out) != "A" {
			t.Errorf("%v: %q, %v", d, out, err)
		}
	}
}
