package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/escape/escapetest"
	"update-gitops-repo/secret"
)

func TestPrint(t *testing.T) {
	pr := &PullRequest{Number: 7, URL: "https://git.example.com/7", State: "created"}
	files := []string{"a.yaml"}
	for _, test := range []struct {
		name   string
		report Report
		want   string
	}{
		{"superseded", Report{SupersededBy: 8, Files: files}, "superseded by 8\nnothing to change\n"},
		{"nothing", Report{}, "nothing to change\n"},
		{"closed", Report{PullRequest: pr}, "pull request #7: created: https://git.example.com/7\nnothing to change\n"},
		{"dry run", Report{DryRun: true, Files: files, Diff: "-a\n##[b]\n"}, "-a\n\\x23#[b]\n"},
		{
			"pushed", Report{Changed: true, Branch: "main", Commit: "1234567890", Files: files},
			"a.yaml\nbranch main, commit 1234567: pushed\n1234567890\n",
		},
		{
			"pull request", Report{Branch: "b", Commit: "1234567890", Files: files, PullRequest: pr},
			"a.yaml\nbranch b, commit 1234567: already there\npull request #7: created\nhttps://git.example.com/7\n",
		},
	} {
		var b bytes.Buffer
		if err := test.report.Print(&b, "text", nil); err != nil || b.String() != test.want {
			t.Errorf("%s: %v, %q, want %q", test.name, err, b.String(), test.want)
		}
	}
	var b bytes.Buffer
	r := Report{Base: "main", Branch: "<b>", Summary: Summary{Title: "not in it"}}
	want := `{"changed":false,"base":"main","branch":"<b>","files":[]}` + "\n"
	if err := r.Print(&b, "json", nil); err != nil || b.String() != want {
		t.Errorf("JSON: %v, %s, want %s", err, b.String(), want)
	}
}

// TestSummary checks what the summary of a step begins with.
func TestSummary(t *testing.T) {
	for _, test := range []struct {
		report  Report
		failure *Failure
		want    string
	}{
		{Report{}, nil, "**Nothing to change** in the GitOps repository.\n\n"},
		{
			Report{}, &Failure{Error: "a\nb", Hint: "c*"},
			"**update-gitops-repo failed**\n\n```\na b\n```\n\nHint: c\\*\n\n",
		},
		{
			Report{PullRequest: &PullRequest{1, "https://git.example.com/1", "closed"}}, nil,
			"**[Pull request #1](<https://git.example.com/1>)** closed\n\n",
		},
		{Report{Changed: true, Summary: Summary{Title: "a*"}}, nil, "**a\\***\n\n"},
		{
			Report{Commit: "12", Branch: "b", Base: "main", Files: []string{"a"}, Summary: Summary{Diff: "-a\n"}},
			&Failure{Error: "a", Hint: "b"},
			"**update-gitops-repo failed**\n\n```\na\n```\n\nHint: b\n\nCommit 12 on branch b, from main.\n\n" +
				"<details><summary>Changed files: 1</summary>\n\n```diff\n-a\n```\n\n</details>\n\n",
		},
	} {
		if got := test.report.summary(test.failure); got != test.want {
			t.Errorf("%+v: %q, want %q", test.report, got, test.want)
		}
	}
}

// TestResultsRefused checks that a run does not start where its results cannot be written.
func TestResultsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenResults(Places{Dir: filepath.Join(file, "dir")}, nil); err == nil || errors.Is(err, ErrResults) {
		t.Errorf("a folder below a file: %v", err)
	}
	if _, err := OpenResults(Places{Env: []string{filepath.Join(file, "env")}}, nil); !errors.Is(err, ErrResults) {
		t.Errorf("a file below a file: %v", err)
	}
	exports := filepath.Join(filepath.Dir(file), "exports")
	r, err := OpenResults(Places{Env: []string{exports}}, new(secret.Redactor))
	if err != nil || r.WantsDiff() {
		t.Fatalf("%v, wants a diff: %t", err, r.WantsDiff())
	}
	if err := os.Chmod(exports, 0o600); err != nil {
		t.Errorf("the file is not made: %v", err)
	}
	if err := os.RemoveAll(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	if err := r.Write(Report{}, nil); !errors.Is(err, ErrResults) {
		t.Errorf("a folder that is gone: %v", err)
	}
}

