package yamledit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// isJSON reports whether src, the file of that name, has to stay JSON: its name says so, or it is an object or a list
// of JSON, which any file may hold: composer.lock, .babelrc. In a file that is named YAML, {} and [] are no more than
// empty.
func isJSON(name string, text []byte) bool {
	if strings.HasSuffix(name, ".json") {
		return true
	}
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte(byteOrderMark)), " \t\r\n")
	if len(text) == 0 || text[0] != '{' && text[0] != '[' || !json.Valid(text) {
		return false
	}
	isNamedYAML := strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
	return !isNamedYAML || len(bytes.TrimLeft(text[1:], " \t\r\n}]")) > 0
}

// parseJSON returns the root nodes of the JSON texts of src, with lines and columns as parseYAML counts them.
func parseJSON(src []byte) ([]*yaml.Node, error) {
	p := jsonParser{src: bytes.TrimPrefix(src, []byte(byteOrderMark)), line: 1, column: 1}
	p.dec = json.NewDecoder(bytes.NewReader(p.src))
	p.dec.UseNumber()
	var docs []*yaml.Node
	for {
		switch n, err := p.node(); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		default:
			docs = append(docs, n)
		}
	}
}

type jsonParser struct {
	dec          *json.Decoder
	src          []byte
	at           int // an offset in src, and where that is
	line, column int
	depth        int // of the lists and maps that are open
}

// node reads a value, or the end of a list or map, which is nil.
func (p *jsonParser) node() (*yaml.Node, error) {
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	end := int(p.dec.InputOffset())
	p.skipTo(p.at + len(p.src[p.at:end]) - len(bytes.TrimLeft(p.src[p.at:end], " \t\r\n,:")))
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: p.line, Column: p.column}
	p.skipTo(end)
	switch v := token.(type) {
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case bool:
		n.Tag, n.Value = "!!bool", "false"
		if v {
			n.Value = "true"
		}
	case json.Number:
		n.Tag, n.Value = "!!int", v.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case string:
		n.Tag, n.Value, n.Style = "!!str", v, yaml.DoubleQuotedStyle
	case json.Delim:
		n.Kind, n.Tag, n.Style = yaml.MappingNode, "!!map", yaml.FlowStyle
		switch v {
		case '}', ']':
			return nil, nil
		case '[':
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		// The stack is not endless; the YAML parser, and encoding/json where it decodes, have this limit too.
		if p.depth++; p.depth > 10_000 {
			return nil, errors.New("nested too deep")
		}
		defer func() { p.depth-- }()
		for {
			child, err := p.node()
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			if child == nil || err != nil {
				return n, err
			}
			n.Content = append(n.Content, child)
		}
	}
	return n, nil
}

func (p *jsonParser) skipTo(offset int) {
	for p.at < offset {
		r, size := utf8.DecodeRune(p.src[p.at:])
		p.at += size
		p.column++
		ends := strings.ContainsRune("\n\u0085\u2028\u2029", r)
		if ends || r == '\r' && !bytes.HasPrefix(p.src[p.at:], []byte("\n")) {
			p.line, p.column = p.line+1, 1 // as lineStarts counts
		}
	}
}
