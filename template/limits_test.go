package template

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	texttemplate "text/template"

	"github.com/Masterminds/sprig/v3"
)

// allocated returns how many bytes do allocates.
func allocated(do func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc)
}

// Templates that want all there is: each is refused, at its line, before it took much memory.
func TestHostileTemplates(t *testing.T) {
	const grown = `$(< $x := .v >)$(< range until 40 >)$(< $x = %s >)$(< end >)$(< $x >)`
	const shared = "$(< $x := .v >)$(< range 60 >)$(< $x = list $x $x >)$(< end >)"
	const map2000 = "$(< $x := dict >)$(< range $i := until 2000 >)$(< $_ := set $x (toString $i) $i >)$(< end >)"
	const kept = "$(< $x := repeat 4000000 %s >)$(< $l := list >)\n$(< range 100 >)$(< $l = append $l (%s) >)$(< end >)"
	tests := []struct {
		name, src string
		line      int
		text      string // of the error, if any of those below
	}{
		{"repeat", "\n$(< repeat 1000000000 .v >)", 2, "repeat would take more"},
		{"repeat, overflowing", `$(< repeat 9223372036854775807 "ab" >)`, 1, "repeat would take more"},
		{"repeat of repeat", `$(< repeat 10000 (repeat 10000 (repeat 10000 .v)) >)`, 1, "repeat would take more"},
		{"until", "$(< until 1000000000 | len >)", 1, "until would take more"},
		{"untilStep", "$(< untilStep 0 1000000000 1 | len >)", 1, "untilStep would take more"},
		{
			"untilStep, overflowing",
			"$(< untilStep 0 9223372036854775807 9223372036854775806 | len >)",
			1, "untilStep would take more",
		},
		{"seq", "$(< seq 1000000000 >)", 1, "seq would take more"},
		{
			"range until",
			"$(< range until 1000 >)$(< range until 1000000 >)\n$(< end >)$(< end >)",
			1, "would take more",
		},
		{"range over a number", "\n$(< range 1000000000000 >)$(< end >)", 2, "range would take more"},
		{
			"ranges within each other",
			"$(< range 100000 >)$(< range 100000 >)$(< range 100000 >)$(< end >)$(< end >)$(< end >)",
			1, "range would take more",
		},
		{
			"a text many times",
			"\n$(< range 1000000 >)" + strings.Repeat("x", 1000) + "$(< end >)",
			2, "the result would be larger than 64 MiB",
		},
		{
			"a value many times",
			"$(< $x := repeat 1000000 .v >)\n$(< range 1000000 >)$(< $x >)$(< end >)",
			2, "the result would be larger than 64 MiB",
		},
		{
			"a large value",
			"\n\n$(< $x := repeat 67108865 .v >)\n$(< $x >)",
			4, "the result would be larger than 64 MiB",
		},
		{
			"values one after the other",
			"$(< $x := repeat 1000000 .v >)" + strings.Repeat("\n$(< $x >)", 100),
			69, "the result would be larger than 64 MiB",
		},
		{
			"the sorted keys of a map",
			`$(< $d := dict >)$(< range $i := until 20000 >)$(< $_ := set $d (toString $i) 1 >)$(< end >)` +
				`$(< range 1000000 >)$(< range $d >)$(< break >)$(< end >)$(< end >)`,
			1, "range would take more",
		},
		{
			"recursion",
			"$(< define `a` >)\n$(< template `a` >)$(< end >)$(< template `a` >)",
			2, "templates call each other too deep",
		},
		{
			"deep recursion",
			"$(< define `a` >)" + strings.Repeat("$(< if 1 >)", 1000) + "$(< template `a` >)" +
				strings.Repeat("$(< end >)", 1001) + "$(< template `a` >)",
			1, "templates call each other too deep",
		},
		{
			"recursion in two",
			"$(< define `a` >)\n$(< template `b` >)$(< end >)$(< define `b` >)$(< template `a` >)$(< end >)" +
				"$(< template `a` >)",
			2, "templates call each other too deep",
		},
		{
			"recursion that doubles",
			"$(< define `a` >)$(< if gt . 0 >)$(< template `a` (sub . 1) >)$(< template `a` (sub . 1) >)" +
				"$(< end >)$(< end >)\n$(< template `a` 40 >)",
			1, "would take more",
		},
		{"doubling in a loop", fmt.Sprintf(grown, "print $x $x"), 1, "print would take more"},
		{"doubling by cat", fmt.Sprintf(grown, "cat $x $x"), 1, "cat would take more"},
		{"doubling by printf", fmt.Sprintf(grown, "printf `%[1]s%[1]s` $x"), 1, "printf would take more"},
		{"doubling by join", fmt.Sprintf(grown, "join $x (list $x $x)"), 1, "join would take more"},
		{"doubling by replace", fmt.Sprintf(grown, "replace `x` `xx` $x"), 1, "replace would take more"},
		{"squaring by replace", fmt.Sprintf(grown, "replace `x` $x (print $x $x)"), 1, "replace would take more"},
		{
			"doubling by regexReplaceAll",
			fmt.Sprintf(grown, "regexReplaceAll `.` $x `$0$0`"),
			1, "regexReplaceAll would take more",
		},
		{"doubling by quote", fmt.Sprintf(grown, "quote $x $x"), 1, "quote would take more"},
		{"doubling by squote", fmt.Sprintf(grown, "squote $x $x"), 1, "squote would take more"},
		{"doubling by nindent", fmt.Sprintf(grown, "nindent (len $x) $x"), 1, "indent would take more"},
		{"doubling by wrapWith", fmt.Sprintf(grown, "wrapWith 1 $x (print $x $x)"), 1, "wrapWith would take more"},
		{"doubling by html", fmt.Sprintf(grown, "html $x $x `<`"), 1, "html would take more"},
		{
			"base64 again and again",
			"$(< $x := .v >)$(< range 1000 >)$(< $x = b64enc $x >)$(< end >)",
			1, "b64enc would take more",
		},
		{
			"a list that grows",
			"$(< $x := list >)$(< range 1000000 >)$(< $x = append $x 1 >)$(< end >)",
			1, "append would take more",
		},
		{
			"a list that doubles",
			"$(< $x := list 1 >)$(< range 60 >)$(< $x = concat $x $x >)$(< end >)",
			1, "concat would take more",
		},
		{
			"a map that grows",
			"$(< $x := dict >)$(< range $i := 100000000 >)$(< $_ := set $x (toString $i) $i >)$(< end >)",
			1, "would take more",
		},
		{"a shared list, printed", fmt.Sprintf(grown, "list $x $x"), 1, "printing it would take more"},
		{
			"a shared list in JSON",
			"$(< $x := .v >)$(< range 60 >)$(< $x = list $x $x >)$(< end >)\n$(< toJson $x >)",
			2, "toJson would take more",
		},
		{
			"a shared list, copied",
			"$(< $x := .v >)$(< range 60 >)$(< $x = list $x $x >)$(< end >)\n$(< $y := deepCopy $x >)",
			2, "deepCopy would take more",
		},
		{
			"shared lists, compared",
			"$(< $x := .v >)$(< $y := .v >)$(< range 60 >)$(< $x = list $x $x >)$(< $y = list $y $y >)" +
				"$(< end >)\n$(< deepEqual $x $y >)",
			2, "deepEqual would take more",
		},
		{
			"a map in itself, printed",
			"$(< $x := dict >)$(< $_ := set $x `a` $x >)\n$(< $x >)",
			2, "printing it: the value is nested too deep, or holds itself",
		},
		{
			"a map in itself, quoted",
			"$(< $x := dict >)$(< $_ := set $x `a` $x >)\n$(< quote $x >)",
			2, "quote: the value is nested too deep, or holds itself",
		},
		{
			"a map in itself, in JSON",
			"$(< $x := dict >)$(< $_ := set $x `a` $x >)\n$(< toJson $x >)",
			2, "toJson: the value is nested too deep, or holds itself",
		},
		{
			"a map in itself, merged",
			"$(< $x := dict >)$(< $_ := set $x `a` $x >)\n$(< $_ := merge $x $x >)",
			2, "merge: the value is nested too deep, or holds itself",
		},
		{
			"a map in itself, copied",
			"$(< $x := dict >)$(< $_ := set $x `a` $x >)\n$(< $_ := deepCopy $x >)",
			2, "deepCopy: the value is nested too deep, or holds itself",
		},
		{
			"a shared list as a number",
			"$(< $x := .v >)$(< range 60 >)$(< $x = list $x $x >)$(< end >)\n$(< int $x >)",
			2, "int would take more",
		},
		{
			"a shared list as a decimal",
			"$(< $x := .v >)$(< range 60 >)$(< $x = list $x $x >)$(< end >)\n$(< mulf $x 1 >)",
			2, "mulf would take more",
		},
		{
			"a map in itself as a number",
			"$(< $x := dict >)$(< $_ := set $x `a` $x >)\n$(< add 1 $x >)",
			2, "add: the value is nested too deep, or holds itself",
		},
		{
			"lists within each other",
			"$(< $x := list >)$(< range 100000 >)$(< $x = list $x >)$(< end >)\n$(< toPrettyJson $x >)",
			2, "toPrettyJson: the value is nested too deep",
		},
		{
			"large texts, compared",
			"$(< $x := repeat 9000000 .v >)$(< $y := repeat 9000000 .v >)\n$(< range 100000 >)" +
				"$(< if eq $x $y >)$(< end >)$(< end >)",
			2, "comparing it would take more",
		},
		{
			"large texts, compared in a pipeline",
			"$(< $x := repeat 9000000 .v >)$(< $y := repeat 9000000 .v >)\n$(< range 100000 >)" +
				"$(< $_ := $x | le $y >)$(< end >)",
			2, "comparing it would take more",
		},
		{
			"a large key",
			"$(< $x := repeat 9000000 .v >)$(< $d := dict `a` 1 >)\n$(< range 100000 >)$(< if hasKey $d $x >)" +
				"$(< end >)$(< end >)",
			2, "hasKey would take more",
		},
		{"a shared list, compared with eq", shared + "\n$(< eq $x $x >)", 2, "comparing it would take more"},
		{"a shared list, compared in order", shared + "\n$(< 1 | lt $x >)", 2, "comparing it would take more"},
		{
			"a map in itself, compared",
			"$(< $x := dict >)$(< $_ := set $x `a` $x >)\n$(< ne $x 1 >)",
			2, "comparing it: the value is nested too deep, or holds itself",
		},
		{"a shared list as an index of slice", shared + "\n$(< slice (list 1) $x >)", 2, "slice would take more"},
		{"a shared list as a key", shared + "\n$(< dict $x 1 >)", 2, "dict would take more"},
		{"a shared list, sorted", shared + "\n$(< sortAlpha $x >)", 2, "sortAlpha would take more"},
		{
			"recursion in ranges",
			"$(< define `a` >)\n$(< range 100 >)$(< template `a` >)$(< end >)$(< end >)$(< template `a` >)",
			2, "templates call each other too deep",
		},
		{
			"a list of many, each compared with each",
			"$(< $x := until 100000 >)\n$(< uniq $x >)",
			2, "uniq would take more",
		},
		{
			"a set of many characters, trimmed",
			"\n$(< trimAll (repeat 1000000 `é`) (repeat 1000000 `a`) >)",
			2, "trimAll would take more",
		},
		{
			"many versions",
			"$(< range 1000000 >)$(< $_ := semverCompare `>=1 || >=1 || >=1` `1.2.3` >)$(< end >)",
			1, "semverCompare would take more",
		},
		{
			"maps that are kept",
			map2000 + "$(< $l := list >)\n$(< range 100000 >)$(< $l = append $l (omit $x `a`) >)$(< end >)",
			2, "would take more",
		},
		{
			"lists of keys that are kept",
			map2000 + "$(< $l := list >)\n$(< range 100000 >)$(< $l = append $l (keys $x) >)$(< end >)",
			2, "would take more",
		},
		{"texts that grow sixfold", fmt.Sprintf(kept, "`\\u0001`", "toJson $x"), 2, "would take more"},
		{"texts that grow word by word", fmt.Sprintf(kept, "`aB`", "snakecase $x"), 2, "would take more"},
		{"texts of pieces", fmt.Sprintf(kept, "`a,`", "splitList `,` $x"), 2, "would take more"},
		{"maps of pieces", fmt.Sprintf(kept, "`a,`", "split `,` $x"), 2, "split would take more"},
		{
			"maps in JSON",
			"\n$(< fromJson (print `[` (repeat 1000000 `{},`) `1]`) | len >)",
			2, "fromJson would take more",
		},
		{
			"copies that are kept",
			"$(< $x := fromJson (print `[` (repeat 100000 `{},`) `1]`) >)$(< $l := list >)\n$(< range 100 >)" +
				"$(< $l = append $l (deepCopy $x) >)$(< end >)",
			2, "deepCopy would take more",
		},
		{
			"a verb for each of many copies",
			"\n$(< printf (repeat 100000 `%[1]s`) (repeat 100000 `a`) >)",
			2, "printf would take more",
		},
		{"a wide indent", "\n$(< nindent 100000 (repeat 100000 `a\n`) >)", 2, "nindent would take more"},
		{
			"nothing, replaced",
			"\n$(< replace `` (repeat 100000 `a`) (repeat 100000 `a`) >)",
			2, "replace would take more",
		},
		{"a wide number", "$(< printf `" + strings.Repeat("%1000000d", 300) + "` 1 >)", 1, "printf would take more"},
		{
			"a width given",
			"$(< printf `" + strings.Repeat("%[1]*[1]d", 300) + "` 1000000 >)",
			1, "printf would take more",
		},
		{"a precision", "$(< range 1000 >)$(< printf `%.1000000f` 1.0 >)$(< end >)", 1, ""},
		{
			"derivePassword",
			"$(< range until 1000 >)$(< derivePassword 1 `long` `a` `b` `c` >)$(< end >)",
			1, "derivePassword would take more",
		},
		{
			"a large expression",
			"$(< regexMatch `" + strings.Repeat("a", 900) + "((((a{10}){10}){10})){1000}` .v >)",
			1, "",
		},
		{
			"a large expression within the limit",
			"$(< regexMatch `" + strings.Repeat("(a{1000})", 1000) + "` .v >)",
			1, "regexMatch would take more",
		},
		{
			"a slow expression",
			"$(< regexMatch `" + strings.Repeat("(x+x+)+", 1000) + "y` (repeat 10000000 .v) >)",
			1, "regexMatch would take more",
		},
		{"many products", "$(< mulf" + strings.Repeat(" 1e308", 100000) + " >)", 1, "mulf would take more"},
		{
			"actions within each other",
			strings.Repeat("$(< if 1 >)", 80_000) + strings.Repeat("$(< end >)", 80_000),
			0, "actions are nested too deep",
		},
		{
			"parentheses within each other",
			"$(< " + strings.Repeat("(", 9_999) + "1" + strings.Repeat(")", 9_999) + " >)",
			0, "",
		},
		{
			"a large template",
			"$(< .v >)" + strings.Repeat("x", maxSource),
			0, "is larger than the 16 MiB that a template may have",
		},
		{"comments without end", "$(< " + strings.Repeat("/*", maxSource/2-2), 0, "has more than the 2 MiB of actions"},
		{"texts without end", "$(< " + strings.Repeat(`"\`, maxSource/2-2), 0, "has more than the 2 MiB of actions"},
		{
			"a large action",
			"$(< list `>)`" + strings.Repeat(" 1", maxAction/2) + "| len >)",
			0, "has more than the 2 MiB of actions that a template may have",
		},
		{
			"an action without end",
			"$(< 1 >)$(<" + strings.Repeat(" 1", maxAction/2),
			0, "has more than the 2 MiB of actions that a template may have",
		},
		{"a large list", "$(< list" + strings.Repeat(" 1", 1_000_000) + " | len >)", 0, ""},
		{"many actions", strings.Repeat("$(<1>)", 340_000), 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			bytes := allocated(func() { _, err = Renderer{}.Text("a.tmpl", []byte(tt.src), Values{"v": "x"}) })
			if bytes > 700<<20 { // of which a part is garbage at any time
				t.Errorf("%d MiB were allocated", int(bytes)>>20)
			}
			if tt.text == "" {
				return // it may come to an end
			}
			var got *Error
			if !errors.As(err, &got) || got.Err != ErrLimit || got.Line != tt.line ||
				!strings.Contains(got.Reason, tt.text) {
				t.Errorf("got %.200v", err)
			}
			t.Logf("%d MiB, %v", int(bytes)>>20, err)
		})
	}
}

// The errors of index print no value that holds itself, or the same list many times.
func TestHostileIndex(t *testing.T) {
	const grown = "$(< $x := .v >)$(< range 60 >)$(< $x = list $x $x >)$(< end >)" +
		"$(< $d := dict >)$(< $_ := set $d `a` $d >)"
	for _, call := range []string{"index $d $x", "index $x $x", "index $x $d", "index $d `a` 1", "index 1.5 $d"} {
		var err error
		src := []byte(grown + "$(< " + call + " >)")
		bytes := allocated(func() { _, err = Renderer{}.Text("a.tmpl", src, Values{"v": "x"}) })
		if err == nil || bytes > 4<<20 {
			t.Errorf("%s: %d MiB, %.200v", call, int(bytes)>>20, err)
		}
	}
}

// TestLongReason checks that an error does not print all of a value.
func TestLongReason(t *testing.T) {
	_, err := Renderer{}.Text("a.tmpl", []byte("\n$(< range (repeat 9000000 `a`) >)$(< end >)"), nil)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Err != ErrExecute || e.Line != 2 || len(e.Reason) > maxReason+3 {
		t.Errorf("got %.200v", err)
	}
}

// Comparisons give what they give without their costs.
func TestComparisons(t *testing.T) {
	for _, expr := range []string{
		"eq .v `x`", "eq .v `y` `x`", "ne .v `x`", "eq nil nil", "eq .n nil", "eq nil .n", ".n | eq nil",
		"eq .n .n", "`x` | eq .v", "lt 1 2", "le 2 1", "gt 1.5 0.5", "ge `b` `a`",
		"eq 1 1", "eq 1 1.0", "eq 'a' 97", "eq .i 3", "lt .i 4", "eq true .b", "eq (len .v) 1", "eq .l .l",
		"eq .m nil", "eq", "eq 1", "eq .v 1", "lt .n 1", "eq .m.a `y`", "eq (eq 1 1) (ne 1 2)",
	} {
		values := Values{"v": "x", "n": nil, "i": 3, "b": true, "l": []any{1}, "m": map[string]any{"a": "y"}}
		got, err := Renderer{}.Text("a.tmpl", []byte("$(< "+expr+" >)"), values)
		var want strings.Builder
		unpriced := texttemplate.Must(texttemplate.New("t").Parse("{{ " + expr + " }}"))
		wantErr := unpriced.Execute(&want, map[string]any(values))
		if (err == nil) != (wantErr == nil) || wantErr == nil && string(got) != want.String() {
			t.Errorf("%s: got %s, %v; want %s, %v", expr, got, err, want.String(), wantErr)
		}
	}
}

// What all templates of a run make together is limited as well.
func TestRenderTotal(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 10 {
		fsys[fmt.Sprintf("%d.tmpl", i)] = &fstest.MapFile{Data: []byte(`$(< repeat 15000000 .v >)`)}
	}
	_, err := Renderer{Globs: []string{"*.tmpl"}}.Render(fsys, Values{"v": "x"})
	const want = "the results of all templates would be larger than 128 MiB"
	if got := (*Error)(nil); !errors.As(err, &got) || got.Err != ErrLimit || got.Reason != want {
		t.Errorf("got %v", err)
	}
}

func TestActions(t *testing.T) {
	for src, want := range map[string]int{
		"": 0, "x": 0, "a$(< 1 >)b": 6, "$(<1>)x$(<2>)": 8, "$(< `>)` 1 >)x": 11, `$(< ">)\"" >)x`: 11,
		"$(< '\\'' >)x": 9, "$(</* >) */>)x": 11, "$(< 1": 5, "$(< `>)": 7,
	} {
		if got := (Delims{"$(<", ">)"}).actions([]byte(src)); got != want {
			t.Errorf("%s: got %d, want %d", src, got, want)
		}
	}
	large := "ns: $(< .v >)\n" + strings.Repeat("description: of a CRD\n", 300_000)
	if _, err := (Renderer{}).Text("a.tmpl", []byte(large), Values{"v": "x"}); err != nil {
		t.Error(err)
	}
}

