package credential

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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

// files are files below HOME. Of those in checkout/ a checkout is made.
type files map[string]string

func config(text string) files   { return files{".gitconfig": text} }
func ofStore(text string) files  { return files{".git-credentials": text} }
func ofNetrc(text string) files  { return files{".netrc": text} }
func checkout(text string) files { return files{"checkout/.git/config": text} }

// and returns both.
func (f files) and(other files) files {
	out := maps.Clone(f)
	maps.Copy(out, other)
	return out
}

// header returns a setting of http.extraHeader for a URL, or for none.
func header(url, value string) string {
	section := "[http]"
	if url != "" {
		section = fmt.Sprintf("[http %q]", url)
	}
	return section + "\n\textraHeader = " + value + "\n"
}

// lay writes the files below home, with $HOME in them replaced, and returns the folder to read the settings in.
func (f files) lay(t *testing.T, home string) (dir string) {
	t.Helper()
	dir = home
	for name, content := range f {
		if strings.HasPrefix(name, "checkout/") {
			dir = filepath.Join(home, "checkout")
			gittest.Write(t, filepath.Join(dir, ".git", "HEAD"), "ref: refs/heads/main\n")
			gittest.Write(t, filepath.Join(dir, ".git", "objects", "x"), "")
			gittest.Write(t, filepath.Join(dir, ".git", "refs", "x"), "")
		}
		gittest.Write(t, filepath.Join(home, name), strings.ReplaceAll(content, "$HOME", home))
	}
	return dir
}

// find is a case of TestFind.
type find struct {
	name   string
	files  files
	url    string // empty: https://git.example.com/acme/gitops.git
	want   giturl.Credentials
	source string // the end of it
	notes  int
}

const host = "https://git.example.com"

var up = giturl.Login("u", "p")

var headerCases = []find{
	{name: "nothing"},
	{
		name:   "actions/checkout",
		files:  checkout(header(host+"/", basic("x-access-token", "p"))),
		want:   giturl.Login("x-access-token", "p"),
		source: "http.extraHeader of $HOME/checkout/.git/config",
	},
	{
		name: "actions/checkout since v6",
		files: checkout("[includeIf \"gitdir:$HOME/checkout/.git\"]\n\tpath = $HOME/temp/git-credentials-1.config\n").
			and(files{"temp/git-credentials-1.config": header(host+"/", basic("x-access-token", "p"))}),
		want:   giturl.Login("x-access-token", "p"),
		source: "temp/git-credentials-1.config",
	},
	{
		name:   "Azure",
		files:  checkout(header(host+"/acme/gitops.git", "AUTHORIZATION: bearer a.b-c")),
		want:   giturl.Credentials{Password: secret.New("a.b-c"), Bearer: true},
		source: "config",
	},
	{name: "another host", files: config(header(host+".evil.org/", basic("u", "p")))},
	{name: "another port", files: config(header(host+":444/", basic("u", "p")))},
	{name: "the port itself", files: config(header(host+":443/", basic("u", "p"))), want: up, source: ".gitconfig"},
	{name: "another scheme", files: config(header("http://git.example.com/", basic("u", "p")))},
	{name: "another path", files: config(header(host+"/acm", basic("u", "p")))},
	{name: "reset", files: config(header(host+"/", basic("u", "p")) + header(host+"/acme", ""))},
	{
		name:   "the best match",
		files:  config(header(host+"/acme", basic("u", "p")) + header(host, basic("u", "q"))),
		want:   up,
		source: ".gitconfig",
	},
	{
		name: "other headers",
		files: config(header(host, "X-Trace: 1") + header(host, "Authorization: Digest x") +
			header(host, "Authorization: basic *")),
		notes: 1,
	},
	{
		name:   "no URL, at the origin",
		files:  checkout("[remote \"origin\"]\n\turl = " + host + "/a/b\n" + header("", basic("u", "p"))),
		want:   up,
		source: "config",
	},
	{
		name:  "no URL, elsewhere",
		files: checkout("[remote \"origin\"]\n\turl = https://example.com/a/b\n" + header("", basic("u", "p"))),
		notes: 1,
	},
	{name: "no URL, no checkout", files: config(header("", basic("u", "p"))), notes: 1},
	{
		name:  "user",
		files: config(header("https://alex@git.example.com", basic("alex", "p"))),
		url:   "https://alex@git.example.com/a/b",
		want:  giturl.Login("alex", "p"), source: ".gitconfig",
	},
	{
		name:  "another user",
		files: config(header(host, basic("robot", "p"))),
		url:   "https://alex@git.example.com/a/b",
		notes: 1,
	},
}