// TestScreen checks the one line of a terminal: phases replace it, other lines go above it, and bytes count on it.
func TestScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		secrets := new(secret.Redactor)
		secrets.Add(secret.New("s3cret"))
		s := &Screen{w: &b, secrets: secrets, live: true}
		log := slog.New(console{level: slog.LevelInfo, screen: s})
		steps := []struct {
			step func()
			want string
		}{
			{func() { log.Info("fetching", "branch", "s3cret") }, "\r\x1b[Kfetching branch=***"},
			{func() { s.Received(10) }, ""}, // Too soon after the last.
			{func() { time.Sleep(time.Second); s.Received(1500) }, "\r\x1b[Kfetching branch=***, 1.5 kB"},
			{func() { log.Warn("careful") }, "\r\x1b[Kwarning: careful\nfetching branch=***"},
			{func() { log.Info(strings.Repeat("x", 100)) }, "\r\x1b[K" + strings.Repeat("x", 78) + "…"},
			{func() { log.Debug("not shown") }, ""},
			{func() { _ = s.Clear() }, "\r\x1b[K"},
			{func() { _ = s.Clear() }, ""},
			{func() { log.Warn("at the end") }, "warning: at the end\n"},
		}
		for i, test := range steps {
			b.Reset()
			test.step()
			if b.String() != test.want {
				t.Errorf("step %d: %q, want %q", i, b.String(), test.want)
			}
		}
	})
}

// TestAnnotatedWarnings checks that the CI system is told of warnings, without secrets, and of nothing else.
func TestAnnotatedWarnings(t *testing.T) {
	secrets := new(secret.Redactor)
	secrets.Add(secret.New("s3cret%s3cret"))
	annotate := func(text string) string { return "::warning::" + strings.ReplaceAll(text, "%", "%25") }
	var b bytes.Buffer
	log, _ := NewLogger(&b, LogOptions{Secrets: secrets, Annotate: annotate})
	log.Info("fetching")
	log.Log(t.Context(), Outcome, "would push")
	log.Warn("left open", "reason", "s3cret%s3cret")
	log.Log(t.Context(), slog.LevelWarn+1, "trying again")
	want := "fetching\nwould push\n::warning::left open reason=***\nwarning: left open reason=***\n" +
		"warning: trying again\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	log, _ = NewLogger(&b, LogOptions{Secrets: secrets, Annotate: annotate, JSON: true})
	log.Log(t.Context(), Outcome, "would push")
	log.Log(t.Context(), slog.LevelWarn+1, "trying again")
	if got := b.String(); !strings.Contains(got, `"level":"INFO"`) || !strings.Contains(got, `"level":"WARN"`) ||
		strings.Contains(got, "::") {
		t.Errorf("as JSON: %s", got)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1500: "1.5 kB", 2_500_000: "2.5 MB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// FuzzLog checks that a value is never a line of its own in the log.
func FuzzLog(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, asJSON := range []bool{false, true} {
			var out bytes.Buffer
			log, _ := NewLogger(&out, LogOptions{JSON: asJSON, Secrets: new(secret.Redactor)})
			log.Warn(s, "key", s)
			log.With(slog.Group("g", "key", s)).Info("phase", "error", fmt.Errorf("%s", s))
			log.WithGroup("h").With("key", s).Info(s)
			lines := escapetest.Lines(strings.TrimSuffix(out.String(), "\n"))
			if len(lines) != 3 || out.String() != escape.Output(out.String()) {
				t.Errorf("JSON %t: %q: %q", asJSON, s, out.String())
			}
			for _, line := range lines {
				if asJSON && !json.Valid([]byte(line)) {
					t.Errorf("%q: %q", s, line)
				}
			}
		}
	})
}

