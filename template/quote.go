package template

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// encode returns the token that makes the scalar at p read as value, in its style where that can be, and the tag that it
// then has. In JSON, all strings are in double quotes.
func encode(p place, value string, inJSON bool) (token, tag string, err error) {
	old := p.node
	style := old.Style & quoted
	plain := plainTag(value, p.inFlow)
	if old.Style&yaml.TaggedStyle != 0 && strings.HasPrefix(old.Tag, "!!") && old.Tag != "!!str" {
		if plain != old.Tag {
			return "", "", fmt.Errorf("%q is no %s, as the tag of the node says", value, old.Tag)
		}
		return value, plain, nil
	}
	if style == 0 && keepsType(old, plain, value) {
		return value, plain, nil
	}
	tag = "!!str"
	if old.Style&yaml.TaggedStyle != 0 {
		tag = old.Tag
	}
	switch {
	case style == 0 && !inJSON && plain == "!!str" && !ambiguous.MatchString(value):
		return value, tag, nil
	case style == yaml.SingleQuotedStyle && printable(value):
		return "'" + strings.ReplaceAll(value, "'", "''") + "'", tag, nil
	}
	return doubleQuote(value), tag, nil
}

// keepsType reports whether the plain scalar old may become the plain scalar value, which has the tag plain: they are of
// one type, and nothing of value is lost when a program reads it as that type and writes it.
func keepsType(old *yaml.Node, plain, value string) bool {
	switch old.Tag {
	case "!!int", "!!float":
		return canonicalNumber(value)
	case "!!bool", "!!null":
		return value == "true" || value == "false" || value == "null"
	case "!!timestamp":
		return plain == old.Tag
	case "!!str":
		// yes and no are booleans to a reader of YAML 1.1.
		return bool11.MatchString(old.Value) && (bool11.MatchString(value) || value == "true" || value == "false")
	}
	return false
}

func canonicalNumber(s string) bool {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return strconv.FormatInt(i, 10) == s
	}
	f, err := strconv.ParseFloat(s, 64)
	return err == nil && strings.Contains(s, ".") && strconv.FormatFloat(f, 'f', -1, 64) == s
}

// plainTag returns the tag of value where it stands as a plain scalar, or "" when it cannot stand as one.
func plainTag(value string, inFlow bool) string {
	text := "k: " + value + "\n"
	if inFlow {
		text = "k: [" + value + "]\n"
	}
	docs, err := parse([]byte(text))
	if err != nil || len(docs) != 1 || len(docs[0].Content) != 2 || !printable(value) {
		return ""
	}
	n := docs[0].Content[1]
	if inFlow {
		if len(n.Content) != 1 {
			return ""
		}
		n = n.Content[0]
	}
	if n.Kind != yaml.ScalarNode || n.Style != 0 || n.Value != value || n.Anchor != "" {
		return ""
	}
	return n.Tag
}

// The types that YAML 1.1 (yaml.org/type) and the core schema of YAML 1.2.2 (section 10.3) find in plain scalars, and
// that the parser does not.
var (
	bool11    = regexp.MustCompile(`^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$`)
	ambiguous = regexp.MustCompile(bool11.String() +
		`|^[-+]?(?:0b[01_]+|0o[0-7]+|0x[0-9a-fA-F_]+)$` +
		`|^[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$` +
		`|^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$` +
		`|^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}` +
		`|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$|^[=~]?$`)
)

// printable reports whether s is one line that needs no escapes.
func printable(s string) bool {
	return !slices.ContainsFunc([]rune(s), func(r rune) bool { return !unicode.IsPrint(r) })
}

// doubleQuote returns s as a double-quoted scalar that is a JSON string too.
func doubleQuote(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\r':
			out.WriteString(`\r`)
		case !unicode.IsPrint(r) && r <= 0xFFFF:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
