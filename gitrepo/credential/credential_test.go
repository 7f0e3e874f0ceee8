package credential

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/secret"
)

func mustURL(t testing.TB, s string) giturl.URL {
	t.Helper()
	u, c, err := giturl.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	u.User = c.Username.Reveal()
	return u
}

func readSettings(t testing.TB, dir string) *settings.Settings {
	t.Helper()
	s, err := settings.Read(dir, os.Getenv)
	gittest.Check(t, err)
	return s
}

func basic(user, password string) string {
	return "AUTHORIZATION: basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestCredentials: each source alone, and which one counts.
func TestCredentials(t *testing.T) {
	const at = "https://git.example.com/acme/gitops.git"
	type files map[string]string
	header := func(url, value string) string {
		return fmt.Sprintf("[http %q]\n\textraHeader = %s\n", url, value)
	}
	for _, test := range []struct {
		name   string
		files  files // below HOME; of those in checkout/ a checkout is made
		url    string
		want   giturl.Credentials
		source string // the end of it
		notes  int
	}{
		{"nothing", files{}, at, giturl.Credentials{}, "", 0},
		{"broken files of others", files{".netrc": "machine", ".git-credentials": "https://\n%%%@@:://\n"}, at, giturl.Credentials{}, "", 0},
		{"ssh", files{".netrc": "machine git.example.com password p"}, "git@git.example.com:acme/gitops.git", giturl.Credentials{}, "", 0},

		{"actions/checkout", files{"checkout/.git/config": header("https://git.example.com/", basic("x-access-token", "p"))}, at,
			giturl.Credentials{Username: secret.New("x-access-token"), Password: secret.New("p")}, "http.extraHeader of $HOME/checkout/.git/config", 0},
		{"actions/checkout since v6", files{
			"checkout/.git/config":          "[includeIf \"gitdir:$HOME/checkout/.git\"]\n\tpath = $HOME/temp/git-credentials-1.config\n",
			"temp/git-credentials-1.config": header("https://git.example.com/", basic("x-access-token", "p")),
		}, at, giturl.Credentials{Username: secret.New("x-access-token"), Password: secret.New("p")}, "temp/git-credentials-1.config", 0},
		{"Azure", files{"checkout/.git/config": header("https://git.example.com/acme/gitops.git", "AUTHORIZATION: bearer a.b-c")}, at,
			giturl.Credentials{Password: secret.New("a.b-c"), Bearer: true}, "config", 0},
		{"another host", files{".gitconfig": header("https://git.example.com.evil.org/", basic("u", "p"))}, at, giturl.Credentials{}, "", 0},
		{"another port", files{".gitconfig": header("https://git.example.com:444/", basic("u", "p"))}, at, giturl.Credentials{}, "", 0},
		{"the port itself", files{".gitconfig": header("https://git.example.com:443/", basic("u", "p"))}, at, giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}, ".gitconfig", 0},
		{"another scheme", files{".gitconfig": header("http://git.example.com/", basic("u", "p"))}, at, giturl.Credentials{}, "", 0},
		{"another path", files{".gitconfig": header("https://git.example.com/acm", basic("u", "p"))}, at, giturl.Credentials{}, "", 0},
		{"reset", files{".gitconfig": header("https://git.example.com/", basic("u", "p")) + header("https://git.example.com/acme", "")}, at, giturl.Credentials{}, "", 0},
		{"the best match", files{".gitconfig": header("https://git.example.com/acme", basic("u", "p")) + header("https://git.example.com", basic("u", "q"))}, at,
			giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}, ".gitconfig", 0},
		{"other headers", files{".gitconfig": header("https://git.example.com", "X-Trace: 1") + header("https://git.example.com", "Authorization: Digest x") +
			header("https://git.example.com", "Authorization: basic *")}, at, giturl.Credentials{}, "", 1},
		{"no URL, at the origin", files{"checkout/.git/config": "[remote \"origin\"]\n\turl = https://git.example.com/a/b\n[http]\n\textraheader = " + basic("u", "p")}, at,
			giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}, "config", 0},
		{"no URL, elsewhere", files{"checkout/.git/config": "[remote \"origin\"]\n\turl = https://example.com/a/b\n[http]\n\textraheader = " + basic("u", "p")}, at, giturl.Credentials{}, "", 1},
		{"no URL, no checkout", files{".gitconfig": "[http]\n\textraheader = " + basic("u", "p")}, at, giturl.Credentials{}, "", 1},
		{"user", files{".gitconfig": header("https://alex@git.example.com", basic("alex", "p"))}, "https://alex@git.example.com/a/b", giturl.Credentials{Username: secret.New("alex"), Password: secret.New("p")}, ".gitconfig", 0},
		{"another user", files{".gitconfig": header("https://git.example.com", basic("robot", "p"))}, "https://alex@git.example.com/a/b", giturl.Credentials{}, "", 1},

		{"netrc", files{".netrc": "machine git.example.com login u password p"}, at, giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}, "$HOME/.netrc", 0},
		{"header before netrc", files{".netrc": "machine git.example.com login u password p", ".gitconfig": header("https://git.example.com", basic("u", "h"))}, at, giturl.Credentials{Username: secret.New("u"), Password: secret.New("h")}, ".gitconfig", 0},

		{"Tekton", files{".gitconfig": "[credential]\n\thelper = store\n[credential \"https://git.example.com\"]\n\tusername = u\n",
			".git-credentials": "https://v:q@git.example.com\nhttps://u:p@git.example.com\n"}, at, giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}, "$HOME/.git-credentials", 0},
		{"netrc before store", files{".netrc": "machine git.example.com login u password p", ".git-credentials": "https://v:q@git.example.com\n"}, at, giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}, ".netrc", 0},
		{"no helper", files{".git-credentials": "https://u:p%40%2F@git.example.com\n"}, at, giturl.Credentials{Username: secret.New("u"), Password: secret.New("p@/")}, ".git-credentials", 0},
		{"XDG", files{".config/git/credentials": "https://u:p@git.example.com\n"}, at, giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}, "$HOME/.config/git/credentials", 0},
		{"store elsewhere", files{".gitconfig": "[credential]\n\thelper = store --file='~/a b'\n\thelper = \"store --file ~/c\\\\ d\"\n", "c d": "https://u:p@git.example.com\n", ".git-credentials": "https://v:q@git.example.com\n"}, at,
			giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}, "$HOME/c d", 0},
		{"store for another scheme", files{".git-credentials": "http://u:p@git.example.com\n"}, at, giturl.Credentials{}, "", 0},
		{"store for another port", files{".git-credentials": "https://u:p@git.example.com:8443\n"}, at, giturl.Credentials{}, "", 0},
		{"store for a port", files{".git-credentials": "https://u:p@git.example.com\nhttps://u:q@git.example.com:8443\n"}, "https://git.example.com:8443/a/b", giturl.Credentials{Username: secret.New("u"), Password: secret.New("q")}, ".git-credentials", 0},
		{"the path counts", files{".gitconfig": "[credential]\n\tuseHttpPath = true\n", ".git-credentials": "https://u:p@git.example.com\nhttps://u:q@git.example.com/acme/gitops.git/\n"}, at, giturl.Credentials{Username: secret.New("u"), Password: secret.New("q")}, ".git-credentials", 0},
		{"the user counts", files{".git-credentials": "https://u:p@git.example.com\nhttps://alex:q@git.example.com\n"}, "https://alex@git.example.com/a/b", giturl.Credentials{Username: secret.New("alex"), Password: secret.New("q")}, ".git-credentials", 0},

		{"a helper", files{".gitconfig": "[credential \"git.example.com\"]\n\thelper = \"!f() { cat >/dev/null; echo username=u; echo password=p; }; f\"\n"}, at, giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}, "git's credential helper", 0},
		{"a helper of another host", files{".gitconfig": "[credential \"https://example.com\"]\n\thelper = !echo password=p\n"}, at, giturl.Credentials{}, "", 0},
		{"a helper that was reset", files{".gitconfig": "[credential]\n\thelper = !echo password=p\n\thelper =\n"}, at, giturl.Credentials{}, "", 0},
		{"a helper that fails", files{".gitconfig": "[core]\n\taskPass = echo\n[credential]\n\thelper = !exit 1\n"}, at, giturl.Credentials{}, "", 1},
		{"a helper that answers for another host", files{".gitconfig": "[credential]\n\thelper = !printf 'host=x\\\\nusername=u\\\\npassword=p\\\\n'\n"}, at, giturl.Credentials{}, "", 1},
		{"store, then a helper", files{".gitconfig": "[credential]\n\thelper = !echo username=u && echo password=p\n\thelper = store\n", ".git-credentials": "https://s:t@git.example.com\n"}, at, giturl.Credentials{Username: secret.New("s"), Password: secret.New("t")}, ".git-credentials", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			home := gittest.Home(t)
			dir := home
			for name, content := range test.files {
				if strings.HasPrefix(name, "checkout/") {
					dir = filepath.Join(home, "checkout")
					gittest.Write(t, filepath.Join(dir, ".git", "HEAD"), "ref: refs/heads/main\n")
					gittest.Write(t, filepath.Join(dir, ".git", "objects", "x"), "")
					gittest.Write(t, filepath.Join(dir, ".git", "refs", "x"), "")
				}
				gittest.Write(t, filepath.Join(home, name), strings.ReplaceAll(content, "$HOME", home))
			}
			s := readSettings(t, dir)
			found, err := Find(t.Context(), s, mustURL(t, test.url))
			got, source := found.Credentials, found.Source
			if err != nil || got != test.want {
				t.Fatalf("%q:%q bearer %t, %v", got.Username.Reveal(), got.Password.Reveal(), got.Bearer, err)
			}
			if want := strings.ReplaceAll(test.source, "$HOME", home); !strings.HasSuffix(source, want) || (source == "") != (want == "") {
				t.Errorf("source %q, want %q", source, want)
			}
			if len(found.Notes) != test.notes {
				t.Errorf("notes: %q", found.Notes)
			}
		})
	}
}

