package yamledit_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/yamledit/yqedit"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestTorture runs the cases of testdata/torture, whose README says what they hold. If TORTURE_OUT names a folder, what
// comes out is written there, for the folder compare.
func TestTorture(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/torture/*.txtar")
	if err != nil || len(names) < 100 {
		t.Fatal(len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			for _, f := range archive.Files {
				files[strings.TrimSuffix(f.Name, filepath.Ext(f.Name))] = f.Data
			}
			var value string
			if err := json.Unmarshal(files["value"], &value); err != nil {
				t.Fatal(err)
			}
			for _, word := range strings.Fields(string(files["layout"])) {
				for _, key := range []string{"input", "want"} {
					files[key] = layOut(t, word, files[key])
				}
			}
			file := "f" + filepath.Ext(archive.Files[len(archive.Files)-1].Name)
			path := strings.TrimSpace(string(files["path"]))
			_, isText := files["text"]
			out, _, err := assign(fstest.MapFS{file: {Data: files["input"]}},
				[]yqedit.Assignment{{File: file, Path: path, Value: value, Text: isText}})
			if err != nil || string(out[file]) != string(files["want"]) {
				t.Errorf("got %q, %v\nwant %q", out[file], err, files["want"])
			}
			if dir := os.Getenv("TORTURE_OUT"); dir != "" && err == nil {
				if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), out[file], 0o666); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// layOut gives text what a txtar file cannot hold.
func layOut(t *testing.T, word string, text []byte) []byte {
	switch word {
	case "crlf":
		return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	case "no-final-newline":
		return bytes.TrimSuffix(text, []byte("\n"))
	case "byte-order-mark":
		return append([]byte("\ufeff"), text...)
	}
	t.Fatalf("unknown layout %q", word)
	return nil
}
