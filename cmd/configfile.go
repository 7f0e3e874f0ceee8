package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
)

// fileEntry is a value in the configuration file.
type fileEntry struct {
	key   string
	value string // empty for null
	line  int
}

// parseYAML returns the values of a YAML map as they are written: 1.10 and 0123456 are texts, not numbers. A list is an
// entry for each of its values.
func parseYAML(r io.Reader) ([]fileEntry, error) {
	decoder := yaml.NewDecoder(r)
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("not a map")
	}
	var more yaml.Node
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, cmp.Or(err, errors.New("it has more than one document"))
	}
	var entries []fileEntry
	lines := map[string]int{}
	for i := 0; i < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if lines[key.Value] > 0 {
			return nil, fmt.Errorf("line %d: %s is there twice, first in line %d",
				key.Line, key.Value, lines[key.Value])
		}
		lines[key.Value] = key.Line
		values := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			values = value.Content
		}
		for _, v := range values {
			if v.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: %s takes a value, or a list of values", v.Line, key.Value)
			}
			e := fileEntry{key: key.Value, value: v.Value, line: v.Line}
			if v.ShortTag() == "!!null" {
				e.value = ""
			}
			entries = append(entries, e)
		}
	}
	return entries, nil
}
