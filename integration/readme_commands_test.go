package integration

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"update-gitops-repo/integration/forge"
)

// TestREADME: each command of the README stands in a script, with the same arguments, and what it does is
// checked there before the program runs again. So the script has to fail if, instead of the command,
//
//   - the program does nothing and succeeds in silence;
//   - it says what it says, and then its references are put back as they were;
//   - an argument is left out, or its value has another character at its end (with -short, neither).
//
// A command may stand in several scripts; then one of them has to notice each of these.
func TestREADME(t *testing.T) {
	places := commandPlaces(t)
	commands := 0
	for line := range strings.Lines(read(t, "../README.md")) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "update-gitops-repo ") {
			continue
		}
		commands++
		found := places[shellWords(t, line)]
		t.Run(fmt.Sprint(commands), func(t *testing.T) {
			t.Parallel()
			checkCommand(t, line, found)
		})
	}
	for argument, why := range unnoticed {
		if !strings.Contains(read(t, "../README.md"), " "+argument) {
			t.Errorf("no command of the README has %s (%s)", argument, why)
		}
	}
	if commands < 20 {
		t.Errorf("the README has %d commands only", commands)
	}
}

// TestExampleCommands: the pages of the examples have no command that only looks like one that is tested: those of the
// layouts are run by TestExampleLayouts, and the others' pages have none.
func TestExampleCommands(t *testing.T) {
	pages, err := filepath.Glob("../examples/*/README.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	for _, page := range append(pages, "../examples/README.md", "../SECURITY.md", "../CONTRIBUTING.md") {
		for line := range strings.Lines(read(t, page)) {
			if filepath.Base(filepath.Dir(page)) != "layouts" &&
				strings.HasPrefix(strings.TrimSpace(line), "update-gitops-repo -") {
				t.Errorf("%s has a command that no test runs: %s", page, line)
			}
		}
	}
}

// unnoticed are the arguments of the README's commands that make no difference there, and why they are in it.
var unnoticed = map[string]string{
	"-create-pull-request=true": "the default, as a command line of mesosphere/update-gitops-repo has it",
}

// place is where a script runs a command.
type place struct {
	script     string
	lines      []string // of the script up to where the program runs again
	line       int      // the command's index in them
	files      []txtar.File
	background string // what follows the command when it runs in the background
}

// runsProgram finds a line that runs the program.
var runsProgram = regexp.MustCompile(`^(?:\[\S+\] )*(?:! )?(?:exits |exec (?:.*[ '])?update-gitops-repo )`)

// inBackground finds that a command runs in the background, at the end of its line.
var inBackground = regexp.MustCompile(` &\w*&?$`)

// commandPlaces returns where the scripts run the program, by its arguments as shellWords writes them.
func commandPlaces(t *testing.T) map[string][]place {
	t.Helper()
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	places := map[string][]place{}
	for _, script := range scripts {
		archive := txtar.Parse([]byte(read(t, script)))
		lines := strings.Split(string(archive.Comment), "\n")
		for i, line := range lines {
			command, ok := strings.CutPrefix(line, "exec update-gitops-repo ")
			if !ok {
				continue
			}
			end := i + 1
			for end < len(lines) && !runsProgram.MatchString(lines[end]) {
				end++
			}
			p := place{
				script: script, lines: lines[:end], line: i, files: archive.Files,
				background: inBackground.FindString(command),
			}
			words := scriptWords("update-gitops-repo " + strings.TrimSuffix(command, p.background))
			places[words] = append(places[words], p)
		}
	}
	return places
}

// checkCommand fails if nothing in the places of a command notices that it does something else.
func checkCommand(t *testing.T, command string, places []place) {
	if len(places) == 0 {
		t.Fatalf("no script runs this command of the README:\n%s", command)
	}
	for _, p := range places {
		if log, ok := p.passes(t, p.lines[p.line]); !ok {
			t.Fatalf("%s fails as it stands:\n%s", p.script, log)
		}
	}
	noticed := map[string]bool{}
	for _, p := range places {
		for what, line := range p.mutants() {
			if noticed[what] {
				continue
			}
			_, passes := p.passes(t, line)
			noticed[what] = !passes
		}
	}
	for _, what := range slices.Sorted(maps.Keys(noticed)) {
		if !noticed[what] {
			t.Errorf("%s checks nothing that shows it if %s:\n%s", places[0].script, what, command)
		}
	}
}