var fileCases = []find{
	{name: "broken files of others", files: ofNetrc("machine").and(ofStore("https://\n%%%@@:://\n"))},
	{name: "ssh", files: ofNetrc("machine git.example.com password p"), url: "git@git.example.com:acme/gitops.git"},
	{name: "netrc", files: ofNetrc("machine git.example.com login u password p"), want: up, source: "$HOME/.netrc"},
	{
		name:  "header before netrc",
		files: ofNetrc("machine git.example.com login u password p").and(config(header(host, basic("u", "h")))),
		want:  giturl.Login("u", "h"), source: ".gitconfig",
	},
	{
		name: "Tekton",
		files: ofStore("https://v:q@git.example.com\nhttps://u:p@git.example.com\n").
			and(config("[credential]\n\thelper = store\n[credential \"" + host + "\"]\n\tusername = u\n")),
		want: up, source: "$HOME/.git-credentials",
	},
	{
		name:  "netrc before store",
		files: ofNetrc("machine git.example.com login u password p").and(ofStore("https://v:q@git.example.com\n")),
		want:  up, source: ".netrc",
	},
	{
		name:  "no helper",
		files: ofStore("https://u:p%40%2F@git.example.com\n"),
		want:  giturl.Login("u", "p@/"), source: ".git-credentials",
	},
	{
		name:  "XDG",
		files: files{".config/git/credentials": "https://u:p@git.example.com\n"},
		want:  up, source: "$HOME/.config/git/credentials",
	},
	{
		name: "store elsewhere",
		files: ofStore("https://v:q@git.example.com\n").and(files{"c d": "https://u:p@git.example.com\n"}).
			and(config("[credential]\n\thelper = store --file='~/a b'\n\thelper = \"store --file ~/c\\\\ d\"\n")),
		want: up, source: "$HOME/c d",
	},
	{name: "store for another scheme", files: ofStore("http://u:p@git.example.com\n")},
	{name: "store for another port", files: ofStore("https://u:p@git.example.com:8443\n")},
	{
		name:  "store for a port",
		files: ofStore("https://u:p@git.example.com\nhttps://u:q@git.example.com:8443\n"),
		url:   "https://git.example.com:8443/a/b",
		want:  giturl.Login("u", "q"), source: ".git-credentials",
	},
	{
		name: "the path counts",
		files: config("[credential]\n\tuseHttpPath = true\n").
			and(ofStore("https://u:p@git.example.com\nhttps://u:q@git.example.com/acme/gitops.git/\n")),
		want: giturl.Login("u", "q"), source: ".git-credentials",
	},
	{
		name:  "the user counts",
		files: ofStore("https://u:p@git.example.com\nhttps://alex:q@git.example.com\n"),
		url:   "https://alex@git.example.com/a/b",
		want:  giturl.Login("alex", "q"), source: ".git-credentials",
	},
}

// helper returns the setting of a credential helper.
func helper(command string) string { return "[credential]\n\thelper = " + command + "\n" }

var helperCases = []find{
	{
		name: "a helper",
		files: config("[credential \"git.example.com\"]\n" +
			"\thelper = \"!f() { cat >/dev/null; echo username=u; echo password=p; }; f\"\n"),
		want: up, source: "git's credential helper",
	},
	{
		name:  "a helper of another host",
		files: config("[credential \"https://example.com\"]\n\thelper = !echo password=p\n"),
	},
	{name: "a helper that was reset", files: config(helper("!echo password=p") + helper(""))},
	{name: "a helper that fails", files: config("[core]\n\taskPass = echo\n" + helper("!exit 1")), notes: 1},
	{
		name:  "a helper that answers for another host",
		files: config(helper(`!printf 'host=x\\nusername=u\\npassword=p\\n'`)),
		notes: 1,
	},
	{
		name: "store, then a helper",
		files: ofStore("https://s:t@git.example.com\n").
			and(config(helper("!echo username=u && echo password=p") + helper("store"))),
		want: giturl.Login("s", "t"), source: ".git-credentials",
	},
}

// TestFind: each source alone, and which one counts.
func TestFind(t *testing.T) {
	for _, test := range slices.Concat(headerCases, fileCases, helperCases) {
		t.Run(test.name, func(t *testing.T) {
			home := gittest.Home(t)
			s := readSettings(t, test.files.lay(t, home))
			found, err := Find(t.Context(), s, mustURL(t, cmp.Or(test.url, host+"/acme/gitops.git")))
			if got := found.Credentials; err != nil || got != test.want {
				t.Fatalf("%q:%q bearer %t, %v", got.Username.Reveal(), got.Password.Reveal(), got.Bearer, err)
			}
			want := strings.ReplaceAll(test.source, "$HOME", home)
			if !strings.HasSuffix(found.Source, want) || (found.Source == "") != (want == "") {
				t.Errorf("source %q, want %q", found.Source, want)
			}
			if len(found.Notes) != test.notes {
				t.Errorf("notes: %q", found.Notes)
			}
		})
	}
}

// TestFindErrors: what cannot be read is named, and what it holds is not.
func TestFindErrors(t *testing.T) {
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
		gittest.Write(t, filepath.Join(home, ".gitconfig"),
			"[credential]\n\thelper = !touch "+started+" && sleep 1000\n")
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for ctx.Err() == nil {
				if _, err := os.Stat(started); err == nil {
					cancel()
				}
				time.Sleep(time.Millisecond)
			}
		}()
		if _, err := Find(ctx, readSettings(t, ""), mustURL(t, "https://git.example.com/a/b")); !errors.Is(err,
			context.Canceled) {
			t.Error(err)
		}
	})
}

