//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"update-gitops-repo/cmd"
	"update-gitops-repo/integration/forge"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "update-gitops-repo" { // See program.
		os.Exit(cmd.Main())
	}
	os.Exit(m.Run())
}

// program is the test itself, by the name under which it is the program.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "update-gitops-repo")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestBench runs every row on small repositories. Whether a job was done right is seen by the bench itself.
func TestBench(t *testing.T) {
	o := options{program: program(t), run: regexp.MustCompile("")}
	o.shorten()
	var out strings.Builder
	found, err := bench(t.Context(), o, &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows(o) {
		for _, way := range row.ways {
			f, ok := found[row.name][way.name]
			if !ok || f.Time <= 0 || f.Memory <= 0 || f.rounds != 1 || f.Requests == 0 && row.name != "version" {
				t.Errorf("%s: %s: %+v", row.name, way.name, f)
			}
		}
	}
	for _, g := range goals(o) {
		if _, ok := g.value(found); !ok || !strings.Contains(out.String(), "\n"+g.work) {
			t.Errorf("nothing tells of the goal %q", g.work)
		}
	}
	if got := found["checkout"][ours]; got.Fetches != 0 || got.Requests == 0 {
		t.Errorf("a checkout that is up to date: %+v", got)
	}
}

// TestRun: -run chooses the rows, and the goals that they are for.
func TestRun(t *testing.T) {
	o := options{program: program(t), run: regexp.MustCompile("^set/small$")}
	o.shorten()
	var out strings.Builder
	found, err := bench(t.Context(), o, &out)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || !strings.Contains(out.String(), "requests, one value, 48 files") ||
		strings.Contains(out.String(), "folder") {
		t.Errorf("got %v\n%s", found, &out)
	}
}

// TestCheck: a way that does something else than its job is found out.
func TestCheck(t *testing.T) {
	w := &world{dir: t.TempDir(), options: options{apps: [3]int{2, 2, 2}, commits: 4}}
	var err error
	if w.forge, err = forge.Start(forge.Config{Kind: forge.GitHub, Token: token, Dir: w.dir}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.forge.Close() }()
	if err := w.forge.CreateRepo(repos[small], "main"); err != nil {
		t.Fatal(err)
	}
	if err := w.fill(small); err != nil {
		t.Fatal(err)
	}
	// The last commit changed this.
	const name = "team-00/app-0001/dev/dashboard.json"
	right := dashboard(3, "dev")
	for what, tc := range map[string]struct {
		base string
		want map[string]string
		ok   bool
	}{
		"the job":       {"main^", map[string]string{name: right}, true},
		"other content": {"main^", map[string]string{name: right + "\n"}, false},
		"other file":    {"main^", map[string]string{valuesFile: values(0, "1")}, false},
		"too little":    {"main^", map[string]string{name: right, valuesFile: values(0, "1")}, false},
		"nothing":       {"main", map[string]string{name: right}, false},
		"too much":      {"main^^", map[string]string{name: right}, false},
	} {
		if err := check(w.forge.GitDir(repos[small]), tc.base, "main", tc.want); (err == nil) != tc.ok {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestMeasure: what is measured is the command's own, not the bench's, and its failure has its words.
func TestMeasure(t *testing.T) {
	w := &world{ctx: t.Context(), dir: t.TempDir()}
	var err error
	if w.measure, err = w.build("measure"); err != nil {
		t.Fatal(err)
	}
	ballast := bytes.Repeat([]byte("x"), 128<<20) // Written to, and so in memory.
	f, err := w.measured(w.dir, nil, "sh", "-c", "exit 0")
	runtime.KeepAlive(ballast)
	if err != nil || f.Time <= 0 || f.Memory <= 0 || f.Memory > 64<<20 {
		t.Errorf("got %+v, %v", f, err)
	}
	if _, err := w.measured(w.dir, nil, "sh", "-c", "echo the reason >&2; exit 3"); err == nil ||
		!strings.Contains(err.Error(), "status 3") || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("a command that fails: %v", err)
	}
}
