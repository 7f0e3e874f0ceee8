package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// shows BRANCH ARG... checks that a dry run shows what the same command then pushes to the branch: git makes the
// branch's tree of main's by the diff, in text and in JSON. With !, the text has to say that git cannot apply it.
func shows(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: shows BRANCH ARG...")
	}
	run := func(more ...string) (stdout, stderr string) {
		ts.Check(ts.Exec("update-gitops-repo", append(append(more, "-branch="+args[0]), args[1:]...)...))
		return ts.ReadFile("stdout"), ts.ReadFile("stderr")
	}
	text, said := run("-dry-run")
	if altered := strings.Contains(said, "git cannot apply it; -output=json"); altered != neg {
		ts.Fatalf("the text can be applied: %t, want %t; stderr:\n%s", !altered, !neg, said)
	}
	object, _ := run("-dry-run", "-output=json")
	var report struct{ Diff string }
	ts.Check(json.Unmarshal([]byte(object), &report))
	run()
	dir := theForge(ts).GitDir(repo)
	want, err := exec.Command("git", "-C", dir, "rev-parse", args[0]+"^{tree}").Output()
	ts.Check(err)
	patches := map[string]string{"JSON": report.Diff}
	if !neg {
		patches["text"] = text
	}
	for format, patch := range patches {
		tree, err := treeWith(dir, ts.MkAbs("shown.index"), patch)
		if err != nil {
			ts.Fatalf("%s: %v\n%s", format, err, patch)
		}
		if tree != string(want) {
			changes, err := exec.Command("git", "-C", dir, "diff", strings.TrimSpace(tree), args[0]).CombinedOutput()
			ts.Fatalf("%s: git makes another tree: %v\n%s\nof\n%s", format, err, changes, patch)
		}
	}
}

// treeWith returns the tree that git makes of main's by a patch. index is a scratch file.
func treeWith(dir, index, patch string) (string, error) {
	var out []byte
	for _, args := range [][]string{
		{"read-tree", "main"}, {"apply", "--cached", "--whitespace=nowarn", "-"}, {"write-tree"},
	} {
		cmd := exec.Command("git", append([]string{"--git-dir=" + dir}, args...)...)
		cmd.Env = append(os.Environ(),
			"GIT_INDEX_FILE="+index, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
		cmd.Dir, cmd.Stdin = filepath.Dir(index), strings.NewReader(patch)
		var err error
		if out, err = cmd.Output(); err != nil {
			var why []byte
			if exit, ok := err.(*exec.ExitError); ok {
				why = bytes.TrimSpace(exit.Stderr)
			}
			return "", fmt.Errorf("git %s: %w: %s", args[0], err, why)
		}
	}
	return string(out), nil
}
