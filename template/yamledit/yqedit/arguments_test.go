package yqedit

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestArguments: where FILE, PATH and VALUE end.
func TestArguments(t *testing.T) {
	t.Parallel()
	for _, want := range []Assignment{
		{File: "f.yaml", Path: ".k", Value: "v"},
		{File: "f.yaml", Path: ".k", Value: ""},
		{File: "f.yaml", Path: ".k", Value: "=foo"},
		{File: "f.yaml", Path: ".k", Value: "=="},
		{File: "f.yaml", Path: ".k", Value: "a=b:c=d"},
		{File: "f.yaml", Path: ".k", Value: " v"},
		{File: "f.yaml", Path: ".k", Value: `v")]}#`},
		{File: "f.yaml", Path: ".k", Value: "a\nb"},
		{File: "f.yaml", Path: ".k ", Value: "v"},
		{File: "f.yaml", Path: `.a[] | select(.x == "y") | .z`, Value: "=v"},
		{File: "f.yaml", Path: `.a[]|select(.x=="1=1")|.z`, Value: "v"},
		{File: "f.yaml", Path: `.a[] | select(.x != "y" and .n >= 1) | .z`, Value: "v"},
		{File: "f.yaml", Path: `select(.a==1)|.b`, Value: "v"},
		{File: "f.yaml", Path: `with_entries(select(.key == "a=b")) | .["a=b"]`, Value: "v"},
		{File: "f.yaml", Path: `.a // .b`, Value: "v"},
		{File: "f.yaml", Path: `.["a=b"]`, Value: "v"},
		{File: "f.yaml", Path: `.a["b=\"c]="].d`, Value: "=v"},
		{File: "f.yaml", Path: `.["a\\"]`, Value: `=`},
		{File: "f.yaml", Path: `."a=b"`, Value: "v"},
		{File: "f.yaml", Path: `."a\"`, Value: `v"=v`}, // a backslash escapes nothing there
		{File: "f.yaml", Path: `.a."*=*"?`, Value: "v"},
		{File: "f.yaml", Path: `.a*`, Value: "v"},
		{File: "f.yaml", Path: `.["a+"]`, Value: "v"},
		{File: "f.yaml", Path: `if .a == 1 then .b else .c end`, Value: "=v"},
		{File: "f.yaml", Path: `.if.end`, Value: "v"},
		{File: "f.yaml", Path: `.a-if/end`, Value: "v"},
		{File: "f.yaml", Path: `.a#b`, Value: "v"},
		{File: "f.yaml", Path: `.a as $x | .b[$x]`, Value: "v"},
		{File: "f.yaml", Path: `.a[1:2][]`, Value: "v"},
		{File: "a=b.yaml", Path: ".k", Value: "v"},
		{File: "envs/[[:digit:]]*.yaml", Path: ".k", Value: "v"},
		{File: "[]:]{a:b,[!:]}.yaml", Path: ".k", Value: "v:w"},
		{File: `a\:b.yaml`, Path: ".k", Value: "v"},
	} {
		s := want.File + ":" + want.Path + "=" + want.Value
		if got, err := ParseAssignment(s); err != nil || got != want {
			t.Errorf("%s is read as %+v, %v", s, got, err)
		}
		s = want.File + ":.x = 1"
		if got, err := ParseExpression(s); err != nil || got.File != want.File || got.Expr != ".x = 1" {
			t.Errorf("%s is read as %+v, %v", s, got, err)
		}
	}
}

// TestArgumentErrors: what is no argument is refused with what is wrong, and where.
func TestArgumentErrors(t *testing.T) {
	t.Parallel()
	const operator = " is an operator of yq"
	for s, want := range map[string]string{
		".k=v":                          `it has no ":"`,
		"f.yaml":                        `it has no ":"`,
		"f.yaml:.k":                     `it has no "=" after the path`,
		`f.yaml:select(.a == "=")`:      `it has no "=" after the path`,
		"f.yaml:=v":                     "the path is empty",
		":.k=v":                         "the pattern is empty",
		"f.yaml:k=v":                    "a path starts with a dot: .k",
		"f.yaml:.a[0=v":                 `"[" at character 10 has no "]" that closes it`,
		"é.yaml:.é[0=v":                 `"[" at character 10 has no "]" that closes it`,
		"f.yaml:select((.a == 1)=v":     `"(" at character 14 has no ")" that closes it`,
		"f.yaml:{a: .b=v":               `"{" at character 8 has no "}" that closes it`,
		"f.yaml:if .a then .b=v":        `"if" at character 8 has no "end" that closes it`,
		`f.yaml:.["a]=v`:                `"\"" at character 10 has no '"' that closes it`,
		`f.yaml:.a\"=v`:                 `"\"" at character 11 has no '"' that closes it`,
		"f.yaml:.a]=v":                  `"]" at character 10 closes nothing`,
		"f.yaml:.a end=v":               `"end" at character 11 closes nothing`,
		"f.yaml:(.a]=v":                 `"]" at character 11 does not close "(" at character 8`,
		"f.yaml:.a #b=v":                `"#" at character 11 begins a comment`,
		"f.yaml:.a|#b=v":                `"#" at character 11 begins a comment`,
		"f.yaml:.a |= v":                `"|="` + operator,
		"f.yaml:.a|=v":                  `"|="` + operator,
		"f.yaml:.a += 1":                `"+="` + operator,
		"f.yaml:.a+=1":                  `"+="` + operator, // yq takes it for a key "a+"
		"f.yaml:.a -= 1":                `"-="` + operator,
		"f.yaml:.a *= 2":                `"*="` + operator,
		"f.yaml:.a *=n 2":               `"*="` + operator,
		"f.yaml:.a //= 2":               `"//="` + operator,
		"f.yaml:.a != 1=v":              `"!="` + operator,
		"f.yaml:.a <= 1=v":              `"<="` + operator,
		"f.yaml:.a>=1=v":                `">="` + operator,
		"f.yaml:.a = v":                 `spaces around the "="`,
		"f.yaml:.a =\nv":                `spaces around the "="`,
		"f.yaml:.a == 1=v":              `a space before the "="`,
		`f.yaml:select(.a) == 1 | .b=v`: `a space before the "="`,
		"f.yaml:.a style=double":        "please check expression syntax",
		"f.yaml:.a | style=double":      "yields something computed",
		"a:b.yaml:.k=v":                 `FILE ends at the first ":", here as "a"`,
		`C:\gitops\f.yaml:.k=v`:         `FILE ends at the first ":", here as "C"`,
		"C:/gitops/f.yaml:.k=v":         `FILE ends at the first ":", here as "C"`,
		"[a:b.yaml:.k=v":                `pattern "[a" is malformed`,
		"{a:b.yaml:.k=v":                `pattern "{a" is malformed`,
		"/a.yaml:.k=v:w":                `pattern "/a.yaml" is absolute`,
		"f.yaml:.k=\xff":                "is not UTF-8",
	} {
		if got, err := ParseAssignment(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is read as %+v, %v; want %s", s, got, err, want)
		}
	}
}

