package gitrepo

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// newHome is an empty home, with nothing of this machine's settings in sight.
func newHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": "", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_SYSTEM": "", "GIT_CONFIG_GLOBAL": "", "GIT_CONFIG_COUNT": "",
		"NETRC": "", "SSH_AUTH_SOCK": "", "SSH_KNOWN_HOSTS": "", "GIT_SSH_COMMAND": "", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GIT_TERMINAL_PROMPT": "0",
	} {
		t.Setenv(name, value)
		if value == "" { // To git, empty is not the same as not there.
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return home
}

func write(t *testing.T, file, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// runGit gives what git prints, and false when it fails.
func runGit(t *testing.T, dir, stdin string, args ...string) (string, bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	out, err := cmd.Output()
	return string(out), err == nil
}

func settings(t *testing.T, dir string) *Settings {
	t.Helper()
	s, err := ReadSettings(dir, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// list is what git config --list -z prints.
func (s *Settings) list() string {
	var b strings.Builder
	for _, e := range s.entries() {
		b.WriteString(e.key)
		if !e.bare {
			b.WriteString("\n" + e.value)
		}
		b.WriteByte(0)
	}
	return b.String()
}

// TestSettingsFiles: every place of settings, in git's order, with includes; git lists the same.
func TestSettingsFiles(t *testing.T) {
	home := newHome(t)
	dir := filepath.Join(home, "work", "checkout")
	linked := filepath.Join(home, "linked")
	for _, args := range [][]string{
		{"init", "--quiet", dir},
		{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "-m", "x"},
		{"-C", dir, "worktree", "add", "--quiet", linked},
		{"-C", dir, "config", "extensions.worktreeConfig", "true"},
		{"-C", linked, "config", "--worktree", "a.worktree", "linked"},
		{"-C", dir, "config", "--worktree", "a.worktree", "main"},
	} {
		if out, ok := runGit(t, home, "", args...); !ok {
			t.Fatalf("git %s: %s", args, out)
		}
	}
	system := write(t, filepath.Join(home, "system"), "[a]\n\tsystem = yes\n")
	extra := write(t, filepath.Join(home, "extra"), "[a]\n\textra = yes\n")
	write(t, filepath.Join(home, ".config", "git", "config"), "[a]\n\txdg = yes\n[include]\n\tpath = more\n\tpath = nosuch\n\tpath = ~/nosuch\n")
	write(t, filepath.Join(home, ".config", "git", "more"), "[a]\n\tmore = yes\n")
	var conditions strings.Builder
	for i, condition := range []string{
		"gitdir:" + dir + "/.git", "gitdir:" + linked, "gitdir:~/work/", "gitdir:work/", "gitdir:checkout/.git", "gitdir:**/checkout/**", "gitdir:nosuch/", "gitdir:./work/",
		"gitdir/i:" + strings.ToUpper(dir) + "/.GIT", "gitdir:" + strings.ToUpper(dir) + "/.GIT", "gitdir:" + dir + "/.git/worktrees/*", "gitdir:*/.git",
		"gitdir:" + home + "/*/checkout/.git", "gitdir:" + home + "/*/.git", "gitdir:" + home + "/w[a-p]rk/check?ut/.git", "gitdir:" + home + "/w[!o]rk/**", "gitdir:", "nosuch:x", "gitdir:" + dir + "/.git/",
	} {
		file := write(t, filepath.Join(home, fmt.Sprint("met", i)), fmt.Sprintf("[met]\n\tn = %d\n", i))
		fmt.Fprintf(&conditions, "[includeIf %q]\n\tpath = %s\n", condition, file)
	}
	write(t, filepath.Join(home, ".gitconfig"), "[a]\n\thome = yes\n"+conditions.String()+"[a] last=1\n")
	for name, env := range map[string]map[string]string{
		"files":  {},
		"system": {"GIT_CONFIG_SYSTEM": system, "GIT_CONFIG_NOSYSTEM": "0"},
		"global": {"GIT_CONFIG_GLOBAL": system, "XDG_CONFIG_HOME": extra},
		"xdg":    {"XDG_CONFIG_HOME": filepath.Join(home, "nosuch")},
		"environment": {
			"GIT_CONFIG_COUNT": "3", "GIT_CONFIG_KEY_0": "A.B.C", "GIT_CONFIG_VALUE_0": "", "GIT_CONFIG_KEY_1": "include.path", "GIT_CONFIG_VALUE_1": extra,
			"GIT_CONFIG_KEY_2": "http.https://X.example.com/A.extraHeader", "GIT_CONFIG_VALUE_2": "x: y",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			for _, dir := range []string{dir, linked, home} {
				want, ok := runGit(t, dir, "", "config", "--list", "-z")
				if got := settings(t, dir).list(); !ok || got != want {
					t.Errorf("in %s: settings\n%s\nwant\n%s", dir, strings.ReplaceAll(got, "\x00", "\n"), strings.ReplaceAll(want, "\x00", "\n"))
				}
			}
		})
	}
}

// TestSettingsErrors: what git refuses is refused, with the file and line and not with what is there.
func TestSettingsErrors(t *testing.T) {
	home := newHome(t)
	file := filepath.Join(home, ".gitconfig")
	for content, want := range map[string]string{
		"[a]\n\tb = \"s3cret\n":              ".gitconfig:2: ",
		"[http]\n\n extraHeader: s3cret\n":   ".gitconfig:3: ",
		"[s3cret\n":                          ".gitconfig:1: ",
		"[a \"s3cret\n\"]\n":                 ".gitconfig:1: ",
		"[a \"s3cret\"x]\n":                  ".gitconfig:1: ",
		"[a]\nb = s3cret\\x\n":               ".gitconfig:2: ",
		"[a s3cret]\n":                       ".gitconfig:1: ",
		"[include]\n\tpath = .gitconfig\n":   "include each other",
		"[include]\n\tpath = folder\n":       "folder",
		"[a]\nb=1\n[include]\npath=broken\n": "broken:2: ",
	} {
		write(t, filepath.Join(home, "folder", "x"), "")
		write(t, filepath.Join(home, "broken"), "s3cret=1=2\ns3cret:")
		write(t, file, content)
		if _, err := ReadSettings("", os.Getenv); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
	write(t, file, "")
	for _, env := range []map[string]string{
		{"GIT_CONFIG_COUNT": "x"}, {"GIT_CONFIG_COUNT": "-1"}, {"GIT_CONFIG_COUNT": "1"}, {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "x"},
		{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "include.path", "GIT_CONFIG_VALUE_0": "relative"},
	} {
		if _, err := ReadSettings("", func(name string) string { return env[name] }); err == nil {
			t.Errorf("%v: no error", env)
		}
	}
}

// pick makes random text of the given pieces.
func pick(r *rand.Rand, n int, pieces ...string) string {
	var b strings.Builder
	for range r.IntN(n + 1) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// TestSettingsSyntax compares with git on random files, most of them broken somewhere.
func TestSettingsSyntax(t *testing.T) {
	home := newHome(t)
	file := filepath.Join(home, ".gitconfig")
	r := rand.New(rand.NewPCG(1, 2))
	good := 0
	spaces := strings.NewReplacer("\t", " ", "\r", " ") // Until 2.45, git made spaces of them all.
	for range 400 {
		content := "[a]\n" + pick(r, 12, "[b]", "[b \"C d\"]", "[b.E]", "[b \"\\\"\\q\"]\n", "[x", "\n", "\r\n", " ", "k", "K-1 = ", "k = v", "k=\"a # b\" c ; d\n", "\tk = a  b \n",
			"k = \\\n x\n", "k = \\t\\n\\\\\n", "k = \\x\n", "# c\n", "; c\n", "k\n", "\"", "=", "k = \" \"x\" \"\n", "\r", "é = ü", "k = ü\n")
		write(t, file, content)
		want, ok := runGit(t, home, "", "config", "--list", "-z")
		s, err := ReadSettings("", os.Getenv)
		if ok != (err == nil) {
			t.Errorf("%q: %v, but git takes it: %t", content, err, ok)
		} else if ok && spaces.Replace(s.list()) != spaces.Replace(want) {
			t.Errorf("%q: %q, want %q", content, s.list(), want)
		}
		if ok {
			good++
		}
	}
	if good < 40 {
		t.Errorf("only %d files were good", good)
	}
}

func TestRewrite(t *testing.T) {
	home := newHome(t)
	write(t, filepath.Join(home, ".gitconfig"), `[url "https://git.example.com/"]
	insteadOf = ex:
	insteadOf = git@git.example.com:
[url "https://git.example.com/acme/"]
	insteadOf = ex:a/
`)
	s := settings(t, "")
	for url, want := range map[string]string{
		"ex:b/c": "https://git.example.com/b/c", "ex:a/b": "https://git.example.com/acme/b", "git@git.example.com:a/b": "https://git.example.com/a/b",
		"https://ex:a/": "https://ex:a/", "": "",
	} {
		if got := s.Rewrite(url); got != want {
			t.Errorf("%s became %s, want %s", url, got, want)
		}
		if got, ok := runGit(t, home, "", "ls-remote", "--get-url", url); url != "" && (!ok || strings.TrimSpace(got) != want) {
			t.Errorf("git makes %s of %s", got, url)
		}
	}
	if got := new(Settings).Rewrite("x"); got != "x" {
		t.Errorf("no settings make %q of x", got)
	}
}

// TestSSHCommand: of what checkout steps leave, the files are taken, and only those.
func TestSSHCommand(t *testing.T) {
	home := newHome(t)
	t.Setenv("RUNNER_TEMP", "/tmp/runner temp")
	for command, want := range map[string]SSH{
		`"/usr/bin/ssh" -i "$RUNNER_TEMP/key" -o StrictHostKeyChecking=yes -o CheckHostIP=no -o "UserKnownHostsFile=${RUNNER_TEMP}/known_hosts"`: {"/tmp/runner temp/key", "/tmp/runner temp/known_hosts"},
		`ssh -i ~/.ssh/id_x -oUserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no`:                                                          {KeyFile: home + "/.ssh/id_x"},
		`ssh -F /dev/null -4 -p 22 -o "IdentityFile /a/b" -i /c -o 'userknownhostsfile = /k'`:                                                    {"/a/b", "/k"},
		`ssh.exe -i/a`:                  {KeyFile: "/a"},
		`ssh -v`:                        {},
		`ssh -i`:                        {},
		`ssh -`:                         {},
		`ssh -i $(cat key)`:             {},
		`ssh -i "a`:                     {},
		`plink -i /a`:                   {},
		`GIT_TRACE=1 ssh -i /a`:         {},
		"ssh -i `cat key`":              {},
		`ssh host -i /a`:                {},
		`ssh -i /a\ b\$c -i "/d\"e\x"`:  {},
		`ssh -i /a\ b\$c -i "/d\"e\\x"`: {KeyFile: "/a b$c"},
		``:                              {},
	} {
		write(t, filepath.Join(home, ".gitconfig"), "[core]\n\tsshCommand = \""+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(command)+"\"\n")
		if got := settings(t, "").SSH(); got != want {
			t.Errorf("%s: %+v, want %+v", command, got, want)
		}
	}
	t.Setenv("GIT_SSH_COMMAND", "ssh -i /from/variable")
	write(t, filepath.Join(home, ".gitconfig"), "[core]\n\tsshCommand = ssh -i /from/file\n")
	if got := settings(t, "").SSH(); got.KeyFile != "/from/variable" {
		t.Errorf("%+v", got)
	}
}
