package yqedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

const hintHolds = "assign what JSON can hold: no anchors and no tags of YAML, and numbers as JSON writes them"

// verifyJSON returns an error if a JSON file would no longer be valid JSON, or if a value is written with another type
// than the tag that the expression assigns.
func (x *evaluation) verifyJSON(name string, f *yamledit.File, before []byte, all []made) error {
	after, _, err := f.Bytes()
	if err != nil {
		return x.fail(name, reason(err))
	}
	holds := !isJSON(before) || isJSON(after)
	if x.styles && x.guard.isJSON {
		for i, n := range f.Documents() {
			holds = holds && i < len(all) && sameTypes(all[i].root, n)
		}
	}
	if !holds {
		return x.failWith(name, x.Expr+" makes something that JSON cannot hold", hintHolds)
	}
	return nil
}

// isJSON reports whether a text is JSON, of any number of documents.
func isJSON(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var document json.RawMessage
		if err := decoder.Decode(&document); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// sameTypes reports whether the scalars of a document have the types of JSON that yq gives them.
func sameTypes(want *yqlib.CandidateNode, got *yaml.Node) bool {
	if len(want.Content) != len(got.Content) || want.Kind == yqlib.ScalarNode && typeOf(want.Tag) != typeOf(got.Tag) {
		return false
	}
	for i := range got.Content {
		if !sameTypes(want.Content[i], got.Content[i]) {
			return false
		}
	}
	return true
}

// typeOf returns the type in JSON of a scalar with a tag of YAML.
func typeOf(tag string) string {
	switch tag {
	case "!!null", "!!bool":
		return tag
	case "!!int", "!!float":
		return "number"
	}
	return "string"
}
