package template

import (
	"fmt"
	"strings"
)

// Values is what a template sees as its dot: strings, and maps of the same kind.
type Values map[string]any

// Set puts value at key. A dotted key nests: "image.tag" is what {{ .image.tag }} reads. Setting a key again replaces
// its value. The error names the key: an empty key or component, or a key that would have to be both a value and a map
// (a and a.b).
func (v Values) Set(key, value string) error {
	parts := strings.Split(key, ".")
	m := map[string]any(v)
	for i, part := range parts {
		if part == "" {
			return fmt.Errorf("key %q has an empty component", key)
		}
		if i == len(parts)-1 {
			if _, ok := m[part].(map[string]any); ok {
				return fmt.Errorf("key %q holds other keys and cannot be a value too", key)
			}
			m[part] = value
			return nil
		}
		switch next := m[part].(type) {
		case nil:
			child := map[string]any{}
			m[part], m = child, child
		case map[string]any:
			m = next
		default:
			return fmt.Errorf("key %q: %q is a value and cannot hold other keys too", key,
				strings.Join(parts[:i+1], "."))
		}
	}
	return nil
}
