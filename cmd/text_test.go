package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/escape/escapetest"
	"update-gitops-repo/secret"
)

// FuzzLog: a value is never a line of its own in the log.
func FuzzLog(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range []string{"text", "json"} {
			var out bytes.Buffer
			log, _ := newLogger(&config{logFormat: format, secrets: new(secret.Redactor)}, &out)
			log.Warn(s, "key", s)
			log.With(slog.Group("g", "key", s)).Info("phase", "error", fmt.Errorf("%s", s))
			if err := printError(&out, fmt.Errorf("%s", s)); err != nil {
				t.Fatal(err)
			}
			all := escapetest.Lines(strings.TrimSuffix(out.String(), "\n"))
			if len(all) != 4 || !strings.HasPrefix(all[2], "error: ") || !strings.HasPrefix(all[3], "hint: ") || out.String() != escape.Output(out.String()) {
				t.Errorf("%s: %q: %q", format, s, out.String())
			}
			for _, line := range all[:2] {
				if format == "json" && !json.Valid([]byte(line)) {
					t.Errorf("%q: %q", s, line)
				}
			}
		}
	})
}

// FuzzOutputs: each place has the five results, whatever they hold.
func FuzzOutputs(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	names := []string{"changed", "branch", "commit", "pull-request-url", "pull-request-number"}
	f.Fuzz(func(t *testing.T, s string) {
		dir := t.TempDir()
		o := outputs{secrets: new(secret.Redactor), dir: dir, env: []string{filepath.Join(dir, "env")}, github: filepath.Join(dir, "github"), summary: filepath.Join(dir, "summary")}
		r := &report{Changed: true, Base: s, Branch: s, Commit: s, Files: []string{s}, title: s, diff: "+" + s + "\n", PullRequest: &pullRequest{Number: 1, URL: "https://git.example.com/" + s, State: "created"}}
		if err := o.write(r, fmt.Errorf("%s", s)); err != nil {
			t.Fatal(err)
		}
		read := func(name string) string {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsFunc(strings.NewReplacer("\r\n", "", "\n", "", "\t", "").Replace(string(data)), escape.Hidden) {
				t.Errorf("%q: %s has control characters: %q", s, name, data)
			}
			return string(data)
		}
		github, env := escapetest.Lines(read("github")), escapetest.Lines(read("env"))
		if len(github) != 6 || len(env) != 6 {
			t.Fatalf("%q: %q, %q", s, github, env)
		}
		for i, name := range names {
			value := read(name)
			// Of = and << the first says how a value is given.
			if github[i] != name+"="+value {
				t.Errorf("%q: %q", s, github[i])
			}
			quoted, ok := strings.CutPrefix(env[i], "GITOPS_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"=")
			if inner := strings.ReplaceAll(quoted, `'\''`, ""); !ok || quoted != value && strings.Trim(inner, "'") != strings.ReplaceAll(value, "'", "") {
				t.Errorf("%q: %q", s, env[i])
			}
		}
		kinds, _ := escapetest.Parse(t, read("summary"))
		if i := slices.IndexFunc(kinds, func(k string) bool { return k == "Image" || k == "AutoLink" || strings.HasPrefix(k, "RawHTML") }); i >= 0 {
			t.Errorf("%q: the summary has %s: %s", s, kinds[i], read("summary"))
		}
		if n := len(slices.DeleteFunc(kinds, func(k string) bool { return k != "Link" })); n != 1 {
			t.Errorf("%q: the summary has %d links: %s", s, n, read("summary"))
		}
	})
}
