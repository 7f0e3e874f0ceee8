package template

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

func TestValidate(t *testing.T) {
	const helm = "{{- if .Values.on }}\nkind: A\nname: {{ .Values.name }}-{{ .x }}\n{{- end }}\n"
	tests := []struct {
		name, dest, src string
		values          Values
		want            string // the error; none when it is empty
	}{
		{"good", "a.yaml", "a: $(< .v >)\n", Values{"v": "1"}, ""},
		{"the other branch", "a.yaml", "a: 1\n$(< if eq .v `x` >)b: [\n$(< else >)b: []\n$(< end >)", Values{"v": "x"},
			"a.yaml:3: is no YAML once a.tmpl is rendered: did not find expected node content"},
		{"the good branch", "a.yaml", "a: 1\n$(< if eq .v `x` >)b: [\n$(< else >)b: []\n$(< end >)",
			Values{"v": "y"}, ""},
		{"a value with a colon", "a.yml", "a: 1\nb: x $(< .v >)\n", Values{"v": "y: z"},
			"a.yml:2: is no YAML once a.tmpl is rendered: mapping values are not allowed in this context"},
		{"a value with lines", "A.YAML", "a:\n  b: $(< .v >)\n", Values{"v": "x\ny"}, "A.YAML:…"},
		{"not UTF-8", "a.yaml", "a: $(< .v >)\n", Values{"v": "\xff"},
			"a.yaml:1: is no YAML once a.tmpl is rendered: not in UTF-8"},
		{"any other file", "a.conf", "a: 1\nb: x $(< .v >)\n", Values{"v": "y: z"}, ""},
		{"no ending", "yaml", "a: [$(< .v >)", Values{"v": "y"}, ""},

		{"empty", "a.yaml", "$(< if .v >)x: 1$(< end >)", Values{"v": ""}, ""},
		{"comments", "a.yaml", "# $(< .v >)\n\n# x\n", Values{"v": "y"}, ""},
		{"documents", "a.yaml", "---\na: $(< .v >)\n---\n---\nb: 1\n...\n", Values{"v": "y"}, ""},
		{"a key twice", "a.yaml", "a: $(< .v >)\na: 2\n", Values{"v": "y"}, ""},
		{"YAML 1.1", "a.yaml", "%YAML 1.1\n---\na: yes\nb: 0777\nc: 1:30\nd: $(< .v >)\n<<: {e: ~}\n",
			Values{"v": "on"}, ""},
		{"YAML 1.2", "a.yaml", "%YAML 1.2\n---\na: $(< .v >)\n", Values{"v": "on"}, ""},
		{"tags", "a.yaml", "a: !Ref $(< .v >)\nb: !!binary aGk=\nc: !vault |\n  x\n", Values{"v": "on"}, ""},
		{"a byte order mark and CRLF", "a.yaml", "\ufeffa: $(< .v >)\r\n", Values{"v": "on"}, ""},

		{"Helm", "chart/templates/a.yaml", helm + "tag: $(< .v >)\n", Values{"v": "x"}, ""},
		{"Helm, and a slip", "chart/templates/a.yaml", helm + "tag: [$(< .v >)\n", Values{"v": "x"}, ""},
		{"Jinja", "a.yaml", "{% if a %}\na: $(< .v >)\n{% endif %}\n", Values{"v": "x"}, ""},
		{"ERB", "a.yaml", "<% if a %>\na: b: $(< .v >)\n<% end %>\n", Values{"v": "x"}, ""},
		{"Levant", "a.yaml", "a: [[ .x ]]-b\nc: $(< .v >)\n", Values{"v": "x"}, ""},
		{"Maven", "application.yml", "version: @project.version@\nb: $(< .v >)\n", Values{"v": "x"}, ""},
		{"a comment of Jinja", "a.yaml", "{# a #}\na: $(< .v >)\n", Values{"v": "x"}, ""},
		{"a variable in percents", "a.yaml", "a: %a%\nb: $(< .v >)\n", Values{"v": "x"}, ""},
		{"envsubst in JSON", "a.json", `{"a": ${PORT}, "b": "$(< .v >)"}`, Values{"v": "x"}, ""},
		{"a script, and a slip", "a.yaml", "a: echo ${x} [[ y ]]\nb: x $(< .v >)\n", Values{"v": "y: z"},
			"a.yaml:2: is no YAML once a.tmpl is rendered: …"},
		{"Argo CD's own templates", "a.yaml", "name: '{{name}}-$(< .v >)'\n", Values{"v": "x"}, ""},
		{"Argo CD's own templates, and a slip", "a.yaml", "name: '{{name}}-$(< .v >)'\n", Values{"v": "it's"},
			"a.yaml:1: is no YAML once a.tmpl is rendered: …"},
		{"a value that is a template", "a.yaml", "name: x $(< .v >)\n", Values{"v": "{{ a }}: b: c"},
			"a.yaml:1: is no YAML once a.tmpl is rendered: …"},
		{"no YAML, and no other language", "a.yaml", "a: b: $(< .v >)\n", Values{"v": "x"},
			"a.yaml:1: is no YAML once a.tmpl is rendered: …"},

		{"JSON", "a.json", `{"a": "$(< .v >)", "b": $(< .v | quote >)}`, Values{"v": "x"}, ""},
		{"JSON in a YAML file", "a.yaml", `{"a": "$(< .v >)", "b": "\ud83d\ude00"}`, Values{"v": "x"}, ""},
		{"JSON, and a slip", "a.json", "{\n\"a\": \"$(< .v >)\"}", Values{"v": `x"y`},
			"a.json:2: is no JSON once a.tmpl is rendered: invalid character 'y' after object key:value pair"},
		{"JSON that would be YAML", "a.json", `{"a": $(< .v >)}`, Values{"v": `x`},
			"a.json:1: is no JSON once a.tmpl is rendered: …"},
		{"JSON that was YAML before", "a.json", "# x\n{a: $(< .v >)}", Values{"v": `x`}, ""},
		{"JSON with comments", "tsconfig.json", "{\n  // x\n  \"a\": \"$(< .v >)\",\n}\n", Values{"v": `x`}, ""},
		{"JSON that ends early", "a.json", `{"a": "$(< .v >)"$(< if eq .v "y" >)}$(< end >)`, Values{"v": `x`},
			"a.json…: is no JSON once a.tmpl is rendered: …"},
		{"JSON of lines", "a.json", "{\"a\": \"$(< .v >)\"}\n{\"a\": 1}\n", Values{"v": `x`}, ""},
		{"large", "a.yaml", "a: b: $(< repeat 3000000 .v >)", Values{"v": `x`}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := (Renderer{}).File("a.tmpl", tt.dest, []byte(tt.src), tt.values); err != nil {
				t.Errorf("without Validate: %v", err)
			}
			out, err := Renderer{Validate: true}.File("a.tmpl", tt.dest, []byte(tt.src), tt.values)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if got, ok := errors.AsType[*Error](err); !ok || got.Err != ErrInvalid {
				t.Fatalf("got %q, %v", out, err)
			}
			if !matchesText(tt.want, err.Error()) {
				t.Errorf("got %s, want %s", err, tt.want)
			}
		})
	}
}