func TestNetrc(t *testing.T) {
	t.Parallel()
	none, up := giturl.Credentials{}, giturl.Login("u", "p")
	for _, test := range []struct {
		name, data, user string
		want             giturl.Credentials
	}{
		{"lines", "machine other login x password y\nmachine h\n\tlogin u\n\tpassword p\n", "", up},
		{"one line, any order", "machine h password p account a login u machine other password q", "", up},
		{"quotes", `machine "h" login "a b" password "p\"\\q\t#"`, "", giturl.Login("a b", "p\"\\q\t#")},
		{"a quote without end", `machine h login u password "p`, "", none},
		{"comments", "# machine h password no\nmachine h # password no\nlogin u password #p", "",
			giturl.Login("u", "#p")},
		{"default", "default login u password p", "", none},
		{"default ends a machine", "machine other default login u password p", "", none},
		{"macdef", "machine other password y\nmacdef x\nmachine h password no\n\nmachine h password p", "",
			giturl.Login("", "p")},
		{"macdef without end", "macdef x\nmachine h password no", "", none},
		{"the first", "machine h login u password p machine h login v password q", "", up},
		{"the user's", "machine h login u password p machine h login v password q", "v", giturl.Login("v", "q")},
		{"without a password", "machine h login u machine h login v password q", "", giturl.Login("v", "q")},
		{"case", "machine H password p", "", giturl.Login("", "p")},
		{"part of the name", "machine h.evil.org password p machine xh password p", "", none},
		{"empty", "", "", none},
		{"no name", "machine", "", none},
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
			pattern := of("https", "https", "http", "HTTPS") + "://" + of("", "", "", "alex@", "robot@", "@", "a:b@") +
				of("h", "H", "a.h", "*.h", "*", "*.*", "x*", "[::1]") +
				of("", "", "", ":443", ":80", ":8443", ":0443", ":x", ":") +
				of("", "/", "/a", "/a/", "/a/b", "/A", "/a/b.git", "/%61", "/a/../a", "/a?x", "//a")
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
			raw := of("https", "http") + "://" + of("", "", "alex@") + of("h", "a.h", "b.c", "[::1]") +
				of("", "", ":443", ":8443") + of("/a/b", "/a", "/a/b.git", "/b/a", "/ab")
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
			login := of("u", "alex", "a%40b", "", "%zz", "a%3Ab") + of(":", ":", ":", ":", "") +
				of(fmt.Sprint("p", i), fmt.Sprint("p%20", i), fmt.Sprint("a:b", i), fmt.Sprint("a%20:%20b", i), "%0a",
					"%")
			lines.WriteString(of("https", "https", "https", "https", "http", "", "ftp") +
				of("://", "://", "://", "://", "://", ":/") +
				of(login+"@", login+"@", login+"@", login+"@", login+"@", login, "@"+login) +
				of("h", "h", "h", "a.h", "h:8443", "%68", "[::1]", "") +
				of("", "", "", "/", "/a/b", "/a/b/", "//a/b.git", "?x", "#x", "/a%2Fb", "\r") + "\n")
		}
		gittest.Write(t, file, lines.String())
		gittest.Write(t, config, "[credential]\n\thelper = store\n"+
			of("", "", "[credential \"https://h\"]\n\tusername = alex\n", "[credential]\n\tusername = u\n",
				"[credential \"h\"]\n\tusername = alex\n", "[credential \"*.h\"]\n\tusername = x\n",
				"[credential \"https://*.h\"]\n\tusername = x\n")+
			of("", "", "[credential]\n\tuseHttpPath = true\n", "[credential \"https://h/a\"]\n\tuseHttpPath = true\n",
				"[credential \"h/a/b\"]\n\tuseHttpPath = true\n"))
		s := readSettings(t, "")
		raw := of("https", "https", "http") + "://" + of("", "", "alex@") + of("h", "h", "a.h", "h:8443", "[::1]") +
			of("/a/b", "/a/b.git")
		c, err := (&finder{settings: s, url: mustURL(t, raw)}).store(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out, ok := gittest.TryGit(t, home, "url="+raw+"\n\n", "credential", "fill")
		if !ok {
			out = ""
		}
		got := ""
		if c.Source != "" {
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
		if ok && (c.Password.Empty() || !strings.ContainsAny(data, "\"") &&
			!strings.Contains(strings.ToLower(data), "h.example.com")) {
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
		c, ok := storeLogin(data, u, options{path: path})
		if !ok {
			return
		}
		if strings.ContainsAny(c.Username.Reveal()+c.Password.Reveal(), "\n\x00") || !strings.Contains(data, "%") &&
			!strings.Contains(strings.ToLower(data), "@h.example.com") {
			t.Errorf("%q: %q:%q", data, c.Username.Reveal(), c.Password.Reveal())
		}
		if _, ok := storeLogin(strings.ReplaceAll(data, "https://", "http://"), u, options{path: path}); ok {
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
		find.options()
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