// TestCredentialsErrors: what cannot be read is named, and what it holds is not.
func TestCredentialsErrors(t *testing.T) {
	for _, name := range []string{".netrc", ".git-credentials"} {
		home := gittest.Home(t)
		if err := os.Mkdir(filepath.Join(home, name), 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := Find(t.Context(), readSettings(t, ""), mustURL(t, "https://git.example.com/a/b"))
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("not readable", func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("root may read all")
		}
		home := gittest.Home(t)
		if err := os.Chmod(gittest.Write(t, filepath.Join(home, ".netrc"), "x"), 0); err != nil {
			t.Fatal(err)
		}
		s := readSettings(t, "")
		found, err := Find(t.Context(), s, mustURL(t, "https://git.example.com/a/b"))
		if err != nil || found.Source != "" || len(found.Notes) != 1 {
			t.Errorf("%q, %v, %q", found.Source, err, found.Notes)
		}
	})
	t.Run("line break", func(t *testing.T) {
		home := gittest.Home(t)
		gittest.Write(t, filepath.Join(home, ".gitconfig"), "[credential]\n\thelper = cache\n")
		u := mustURL(t, "https://git.example.com/a/b")
		u.Path = "/a\nhost=evil.example.com"
		if _, err := Find(t.Context(), readSettings(t, ""), u); err == nil {
			t.Error("no error")
		}
	})
	t.Run("no git", func(t *testing.T) {
		home := gittest.Home(t)
		gittest.Write(t, filepath.Join(home, ".gitconfig"), "[credential]\n\thelper = cache\n")
		t.Setenv("PATH", t.TempDir())
		s := readSettings(t, "")
		found, err := Find(t.Context(), s, mustURL(t, "https://git.example.com/a/b"))
		if err != nil || found.Source != "" || len(found.Notes) != 1 {
			t.Errorf("%q, %v, %q", found.Source, err, found.Notes)
		}
	})
	t.Run("a deaf helper", func(t *testing.T) {
		home := gittest.Home(t)
		started := filepath.Join(home, "started")
		gittest.Write(t, filepath.Join(home, ".gitconfig"), "[credential]\n\thelper = !touch "+started+" && sleep 1000\n")
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for ctx.Err() == nil {
				if _, err := os.Stat(started); err == nil {
					cancel()
				}
				time.Sleep(time.Millisecond)
			}
		}()
		if _, err := Find(ctx, readSettings(t, ""), mustURL(t, "https://git.example.com/a/b")); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestNetrc(t *testing.T) {
	for _, test := range []struct {
		name, data, user string
		want             giturl.Credentials
	}{
		{"lines", "machine other login x password y\nmachine h\n\tlogin u\n\tpassword p\n", "", giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}},
		{"one line, any order", "machine h password p account a login u machine other password q", "", giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}},
		{"quotes", `machine "h" login "a b" password "p\"\\q\t#"`, "", giturl.Credentials{Username: secret.New("a b"), Password: secret.New("p\"\\q\t#")}},
		{"a quote without end", `machine h login u password "p`, "", giturl.Credentials{}},
		{"comments", "# machine h password no\nmachine h # password no\nlogin u password #p", "", giturl.Credentials{Username: secret.New("u"), Password: secret.New("#p")}},
		{"default", "default login u password p", "", giturl.Credentials{}},
		{"default ends a machine", "machine other default login u password p", "", giturl.Credentials{}},
		{"macdef", "machine other password y\nmacdef x\nmachine h password no\n\nmachine h password p", "", giturl.Credentials{Password: secret.New("p")}},
		{"macdef without end", "macdef x\nmachine h password no", "", giturl.Credentials{}},
		{"the first", "machine h login u password p machine h login v password q", "", giturl.Credentials{Username: secret.New("u"), Password: secret.New("p")}},
		{"the user's", "machine h login u password p machine h login v password q", "v", giturl.Credentials{Username: secret.New("v"), Password: secret.New("q")}},
		{"without a password", "machine h login u machine h login v password q", "", giturl.Credentials{Username: secret.New("v"), Password: secret.New("q")}},
		{"case", "machine H password p", "", giturl.Credentials{Password: secret.New("p")}},
		{"part of the name", "machine h.evil.org password p machine xh password p", "", giturl.Credentials{}},
		{"empty", "", "", giturl.Credentials{}},
		{"no name", "machine", "", giturl.Credentials{}},
	} {
		c, ok := netrcLogin(test.data, "h", test.user)
		if !ok {
			c = giturl.Credentials{}
		}
		if c != test.want || ok != (test.want != giturl.Credentials{}) {
			t.Errorf("%s: %q:%q, %t", test.name, c.Username.Reveal(), c.Password.Reveal(), ok)
		}
	}
}

