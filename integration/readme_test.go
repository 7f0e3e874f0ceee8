package integration

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLinks: what the README links to is there, be it a file or one of its own headings, and so is what the examples'
// pages link to.
func TestLinks(t *testing.T) {
	text := read(t, "../README.md")
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		// As GitHub does: lower case, spaces to dashes, nothing else but letters, digits and dashes.
		headings["#"+regexp.MustCompile(`[^a-z0-9-]`).
			ReplaceAllString(strings.ReplaceAll(strings.ToLower(m[1]), " ", "-"), "")] = true
	}
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1)
	for _, m := range links {
		if link := m[1]; strings.HasPrefix(link, "#") && !headings[link] {
			t.Errorf("the README has no heading for %s", link)
		} else if _, err := os.Stat("../" + link); !strings.HasPrefix(link, "#") &&
			!strings.HasPrefix(link, "https://") && err != nil {
			t.Error(err)
		}
	}
	if len(links) < 30 {
		t.Errorf("the README has %d links only", len(links))
	}
	pages, err := filepath.Glob("../examples/*/README.md")
	if err != nil || len(pages) < 9 {
		t.Errorf("%d pages of examples: %v", len(pages), err)
	}
	for _, page := range append(pages, "../examples/README.md") {
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(read(t, page), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil &&
				!strings.HasPrefix(m[1], "https://") {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// TestMap: CONTRIBUTING's map has each package but for those that only tests import, and nothing that is not there. A
// folder named internal may stand for the packages in it, which its entry names.
func TestMap(t *testing.T) {
	_, drawn, _ := strings.Cut(read(t, "../CONTRIBUTING.md"), "\n## The map\n")
	drawn, _, _ = strings.Cut(drawn, "\n## ")
	entries := map[string]string{}
	entry := ""
	for line := range strings.Lines(drawn) {
		text, ok := strings.CutPrefix(line, "    ")
		if !ok {
			continue
		}
		if folder, rest, ok := strings.Cut(text, "/ "); ok && !strings.HasPrefix(text, " ") {
			entry, text = folder, rest
		}
		entries[entry] += text
	}
	for folder := range entries {
		if _, err := os.Stat("../" + folder); err != nil {
			t.Errorf("the map has a folder that is not there: %v", err)
		}
	}
	for pkg := range rooms {
		parent, name := path.Split(pkg)
		parent = strings.TrimSuffix(parent, "/")
		_, inMap := entries[pkg]
		named := path.Base(parent) == "internal" && strings.Contains(entries[parent], name)
		if !inMap && !named && !strings.HasSuffix(name, "test") && parent != "integration/bench" {
			t.Errorf("the map does not have %s", pkg)
		}
	}
}

// TestSecurity: what SECURITY.md names as proof is there.
func TestSecurity(t *testing.T) {
	var tests strings.Builder
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, "_test.go") {
			tests.WriteString(read(t, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)\\w+|\\w+\\.txtar)`").
		FindAllStringSubmatch(read(t, "../SECURITY.md"), -1)
	for _, m := range names {
		if strings.HasSuffix(m[1], ".txtar") {
			if _, err := os.Stat("testdata/script/" + m[1]); err != nil {
				t.Error(err)
			}
		} else if !strings.Contains(tests.String(), "\nfunc "+m[1]+"(") {
			t.Errorf("there is no test %s", m[1])
		}
	}
	if len(names) < 30 {
		t.Errorf("SECURITY.md names %d tests only", len(names))
	}
}

// TestTroubleshooting: each message in the README's table is one that a script has the program print.
func TestTroubleshooting(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "../README.md"), "\n## Troubleshooting\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var printed []string
	for _, line := range scriptLines(t) {
		if regexp.MustCompile(`^(\[\w+\] )?stderr `).MatchString(line) {
			printed = append(printed, strings.ReplaceAll(line, `\`, ""))
		}
	}
	messages := regexp.MustCompile("(?m)^\\| `(.+?)` \\| ").FindAllStringSubmatch(section, -1)
	for _, m := range messages {
		var parts []string
		for part := range strings.SplitSeq(m[1], "…") {
			parts = append(parts, regexp.QuoteMeta(strings.TrimSpace(part)))
		}
		message := regexp.MustCompile("error: .*" + strings.Join(parts, ".*"))
		if !slices.ContainsFunc(printed, message.MatchString) {
			t.Errorf("no script has the program print what the README explains: %s", m[1])
		}
	}
	if len(messages) < 30 {
		t.Errorf("the README explains %d messages only", len(messages))
	}
}

// TestResultNames: the README, -h and the examples' pages name the results that the program writes, and no others.
func TestResultNames(t *testing.T) {
	dir := t.TempDir()
	c := exec.Command("update-gitops-repo", "-result-dir="+dir)
	c.Env = []string{"HOME=" + dir}
	if out, err := c.CombinedOutput(); err == nil {
		t.Fatalf("there is something to do without flags: %s", out)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []string // sorted
	for _, f := range files {
		want = append(want, f.Name())
	}
	texts := map[string]string{}
	for file, from := range map[string]string{
		"README.md": "\nThe results ", "examples/tekton/README.md": "The results ",
		"examples/github-actions/README.md": "outputs",
	} {
		_, texts[file], _ = strings.Cut(read(t, "../"+file), from)
	}
	for _, f := range programFlags(t) {
		if f.name == "result-dir" {
			texts["-h"] = f.text
		}
	}
	list := regexp.MustCompile("changed[\\w`,\\s-]*?pull-request-number")
	for where, text := range texts {
		got := regexp.MustCompile(`[a-z-]+`).FindAllString(list.FindString(text), -1)
		got = slices.DeleteFunc(got, func(word string) bool { return word == "and" })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s names the results %q, the program writes %q", where, got, want)
		}
	}
}

// TestRecording holds the README's recording against what make demo prints, but for the port and the commit, which
// change. With UPDATE_DOCS set it writes the recording instead.
func TestRecording(t *testing.T) {
	const readme, begin, end = "../README.md", "<!-- recorded by make docs -->\n", "<!-- end of the recording -->\n"
	program, err := exec.LookPath("update-gitops-repo")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	demo := filepath.Join(dir, "demo")
	if out, err := exec.Command("go", "build", "-o", demo, "./demo").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var stderr bytes.Buffer
	c := exec.Command(demo, program)
	// Neither the settings nor the pipeline of whoever runs the tests.
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1"}
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	want := "```console\n$ make demo\n" + regexp.MustCompile(`127\.0\.0\.1:\d+`).
		ReplaceAllString(string(out), "127.0.0.1:8080") + "```\n"
	text := read(t, readme)
	before, rest, ok := strings.Cut(text, begin)
	got, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatal("the README has no place for the recording")
	}
	commit := regexp.MustCompile(`commit [0-9a-f]{7}`)
	if commit.ReplaceAllString(got, "commit") == commit.ReplaceAllString(want, "commit") {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Fatalf("the README's recording is out of date; run make docs. It is now:\n%s", want)
	}
	if err := os.WriteFile(readme, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// scriptLines are the lines of all scripts.
func scriptLines(t *testing.T) []string {
	t.Helper()
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	var lines []string
	for _, script := range scripts {
		for line := range strings.Lines(read(t, script)) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