// mutants returns what may be wrong with a command, and the line in its place where it is.
func (p place) mutants() map[string]string {
	out := map[string]string{"the program does nothing": "exec true" + p.background}
	command := strings.TrimSuffix(strings.TrimPrefix(p.lines[p.line], "exec update-gitops-repo "), p.background)
	if p.background == "" && !strings.Contains(command, "-dry-run") && !strings.Contains(command, "-check-auth") {
		out["the references stay as they were"] = "undone " + command
	}
	if testing.Short() {
		return out
	}
	arguments := scriptArguments(command)
	for i, argument := range arguments {
		if unnoticed[argument] != "" {
			continue
		}
		with := func(other ...string) string {
			all := slices.Concat(arguments[:i], other, arguments[i+1:])
			return "exec update-gitops-repo " + strings.Join(all, " ") + p.background
		}
		out["without "+argument] = with()
		if altered, quoted := strings.CutSuffix(argument, "'"); quoted {
			out["for "+argument+" there is another value"] = with(altered + "x'")
		} else if strings.ContainsAny(argument, "= ") {
			out["for "+argument+" there is another value"] = with(argument + "'x'")
		}
	}
	return out
}

// passes reports whether the script passes with another line in place of the command.
func (p place) passes(t *testing.T, line string) (log string, ok bool) {
	t.Helper()
	lines := slices.Clone(p.lines)
	lines[p.line] = line
	text := txtar.Format(&txtar.Archive{Comment: []byte(strings.Join(lines, "\n") + "\n"), Files: p.files})
	file := filepath.Join(t.TempDir(), filepath.Base(p.script))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	all := maps.Clone(commands)
	all["undone"] = undone
	var r scriptResult
	r.do(func() {
		testscript.RunT(&r, testscript.Params{
			Files: []string{file}, Cmds: all, RequireUniqueNames: true,
			Setup: func(env *testscript.Env) error {
				if line != p.lines[p.line] {
					env.Setenv("UPDATE_GITOPS_REPO_TIMEOUT", "15s") // for -wait, when nothing merges
				}
				return setUp(env, forge.GitHub, true)
			},
			Condition: func(cond string) (bool, error) { return holds(cond, forge.GitHub, true) },
		})
	})
	return r.log.String(), !r.failed
}

// undone ARGS... runs the program, and then puts all references back as they were before.
func undone(ts *testscript.TestScript, neg bool, args []string) {
	dir := theForge(ts).GitDir(repo)
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
		ts.Check(err)
		return string(out)
	}
	refs := func() string { return git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads") }
	before := refs()
	if err := ts.Exec("update-gitops-repo", args...); err != nil || neg {
		ts.Fatalf("the command fails: %v", err)
	}
	after := refs()
	if after == before {
		ts.Fatalf("there is nothing to undo")
	}
	for line := range strings.Lines(after) {
		ref, _, _ := strings.Cut(line, " ")
		git("update-ref", "-d", ref)
	}
	for line := range strings.Lines(before) {
		git(append([]string{"update-ref"}, strings.Fields(line)...)...)
	}
}

// scriptResult is the T of a script that may fail.
type scriptResult struct {
	log    strings.Builder
	failed bool
}

