package yqedit

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// example is one of yq's documentation.
type example struct {
	page, title, command, expr, src string
	files                           int
}

// moduleDir returns the folder of yq's source.
func moduleDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/mikefarah/yq/v4").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// commandLine finds the expression of a command.
var commandLine = regexp.MustCompile(`(?s)^(.*?)yq (.*?)'(.*)'([^']*)$`)

// examples returns the examples of the pages on operators, in the module's own folder.
func examples(t *testing.T) []example {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(moduleDir(t), "pkg/yqlib/doc/operators/*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	var out []example
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "\n## ")[1:] {
			e := example{page: filepath.Base(page)}
			e.title, part, _ = strings.Cut(part, "\n")
			blocks := strings.Split(part, "\n```")
			for i := 1; i < len(blocks); i += 2 {
				kind, body, _ := strings.Cut(blocks[i], "\n")
				body += "\n"
				switch {
				case e.command != "":
				case kind == "yaml" && e.files == 0:
					e.src = body
					e.files++
				case kind == "yaml":
					e.files++
				case kind == "bash":
					e.command = strings.TrimSuffix(body, "\n")
				}
			}
			if e.command == "" {
				continue
			}
			m := commandLine.FindStringSubmatch(e.command)
			if m != nil {
				e.expr = strings.ReplaceAll(m[3], `'\''`, "'")
			}
			out = append(out, e)
		}
	}
	return out
}

// asEdit returns an expression that puts what an example reads into its document, or "" where that is no map.
func asEdit(e example) string {
	docs := parsed(e.src)
	if len(docs) == 0 || docs[0].Kind != yaml.MappingNode {
		return ""
	}
	return ".got = [" + e.expr + "]"
}

// The examples of yq's own documentation: what Evaluate makes of each is what yq makes of it, or it is refused, or a
// warning says what is not carried over. Those that just read put what they read into the document.
func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	all := examples(t)
	counts := map[string]int{}
	for _, e := range all {
		if e.files > 1 || strings.Contains(e.command, "eval-all") {
			counts["several files"]++
			continue
		}
		what, why := verdict(e.src, e.expr)
		if edit := asEdit(e); what == "refused" && edit != "" {
			e.expr = edit
			what, why = verdict(e.src, e.expr)
		}
		counts[what]++
		t.Logf("%s: %s: %s: %s\n%s", what, e.page, e.title, e.expr, why)
		if what == "differ" {
			t.Errorf("%s: %s: %s\n%s", e.page, e.title, e.expr, why)
		}
	}
	t.Log(len(all), counts)
	if len(all) < 510 || counts[agree] < 210 {
		t.Errorf("of %d examples, %d agree: %v", len(all), counts[agree], counts)
	}
}