// matchesText reports whether text is the pattern, in which "…" stands for anything.
func matchesText(pattern, text string) bool {
	parts := strings.Split(regexp.QuoteMeta(pattern), "…")
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$").MatchString(text)
}

// TestValidateRender: what has no action is copied as it is.
func TestValidateRender(t *testing.T) {
	fsys := fstest.MapFS{"a.yaml.tmpl": {Data: []byte("a: $(< .v >)\n")}, "b.yaml.tmpl": {Data: []byte("a: b: c\n")}}
	if out, err := (Renderer{Globs: []string{"**.tmpl"}, Validate: true}).Render(fsys, Values{"v": "x"}); err != nil {
		t.Errorf("got %q, %v", out, err)
	}
	_, err := Renderer{Globs: []string{"**.tmpl"}, Validate: true}.Render(fsys, Values{"v": "x: y"})
	const want = "a.yaml:1: is no YAML once a.yaml.tmpl is rendered: mapping values are not allowed in this context"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A result of many small nodes takes no more memory than templates may.
func TestValidateMemory(t *testing.T) {
	for _, part := range []string{"1,", "{},", "&a b,", "-\n", "- a: b\n"} {
		src := "$(< $x := repeat " + strconv.Itoa((maxChecked-2)/len(part)) + " " + strconv.Quote(part) + " >)$(< $x >)"
		if strings.HasSuffix(part, ",") {
			src = "[" + src + "]"
		}
		var err error
		bytes := allocated(func() { _, err = Renderer{Validate: true}.File("a.tmpl", "a.yaml", []byte(src), nil) })
		if bytes > 400<<20 || err != nil {
			t.Errorf("%q: %d MiB, %v", part, int(bytes)>>20, err)
		}
	}
}
