package cmd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"update-gitops-repo/template/image"
)

// TestDocs holds what is made from the flags against the flags: the table in the README, the man page and the
// completion of three shells. With UPDATE_DOCS set, as "make docs" does, it writes them instead.
func TestDocs(t *testing.T) {
	groups := new(config).flags()
	const readme = "../README.md"
	text := replaceBetween(t, read(t, readme), "the flags", flagTable(groups))
	text = replaceBetween(t, text, "the places", placeTable())
	for name, want := range map[string]string{
		readme:                         text,
		"docs/update-gitops-repo.1":    manPage(groups, text),
		"docs/update-gitops-repo.bash": bashCompletion(groups),
		"docs/_update-gitops-repo":     zshCompletion(groups),
		"docs/update-gitops-repo.fish": fishCompletion(groups),
	} {
		if os.Getenv("UPDATE_DOCS") != "" {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if read(t, name) != want {
			t.Errorf("%s is out of date; run make docs", name)
		}
	}
}

// replaceBetween replaces what stands between the README's marks for a table.
func replaceBetween(t *testing.T, text, what, table string) string {
	t.Helper()
	begin, end := "<!-- "+what+", by make docs -->\n", "<!-- end of "+what+" -->\n"
	before, rest, ok := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("the README has no room for %s", what)
	}
	return before + begin + table + end + after
}

// placeTable returns the table of the places where -image sets an image.
func placeTable() string {
	var b strings.Builder
	b.WriteString("\n| read by | where | what stands there |\n|---|---|---|\n")
	for _, p := range image.Places() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", p.System, p.Where, p.Holds)
	}
	return b.String() + "\n"
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil && os.Getenv("UPDATE_DOCS") == "" {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func flagTable(groups []flagGroup) string {
	escape := strings.NewReplacer("*", `\*`, "<", "&lt;", ">", "&gt;", "|", `\|`, "~", `\~`, "$", `\$`, "_", `\_`)
	var b strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&b, "\n| %s | |\n|---|---|\n", g.title)
		for _, f := range g.flags {
			value, text := f.explain()
			fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimSpace("-"+f.name+" "+value), escape.Replace(text))
		}
	}
	return b.String() + "\n"
}

// manPage takes its examples from the README: the first two commands there.
func manPage(groups []flagGroup, readme string) string {
	escape := func(s string) string {
		s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "~", `\(ti`, "^", `\(ha`, "`", `\(ga`, "'", `\(aq`).Replace(s)
		if strings.HasPrefix(s, ".") {
			s = `\&` + s
		}
		return s
	}
	var b strings.Builder
	b.WriteString(`.\" Made from the program's flags, by make docs.
.TH UPDATE\-GITOPS\-REPO 1 "" "" "User Commands"
.nh
.SH NAME
update\-gitops\-repo \- change a GitOps repository and open a pull request
.SH SYNOPSIS
.B update\-gitops\-repo
.RI [ flags ]
.SH DESCRIPTION
Edits files of a GitOps repository, commits, pushes, and opens or updates a pull request on GitHub or GitLab.
The last line on standard output is the URL of the pull request; after a direct push, the commit; or
\(dqnothing to change\(dq.
A failure ends with two lines on standard error: what failed, and what to do next. It moves no branch, unless the forge
refuses something after the push.
.SH OPTIONS
`)
	for _, g := range groups {
		fmt.Fprintf(&b, ".SS %s\n", g.title)
		for _, f := range g.flags {
			value, text := f.explain()
			if value != "" {
				value = ` \fI` + escape(value) + `\fR`
			}
			fmt.Fprintf(&b, ".TP\n\\fB\\-%s\\fR%s\n%s\n", escape(f.name), value, escape(text))
		}
	}
	fmt.Fprintf(&b, `.SH ENVIRONMENT
Every flag can be given as a variable: %s_ and its name in upper snake case. The variable of a repeatable flag holds
one entry a line. An empty variable is not given; any other empty value is an error.
The command line wins over variables, and variables over the file of
.BR \-config ;
a repeatable flag has the entries of all three, those of the file first.
.SH EXIT STATUS
0 when all is done or nothing was to do, 1 when something failed, 2 when the command line is wrong.
.SH EXAMPLES
`, envPrefix)
	var examples []string
	for _, block := range strings.SplitN(readme, "```sh\n", 4)[1:3] {
		example, _, _ := strings.Cut(block, "```")
		examples = append(examples, ".nf\n"+escape(example)+".fi\n")
	}
	return b.String() + strings.Join(examples, ".PP\n")
}

