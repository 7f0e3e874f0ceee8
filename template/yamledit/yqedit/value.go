package yqedit

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// value is what an assignment writes.
type value struct {
	text   string
	isText bool // whatever it looks like
}

func (a Assignment) value() value { return value{a.Value, a.Text} }

// jsonText matches a string of JSON, in which line breaks and tabs may also stand as they are; jsonEscape matches an
// escape in it. Half of a surrogate pair is none, since it stands for no character.
var (
	jsonText   = regexp.MustCompile(`^"(?:[^"\\]|` + jsonEscape.String() + `)*"$`)
	jsonEscape = regexp.MustCompile(`\\(?:["\\/bfnrt]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|` +
		`u(?:[0-9a-ce-fA-CE-F][0-9a-fA-F]|[dD][0-7])[0-9a-fA-F]{2})`)
)

// ValueError is the error of a VALUE that starts with a double quote and is no text in double quotes.
type ValueError struct {
	Value   string // as it was given
	Literal string // how to give the same characters, quotes included
}

// Error implements error.
func (e *ValueError) Error() string {
	return fmt.Sprintf("the value %s starts with a double quote, and is no text in double quotes", e.Value)
}

// parseValue reads VALUE as ParseAssignment describes it.
func parseValue(s string) (value, error) {
	if !strings.HasPrefix(s, `"`) {
		return value{text: s}, nil
	}
	if !jsonText.MatchString(s) {
		return value{}, &ValueError{Value: s, Literal: quote(s)}
	}
	return value{text: jsonEscape.ReplaceAllStringFunc(s[1:len(s)-1], unescape), isText: true}, nil
}

// unescape returns the character that an escape of JSON stands for.
func unescape(escape string) string {
	var character string
	_ = json.Unmarshal([]byte(`"`+escape+`"`), &character) // jsonEscape matches nothing that it refuses
	return character
}

// quote returns a text in double quotes, as parseValue and yq read it.
func quote(text string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string has a form in JSON
	return strings.TrimSuffix(out.String(), "\n")
}

// inSingleQuotes matches a value that its author may take for text in quotes.
var inSingleQuotes = regexp.MustCompile(`^'.*'$`)

// textual matches the paths of what is text to Kubernetes, kustomize, Argo CD and Helm charts, which refuse a number or
// a boolean there: labels, annotations and node selectors, the data of a ConfigMap or a Secret, the values of
// environment variables and of Argo CD's parameters, and tags, digests and revisions.
var textual = regexp.MustCompile(`(?:` +
	`(?i:labels|annotations)` + lastKey + `|\.nodeSelector` + lastKey + `|^\.(?:data|stringData)` + lastKey +
	`|(?:[eE]nv(?:Vars)?|\.parameters)\[[0-9]+\]\.value` +
	`|\.(?:tag|newTag|imageTag|digest|appVersion|targetRevision))$`)

// lastKey matches the last key of a path.
const lastKey = `(?:\.[A-Za-z_][A-Za-z0-9_-]*|\["(?:[^"\\]|\\.)*"\])`

// at returns the value for a place where there is nothing yet, or null, as yamledit takes it. The rule is that of
// yamledit.Untyped, save that null alone is no text where all else is.
func (v value) at(path string) any {
	if v.isText || v.text != "null" && textual.MatchString(path) {
		return v.asText()
	}
	return yamledit.Untyped(v.text)
}

// instead returns the value for the place of a scalar of a file, as yamledit takes it.
func (v value) instead(f *yamledit.File, of *yaml.Node) any {
	switch {
	case of.Kind == yaml.ScalarNode && of.Tag == "!!null" && of.Style&yaml.TaggedStyle == 0:
		return v.at(f.Path(of))
	case v.isText:
		return v.text
	}
	return yamledit.Untyped(v.text)
}

// asText returns the value as a string, on one line.
func (v value) asText() any {
	if strings.ContainsAny(v.text, "\r\n") {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v.text, Style: yaml.DoubleQuotedStyle}
	}
	return v.text
}