// TestExtraHeaderLikeGit: of random settings, the same value applies to a random URL as git says.
func TestExtraHeaderLikeGit(t *testing.T) {
	home := gittest.Home(t)
	file := filepath.Join(home, ".gitconfig")
	r := rand.New(rand.NewPCG(3, 4))
	of := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	found := 0
	for range 60 {
		var b strings.Builder
		for i := range 12 {
			pattern := of("https", "https", "http", "HTTPS") + "://" + of("", "", "", "alex@", "robot@", "@", "a:b@") + of("h", "H", "a.h", "*.h", "*", "*.*", "x*", "[::1]") +
				of("", "", "", ":443", ":80", ":8443", ":0443", ":x", ":") + of("", "/", "/a", "/a/", "/a/b", "/A", "/a/b.git", "/%61", "/a/../a", "/a?x", "//a")
			pattern = of(pattern, pattern, pattern, pattern, "h", "https://", "")
			value := of(fmt.Sprint(i), fmt.Sprint(i), fmt.Sprint(i), `""`)
			if r.IntN(12) == 0 {
				fmt.Fprintf(&b, "[http]\n\textraHeader = %s\n", value)
			} else {
				fmt.Fprintf(&b, "[http %q]\n\textraHeader = %s\n", pattern, value)
			}
		}
		gittest.Write(t, file, b.String())
		s := readSettings(t, "")
		for range 4 {
			raw := of("https", "http") + "://" + of("", "", "alex@") + of("h", "a.h", "b.c", "[::1]") + of("", "", ":443", ":8443") + of("/a/b", "/a", "/a/b.git", "/b/a", "/ab")
			got := ""
			if headers := (&finder{settings: s, url: mustURL(t, raw)}).extraHeaders(); len(headers) > 0 {
				got = headers[len(headers)-1].Value
				found++
			}
			out, _ := gittest.TryGit(t, home, "", "config", "--get-urlmatch", "http.extraHeader", raw)
			if want := strings.TrimSuffix(out, "\n"); got != want {
				t.Errorf("%s: %q, want %q, of\n%s", raw, got, want, b.String())
			}
		}
	}
	if found < 60 {
		t.Errorf("only %d were found", found)
	}
}