func bashCompletion(groups []flagGroup) string {
	var flags []string
	var cases strings.Builder
	for _, g := range groups {
		for _, f := range g.flags {
			flags = append(flags, "-"+f.name)
			switch {
			case f.isSwitch(): // It takes a value after = only.
				fmt.Fprintf(&cases, "\t-%s=) words='true false' ;;\n", f.name)
			case f.choices != nil:
				fmt.Fprintf(&cases, "\t-%s | -%[1]s=) words='%s' ;;\n", f.name, strings.Join(f.choices, " "))
			default:
				fmt.Fprintf(&cases, "\t-%s | -%[1]s=) return ;;\n", f.name)
			}
		}
	}
	return `# Completion of update-gitops-repo for bash 3.2 and later; made from the program's flags, by make docs.
# shellcheck shell=bash disable=SC2207
_update_gitops_repo() {
	# A = is a word by itself here.
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=
	COMPREPLY=()
	if [[ $cur == = ]]; then
		cur= prev+==
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}=
	fi
	case ${prev/#--/-} in
` + cases.String() + "\t*) [[ $cur != -* ]] || words=' " + strings.Join(flags, " ") + `' ;;
	esac
	[[ $cur != --* ]] || words=${words// -/ --}
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
# What is none of these is a file, for all that readline knows.
complete -o bashdefault -o default -F _update_gitops_repo update-gitops-repo
`
}

func zshCompletion(groups []flagGroup) string {
	escape := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`, "'", `'\''`)
	var b strings.Builder
	b.WriteString("#compdef update-gitops-repo\n" +
		"# Completion for zsh; made from the program's flags, by make docs.\n_arguments")
	for _, g := range groups {
		for _, f := range g.flags {
			value, text := f.explain()
			spec := "-" + f.name
			if f.isRepeatable() {
				spec = "*" + spec
			}
			switch {
			case f.isSwitch() && f.preset == "true":
				spec, value = spec+"=-", ":value:(true false)"
			case f.isSwitch():
			case f.choices != nil:
				spec, value = spec+"=", ":value:("+strings.Join(f.choices, " ")+")"
			default:
				spec, value = spec+"=", ":"+escape.Replace(value)+":_files"
			}
			fmt.Fprintf(&b, " \\\n\t'%s[%s]%s'", spec, escape.Replace(brief(text)), value)
		}
	}
	return b.String() + "\n"
}

func fishCompletion(groups []flagGroup) string {
	escape := strings.NewReplacer(`\`, `\\`, "'", `\'`)
	var b strings.Builder
	b.WriteString("# Completion of update-gitops-repo for fish; made from the program's flags, by make docs.\n" +
		"complete -c update-gitops-repo -f\n")
	for _, g := range groups {
		for _, f := range g.flags {
			_, text := f.explain()
			more := " -r -F"
			switch {
			case f.isSwitch():
				more = ""
			case f.choices != nil:
				more = " -x -a '" + strings.Join(f.choices, " ") + "'"
			}
			text = escape.Replace(brief(text))
			fmt.Fprintf(&b, "complete -c update-gitops-repo -o %s%s -d '%s'\n", f.name, more, text)
		}
	}
	return b.String()
}

// brief returns the part of a text that fits next to a flag in a list.
func brief(text string) string {
	for _, end := range []string{" (default", "; "} {
		text, _, _ = strings.Cut(text, end)
	}
	return text
}

// TestManPage: groff and mandoc, where they are installed, find nothing wrong with it, and it shows every flag.
func TestManPage(t *testing.T) {
	const page = "docs/update-gitops-repo.1"
	shown := false
	for _, command := range []string{"groff -ww -man -Tascii -P-cbou " + page, "mandoc -T ascii -W error " + page} {
		args := strings.Fields(command)
		if _, err := exec.LookPath(args[0]); err != nil {
			continue
		}
		var stdout, stderr bytes.Buffer
		c := exec.Command(args[0], args[1:]...)
		c.Stdout, c.Stderr = &stdout, &stderr
		if err := c.Run(); err != nil || stderr.Len() > 0 {
			t.Errorf("%s: %v: %s", command, err, &stderr)
		}
		text := regexp.MustCompile(".\b").ReplaceAllString(stdout.String(), "")
		for f := range all(new(config).flags()) {
			if !strings.Contains(text, "       -"+f.name) {
				t.Errorf("%s does not show -%s", args[0], f.name)
			}
		}
		shown = true
	}
	if !shown {
		t.Skip("neither groff nor mandoc is here")
	}
}

