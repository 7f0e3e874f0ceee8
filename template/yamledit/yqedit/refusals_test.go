package yqedit

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRefusals: every operator of the table is refused, however it is spelled and wherever it stands, with what to do
// instead; and none that has a part of its name.
func TestRefusals(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for expr, want := range map[string]string{
		"env(HOME)": "env", "strenv(HOME)": "env", "envsubst": "envsubst", "envsubst(nu)": "envsubst",
		"envsubst(ne, ff)": "envsubst", "envsubst(nu, ne)": "envsubst",
		`load("b")`: "load", `load_str("b")`: "load_str", `strload("b")`: "load", `load_xml("b")`: "load_xml",
		`xml_load("b")`: "load", `load_props("b")`: "load_props", `load_base64("b")`: "load_base64",
		`system("true")`: "system", `system("echo"; "x")`: "system",
		"now": "now", `(now | format_datetime("2006"))`: "now", "shuffle": "shuffle", "eval(.b)": "eval",
		"split_doc": "split_doc", "splitDoc": "split_doc", `(.b[] | split_doc)`: "split_doc",
		"from_xml": "from_xml", "to_xml": "to_xml", "to_xml(2)": "to_xml", "@xml": "@xml", "@xmld": "@xmld",
		`tz("Local")`: "tz", `tz("Lo" + "cal")`: "tz", "tz(.b)": "tz", `tz("Lo\(.b)")`: "tz",
	} {
		tried[want] = true
		if strings.HasPrefix(expr, "strenv") {
			tried["strenv"] = true // yq has one operator for both
		}
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(expr)
		for _, whole := range []string{
			".a = " + expr, ".a |= " + expr, "with(.a; . = [{\"b\": " + expr + "}])", ".a[" + expr + "] = 1",
			`.a = "x \(` + quoted + `)"`, `.a = "\\\\\((.b | (` + quoted + `)))"`, `.a["\(` + quoted + `)"] = 1`,
		} {
			_, err := ParseExpression("f.yaml:" + whole)
			operator, ok := errors.AsType[*OperatorError](err)
			if !ok || operator.Operator != want || operator.Why == "" || operator.Instead == "" {
				t.Errorf("%s: %v; want %s to be refused", whole, err, want)
			}
		}
		for _, path := range []string{".a[" + expr + "]", `.a["\(` + quoted + `)"]`, ".a | select(. == " + expr + ")"} {
			if _, err := ParseAssignment("f.yaml:" + path + "=v"); err == nil {
				t.Errorf("-set takes %s", path)
			} else if _, ok := errors.AsType[*OperatorError](err); !ok {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	for _, r := range refusals {
		for _, name := range r.names {
			if !tried[name] {
				t.Errorf("%s is not tried", name)
			}
		}
	}
	for _, expr := range []string{
		`.env = "now"`, `.now = 1`, `.a = "(now)"`, `.a = "\\(now)"`, `.load.system = "eval"`, `.a = "\(.b) shuffle"`,
		`.a |= tz("Europe/Berlin")`, ".a |= to_yaml", ".a |= @json", ".a |= from_props", ".a |= @base64d", ".xml = 1",
		`.a = "\(.b | to_json) \(.c)"`,
	} {
		if _, err := ParseExpression("f.yaml:" + expr); err != nil {
			t.Error(err)
		}
	}
}

// TestRefusalsInREADME: the README lists what is refused, and nothing else.
func TestRefusalsInREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(readme), "\nRefused on purpose,")
	list, _, _ = strings.Cut(list, ".")
	var got, want []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(list, -1) {
		got = append(got, m[1])
	}
	for _, r := range refusals {
		want = append(want, r.names...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the README lists %q, the table %q", got, want)
	}
}
