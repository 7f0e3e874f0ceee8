package yamledit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Check returns an error when text, the file of that name, is neither YAML nor JSON, with the line that says so, or 0
// when it is unknown. It says what Parse would, without the name.
func Check(name string, text []byte) (line int, err error) {
	_, err = parseAs(name, text)
	return position(err)
}

// CheckJSON does what Check does for one or more texts of JSON.
func CheckJSON(text []byte) (line int, err error) {
	_, err = parseJSON(text)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return lineOf(text, min(int(syntax.Offset), len(text))), err
	}
	return 0, err
}

// position takes the line from an error of the YAML parser.
func position(err error) (line int, cause error) {
	if load, ok := errors.AsType[*yaml.LoadError](err); ok {
		return load.Mark.Line, errors.New(load.Message)
	}
	return 0, err
}

// lineOf returns the number, from 1, of the line that holds an offset.
func lineOf(text []byte, at int) int { return 1 + bytes.Count(text[:at], []byte("\n")) }

// parseAs parses the file of that name: as JSON where it is JSON, or else as YAML. JSON is all but a subset of YAML,
// but the YAML parser refuses surrogate pairs and long keys.
func parseAs(name string, text []byte) ([]*yaml.Node, error) {
	if isJSON(name, text) && utf8.Valid(text) {
		if docs, err := parseJSON(text); err == nil {
			return docs, nil
		}
	}
	return parseYAML(text)
}

// parseYAML returns the root nodes of the documents of text. Lines and columns of the nodes are those of text.
func parseYAML(text []byte) ([]*yaml.Node, error) {
	if !utf8.Valid(text) { // the parser reads UTF-16 too, but its columns are of no use there
		line := lineOf(text, len(validPrefix(text)))
		return nil, &yaml.LoadError{Message: "not in UTF-8", Mark: yaml.Mark{Line: line}}
	}
	if i := bytes.IndexByte(text, 0); i >= 0 { // the parser names no line for it
		line := lineOf(text, i)
		return nil, &yaml.LoadError{Message: "it is binary: there is a NUL byte", Mark: yaml.Mark{Line: line}}
	}
	var docs []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(hideVersions(text))); ; {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		}
		docs = append(docs, doc.Content...)
	}
}

// validPrefix returns text up to the first byte that is not UTF-8.
func validPrefix(text []byte) []byte {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return text[:i]
		}
		i += size
	}
	return text
}

// version is a directive that says that a document is in YAML 1.2. All others are the parser's to judge.
var version = regexp.MustCompile(`^%YAML[ \t]+1\.[02-9]\b`)

// hideVersions returns text with the directives "%YAML 1.2" made into comments of the same length: the parser, which
// does read YAML 1.2, refuses all but 1.1 by name. Directives stand before the first document, and after a line "...".
func hideVersions(text []byte) []byte {
	if !bytes.Contains(text, []byte("%YAML")) {
		return text
	}
	out := bytes.Clone(text)
	expected := true
	for _, start := range lineStarts(text) {
		line := text[start:]
		switch {
		case expected && version.Match(line):
			out[start] = '#'
		case bytes.HasPrefix(line, []byte("...")):
			expected = true
		case !blankLine.Match(line) && !bytes.HasPrefix(line, []byte("%")):
			expected = false
		}
	}
	return out
}

// blankLine matches at the start of a line without content.
var blankLine = regexp.MustCompile("^[ \t]*(?:#|[" + lineBreaks + "]|$)")