// FuzzResults checks that each place has the five results, whatever they hold.
func FuzzResults(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	names := []string{"changed", "branch", "commit", "pull-request-url", "pull-request-number"}
	lineEnds := strings.NewReplacer("\r\n", "", "\n", "", "\t", "")
	f.Fuzz(func(t *testing.T, s string) {
		dir := t.TempDir()
		places := Results{
			Places{
				Dir: dir, Env: []string{filepath.Join(dir, "env")},
				Outputs: filepath.Join(dir, "github"), Summary: filepath.Join(dir, "summary"),
			},
			new(secret.Redactor),
		}
		r := Report{
			Changed: true, Base: s, Branch: s, Commit: s, Files: []string{s},
			Summary:     Summary{Title: s, Diff: "+" + s + "\n"},
			PullRequest: &PullRequest{Number: 1, URL: "https://git.example.com/" + s, State: "created"},
		}
		if err := places.Write(r, &Failure{Error: s, Hint: s}); err != nil {
			t.Fatal(err)
		}
		read := func(name string) string {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsFunc(lineEnds.Replace(string(data)), escape.Hidden) {
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
			checkVariable(t, env[i], name, value)
		}
		checkSummary(t, s, read("summary"))
	})
}

// checkVariable checks that a line gives a shell's variable that value.
func checkVariable(t *testing.T, line, name, value string) {
	t.Helper()
	variable := "GITOPS_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "="
	quoted, ok := strings.CutPrefix(line, variable)
	inner := strings.Trim(strings.ReplaceAll(quoted, `'\''`, ""), "'")
	if !ok || quoted != value && inner != strings.ReplaceAll(value, "'", "") {
		t.Errorf("%q is not %s=%s", line, name, value)
	}
}

// checkSummary checks that a summary with the value s has a link to the pull request, and nothing else that is active.
func checkSummary(t *testing.T, s, summary string) {
	t.Helper()
	kinds, _ := escapetest.Parse(t, summary)
	i := slices.IndexFunc(kinds, func(k string) bool {
		return k == "Image" || k == "AutoLink" || strings.HasPrefix(k, "RawHTML")
	})
	if i >= 0 {
		t.Errorf("%q: the summary has %s: %s", s, kinds[i], summary)
	}
	if n := len(slices.DeleteFunc(kinds, func(k string) bool { return k != "Link" })); n != 1 {
		t.Errorf("%q: the summary has %d links: %s", s, n, summary)
	}
}

// TestAltered checks when a text is said not to be what git applies.
func TestAltered(t *testing.T) {
	for _, test := range []struct {
		report Report
		want   string
	}{
		{Report{}, ""},
		{Report{Diff: "-a\r\n+ü\n", Patch: "-a\r\n+ü\n"}, ""},
		{Report{Diff: "-a\rb\n", Patch: "-a\rb\n"}, "characters"},
		{Report{Diff: " ::x::\n", Patch: " ::x::\n"}, "characters"},
		{Report{Diff: "Binary files", Patch: "GIT binary patch"}, "leaves out"},
	} {
		if got := test.report.Altered("text"); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%+v: %q, want %q", test.report, got, test.want)
		}
		if got := test.report.Altered("json"); got != "" {
			t.Errorf("%+v: JSON: %q", test.report, got)
		}
	}
}

// TestOutcome checks that what a run comes to stays on a terminal, and that machines read a level that they know.
func TestOutcome(t *testing.T) {
	var b bytes.Buffer
	s := &Screen{w: &b, secrets: new(secret.Redactor), live: true}
	log := slog.New(console{level: slog.LevelInfo, screen: s})
	log.Info("editing")
	log.Log(t.Context(), Outcome, "would")
	if err := s.Clear(); err != nil || !strings.Contains(b.String(), eraseLine+"would\n") {
		t.Errorf("%v, %q", err, b.String())
	}
	b.Reset()
	log, _ = NewLogger(&b, LogOptions{JSON: true, Secrets: new(secret.Redactor)})
	log.Log(t.Context(), Outcome, "would")
	if !strings.Contains(b.String(), `"level":"INFO","msg":"would"`) {
		t.Errorf("JSON: %s", b.String())
	}
}