// What a template of some size does is far from the limits.
func TestHonestTemplates(t *testing.T) {
	src := `$(< define "c" >)- $(< . | quote >)$(< end >)
$(< range $i := until 5000 >)$(< $n := printf "%s-%03d" $.v $i >)
$(< $n | upper | b64enc | nindent 4 >)$(< template "c" $n >)
$(< dict "a" $n "b" (list $i $n) | toPrettyJson | indent 2 >)
$(< regexReplaceAll "[a-z]+" $n "<$0>" | replace "<" "[" | trunc 20 >)$(< end >)`
	if _, err := (Renderer{}).Text("a.tmpl", []byte(src), Values{"v": "x"}); err != nil {
		t.Error(err)
	}
}

// TestHonestLoops: a loop that only looks into a large text or list, or compares numbers, does not pay for copies.
func TestHonestLoops(t *testing.T) {
	t.Parallel()
	values := Values{
		"text":  strings.Repeat("key: value # and more text\n", 4000),
		"words": strings.Repeat("abc,", 2000),
	}
	const loop = `$(< $l := splitList "," .words >)$(< range $i := until 1000 >)$(< $_ := %s >)$(< end >)`
	for _, call := range []string{
		`contains "zzz" $.text`, `hasPrefix "key" $.text`, `hasSuffix "key" $.text`, `trim $.text`,
		`trimPrefix "key" $.text`, `trimSuffix "key" $.text`, `trunc 10 $.text`, `substr $i 2000 $.text`,
		`slice $l $i`, `mustSlice $l 0 10`, `first $l`, `get $ "text"`, `default "x" $.text`,
	} {
		src := fmt.Sprintf(loop, call)
		if _, err := (Renderer{}).Text("a.tmpl", []byte(src), values); err != nil {
			t.Errorf("%s: %v", call, err)
		}
	}
	const chunks = `$(< $l := splitList "," .words >)$(< range 600 >)$(< $_ := chunk 100 $l >)$(< end >)`
	const numbers = `$(< range until 300000 >)$(< if eq . 5 >)x$(< end >)$(< end >)`
	for _, src := range []string{chunks, numbers} {
		if _, err := (Renderer{}).Text("a.tmpl", []byte(src), values); err != nil {
			t.Error(err)
		}
	}
}

