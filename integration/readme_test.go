package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestREADME holds every command in the README against the scripts: it must be a line of one of them, word for word.
func TestREADME(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	run := map[string]bool{}
	for _, script := range scripts {
		for line := range strings.Lines(read(t, script)) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "exec "); ok {
				run[command] = true
			}
		}
	}
	commands := 0
	for line := range strings.Lines(read(t, "../README.md")) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "update-gitops-repo ") {
			continue
		}
		commands++
		if !run[line] {
			t.Errorf("no script runs this command of the README:\n%s", line)
		}
	}
	if commands == 0 {
		t.Error("the README has no commands")
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
