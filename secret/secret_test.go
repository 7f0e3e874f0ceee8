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

// TestText: no way of printing shows a Text, wherever in a value it is.
func TestText(t *testing.T) {
	t.Parallel()
	const plain = "s3cret"
	text := secret.New(plain)
	type hidden struct{ text secret.Text }
	type deeper struct {
		hidden hidden
		list   []hidden
		named  map[string]hidden
		held   any
		Open   secret.Text
	}
	values := []any{
		text, &text, []secret.Text{text}, map[string]secret.Text{"a": text}, map[secret.Text]int{text: 1},
		struct{ Open secret.Text }{text}, hidden{text}, &hidden{text},
		deeper{hidden{text}, []hidden{{text}}, map[string]hidden{"a": {text}}, hidden{text}, text},
		fmt.Errorf("%v", text),
	}
	forms := []string{
		plain, fmt.Sprintf("%x", plain), fmt.Sprintf("%X", plain), fmt.Sprintf("% x", plain), fmt.Sprint([]byte(plain)),
	}
	for _, v := range values {
		for how, shown := range everyWay(v) {
			for _, form := range forms {
				if strings.Contains(shown, form) {
					t.Errorf("%s of %T shows %s", how, v, shown)
				}
			}
		}
	}
	if text.Reveal() != plain || text != secret.New(plain) || text == secret.New("other") {
		t.Error("it is not what it was made of")
	}
	empty := secret.New("")
	if empty != (secret.Text{}) || empty.Reveal() != "" || fmt.Sprint(text, empty) != "(secret) " {
		t.Error("an empty one")
	}
}

// everyWay returns what package fmt, the encoders and the loggers make of v. What cannot be encoded is left out.
func everyWay(v any) map[string]string {
	shown := map[string]string{"Sprint": fmt.Sprint(v, v)}
	for _, verb := range "vsqxXdTpbtcUoOeEfFgGw" {
		for _, flags := range []string{"", "+", "#", " ", "-20", "+#", "# "} {
			format := "%" + flags + string(verb)
			shown[format] = fmt.Sprintf(format, v)
		}
	}
	for name, encode := range map[string]func(any) ([]byte, error){
		"JSON": json.Marshal,
		"XML":  xml.Marshal,
		"YAML": func(v any) ([]byte, error) { return yaml.Marshal(v) },
	} {
		if out, err := encode(v); err == nil {
			shown[name] = string(out)
		}
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("it", "is", v)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("it", "is", v)
	shown["log"] = logged.String()
	return shown
}
