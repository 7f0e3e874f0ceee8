package template

import (
	"errors"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/glob"
)

func TestParseDelims(t *testing.T) {
	for s, want := range map[string]Delims{"{{,}}": {"{{", "}}"}, "$({,})": {"$({", "})"}, " [ , ] ": {" [ ", " ] "}} {
		if got, err := ParseDelims(s); err != nil || got != want {
			t.Errorf("ParseDelims(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
	for _, s := range []string{"", ",", "{{", "{{,", ",}}", "{{,}},", "a,b,c"} {
		if got, err := ParseDelims(s); err == nil {
			t.Errorf("ParseDelims(%q) = %q", s, got)
		}
	}
}

var someValues = Values{
	"imageName":  "acme/hello-world@sha256:abc",
	"image":      map[string]any{"tag": "1.10", "name": "acme/app"},
	"empty":      "",
	"image-name": "acme/dash",
}

func TestText(t *testing.T) {
	tests := []struct {
		name, src string
		delims    Delims
		want      string
	}{
		{"braces", "image: $({ .imageName }) # x\n", Delims{}, "image: acme/hello-world@sha256:abc # x\n"},
		{"angles", "image: $(< .imageName >)\n", Delims{}, "image: acme/hello-world@sha256:abc\n"},
		{"given", "a: {{ .image.tag }} $({ .x }) $(< y)\n", Delims{"{{", "}}"}, "a: 1.10 $({ .x }) $(< y)\n"},
		{"CRLF, tabs, no final newline, not UTF-8", "\ufeffa:\t$({ .image.tag })\r\n\r\nb: \xff \r\n ", Delims{},
			"\ufeffa:\t1.10\r\n\r\nb: \xff \r\n "},
		{"sprig", `$({ .image.name | splitList "/" | last | upper | quote })`, Delims{}, `"APP"`},
		{"trim", "a\n$({- .image.tag -})\nb", Delims{}, "a1.10b"},
		{"if", "$({ if .empty })x$({ else })y$({ end })", Delims{}, "y"},
		{"asked for before use",
			`$({ get . "nothing" | default "d" })$({ if hasKey . "x" })x$({ end })`, Delims{}, "d"},
		{"index", `$({ index . "image-name" })`, Delims{}, "acme/dash"},
		{"define", "$({ define \"a\" })$({ .tag })$({ end })$({ template \"a\" .image })", Delims{}, "1.10"},
		{"other dollars", "$(x) ${y} $z $( { $({ .image.tag }) $()", Delims{}, "$(x) ${y} $z $( { 1.10 $()"},
		{"no value, literally", "<no value> $({ .image.tag })", Delims{}, "<no value> 1.10"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Renderer{Delims: tt.delims}.Text("a.yaml.tmpl", []byte(tt.src), someValues)
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestTextErrors(t *testing.T) {
	tests := []struct {
		name, src string
		delims    Delims
		want      Error  // without Reason
		text      string // the whole of the error's text, or its start when it ends in "…"
	}{
		{"missing", "a\nb: $({ .nothing })\n", Delims{},
			Error{Line: 2, Key: ".nothing", Delims: "$({", Err: ErrMissingKey}, "x/a.tmpl:2: no value for .nothing"},
		{"missing, CRLF", "a\r\n\r\nb: $(< .nothing >)\r\n", Delims{},
			Error{Line: 3, Key: ".nothing", Delims: "$(<", Err: ErrMissingKey}, "x/a.tmpl:3: no value for .nothing"},
		{"missing below", "é$({ .image.tag }) é$({ .image.digest })", Delims{},
			Error{Line: 1, Key: ".image.digest", Delims: "$({", Err: ErrMissingKey},
			"x/a.tmpl:1: no value for .image.digest"},
		{"missing above", "$({ .a.b.c })", Delims{},
			Error{Line: 1, Key: ".a", Delims: "$({", Err: ErrMissingKey}, "x/a.tmpl:1: no value for .a"},
		{"missing below a value", "$({ .imageName.tag })", Delims{},
			Error{Line: 1, Key: ".imageName.tag", Delims: "$({", Err: ErrMissingKey},
			"x/a.tmpl:1: no value for .imageName.tag"},
		{"missing of a long name", "$({ .aVeryLongNameOfAValue.anotherLongName })", Delims{},
			Error{Line: 1, Key: ".aVeryLongNameOfAValue", Delims: "$({", Err: ErrMissingKey},
			"x/a.tmpl:1: no value for .aVeryLongNameOfAValue"},
		{"missing in if", "$({ if .nothing })a$({ end })", Delims{},
			Error{Line: 1, Key: ".nothing", Delims: "$({", Err: ErrMissingKey}, "x/a.tmpl:1: no value for .nothing"},
		{"missing in a pipe", "$({ .nothing | default \"x\" })", Delims{},
			Error{Line: 1, Key: ".nothing", Delims: "$({", Err: ErrMissingKey}, "x/a.tmpl:1: no value for .nothing"},
		{"missing in with", "$({ with .image })\n$({ .digest })$({ end })", Delims{},
			Error{Line: 2, Key: ".digest", Delims: "$({", Err: ErrMissingKey}, "x/a.tmpl:2: no value for .digest"},
		{"missing of a variable", "$({ $x := . })$({ $x.nothing })", Delims{},
			Error{Line: 1, Key: ".nothing", Delims: "$({", Err: ErrMissingKey}, "x/a.tmpl:1: no value for .nothing"},
		{"missing in define", "$({ define \"a: b\" })\n$({ .nothing })$({ end })\n$({ template \"a: b\" . })", Delims{},
			Error{Line: 2, Key: ".nothing", Delims: "$({", Err: ErrMissingKey}, "x/a.tmpl:2: no value for .nothing"},
		{"missing in index", "$({ index . \"no-thing\" })", Delims{},
			Error{Line: 1, Key: ".no-thing", Delims: "$({", Err: ErrMissingKey}, "x/a.tmpl:1: no value for .no-thing"},
		{"missing in index, in a pipe", "\n$({ index . \"no-thing\" | quote })", Delims{},
			Error{Line: 2, Key: ".no-thing", Delims: "$({", Err: ErrMissingKey}, "x/a.tmpl:2: no value for .no-thing"},
		{"index beyond the end", "$({ index (list 1) 1 })", Delims{},
			Error{Line: 1, Delims: "$({", Err: ErrExecute},
			"x/a.tmpl:1: error calling index: 1 is not an index into 1 items"},
		{"index by what is no key", "$({ index . 1 })", Delims{},
			Error{Line: 1, Delims: "$({", Err: ErrExecute},
			"x/a.tmpl:1: error calling index: int is no type of this map's keys"},
		{"index of nothing", "$({ index 1 1 })", Delims{},
			Error{Line: 1, Delims: "$({", Err: ErrExecute},
			"x/a.tmpl:1: error calling index: there are no items in int"},
		{"nothing printed", "$({ first (list) })", Delims{},
			Error{Delims: "$({", Err: ErrMissingKey},
			"x/a.tmpl: a value that does not exist would print as <no value>"},
		{"methods are out of reach", "$({ .Set \"a\" \"b\" })", Delims{},
			Error{Line: 1, Delims: "$({", Err: ErrExecute}, "x/a.tmpl:1: …"},
		{"bash", "data:\n  run: |\n    x=$(< file)\n    y\n", Delims{},
			Error{Line: 3, Delims: "$(<", Err: ErrSyntax}, "x/a.tmpl:3: $(< opens an action that does not parse: …"},
		{"bash, to the end of the file", "x\ny=$(<\"$file\"\n\n", Delims{},
			Error{Line: 2, Delims: "$(<", Err: ErrSyntax}, "x/a.tmpl:2: $(< opens an action that does not parse: …"},
		{"unclosed", "a\n{{ .image.tag\nb\n", Delims{"{{", "}}"},
			Error{Line: 2, Delims: "{{", Err: ErrSyntax}, "x/a.tmpl:2: {{ opens an action that does not parse: …"},
		{"no end", "a\n$({ if .imageName })\nb\n", Delims{},
			Error{Line: 4, Delims: "$({", Err: ErrSyntax},
			"x/a.tmpl:4: an if, range, with, block or define has no end"},
		{"env", "\n$({ env \"HOME\" })", Delims{},
			Error{Line: 2, Delims: "$({", Err: ErrSyntax},
			`x/a.tmpl:2: $({ opens an action that does not parse: function "env" not defined`},
		{"expandenv", "$({ expandenv \"$HOME\" })", Delims{},
			Error{Line: 1, Delims: "$({", Err: ErrSyntax},
			`x/a.tmpl:1: $({ opens an action that does not parse: function "expandenv" not defined`},
		{"getHostByName", "$({ getHostByName \"localhost\" })", Delims{},
			Error{Line: 1, Delims: "$({", Err: ErrSyntax},
			`x/a.tmpl:1: $({ opens an action that does not parse: function "getHostByName" not defined`},
		{"fail", "a\n$({ fail \"stop\\nhere\" })", Delims{},
			Error{Line: 2, Delims: "$({", Err: ErrExecute}, "x/a.tmpl:2: error calling fail: stop\nhere"},
		{"recursion", "$({ define \"a\" })$({ template \"a\" })$({ end })$({ template \"a\" })", Delims{},
			Error{Line: 1, Delims: "$({", Err: ErrLimit},
			"x/a.tmpl:1: templates call each other too deep, or without end"},
		{"both", "$({ .imageName })\n\n$(< .imageName >)", Delims{},
			Error{Line: 3, Err: ErrDelims},
			"x/a.tmpl:3: actions open with $({ on line 1 and with $(< on line 3; choose one with -delims"},
		{"both, the other way round", "\n$(< file)\n$({ .imageName })", Delims{},
			Error{Line: 3, Err: ErrDelims},
			"x/a.tmpl:3: actions open with $({ on line 3 and with $(< on line 2; choose one with -delims"},
		{"none", "a: b\n", Delims{},
			Error{Delims: "$({", Err: ErrNoAction}, "x/a.tmpl: no action in it: $({ or $(< is nowhere"},
		{"none of the given", "$({ .imageName })\n", Delims{"{{", "}}"},
			Error{Delims: "{{", Err: ErrNoAction}, "x/a.tmpl: no action in it: {{ is nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := Renderer{Delims: tt.delims}.Text("x/a.tmpl", []byte(tt.src), someValues)
			var got *Error
			if !errors.As(err, &got) || !errors.Is(err, tt.want.Err) {
				t.Fatalf("got %q, %v", out, err)
			}
			start, open := strings.CutSuffix(tt.text, "…")
			if text := err.Error(); text != tt.text && !(open && strings.HasPrefix(text, start)) {
				t.Errorf("got  %s\nwant %s", text, tt.text)
			}
			want := tt.want
			want.File, want.Reason = "x/a.tmpl", got.Reason
			if *got != want {
				t.Errorf("got %+v, want %+v", *got, want)
			}
		})
	}
}

func TestRender(t *testing.T) {
	fsys := &tree{MapFS: fstest.MapFS{
		"README.md":                          {Data: []byte("$({ .nothing })")},
		"production/a.yaml.tmpl":             {Data: []byte("a: $({ .image.tag })\n")},
		"production/us-east-1/a.yaml.tmpl":   {Data: []byte("b: $(< .imageName >)\r\n")},
		"production/us-east-1/copy.txt.tmpl": {Data: []byte("plain\n")},
		"production/us-east-1/a.yaml":        {Data: []byte("old")},
		"production/.tmpl":                   {Data: []byte("$({ .nothing })")},
		"plain/a.tmpl":                       {Data: []byte("{{ .imageName }}")},
		"broken/a.tmpl":                      {Data: []byte("$({ .nothing })")},
		"link.tmpl":                          {Mode: fs.ModeSymlink, Data: []byte("production/a.yaml.tmpl")},
		"dash/$({ .x }).tmpl":                {Data: []byte("$({ .image.tag })")},
	}}
	tests := []struct {
		globs []string
		want  map[string]string
		err   error
		text  string
	}{
		{[]string{"production/**"}, map[string]string{
			"production/a.yaml":             "a: 1.10\n",
			"production/us-east-1/a.yaml":   "b: acme/hello-world@sha256:abc\r\n",
			"production/us-east-1/copy.txt": "plain\n",
		}, nil, ""},
		{[]string{"production/*.tmpl", "./production/a.yaml.tmpl"},
			map[string]string{"production/a.yaml": "a: 1.10\n"}, nil, ""},
		{[]string{"dash/*"}, map[string]string{"dash/$({ .x })": "1.10"}, nil, ""},
		{[]string{"production/**", "staging/**.tmpl"}, nil, glob.ErrNoMatch, "staging/**.tmpl: no file matches"},
		{[]string{"*.md"}, nil, glob.ErrNoMatch, "*.md: matches files, but none that ends in .tmpl"},
		{[]string{"production/.tmpl"}, nil, glob.ErrNoMatch,
			"production/.tmpl: matches files, but none that ends in .tmpl"},
		{[]string{"link.tmpl"}, nil, glob.ErrNoMatch, "link.tmpl: not a regular file"},
		{[]string{"plain/*"}, nil, ErrNoAction, "plain/a.tmpl: no action in it: $({ or $(< is nowhere"},
		{[]string{"**.tmpl"}, nil, ErrMissingKey, "broken/a.tmpl:1: no value for .nothing"},
		{[]string{"../*.tmpl"}, nil, nil, `pattern "../*.tmpl" leaves the repository`},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.globs, " "), func(t *testing.T) {
			fsys.prefetched = nil
			out, err := Renderer{Globs: tt.globs}.Render(fsys, someValues)
			if tt.want == nil {
				if err == nil || err.Error() != tt.text || tt.err != nil && !errors.Is(err, tt.err) {
					t.Fatalf("got %q, %v; want %s", out, err, tt.text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkRendered(t, fsys, out, tt.want)
		})
	}
}

// checkRendered checks the results of Render, and that it has loaded their templates at once.
func checkRendered(t *testing.T, fsys *tree, out map[string][]byte, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for name, text := range out {
		got[name] = string(text)
	}
	if !maps.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	var templates []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		templates = append(templates, name+".tmpl")
	}
	if !reflect.DeepEqual(fsys.prefetched, [][]string{templates}) {
		t.Errorf("prefetched %q, want %q at once", fsys.prefetched, templates)
	}
}

// All but the actions comes through as it is, whatever it holds.
func FuzzText(f *testing.F) {
	f.Add("a: b\r\n", "x")
	f.Add("}} {{", "\xff")
	f.Fuzz(func(t *testing.T, before, value string) {
		for _, d := range defaultDelims {
			if strings.Contains(before, "$(") || strings.HasSuffix(before, "$") ||
				strings.Contains(value, "<no value>") {
				return
			}
			got, err := Renderer{}.Text("a", []byte(before+d.Left+" .v "+d.Right+before), Values{"v": value})
			if err != nil || string(got) != before+value+before {
				t.Errorf("%q around %q gives %q, %v", before, value, got, err)
			}
		}
	})
}

// TestFunctions: what looks outside, or gives another answer each time, is not to be had; what is left is ordered.
func TestFunctions(t *testing.T) {
	fm := library().names
	for _, name := range []string{
		"env", "expandenv", "getHostByName", "now", "date", "ago", "toDate", "mustToDate", "htmlDate", "dateModify",
		"randInt", "randAlpha", "randAlphaNum", "randAscii", "randNumeric", "randBytes", "shuffle", "uuidv4",
		"bcrypt", "htpasswd", "encryptAES", "genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert",
		"genSelfSignedCertWithKey",
		"genSignedCert", "genSignedCertWithKey",
	} {
		if _, ok := fm[name]; ok {
			t.Errorf("%s can be called", name)
		}
	}
	const src = `$({ $d := dict "e" 5 "a" 1 "d" 4 "b" 2 "c" 3 })$({ keys $d })$({ values $d })$({ index $d "c" })` +
		`$({ index (list (list 1 2)) 0 1 })$({ get $d "x" | default "y" })$({ index "a" 0 })$({ index . })`
	for range 20 {
		out, err := Renderer{}.Text("x", []byte(src), Values{})
		if want := "[a b c d e][1 2 3 4 5]32y97map[]"; err != nil || string(out) != want {
			t.Fatalf("got %q, %v; want %q", out, err, want)
		}
	}
}
