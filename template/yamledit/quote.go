package yamledit

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// encode returns the token that makes a scalar read the new value, in its style where that can be, and the tag that it
// then has. The token is one line: in place of a block scalar it is in double quotes. In JSON, all strings are.
func (e *scalarEdit) encode() (token, tag string, err error) {
	old := e.before
	if !utf8.ValidString(e.value.text) {
		return "", "", fmt.Errorf("%q is not UTF-8", e.value.text)
	}
	switch e.value.tag {
	case "":
		return e.encodeText(old)
	case "!!str":
		if isTagged(old) && typed.MatchString(old.Tag) {
			return "", "", fmt.Errorf("a string is no %s, as the tag of the node says", old.Tag)
		}
		text := *old
		if !isTagged(old) {
			text.Tag, text.Value = "!!str", "" // what looked like a number or a boolean was none
		}
		return e.encodeText(&text)
	}
	value, tag := e.value.text, e.value.tag
	if isTagged(old) && old.Tag != tag {
		return "", "", fmt.Errorf("%q is no %s, as the tag of the node says", value, old.Tag)
	}
	if plainTag(value, e.inFlow) != tag {
		return "", "", fmt.Errorf("%q is no %s", value, tag)
	}
	return value, tag, nil
}

// encodeText returns what encode does, for a value whose type depends on that of old.
func (e *scalarEdit) encodeText(old *yaml.Node) (token, tag string, err error) {
	value, style, tagged := e.value.text, old.Style&quoted, isTagged(old)
	plain := ""
	if style == 0 || tagged { // quotes need no such look
		plain = plainTag(value, e.inFlow)
	}
	if tagged && typed.MatchString(old.Tag) {
		if !fitsTag(old.Tag, plain, value) {
			return "", "", fmt.Errorf("%q is no %s, as the tag of the node says", value, old.Tag)
		}
		if style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
			return value, old.Tag, nil
		}
	}
	if style == 0 && !tagged && keepsType(old, plain, value) {
		return value, plain, nil
	}
	tag = "!!str"
	if tagged {
		tag = old.Tag
	}
	if style == 0 && !e.json && plain == "!!str" && !ambiguous.MatchString(value) {
		return value, tag, nil
	}
	return quoteLike(style, value), tag, nil
}

// quoteLike returns a string in the quotes of a style: in single quotes where that has them and they can hold it, else
// in double quotes.
func quoteLike(style yaml.Style, value string) string {
	if style&yaml.SingleQuotedStyle != 0 && printable(value) {
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	}
	return doubleQuote(value)
}

// isTagged reports whether a node has a tag of its own in the file.
func isTagged(n *yaml.Node) bool { return n.Style&yaml.TaggedStyle != 0 || n.Tag == "!" }

// typed are the tags whose scalars cannot hold just any string.
var typed = regexp.MustCompile(`^!!(int|float|bool|null|timestamp|merge)$`)

// fitsTag reports whether a scalar that would have the tag plain by itself may have the tag of a type in the file.
func fitsTag(tag, plain, value string) bool {
	return plain == tag || tag == "!!float" && plain == "!!int" || tag == "!!bool" && bool11.MatchString(value)
}

// keepsType reports whether the plain scalar old may become the plain scalar value, which has the tag plain: they are
// of one type, and nothing of value is lost when a program reads it as that type and writes it.
func keepsType(old *yaml.Node, plain, value string) bool {
	switch old.Tag {
	case "!!int", "!!float":
		return canonicalNumber(value)
	case "!!bool":
		return value == "true" || value == "false"
	case "!!null":
		return value == "true" || value == "false" || value == "null" || smallInt.MatchString(value)
	case "!!timestamp":
		return plain == old.Tag
	case "!!str":
		// yes and no are booleans to a reader of YAML 1.1.
		return bool11.MatchString(old.Value) && (bool11.MatchString(value) || value == "true" || value == "false")
	}
	return false
}

// untypedTag returns the tag of a value where there is none yet: what it would be in the place of null.
func untypedTag(value string) string {
	if keepsType(&yaml.Node{Tag: "!!null"}, "", value) {
		return plainTag(value, false)
	}
	return "!!str"
}

// smallInt matches the numbers that take the place of null: those that Helm, which reads numbers as floating point,
// prints with the same characters again. It makes 1.234567e+06 of 1234567. Counts and ports are among them, but neither
// dates nor commits that happen to have no letter, which are as good as always longer.
var smallInt = regexp.MustCompile(`^(?:0|-?[1-9][0-9]{0,5})$`)

func canonicalNumber(s string) bool {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return strconv.FormatInt(i, 10) == s
	}
	f, err := strconv.ParseFloat(s, 64)
	return err == nil && strings.Contains(s, ".") && strconv.FormatFloat(f, 'f', -1, 64) == s
}

// plainTag returns the tag of value where it stands as a plain scalar, or "" when it cannot stand as one.
func plainTag(value string, inFlow bool) string {
	if !printable(value) {
		return ""
	}
	text := "k: " + value + "\n"
	if inFlow {
		// Parsers differ on indicators there, as in [-, a?b, :c].
		if strings.HasPrefix(value, ":") || strings.Contains(value, "?") ||
			strings.HasPrefix(value, "-") && !canonicalNumber(value) {
			return ""
		}
		text = "k: [" + value + "]\n"
	}
	docs, err := parseYAML([]byte(text))
	if err != nil || len(docs) != 1 || len(docs[0].Content) != 2 {
		return ""
	}
	n := docs[0].Content[1]
	if inFlow {
		if len(n.Content) != 1 {
			return ""
		}
		n = n.Content[0]
	}
	if n.Kind != yaml.ScalarNode || n.Style != 0 || n.Value != value {
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
		`|^[-+]?(?:[0-9][0-9_,]*(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?$` +
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