// Nothing that goes into a template is taken for one.
func TestValuesAreNoTemplates(t *testing.T) {
	const value = `$({ .v })$(< .v >){{ .v }}`
	src := `$(< .v >) $(< print .v >) $(< printf "%s" .v >) $(< get . "v" >) $(< list .v | first >) ` +
		`$(< .v | trim | default "x" >)$(< define "a" >)$(< . >)$(< end >)$(< template "a" .v >)`
	got, err := Renderer{}.Text("a.tmpl", []byte(src), Values{"v": value})
	if n := strings.Count(string(got), value); err != nil || n != 7 {
		t.Errorf("got %s, %v", got, err)
	}
	fsys := fstest.MapFS{"a.tmpl.tmpl": {Data: []byte("$(< .v >)")}}
	files, err := Renderer{Globs: []string{"**.tmpl"}}.Render(fsys, Values{"v": value})
	if err != nil || string(files["a.tmpl"]) != value {
		t.Errorf("got %q, %v", files, err)
	}
}

// TestEveryFunction: whoever updates sprig or Go looks at each function that comes with it.
func TestEveryFunction(t *testing.T) {
	// https://pkg.go.dev/text/template#hdr-Functions
	builtins := strings.Fields(
		"and call eq ge gt html index js le len lt ne not or print printf println slice urlquery")
	found := sprig.HermeticTxtFuncMap()
	for _, name := range builtins {
		found[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, ok := library().names[name]; ok == excluded.MatchString(name) {
			t.Errorf("%s is neither allowed nor excluded, or both", name)
		}
	}
	for name := range library().names {
		if _, ok := found[name]; !ok {
			t.Errorf("%s is gone", name)
		}
		if _, ok := new(meter).steps()[name]; ok {
			t.Errorf("%s is the name of a step", name)
		}
		if f, ok := library().priced[name]; !ok && !slices.Contains(builtins, name) || ok && !f.IsValid() {
			t.Errorf("%s costs nothing", name)
		}
	}
	for name := range maps.Keys(frugal) {
		if _, ok := library().priced[name]; !ok {
			t.Errorf("%s is frugal, and no function", name)
		}
	}
	for name := range maps.Keys(extra) {
		if _, ok := library().priced[name]; !ok {
			t.Errorf("%s costs extra, and is no function", name)
		}
	}
}

// FuzzTemplate: whatever is in a template, it ends within its limits, in a result or an *Error, and the same each time.
func FuzzTemplate(f *testing.F) {
	for _, src := range []string{
		"$(< .v >)", "$({ .v | quote })", "$(< range until 5 >)$(< . >),$(< end >)",
		"$(< define `a` >)$(< template `a` >)$(< end >)$(< template `a` >)",
		"$(<- with $x := dict `a` .m >)$(< range $k, $v := $x >)$(< $k >)$(< $v >)$(< break >)" +
			"$(< else >)$(< continue >)$(< end >)$(< end ->)",
		"$(< $x := list >)$(< range 9 >)$(< $x = list $x $x >)$(< end >)$(< toPrettyJson $x >)",
		"$(< $d := dict >)$(< $_ := set $d `a` $d >)$(< $d >)",
		"$(< printf `%*d %[1]v %.3f` 3 4 >)", "$(< regexReplaceAll `(a*)` .v `${1}` >)",
		"$(< untilStep 0 9 -1 >)$(< seq 1 2 9 >)$(< chunk 0 (list 1) >)",
		"$(< index .m `a` 1 >)$(< slice (list 1) 2 1 >)$(< substr 3 1 .v >)$(< (index (list .) 0).v >)",
		"$(< if and .v (not .v) >)a$(< else if or 1 >)b$(< end >)",
		"$(< block `a` . >)x$(< end >)$(< call 1 >)$(< eq 1 `a` >)$(< len 1 >)",
		"$(< 1 | add 2 | toString | b64enc | nindent 3 >)$(< semver `1.2` >)$(< .m.a.b >)",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		run := func() ([]byte, error) {
			use := new(usage)
			use.work.Store(maxWork - 4<<20) // enough for what a fuzzer comes by, and soon over
			use.output.Store(maxTotal - 1<<20)
			values := Values{"v": "x: y", "m": map[string]any{"a": "b"}}
			return Renderer{Validate: true}.file(use, source{"a.tmpl", "a.yaml", []byte(src)}, values)
		}
		out, err := run()
		if _, ok := errors.AsType[*Error](err); err != nil && !ok {
			t.Fatalf("got %v", err)
		}
		if len(out) > 1<<20 {
			t.Errorf("got %d bytes", len(out))
		}
		if again, err2 := run(); string(again) != string(out) || (err == nil) != (err2 == nil) {
			t.Errorf("got %q, %v and then %q, %v", out, err, again, err2)
		}
	})
}