// TestStoreLikeGit: of random files and settings, the same login is found as git finds.
func TestStoreLikeGit(t *testing.T) {
	home := gittest.Home(t)
	config, file := filepath.Join(home, ".gitconfig"), filepath.Join(home, ".git-credentials")
	r := rand.New(rand.NewPCG(5, 6))
	of := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	found := 0
	for range 200 {
		var lines strings.Builder
		for i := range 25 {
			login := of("u", "alex", "a%40b", "", "%zz", "a%3Ab") + of(":", ":", ":", ":", "") + of(fmt.Sprint("p", i), fmt.Sprint("p%20", i), fmt.Sprint("a:b", i), fmt.Sprint("a%20:%20b", i), "%0a", "%")
			lines.WriteString(of("https", "https", "https", "https", "http", "", "ftp") + of("://", "://", "://", "://", "://", ":/") + of(login+"@", login+"@", login+"@", login+"@", login+"@", login, "@"+login) +
				of("h", "h", "h", "a.h", "h:8443", "%68", "[::1]", "") + of("", "", "", "/", "/a/b", "/a/b/", "//a/b.git", "?x", "#x", "/a%2Fb", "\r") + "\n")
		}
		gittest.Write(t, file, lines.String())
		gittest.Write(t, config, "[credential]\n\thelper = store\n"+
			of("", "", "[credential \"https://h\"]\n\tusername = alex\n", "[credential]\n\tusername = u\n", "[credential \"h\"]\n\tusername = alex\n", "[credential \"*.h\"]\n\tusername = x\n", "[credential \"https://*.h\"]\n\tusername = x\n")+
			of("", "", "[credential]\n\tuseHttpPath = true\n", "[credential \"https://h/a\"]\n\tuseHttpPath = true\n", "[credential \"h/a/b\"]\n\tuseHttpPath = true\n"))
		s := readSettings(t, "")
		raw := of("https", "https", "http") + "://" + of("", "", "alex@") + of("h", "h", "a.h", "h:8443", "[::1]") + of("/a/b", "/a/b.git")
		c, source, err := (&finder{settings: s, url: mustURL(t, raw)}).stored()
		if err != nil {
			t.Fatal(err)
		}
		out, ok := gittest.TryGit(t, home, "url="+raw+"\n\n", "credential", "fill")
		if !ok {
			out = ""
		}
		got := ""
		if source != "" {
			found++
			got = fmt.Sprintf("username=%s\npassword=%s\n", c.Username.Reveal(), c.Password.Reveal())
		}
		if (out == "") != (got == "") || !strings.HasSuffix(out, got) {
			t.Errorf("%s: %q, want %q, of\n%s\n%s", raw, got, out, lines.String(), config)
		}
	}
	if found < 40 {
		t.Errorf("only %d were found", found)
	}
}

