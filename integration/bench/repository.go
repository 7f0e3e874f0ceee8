//go:build unix

package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// A repository is made of apps, each in these environments, each of which has these files: 16 an app.
var environments = []string{"dev", "staging", "production-eu", "production-us"}

const filesPerApp = 16

// placeholder is the action in every template.
const placeholder = "$(< .image >)"

// appFolder is where an app's files are, in a folder for each environment.
func appFolder(app int) string { return fmt.Sprintf("team-%02d/app-%04d", app/perTeam, app) }

// perTeam is how many apps there are in a folder. A folder's tree is read and written whole: of 3,750 entries, 88 KB
// each way.
const perTeam = 60

func application(app int, env, image string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-%d
  namespace: %s
spec:
  template:
    spec:
      containers:
        - name: app
          image: %s
`, app, env, image)
}

func values(n int, tag string) string {
	return fmt.Sprintf("# Values.\nreplicas: %d\nimage:\n  repository: acme/app-%d\n  tag: %q\n", n%5, n, tag)
}

func dashboard(app int, env string) string {
	return fmt.Sprintf("{\n  \"title\": \"app %d in %s\"\n}\n", app, env)
}

// fill makes main of a bare repository: a first commit with all files of the apps, and then a history in which each
// commit changes one app's dashboard.
func fill(gitDir string, apps, commits int) error {
	r, w := io.Pipe()
	c := exec.Command("git", "--git-dir="+gitDir, "fast-import", "--quiet")
	c.Env = gitEnv()
	c.Stdin = r
	var stderr bytes.Buffer
	c.Stderr = &stderr
	go func() {
		b := bufio.NewWriter(w)
		writeHistory(b, apps, commits)
		w.CloseWithError(b.Flush()) // A write that failed before fails here again.
	}()
	err := c.Run()
	_ = r.Close() // The writer ends, too, when git does not read on.
	if err != nil {
		return fmt.Errorf("git fast-import: %w\n%s", err, stderr.Bytes())
	}
	return nil
}

func writeHistory(w io.Writer, apps, commits int) {
	file := func(name, content string) {
		fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
	}
	commit := func(i int) {
		subject := fmt.Sprintf("commit %d", i)
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter bench <bench@example.com> %d +0000\ndata %d\n%s\n",
			1700000000+i, len(subject), subject)
	}
	commit(0)
	for app := range apps {
		for _, env := range environments {
			dir := appFolder(app) + "/" + env
			file(dir+"/app.yaml.tmpl", application(app, env, placeholder))
			file(dir+"/app.yaml", application(app, env, "acme/app:1"))
			file(dir+"/values.yaml", values(app, "1"))
			file(dir+"/dashboard.json", dashboard(app, env))
		}
	}
	for i := 1; i < commits; i++ {
		commit(i)
		file(appFolder(i%apps)+"/dev/dashboard.json", dashboard(i, "dev"))
	}
}

// blobID is git's name for a file with that content.
func blobID(content string) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)))
}

// check compares what branch has changed since base with the files that it should have changed.
func check(gitDir, base, branch string, want map[string]string) error {
	c := exec.Command("git", "--git-dir="+gitDir, "diff-tree", "-r", "--no-renames", base, branch)
	c.Env = gitEnv()
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("git diff-tree %s %s: %w", base, branch, err)
	}
	got := 0
	for line := range strings.Lines(string(out)) {
		// :100644 100644 OLD NEW M\tPATH
		meta, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		content, ok := want[name]
		if fields := strings.Fields(meta); !ok || len(fields) != 5 || fields[3] != blobID(content) {
			return fmt.Errorf("%s has not what was asked for: %s", branch, strings.TrimSpace(line))
		}
		got++
	}
	if got != len(want) {
		return fmt.Errorf("%s has %d of %d files that were to change", branch, got, len(want))
	}
	return nil
}