// TestExpressionErrors: where a bracket or quote of -yq is without its other half.
func TestExpressionErrors(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"f.yaml:.a[0 = 1":               `"[" at character 10 has no "]" that closes it`,
		"f.yaml:with(.a; .b = 1":        `"(" at character 12 has no ")" that closes it`,
		"f.yaml:.a = \"x":               `"\"" at character 13 has no '"' that closes it`,
		"f.yaml:.a = 1)":                `")" at character 14 closes nothing`,
		"f.yaml:# it's (\n.a = [1}":     `"}" at character 24 does not close "[" at character 22`,
		"f.yaml:.a = if .b then 1":      `"if" at character 13 has no "end" that closes it`,
		"f.yaml:.a = ":                  "'=' expects 2 args",
		"f.yaml:.a = 'x'":               "invalid input text",
		"f.yaml .a = 1":                 `it has no ":": it must be FILE:EXPRESSION`,
		"a:b.yaml:.a = 1":               `FILE ends at the first ":", here as "a"`,
		"f.yaml:.a = \"\\(now)\" | .b[": `"[" at character 26 has no "]" that closes it`,
	} {
		if got, err := ParseExpression(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is read as %+v, %v; want %s", s, got, err, want)
		}
	}
}

// pathOf returns a random path: yq's tokens, with a "=" wherever brackets, quotes, if and end allow one.
func (g *generator) pathOf(depth int) string {
	key := func() string {
		return g.pick(".a", ".b-c", `."d=e"`, `."f\"`, `.["g=h"]`, `.["i\"=]"]`, `.["\\"]`, ".if", ".end", ".é#", ".j*",
			".k?", "[0]", "[]", "[1:2]", "..", `.["#"]`)
	}
	path := "." + g.pick("", "x")
	for range g.IntN(4) {
		path += key()
	}
	if depth == 0 {
		return path
	}
	inner := func() string { return g.pathOf(depth - 1) }
	switch g.IntN(8) {
	case 0:
		path += " | select(" + inner() + g.pick(" == ", "!=", " >= ", "<=", "==") + `"=(" ) | ` + inner()
	case 1:
		path = "(" + path + ", " + inner() + ")" + key()
	case 2:
		path += g.pick(" // ", "|", " , ") + inner()
	case 3:
		path += `[select({"a=": ` + inner() + `} == {"b)": 1})]`
	case 4:
		path = "if " + inner() + " == 1 then " + inner() + " else " + path + " end"
	case 5:
		path += " as $if | " + inner()
	}
	return path
}

// TestArgumentsRoundTrip: any path and any value come out as they went in.
func TestArgumentsRoundTrip(t *testing.T) {
	t.Parallel()
	g := &generator{Rand: rand.New(rand.NewPCG(7, 8))}
	made := 0
	for range 1_500 {
		a := Assignment{
			File: g.pick("f.yaml", "a=b.yaml", "[[:alpha:]].yaml", "{a:b,c}/**.yaml", `x\:y`),
			Path: g.pathOf(g.IntN(4)),
		}
		for range g.IntN(4) {
			a.Value += g.pick("=", "==", ":", `"`, "v", " ", "\n", "[", ")", "}", "#", "|", `\`, "é", "end", "1.10")
		}
		if CheckPath(a.Path) != nil || checkEnd(a.Path, a.Value) != nil {
			continue // The tokens do not go together.
		}
		made++
		value := a.Value
		if a.Text = g.IntN(4) == 0 || strings.HasPrefix(value, `"`); a.Text {
			value = quote(value)
		}
		s := a.File + ":" + a.Path + "=" + value
		if got, err := ParseAssignment(s); err != nil || got != a {
			t.Fatalf("%s is read as %+v, %v; want %+v", s, got, err, a)
		}
	}
	if made < 500 {
		t.Errorf("only %d paths are read", made)
	}
}