// TestCompletion has the shells that are installed complete command lines.
func TestCompletion(t *testing.T) {
	for _, test := range []struct {
		line string // Its last word is completed.
		want string
		bash bool // No other shell.
	}{
		{line: "-outp", want: "-output"},
		{line: "-output=json -sign-p", want: "-sign-passphrase -sign-passphrase-file"},
		{line: "-output ", want: "json text"},
		{line: "-output=t", want: "text"},
		{line: "-output=", want: "json text"},
		{line: "-scm-provider=git", want: "github gitlab"},
		{line: "-merge-method s", want: "squash"},
		{line: "-create-pull-request=", want: "false true", bash: true},
		{line: "-wait -set-m", want: "-set-missing"},
		{line: "-app -outp", want: "", bash: true}, // It is the app's name.
		{line: "--token-", want: "--token-file", bash: true},
	} {
		if got := bashCompletes(t, test.line); got != test.want {
			t.Errorf("bash: %q completes to %q, want %q", test.line, got, test.want)
		}
		if _, err := exec.LookPath("fish"); err != nil || test.bash {
			continue
		}
		if got := fishCompletes(t, test.line); got != test.want {
			t.Errorf("fish: %q completes to %q, want %q", test.line, got, test.want)
		}
	}
	if _, err := exec.LookPath("zsh"); err != nil {
		return
	}
	// What is left to choose zsh lists in its own way; it completes what is settled.
	for line, want := range map[string]string{
		"-outp": "-output=", "-output=t": "-output=text", "-merge-method=s": "-merge-method=squash",
		"-wait -set-m": "-set-missing=", "-nosuch": "-nosuch",
	} {
		if got := zshCompletes(t, line); got != want {
			t.Errorf("zsh: %q completes to %q, want %q", line, got, want)
		}
	}
}

// bashCompletes returns what bash offers for the last word of a line, which it hands over in words as readline splits
// them.
func bashCompletes(t *testing.T, line string) string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	line = strings.ReplaceAll(line, "=", " = ")
	if strings.HasSuffix(line, " = ") {
		line = strings.TrimSuffix(line, " ")
	}
	words := append([]string{"update-gitops-repo"}, strings.Split(line, " ")...)
	c := exec.Command(bash, append([]string{"--norc", "--noprofile", "-euc", `source docs/update-gitops-repo.bash
[[ $(complete -p update-gitops-repo) == *' -F _update_gitops_repo '* ]]
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_update_gitops_repo
printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"}`, "bash"}, words...)...)
	return offers(t, c)
}

func fishCompletes(t *testing.T, line string) string {
	t.Helper()
	const script = `source docs/update-gitops-repo.fish; complete -C "update-gitops-repo $LINE"`
	c := exec.Command("fish", "--no-config", "-c", script)
	home := t.TempDir()
	// Not an argument: fish has a flag -o itself.
	c.Env = append(os.Environ(), "LINE="+line, "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home)
	return offers(t, c)
}

// zshCompletes returns the last word of a line after the tab key, in a shell on a terminal of zsh's own making: nowhere
// else does its completion run.
func zshCompletes(t *testing.T, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // A shell that does not show the word waits for ever.
	defer cancel()
	c := exec.CommandContext(ctx, "zsh", "-f", "-c", `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "fpath=(${(q)PWD}/docs \$fpath); autoload -Uz compinit; compinit -D -u"
zpty -w shell 'show() { print -r -- "[${${(z)BUFFER}[-1]}]"; exit }; zle -N show; bindkey "^X" show; print rea""dy'
zpty -r shell line '*ready*'
zpty -w -n shell "update-gitops-repo $LINE"$'\t\x18'
zpty -r shell line '*\[*\]*'
print -r -- $line`)
	c.Env = append(os.Environ(), "LINE="+line, "TERM=dumb")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("zsh: %v: %s", err, out)
	}
	word := regexp.MustCompile(`\[(-[^\]]*)\]`).FindSubmatch(out)
	if word == nil {
		t.Fatalf("zsh shows no word: %q", out)
	}
	return string(word[1])
}

// offers runs a command that prints one offer per line, and returns them sorted.
func offers(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	var words []string
	for line := range strings.Lines(string(out)) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t") // A description may follow.
		word = word[strings.Index(word, "=")+1:]                 // Fish offers the flag along with the value.
		if word != "" {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}
