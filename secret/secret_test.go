package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/secret"
)

// No way of printing shows a Text, wherever in a value it is.
func TestText(t *testing.T) {
	const plain = "s3cret"
	text := secret.New(plain)
	type hidden struct{ text secret.Text }
	type deeper struct {
		hidden hidden
		list   []hidden
		named  map[string]hidden
		any    any
		Open   secret.Text
	}
	values := []any{
		text, &text, []secret.Text{text}, map[string]secret.Text{"a": text}, map[secret.Text]int{text: 1},
		struct{ Open secret.Text }{text}, hidden{text}, &hidden{text},
		deeper{hidden{text}, []hidden{{text}}, map[string]hidden{"a": {text}}, hidden{text}, text}, fmt.Errorf("%v", text),
	}
	leaks := func(how, got string) {
		t.Helper()
		for _, form := range []string{plain, fmt.Sprintf("%x", plain), fmt.Sprintf("%X", plain), fmt.Sprintf("% x", plain), fmt.Sprint([]byte(plain))} {
			if strings.Contains(got, form) {
				t.Errorf("%s shows %s", how, got)
			}
		}
	}
	for _, v := range values {
		for _, verb := range "vsqxXdTpbtcUoOeEfFgGw" {
			for _, flags := range []string{"", "+", "#", " ", "-20", "+#", "# "} {
				format := "%" + flags + string(verb)
				leaks(fmt.Sprintf("%s of %T", format, v), fmt.Sprintf(format, v))
			}
		}
		how := fmt.Sprintf("of %T", v)
		leaks("Sprint "+how, fmt.Sprint(v, v))
		if out, err := json.Marshal(v); err == nil { // Not all can be a key, say.
			leaks("JSON "+how, string(out))
		}
		if out, err := xml.Marshal(v); err == nil {
			leaks("XML "+how, string(out))
		}
		if out, err := yaml.Marshal(v); err == nil {
			leaks("YAML "+how, string(out))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("it", "is", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("it", "is", v)
		leaks("log "+how, log.String())
	}
	if text.Reveal() != plain || text != secret.New(plain) || text == secret.New("other") {
		t.Error("it is not what it was made of")
	}
	if (secret.Text{}) != secret.New("") || secret.New("").Reveal() != "" || fmt.Sprint(text, secret.Text{}) != "(secret) " {
		t.Error("an empty one")
	}
}
