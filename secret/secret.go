// Package secret keeps tokens, keys and passwords from being shown: a Text is one that no way of printing shows, and a
// Redactor takes them out of what the program says. It is a package of its own because all rooms but template hold secrets,
// and none may import another.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Text is a token, a key, a password or the name that goes with one. Printed, logged or marshalled it is "(secret)", or
// nothing when it is empty. Two are equal when their texts are; the zero value is the empty one.
type Text struct {
	// Package fmt calls no methods of what is in an unexported field of another struct, and prints that field by field. Here
	// it finds an address.
	value unique.Handle[string]
}

// New gives the Text of s.
func New(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{unique.Make(s)}
}

// Empty tells whether there is nothing to keep.
func (t Text) Empty() bool { return t == Text{} }

// Reveal gives the text itself, to be sent to where it belongs.
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

// Format implements fmt.Formatter, and so stands for every verb.
func (t Text) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, t.String()) // Package fmt keeps its errors for itself.
}

// MarshalText implements encoding.TextMarshaler, which JSON, YAML and others ask for.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }
