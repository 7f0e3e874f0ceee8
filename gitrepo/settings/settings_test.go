package settings_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/settings"
)

func read(t testing.TB, dir string) *settings.Settings {
	t.Helper()
	s, err := settings.Read(dir, os.Getenv)
	gittest.Check(t, err)
	return s
}

// list returns what git config --list -z prints.
func list(s *settings.Settings) string {
	var b strings.Builder
	for _, e := range s.Entries() {
		b.WriteString(e.Key)
		if !e.Bare {
			b.WriteString("\n" + e.Value)
		}
		b.WriteByte(0)
	}
	return b.String()
}

// TestFiles: every place of settings, in git's order, with includes; git lists the same.
func TestFiles(t *testing.T) {
	home := gittest.Home(t)
	dir := filepath.Join(home, "code", "checkout")
	linked := filepath.Join(home, "linked")
	for _, args := range [][]string{
		{"init", "--quiet", dir},
		{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "--message=x"},
		{"-C", dir, "worktree", "add", "--quiet", linked},
		{"-C", dir, "config", "extensions.worktreeConfig", "true"},
		{"-C", linked, "config", "--worktree", "a.worktree", "linked"},
		{"-C", dir, "config", "--worktree", "a.worktree", "main"},
	} {
		if out, ok := gittest.TryGit(t, home, "", args...); !ok {
			t.Fatalf("git %s: %s", args, out)
		}
	}
	system := gittest.Write(t, filepath.Join(home, "system"), "[a]\n\tsystem = yes\n")
	extra := gittest.Write(t, filepath.Join(home, "extra"), "[a]\n\textra = yes\n")
	gittest.Write(t, filepath.Join(home, ".config", "git", "config"),
		"[a]\n\txdg = yes\n[include]\n\tpath = more\n\tpath = nosuch\n\tpath = ~/nosuch\n")
	gittest.Write(t, filepath.Join(home, ".config", "git", "more"), "[a]\n\tmore = yes\n")
	var conditions strings.Builder
	for i, condition := range []string{
		"gitdir:" + dir + "/.git", "gitdir:" + linked, "gitdir:~/code/", "gitdir:code/", "gitdir:checkout/.git",
		"gitdir:**/checkout/**", "gitdir:nosuch/", "gitdir:./code/",
		"gitdir/i:" + strings.ToUpper(dir) + "/.GIT", "gitdir:" + strings.ToUpper(dir) + "/.GIT",
		"gitdir:" + dir + "/.git/worktrees/*", "gitdir:*/.git",
		"gitdir:" + home + "/*/checkout/.git", "gitdir:" + home + "/*/.git",
		"gitdir:" + home + "/c[a-p]de/check?ut/.git", "gitdir:" + home + "/c[!o]de/**", "gitdir:", "nosuch:x",
		"gitdir:" + dir + "/.git/",
	} {
		file := gittest.Write(t, filepath.Join(home, fmt.Sprint("met", i)), fmt.Sprintf("[met]\n\tn = %d\n", i))
		fmt.Fprintf(&conditions, "[includeIf %q]\n\tpath = %s\n", condition, file)
	}
	gittest.Write(t, filepath.Join(home, ".gitconfig"), "[a]\n\thome = yes\n"+conditions.String()+"[a] last=1\n")
	for name, env := range map[string]map[string]string{
		"files":  {},
		"system": {"GIT_CONFIG_SYSTEM": system, "GIT_CONFIG_NOSYSTEM": "0"},
		"global": {"GIT_CONFIG_GLOBAL": system, "XDG_CONFIG_HOME": extra},
		"xdg":    {"XDG_CONFIG_HOME": filepath.Join(home, "nosuch")},
		"environment": {
			"GIT_CONFIG_COUNT": "3", "GIT_CONFIG_KEY_0": "A.B.C", "GIT_CONFIG_VALUE_0": "",
			"GIT_CONFIG_KEY_1": "include.path", "GIT_CONFIG_VALUE_1": extra,
			"GIT_CONFIG_KEY_2": "http.https://X.example.com/A.extraHeader", "GIT_CONFIG_VALUE_2": "x: y",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			for _, dir := range []string{dir, linked, home} {
				want, ok := gittest.TryGit(t, dir, "", "config", "--list", "-z")
				if got := list(read(t, dir)); !ok || got != want {
					t.Errorf("in %s: settings\n%s\nwant\n%s", dir, strings.ReplaceAll(got, "\x00", "\n"),
						strings.ReplaceAll(want, "\x00", "\n"))
				}
			}
		})
	}
}

// TestErrors: what git refuses is refused, with the file and line and not with what is there.
func TestErrors(t *testing.T) {
	home := gittest.Home(t)
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
		gittest.Write(t, filepath.Join(home, "folder", "x"), "")
		gittest.Write(t, filepath.Join(home, "broken"), "s3cret=1=2\ns3cret:")
		gittest.Write(t, file, content)
		_, err := settings.Read("", os.Getenv)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
	gittest.Write(t, file, "")
	for _, env := range []map[string]string{
		{"GIT_CONFIG_COUNT": "x"}, {"GIT_CONFIG_COUNT": "-1"}, {"GIT_CONFIG_COUNT": "1"},
		{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "x"},
		{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "include.path", "GIT_CONFIG_VALUE_0": "relative"},
	} {
		if _, err := settings.Read("", func(name string) string { return env[name] }); err == nil {
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

// TestSyntax compares with git on random files, most of them broken somewhere.
func TestSyntax(t *testing.T) {
	home := gittest.Home(t)
	file := filepath.Join(home, ".gitconfig")
	r := rand.New(rand.NewPCG(1, 2))
	good := 0
	spaces := strings.NewReplacer("\t", " ", "\r", " ") // Until 2.45, git made spaces of them all.
	for range 400 {
		content := "[a]\n" + pick(r, 12, "[b]", "[b \"C d\"]", "[b.E]", "[b \"\\\"\\q\"]\n", "[x", "\n", "\r\n", " ",
			"k", "K-1 = ", "k = v", "k=\"a # b\" c ; d\n", "\tk = a  b \n",
			"k = \\\n x\n", "k = \\t\\n\\\\\n", "k = \\x\n", "# c\n", "; c\n", "k\n", "\"", "=", "k = \" \"x\" \"\n",
			"\r", "é = ü", "k = ü\n")
		gittest.Write(t, file, content)
		want, ok := gittest.TryGit(t, home, "", "config", "--list", "-z")
		s, err := settings.Read("", os.Getenv)
		if ok != (err == nil) {
			t.Errorf("%q: %v, but git takes it: %t", content, err, ok)
		} else if ok && spaces.Replace(list(s)) != spaces.Replace(want) {
			t.Errorf("%q: %q, want %q", content, list(s), want)
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
	home := gittest.Home(t)
	gittest.Write(t, filepath.Join(home, ".gitconfig"), `[url "https://git.example.com/"]
	insteadOf = ex:
	insteadOf = git@git.example.com:
[url "https://git.example.com/acme/"]
	insteadOf = ex:a/
`)
	s := read(t, "")
	for url, want := range map[string]string{
		"ex:b/c": "https://git.example.com/b/c", "ex:a/b": "https://git.example.com/acme/b",
		"git@git.example.com:a/b": "https://git.example.com/a/b",
		"https://ex:a/":           "https://ex:a/", "": "",
	} {
		if got := s.Rewrite(url); got != want {
			t.Errorf("%s became %s, want %s", url, got, want)
		}
		if url == "" {
			continue
		}
		if got, ok := gittest.TryGit(t, home, "", "ls-remote", "--get-url", url); !ok ||
			strings.TrimSpace(got) != want {
			t.Errorf("git makes %s of %s", got, url)
		}
	}
	if got := new(settings.Settings).Rewrite("x"); got != "x" {
		t.Errorf("no settings make %q of x", got)
	}
}

// FuzzRead: any text is read or refused, and every setting that is read has a key.
func FuzzRead(f *testing.F) {
	f.Add("[http \"https://h.example.com/a\"]\n\textraHeader = authorization: bearer x\n")
	f.Add("\ufeff[a.b]c\r\n[http \"https://*.example.com:443\"] extraheader = \"\\t;\" \\\n x # y")
	f.Add("[http \"https://u:p@h.example.com.evil.org\"]extraheader=a:b\n[credential \"h\"]\nhelper")
	f.Add("[includeIf \"gitdir:[!a]/**/\\\\x\"]\npath = config\n[core]sshCommand = \"ssh '-i' $X\"")
	f.Add("A0") // Git takes a name without a section.
	dir := f.TempDir()
	file := filepath.Join(dir, "config")
	env := map[string]string{"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": file, "HOME": dir}
	f.Fuzz(func(t *testing.T, text string) {
		gittest.Write(t, file, text)
		s, err := settings.Read("", func(name string) string { return env[name] })
		if err != nil {
			return // It may also be of a file that is included.
		}
		for _, e := range s.Entries() {
			if e.Key == "" || e.Source == "" {
				t.Errorf("%q: the key %q, from %q", text, e.Key, e.Source)
			}
			s.Words(e.Value)
		}
	})
}

// TestSettingsDoNotPrint: no verb of package fmt finds a key or a value, which may be secrets.
func TestSettingsDoNotPrint(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_COUNT": "1",
		"GIT_CONFIG_KEY_0": "url.https://s3cret@h/.insteadOf", "GIT_CONFIG_VALUE_0": "tok3n",
	}
	s, err := settings.Read("", func(name string) string { return env[name] })
	gittest.Check(t, err)
	if s.Rewrite("tok3n") != "https://s3cret@h/" {
		t.Fatal("the setting is not there")
	}
	for _, v := range []any{s, *s, struct{ s *settings.Settings }{s}, s.Entries(), s.Entries()[0]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s", "%x", "%d"} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "s3cret") || strings.Contains(text, "tok3n") ||
				strings.Contains(text, fmt.Sprintf("%x", "s3cret")) {
				t.Errorf("%s of %T prints %s", verb, v, text)
			}
		}
	}
}

// TestWords: a command line is split as a shell does, or is left to one.
func TestWords(t *testing.T) {
	t.Parallel()
	env := map[string]string{"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull, "X": "a b", "Y": "c"}
	s, err := settings.Read("", func(name string) string { return env[name] })
	gittest.Check(t, err)
	for line, want := range map[string][]string{
		"":                        {},
		"store":                   {"store"},
		" store  --file=a\t b ":   {"store", "--file=a", "b"},
		`store --file='~/a b' ""`: {"store", "--file=~/a b", ""},
		`"$X"/${Y}z '$X' \$X`:     {"a b/cz", "$X", "$X"},
		`"a\"b\\c\$d"`:            {`a"b\c$d`},
		"!f() { echo password; }": nil,
		"store | tee":             nil,
		"a `b`":                   nil,
		`"a`:                      nil,
		`a\`:                      nil,
		`"a\x"`:                   nil,
		"a $(b)":                  nil,
		"a $":                     nil,
		"store # the user's own":  nil,
		"store --file=*.txt":      nil,
		"a\tb\nc":                 {"a", "b", "c"},
		`'it'"'"'s'`:              {"it's"},
		"$NOSUCH":                 {""},
	} {
		got, ok := s.Words(line)
		if ok != (want != nil) || ok && !slices.Equal(got, want) {
			t.Errorf("%q: %q, %t, want %q", line, got, ok, want)
		}
	}
}

// TestZero: settings that nobody read answer every question.
func TestZero(t *testing.T) {
	t.Parallel()
	var s settings.Settings
	if s.Get("a.b") != "" || !s.BoolOr("a.b", true) || s.Origin() != "" || s.Rewrite("x") != "x" ||
		len(s.Entries()) > 0 {
		t.Error("the zero value has settings")
	}
	if s.Home() != "" || s.Root() != "" || s.UserDir() != "" || s.Getenv("HOME") != "" || s.Expand("~/x") != "~/x" {
		t.Error("the zero value knows of folders or variables")
	}
}
