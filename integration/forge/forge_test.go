package forge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	token = "s3cret-token"
	repo  = "acme/gitops"
)

// start runs a forge with the empty repository acme/gitops.
func start(t *testing.T, kind Kind, partial bool) *Server {
	t.Helper()
	s, err := Start(Config{Kind: kind, Partial: partial, Token: token, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.CreateRepo(repo, "main"); err != nil {
		t.Fatal(err)
	}
	return s
}

// seed commits files, a map of names to contents, to branch.
func seed(t *testing.T, s *Server, branch string, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		write(t, filepath.Join(dir, name), data)
	}
	if err := s.Seed(repo, branch, dir); err != nil {
		t.Fatal(err)
	}
}

// branch makes a branch at the tip of main, with files on top.
func branch(t *testing.T, s *Server, name string, files map[string]string) {
	t.Helper()
	at(t, s, "update-ref", "refs/heads/"+name, "refs/heads/main")
	seed(t, s, name, files)
}

func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// at runs git on the bare repository on disk.
func at(t *testing.T, s *Server, args ...string) string {
	t.Helper()
	return git(t, append([]string{"--git-dir=" + s.GitDir(repo)}, args...)...)
}

// git runs the git program and returns what it printed.
func git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryGit(t, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryGit(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := gitCommand(args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// gitCommand is git with nothing of the machine's configuration, and with the token for whoever asks for it.
func gitCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	// Variables such as GIT_SSL_CAINFO and https_proxy would win over what a test sets with -c.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(strings.ToUpper(v), "=")
		return strings.HasPrefix(name, "GIT_") && name != "GIT_SSH_COMMAND" || strings.HasSuffix(name, "_PROXY")
	})
	cmd.Env = append(cmd.Env, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=credential.helper",
		"GIT_CONFIG_VALUE_0=!echo username=x; echo password="+token+" #",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com",
		"GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com")
	return cmd
}

// call sends body, when it is not nil, as JSON to path, and decodes the answer.
func call(t *testing.T, s *Server, method, path string, body any) (int, http.Header, any) {
	t.Helper()
	var data io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, s.URL()+path, data)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return send(t, req)
}

func send(t *testing.T, req *http.Request) (int, http.Header, any) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("%s %s: %v in %q", req.Method, req.URL, err, data)
	}
	return resp.StatusCode, resp.Header, out
}

// text is v as JSON, to be compared or searched.
func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStartRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, "")
	for name, c := range map[string]Config{
		"no kind":    {Token: token, Dir: dir},
		"no token":   {Kind: GitHub, Dir: dir},
		"no folder":  {Kind: GitHub, Token: token, Dir: filepath.Join(dir, "none")},
		"not folder": {Kind: GitHub, Token: token, Dir: file},
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := Start(c); err == nil {
				_ = s.Close()
				t.Error("started")
			}
		})
	}
}