// do calls f, which may end its goroutine, and waits.
func (r *scriptResult) do(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// Run implements testscript.T.
func (r *scriptResult) Run(_ string, f func(testscript.T)) { r.do(func() { f(r) }) }

// Fatal implements testscript.T.
func (r *scriptResult) Fatal(args ...any) {
	r.Log(args...)
	r.FailNow()
}

// FailNow implements testscript.T.
func (r *scriptResult) FailNow() {
	r.failed = true
	runtime.Goexit()
}

// Skip implements testscript.T.
func (r *scriptResult) Skip(args ...any) { r.Fatal(args...) }

// Log implements testscript.T.
func (r *scriptResult) Log(args ...any) { fmt.Fprintln(&r.log, args...) }

// Parallel implements testscript.T.
func (*scriptResult) Parallel() {}

// Verbose implements testscript.T.
func (*scriptResult) Verbose() bool { return false }

// scriptArguments cuts a command of a script into its arguments as they are written; a flag whose value is an argument
// of its own is one with it.
func scriptArguments(command string) []string {
	var out []string
	for _, word := range regexp.MustCompile(`(?:[^\s']|'[^']*')+`).FindAllString(command, -1) {
		last := len(out) - 1
		if last >= 0 && !strings.HasPrefix(strings.TrimPrefix(word, "'"), "-") {
			out[last] += " " + word
			continue
		}
		out = append(out, word)
	}
	return out
}

// Words are written in one line: each is quoted, and a variable in it is NUL, its name and NUL.
const variableMark = "\x00"

// scriptWords returns the words of a script's line. The variable NL is a line break, which a script cannot have in a
// word otherwise.
func scriptWords(line string) string {
	var words []string
	for _, raw := range regexp.MustCompile(`(?:[^\s']|'[^']*')+`).FindAllString(line, -1) {
		word := regexp.MustCompile(`'((?:[^']|'')*)'|[^']+`).ReplaceAllStringFunc(raw, func(part string) string {
			if strings.HasPrefix(part, "'") {
				return strings.ReplaceAll(part[1:len(part)-1], "''", "'")
			}
			return os.Expand(part, func(name string) string {
				if name == "NL" {
					return "\n"
				}
				return variableMark + name + variableMark
			})
		})
		words = append(words, fmt.Sprintf("%q", word))
	}
	return strings.Join(words, " ")
}

// shellPart is a part of a shell's word: '…', $'…', "…", a variable, an escaped character, or others.
var shellPart = regexp.MustCompile(`^(?:'[^']*'|\$'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\$\w+|\\.|[^\s'"\\$]+)`)

// shellWords returns the words of a shell's command, as scriptWords does.
func shellWords(t *testing.T, line string) string {
	t.Helper()
	var words []string
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimSpace(rest) {
		word := ""
		for rest != "" && rest[0] != ' ' {
			part := shellPart.FindString(rest)
			if part == "" {
				t.Fatalf("the README's command cannot be read from %s", rest)
			}
			word += shellValue(part)
			rest = rest[len(part):]
		}
		words = append(words, fmt.Sprintf("%q", word))
	}
	return strings.Join(words, " ")
}

// shellValue returns what a part of a shell's word stands for.
func shellValue(part string) string {
	variable := func(name string) string { return variableMark + name + variableMark }
	switch {
	case strings.HasPrefix(part, "$'"):
		return strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\'`, "'", `\\`, `\`).Replace(part[2 : len(part)-1])
	case part[0] == '$':
		return variable(part[1:])
	case part[0] == '\'':
		return part[1 : len(part)-1]
	case part[0] == '"':
		text := strings.NewReplacer(`\"`, `"`, `\$`, "$$", `\\`, `\`).Replace(part[1 : len(part)-1])
		return os.Expand(text, func(name string) string {
			if name == "$" {
				return name
			}
			return variable(name)
		})
	case part[0] == '\\':
		return part[1:]
	}
	return part
}

// TestFlagsInScripts: each flag of the README's table is in a script, by its name or as its variable.
func TestFlagsInScripts(t *testing.T) {
	lines := scriptLines(t)
	for _, f := range programFlags(t) {
		variable := "UPDATE_GITOPS_REPO_" + strings.ToUpper(strings.ReplaceAll(f.name, "-", "_"))
		used := regexp.MustCompile(`^(?:\[\S+\] )*(?:(?:! )?exec .*update-gitops-repo|exits \d).*[ ']--?` + f.name +
			`(?:[= ]|$)|^env(?:-lines)? .*\b` + variable + `[= ]`)
		if !slices.ContainsFunc(lines, used.MatchString) {
			t.Errorf("no script has -%s", f.name)
		}
	}
}