// FuzzNetrc: whatever the file holds, what it does not name it has nothing for.
func FuzzNetrc(f *testing.F) {
	f.Add("machine h.example.com login u password p")
	f.Add("default login u password p\nmachine \"h.example.com\" password \"p\\n\" # x\nmacdef a\n\n")
	f.Fuzz(func(t *testing.T, data string) {
		c, ok := netrcLogin(data, "h.example.com", "")
		if ok && (c.Password.Empty() || !strings.ContainsAny(data, "\"") && !strings.Contains(strings.ToLower(data), "h.example.com")) {
			t.Errorf("%q: %q:%q", data, c.Username.Reveal(), c.Password.Reveal())
		}
		if _, ok := netrcLogin(data, "", ""); ok {
			t.Errorf("%q: a login for no host", data)
		}
	})
}

// FuzzStore: likewise; and a login without its line's password is none.
func FuzzStore(f *testing.F) {
	f.Add("https://u:p@h.example.com\n", "")
	f.Add("https://u:p@x/h.example.com\nhttps://%41:%0a@h.example.com:443/a%2fb?x#y\r\n", "a/b")
	f.Fuzz(func(t *testing.T, data, path string) {
		u := giturl.URL{Scheme: "https", Host: "h.example.com", Path: "/a/b"}
		c, ok := storedLogin(data, u, "", path)
		if !ok {
			return
		}
		if strings.ContainsAny(c.Username.Reveal()+c.Password.Reveal(), "\n\x00") || !strings.Contains(data, "%") && !strings.Contains(strings.ToLower(data), "@h.example.com") {
			t.Errorf("%q: %q:%q", data, c.Username.Reveal(), c.Password.Reveal())
		}
		if _, ok := storedLogin(strings.ReplaceAll(data, "https://", "http://"), u, "", path); ok {
			t.Errorf("%q: found for another scheme", data)
		}
	})
}