func TestCreateRepoNames(t *testing.T) {
	for _, tc := range []struct {
		kind Kind
		name string
		ok   bool
	}{
		{GitHub, "acme/other", true},
		{GitHub, "acme/gitops", false}, // taken
		{GitHub, "acme", false},
		{GitHub, "acme/group/other", false},
		{GitLab, "acme/group/other", true},
		{GitLab, "acme/../other", false},
		{GitLab, "../other", false},
		{GitLab, "acme/other.git", false},
		{GitLab, "/acme/other", false},
	} {
		t.Run(string(tc.kind)+" "+tc.name, func(t *testing.T) {
			s := start(t, tc.kind, false)
			if err := s.CreateRepo(tc.name, "main"); (err == nil) != tc.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCloneAndPush(t *testing.T) {
	for _, partial := range []bool{false, true} {
		t.Run(fmt.Sprintf("partial=%t", partial), func(t *testing.T) {
			s := start(t, GitHub, partial)
			seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n", "b/c.yaml": "c: 1\n"})
			work := filepath.Join(t.TempDir(), "work")
			git(t, "clone", "--quiet", "--depth=1", "--filter=blob:none", s.CloneURL(repo), work)
			has := at(t, s, "rev-parse", "main:b/c.yaml")
			if got := git(t, "-C", work, "cat-file", "blob", has); got != "c: 1" { // fetched late, when partial
				t.Errorf("cloned %q", got)
			}

			// More than http.postBuffer makes git send the body in chunks.
			write(t, filepath.Join(work, "big"), random(2<<20))
			git(t, "-C", work, "add", "big")
			git(t, "-C", work, "commit", "--quiet", "-m", "big")
			git(t, "-C", work, "push", "--quiet", "origin", "HEAD:refs/heads/topic")
			if got, want := at(t, s, "rev-parse", "topic"), git(t, "-C", work, "rev-parse", "HEAD"); got != want {
				t.Errorf("pushed %s, the server has %s", want, got)
			}
			r := s.Requests()
			last := r[len(r)-1]
			if last.Method != "POST" || last.Path != "/acme/gitops.git/git-receive-pack" || last.Status != 200 ||
				last.In < 2<<20 || last.Out == 0 {
				t.Errorf("logged %+v", last)
			}
		})
	}
}

// random returns n bytes that do not compress.
func random(n int) string {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return string(b)
}

func TestFilters(t *testing.T) {
	for _, tc := range []struct {
		partial bool
		filter  string
		want    string // in git's output; empty: it works, and the filter is applied
	}{
		{true, "blob:none", ""},
		{true, "tree:0", ""},
		{true, "tree:1", "tree filter allows max depth 0"},
		{false, "blob:none", "filtering not recognized by server, ignoring"},
	} {
		t.Run(fmt.Sprint(tc.partial, " ", tc.filter), func(t *testing.T) {
			s := start(t, GitLab, tc.partial)
			seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
			out, err := tryGit(t, "clone", "--bare", "--filter="+tc.filter, s.CloneURL(repo),
				filepath.Join(t.TempDir(), "c"))
			if !strings.Contains(out, tc.want) || tc.want == "" && (err != nil || strings.Contains(out, "ignoring")) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// A want by hash needs no permission over stateless HTTP, in version 2 of the protocol and in version 0
// (gitprotocol-pack(5)).
func TestWantByHash(t *testing.T) {
	s := start(t, GitHub, true)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	blob := at(t, s, "rev-parse", "main:a.yaml")
	for version, tc := range map[string]struct{ advertised, ask string }{
		"0": {"# service=git-upload-pack", "0032want " + blob + "\n00000009done\n"},
		"2": {"version 2\n", "0012command=fetch\n00010032want " + blob + "\n0009done\n0000"},
	} {
		t.Run(version, func(t *testing.T) {
			post := func(method, path, body string) string {
				req, err := http.NewRequest(method, s.CloneURL(repo)+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.SetBasicAuth("x", token)
				req.Header.Set("Git-Protocol", "version="+version)
				req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				data, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return string(data)
			}
			if got := post("GET", "/info/refs?service=git-upload-pack", ""); !strings.Contains(got, tc.advertised) ||
				strings.Contains(got, "sha1-in-want") {
				t.Errorf("advertised %q", got)
			}
			if got := post("POST", "/git-upload-pack", tc.ask); !strings.Contains(got,
				"PACK\x00\x00\x00\x02\x00\x00\x00\x01") {
				t.Errorf("no pack of one object: %q", got)
			}
		})
	}
}

func TestGitRefuses(t *testing.T) {
	s := start(t, GitHub, false)
	for _, tc := range []struct {
		name, path, password string
		status               int
	}{
		{"no password", "/acme/gitops.git/info/refs?service=git-upload-pack", "", 401},
		{"wrong password", "/acme/gitops.git/info/refs?service=git-upload-pack", "wrong", 401},
		{"right password", "/acme/gitops.git/info/refs?service=git-upload-pack", token, 200},
		{"no such repository, wrong password", "/acme/none.git/info/refs?service=git-upload-pack", "wrong", 401},
		{"no such repository", "/acme/none.git/info/refs?service=git-upload-pack", token, 404},
		{"dumb protocol", "/acme/gitops.git/info/refs", token, 403},
		{"a file", "/acme/gitops.git/HEAD", token, 404},
		{"the root", "/", token, 404},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequest("GET", s.URL()+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tc.password != "" {
				req.SetBasicAuth("anybody", tc.password)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tc.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tc.status)
			}
			if got := resp.Header.Get("WWW-Authenticate"); (got != "") != (tc.status == 401) {
				t.Errorf("WWW-Authenticate: %q", got)
			}
		})
	}
}

func TestHook(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	hook := filepath.Join(s.GitDir(repo), "hooks", "pre-receive")
	write(t, hook, "#!/bin/sh\nenv >&2\necho not on a Friday >&2\nexit 1\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(t.TempDir(), "work")
	git(t, "clone", "--quiet", s.CloneURL(repo), work)
	out, err := tryGit(t, "-C", work, "push", "origin", "HEAD:refs/heads/topic")
	if err == nil || !strings.Contains(out, "not on a Friday") || !strings.Contains(out, "pre-receive hook declined") {
		t.Errorf("%v: %s", err, out)
	}
	if !strings.Contains(out, "REMOTE_USER=x") || strings.Contains(out, "AUTHORIZATION") {
		t.Errorf("the hook sees the token: %s", out)
	}
	if refs := at(t, s, "for-each-ref", "--format=%(refname)"); refs != "refs/heads/main" {
		t.Errorf("refs: %s", refs)
	}
}

// Two clients that start from the same tip: the second push is refused, and a lease holds.
func TestPushRace(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	work := filepath.Join(t.TempDir(), "work")
	git(t, "clone", "--quiet", s.CloneURL(repo), work)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 2\n"})
	git(t, "-C", work, "commit", "--quiet", "--allow-empty", "-m", "late")
	if out, err := tryGit(t, "-C", work, "push", "origin", "HEAD:main"); err == nil ||
		!strings.Contains(out, "fetch first") {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := tryGit(t, "-C", work, "push", "--force-with-lease", "origin", "HEAD:main"); err == nil ||
		!strings.Contains(out, "stale info") {
		t.Errorf("%v: %s", err, out)
	}
	git(t, "-C", work, "push", "--quiet", "--force", "origin", "HEAD:main") // no protection
}

func TestSeed(t *testing.T) {
	s := start(t, GitHub, false)
	dir := t.TempDir()
	files := map[string]string{
		"plain":               "a\n",
		"crlf.txt":            "a\r\nb\r\n",
		".gitattributes":      "*.txt text eol=lf\n",
		".gitignore":          "plain\n",
		"deep/er/empty":       "",
		"späce \"quo\\te\"\n": "odd\n",
		"no-newline":          "x",
	}
	for name, data := range files {
		write(t, filepath.Join(dir, name), data)
	}
	write(t, filepath.Join(dir, "run.sh"), "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("deep/er", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".git", "config"), "not for the tree")
	if err := s.Seed(repo, "main", dir); err != nil {
		t.Fatal(err)
	}
	modes := map[string]string{"run.sh": "100755", "link": "120000"}
	want := append(slices.Collect(maps.Keys(files)), "run.sh", "link")
	for entry := range strings.SplitSeq(strings.TrimSuffix(at(t, s, "ls-tree", "-r", "-z", "main"), "\x00"), "\x00") {
		meta, name, _ := strings.Cut(entry, "\t")
		i := slices.Index(want, name)
		if i < 0 {
			t.Errorf("unexpected %q", name)
			continue
		}
		want = slices.Delete(want, i, i+1)
		f := strings.Fields(meta)
		if mode, ok := modes[name]; f[0] != "100644" && !ok || ok && f[0] != mode {
			t.Errorf("%q has mode %s", name, f[0])
		}
		if data, ok := files[name]; ok {
			out, err := exec.Command("git", "--git-dir="+s.GitDir(repo), "cat-file", "blob", f[2]).Output()
			if err != nil || string(out) != data {
				t.Errorf("%q: %v, %q", name, err, out)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %q", want)
	}

	seed(t, s, "main", map[string]string{"plain": "b\n"})
	if got := at(t, s, "log", "--format=%s", "main"); got != "Seed\nSeed" {
		t.Errorf("log: %q", got)
	}
	if got := at(t, s, "diff", "--name-status", "main^", "main"); got != "M\tplain" {
		t.Errorf("the second commit: %q", got)
	}
	if err := s.Seed("acme/none", "main", dir); err == nil {
		t.Error("seeded a repository that does not exist")
	}
	if err := s.Seed(repo, "main", filepath.Join(dir, "none")); err == nil {
		t.Error("seeded a folder that does not exist")
	}
}

func TestClose(t *testing.T) {
	s, err := Start(Config{Kind: GitHub, Token: token, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.StartSSH(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if resp, err := http.Get(s.URL()); err == nil {
		resp.Body.Close()
		t.Error("it still answers")
	}
	if s, err = Start(Config{Kind: GitHub, Token: token, Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.StartSSH(); err == nil {
		t.Error("SSH starts after Close")
	}
}

// A client that hangs up in the middle of a pack leaves a server that serves on, and that Close can end.
func TestHangUp(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"big": random(16 << 20)})
	tip := at(t, s, "rev-parse", "main")
	req, err := http.NewRequest("POST", s.CloneURL(repo)+"/git-upload-pack",
		strings.NewReader("0032want "+tip+"\n00000009done\n"))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("x", token)
	req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := git(t, "ls-remote", s.CloneURL(repo), "refs/heads/main"); got != tip+"\trefs/heads/main" {
		t.Errorf("then it has %q", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := s.Requests()[0]; got.Out < 1000 || got.Out >= 16<<20 {
		t.Errorf("sent %d bytes", got.Out)
	}
}

// Close waits for the hook of a push that is under way.
func TestCloseWaits(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	dir := t.TempDir()
	started, done := filepath.Join(dir, "started"), filepath.Join(dir, "done")
	if out, err := exec.Command("mkfifo", started).CombinedOutput(); err != nil {
		t.Skipf("no named pipes: %v: %s", err, out)
	}
	hook := filepath.Join(s.GitDir(repo), "hooks", "pre-receive")
	write(t, hook, "#!/bin/sh\necho > '"+started+"'\nsleep 0.2\necho > '"+done+"'\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(dir, "work")
	git(t, "clone", "--quiet", s.CloneURL(repo), work)
	push := gitCommand("-C", work, "push", "--quiet", "origin", "HEAD:refs/heads/topic")
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(started); err != nil { // returns when the hook has written
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(done); err != nil {
		t.Error(err)
	}
	if err := push.Wait(); err == nil {
		t.Error("the push ended well, without an answer")
	}
}

// Many pushes at once move pull requests and the log; run with the race detector.
func TestConcurrentPushes(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	dir := t.TempDir()
	git(t, "clone", "--quiet", s.CloneURL(repo), dir)
	const n = 6
	done := make(chan error)
	for i := range n {
		go func() {
			done <- gitCommand("-C", dir, "push", "--quiet", "origin", fmt.Sprintf("HEAD:refs/heads/b%d", i)).Run()
			s.PullRequests(repo)
			s.Requests()
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := len(strings.Fields(at(t, s, "for-each-ref", "--format=%(refname)"))); got != n+1 {
		t.Errorf("%d branches", got)
	}
}
