// Package secret keeps tokens, keys and passwords from being shown. No way of printing shows a [Text], and a [Redactor]
// takes secrets out of what the program prints. It is a package of its own because cmd, gitrepo and scm all hold
// secrets and none of them may import another.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Text is a token, a key, a password or the user name that goes with one. Printed, logged or marshalled it is
// "(secret)", or nothing when it is empty. Two are equal when their texts are. The zero value is the empty text.
type Text struct {
	// Package fmt prints an unexported field of another struct without calling its methods. Here it finds an address.
	value unique.Handle[string]
}

// New returns the Text of s.
func New(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{unique.Make(s)}
}

// Empty reports whether the text is empty.
func (t Text) Empty() bool { return t == Text{} }

// Reveal returns the text itself, to send it to where it belongs.
func (t Text) Reveal() string {
	if t.Empty() {
		return ""
	}
	return t.value.Value()
}

// String implements fmt.Stringer and, for the types of flags that hold a Text, half of flag.Value.
func (t Text) String() string {
	if t.Empty() {
		return ""
	}
	return "(secret)"
}

// Format implements fmt.Formatter, so that no verb shows the text.
func (t Text) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, t.String()) // Package fmt does not return errors of a Formatter.
}

// MarshalText implements encoding.TextMarshaler, which JSON, YAML and XML use.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }
