package yamledit

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// newNode does what NewNode does, for a value in the file: in JSON it is one that JSON has.
func (f *File) newNode(value any) (*yaml.Node, error) {
	n, err := NewNode(value)
	if err == nil && f.json {
		err = toJSON(n)
	}
	return n, err
}

// toJSON makes the scalars at and below n ones that JSON has: keys and dates become strings. It returns an error for a
// number that JSON cannot write, such as .inf.
func toJSON(n *yaml.Node) error {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Kind == yaml.ScalarNode {
			child.Tag = "!!str"
		}
		if err := toJSON(child); err != nil {
			return err
		}
	}
	if n.Kind != yaml.ScalarNode {
		return nil
	}
	switch n.Tag {
	case "!!str":
	case "!!null":
		n.Value = "null"
	case "!!int", "!!float", "!!bool":
		if !json.Valid([]byte(n.Value)) {
			return fmt.Errorf("JSON has no %s", n.Value)
		}
	default:
		n.Tag = "!!str"
	}
	return nil
}

// jsonIndent returns what a JSON file indents by.
func (e *editor) jsonIndent() string {
	for _, start := range e.lines[1:] {
		line := e.text[start:]
		if text := bytes.TrimLeft(line, " \t"); len(text) < len(line) {
			return string(line[:len(line)-len(text)])
		}
	}
	return "  "
}