// FuzzSettings: whatever the settings are, no header goes to a host that its URL does not name.
func FuzzSettings(f *testing.F) {
	f.Add("https://h.example.com/a", "authorization: bearer x")
	f.Add("https://*.example.com:443", "\t;")
	f.Add("https://u:p@h.example.com.evil.org", "a:b")
	f.Add("h", "a:b")
	f.Fuzz(func(t *testing.T, where, value string) {
		env := map[string]string{
			"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_COUNT": "2",
			"GIT_CONFIG_KEY_0": "http." + where + ".extraHeader", "GIT_CONFIG_VALUE_0": value,
			"GIT_CONFIG_KEY_1": "credential." + where + ".helper", "GIT_CONFIG_VALUE_1": value,
		}
		s, err := settings.Read("", func(name string) string { return env[name] })
		gittest.Check(t, err)
		u := giturl.URL{Scheme: "https", Host: "h.example.com", Path: "/a/b"}
		find := &finder{settings: s, url: u}
		find.helperSettings()
		for _, e := range find.extraHeaders() {
			pattern, ok := e.Subsection("http", "extraheader")
			if !ok || strings.Contains(pattern, "*") {
				continue
			}
			p, err := url.Parse(pattern)
			if err != nil || p.Scheme != "https" || !strings.EqualFold(p.Hostname(), u.Host) ||
				p.Port() != "" && strings.TrimLeft(p.Port(), "0") != "443" {
				t.Errorf("%q fits %s", pattern, u)
			}
		}
	})
}
