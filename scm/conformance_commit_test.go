package scm_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"update-gitops-repo/integration/forge"
	"update-gitops-repo/scm"
	"update-gitops-repo/scm/github"
	"update-gitops-repo/secret"
)

// What waits for checks is merged when they have passed, as it was asked for; asking again changes nothing.
func TestAutoMerge(t *testing.T) {
	t.Parallel()
	for _, method := range []string{scm.MergeCommit, scm.MergeSquash, scm.MergeRebase} {
		t.Run(method, func(t *testing.T) {
			each(t, func(t *testing.T, w world) { checkAutoMerge(t, w, method) })
		})
	}
}

// checkAutoMerge asks twice, and lets the checks pass then.
func checkAutoMerge(t *testing.T, w world, method string) {
	t.Helper()
	p := w.provider()
	if !slices.Contains(p.(scm.Merger).MergeMethods(), method) {
		t.Skip("has no such method")
	}
	if err := w.Protect(repo, "main"); err != nil {
		t.Fatal(err)
	}
	r := w.request()
	r.AutoMerge, r.MergeMethod, r.Message = true, method, "Deploy it\n\nBecause.\n\nApp: hello"
	for _, state := range []scm.State{scm.Created, scm.Unchanged} {
		pr, err := open(t.Context(), p, r)
		if err != nil || pr.State != state {
			t.Fatalf("got %+v, %v, want %s", pr, err, state)
		}
	}
	if have := w.PullRequests(repo)[0]; have.State != "open" {
		t.Fatalf("the forge has %+v", have)
	}
	if err := w.SetChecks(repo, r.HeadSHA, "success"); err != nil {
		t.Fatal(err)
	}
	if have := w.PullRequests(repo)[0]; have.State != "merged" || have.MergeSHA != w.tip("main") {
		t.Fatalf("the forge has %+v", have)
	}
	parents := strings.Fields(w.git("show", "-s", "--format=%P", "main"))
	if merged := slices.Contains(parents, r.HeadSHA); merged != (method == scm.MergeCommit) {
		t.Errorf("%s: the head is a parent: %t", method, merged)
	}
	if got := w.git("show", "-s", "--format=%B", "main"); method != scm.MergeRebase && got != r.Message {
		t.Errorf("message %q", got)
	}
}

// Where there is nothing to wait for, it is merged at once.
func TestAutoMergeClean(t *testing.T) {
	t.Parallel()
	for _, checks := range []string{"", "success", "failure"} {
		t.Run("checks "+checks, func(t *testing.T) {
			each(t, func(t *testing.T, w world) {
				r := w.request()
				if checks != "" {
					if err := w.SetChecks(repo, r.HeadSHA, checks); err != nil {
						t.Fatal(err)
					}
				}
				r.AutoMerge, r.MergeMethod = true, scm.MergeCommit
				pr, err := open(t.Context(), w.provider(), r)
				if err != nil {
					t.Fatal(err)
				}
				// GitLab waits for every pipeline, required or not.
				waits := w.kind == forge.GitLab && checks == "failure"
				if have := w.PullRequests(repo)[0]; (pr.State == scm.Merged) == waits ||
					(have.State == "merged") == waits {
					t.Errorf("got %+v, the forge has %+v", pr, have)
				}
			})
		})
	}
}

type autoMergeRefusedTest struct {
	name    string
	prepare func(w world, r *scm.Request, cfg *scm.Config) error
	kind    error
	words   map[forge.Kind]string
}

func TestAutoMergeRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []autoMergeRefusedTest{
		{"conflict", func(w world, _ *scm.Request, _ *scm.Config) error {
			w.commit("main", "image: hello:3")
			return nil
		}, scm.ErrNotMergeable, map[forge.Kind]string{forge.GitHub: "is in dirty status", forge.GitLab: "(conflict)"}},
		{"head moved", func(w world, _ *scm.Request, _ *scm.Config) error {
			w.commit("change", "image: evil:1")
			return w.Protect(repo, "main")
		}, scm.ErrNotMergeable,
			map[forge.Kind]string{forge.GitHub: "Head branch was modified", forge.GitLab: "SHA does not match"}},
		{"forbidden method", func(w world, _ *scm.Request, _ *scm.Config) error {
			return errors.Join(w.Protect(repo, "main"), w.AllowMerge(repo, "squash"))
		}, scm.ErrNotMergeable, map[forge.Kind]string{forge.GitHub: "squash", forge.GitLab: "squash"}},
		{"switched off", func(w world, _ *scm.Request, _ *scm.Config) error {
			return errors.Join(w.Protect(repo, "main"), w.NoAutoMerge(repo))
		}, scm.ErrRefused,
			map[forge.Kind]string{forge.GitHub: "refused: Pull request Auto merge is not allowed for this repository"}},
		{"reader", func(_ world, _ *scm.Request, cfg *scm.Config) error {
			cfg.Token = secret.New(readToken)
			return nil
		}, scm.ErrAuth, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, w world) { checkAutoMergeRefused(t, w, test) })
		})
	}
}

// checkAutoMergeRefused prepares the case and asks to merge.
func checkAutoMergeRefused(t *testing.T, w world, test autoMergeRefusedTest) {
	t.Helper()
	if w.kind == forge.GitLab && test.name == "switched off" {
		t.Skip("GitLab has no such setting")
	}
	r, cfg := w.request(), w.config()
	pr, err := open(t.Context(), w.provider(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := test.prepare(w, &r, &cfg); err != nil {
		t.Fatal(err)
	}
	base := w.tip("main")
	pr.HeadSHA = r.HeadSHA
	merged, err := provider(t, w.kind, cfg).(scm.AutoMerger).
		AutoMerge(t.Context(), pr, scm.Merge{Method: scm.MergeCommit})
	checkError(t, w, err, test.kind)
	wantError(t, err, test.words[w.kind])
	if have := w.PullRequests(repo)[0]; merged || have.State != "open" || w.tip("main") != base {
		t.Errorf("merged: %t, the forge has %+v", merged, have)
	}
}

// add puts a commit on top of branch that writes one file, as somebody else would.
func (w world) add(branch, name, content string) {
	w.t.Helper()
	dir := w.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Seed(repo, branch, dir); err != nil {
		w.t.Fatal(err)
	}
}

func commit(ctx context.Context, p scm.Provider, c scm.Commit) (string, error) {
	return p.(scm.Committer).Commit(ctx, c)
}

func TestCommit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.add("main", "old.sh", "#!/bin/sh\n")
		w.add("main", "run.sh", "#!/bin/sh\n")
		c := scm.Commit{
			Branch:  "main",
			Parent:  w.tip("main"),
			Message: "Deploy hello\n\nWith \"quotes\" and Grüße.\n\nApp: hello",
			Files: []scm.File{
				{Path: "app.yaml", Contents: []byte("image: hello:2\r\n"), Exists: true},
				{Path: "deep/er/new file.bin", Contents: []byte("\x00\xff\n")},
				{Path: "empty"},
				{Path: "old.sh", Deleted: true, Exists: true},
			},
		}
		id, err := commit(t.Context(), w.provider(), c)
		if err != nil {
			t.Fatal(err)
		}
		if tip := w.tip("main"); id != tip || w.tip("main^") != c.Parent {
			t.Errorf("got %s, main is at %s", id, tip)
		}
		if got := w.git("show", "-s", "--format=%B", id); got != c.Message {
			t.Errorf("message %q", got)
		}
		const changes = "M\tapp.yaml\nA\tdeep/er/new file.bin\nA\tempty\nD\told.sh"
		if got := w.git("diff", "--name-status", c.Parent, id); got != changes {
			t.Errorf("changes:\n%s", got)
		}
		for _, f := range c.Files {
			if f.Deleted {
				continue
			}
			out, err := exec.Command("git", "--git-dir="+w.GitDir(repo), "cat-file", "blob", id+":"+f.Path).Output()
			if err != nil || string(out) != string(f.Contents) {
				t.Errorf("%s: %q, %v", f.Path, out, err)
			}
		}
	})
}

var update = scm.File{Path: "app.yaml", Contents: []byte("image: hello:9\n"), Exists: true}

type commitRefusedTest struct {
	name   string
	change func(w world, c *scm.Commit, cfg *scm.Config)
	kind   error
	words  map[forge.Kind]string
}

// A commit never lands where it was not meant to be, and what is refused leaves the branch alone.
func TestCommitRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []commitRefusedTest{
		{"moved",
			func(w world, c *scm.Commit, _ *scm.Config) { w.commit("main", "image: hello:3") }, scm.ErrMoved, nil},
		{"moved elsewhere",
			func(w world, c *scm.Commit, _ *scm.Config) { w.add("main", "other.yaml", "a: 1\n") }, scm.ErrMoved, nil},
		{"no branch", func(w world, c *scm.Commit, _ *scm.Config) { c.Branch = "nowhere" }, scm.ErrMoved, nil},
		{"delete nothing", func(w world, c *scm.Commit, _ *scm.Config) {
			c.Files[0] = scm.File{Path: "none", Deleted: true, Exists: true}
		},
			scm.ErrRefused,
			map[forge.Kind]string{forge.GitHub: "for deletion which does not exist",
				forge.GitLab: "doesn't exist"}},
		{"bad path",
			func(w world, c *scm.Commit, _ *scm.Config) { c.Files[0] = scm.File{Path: "../up"} }, scm.ErrRefused, nil},
		{"reader",
			func(_ world, _ *scm.Commit, cfg *scm.Config) { cfg.Token = secret.New(readToken) }, scm.ErrAuth, nil},
		{"token", func(_ world, _ *scm.Commit, cfg *scm.Config) { cfg.Token = secret.New("other") }, scm.ErrAuth, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, w world) { checkCommitRefused(t, w, test) })
		})
	}
	t.Run("repository", func(t *testing.T) {
		each(t, func(t *testing.T, w world) {
			cfg := w.config()
			cfg.Repository = "acme/nothing"
			c := scm.Commit{Branch: "main", Parent: w.tip("main"), Message: "M", Files: []scm.File{update}}
			if _, err := commit(t.Context(), provider(t, w.kind, cfg), c); !errors.Is(err, scm.ErrNoRepository) {
				t.Errorf("got error %v", err)
			}
		})
	})
	t.Run("context", func(t *testing.T) {
		each(t, func(t *testing.T, w world) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := commit(ctx, w.provider(),
				scm.Commit{Branch: "main", Parent: w.tip("main"), Message: "M", Files: []scm.File{update}})
			checkError(t, w, err, context.Canceled)
		})
	})
}

// checkCommitRefused makes the commit of the case, which must not move the branch.
func checkCommitRefused(t *testing.T, w world, test commitRefusedTest) {
	t.Helper()
	cfg := w.config()
	c := scm.Commit{Branch: "main", Parent: w.tip("main"), Message: "M", Files: []scm.File{update}}
	test.change(w, &c, &cfg)
	tip := w.tip("main")
	id, err := commit(t.Context(), provider(t, w.kind, cfg), c)
	checkError(t, w, err, test.kind)
	wantError(t, err, test.words[w.kind])
	if id != "" || w.tip("main") != tip {
		t.Errorf("got %q, main has moved", id)
	}
}

// What somebody pushes just before the call that commits is there afterwards, and is noticed.
func TestCommitOvertaken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, file string }{{"same file", "app.yaml"}, {"another file", "other.yaml"}} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, w world) { checkOvertaken(t, w, test.file) })
		})
	}
}

// checkOvertaken commits while somebody else pushes a change of the file.
func checkOvertaken(t *testing.T, w world, file string) {
	t.Helper()
	c := scm.Commit{Branch: "main", Parent: w.tip("main"), Message: "M", Files: []scm.File{
		{Path: "app.yaml", Contents: []byte("image: hello:9\n"), Exists: true},
		{Path: "new.yaml", Contents: []byte("a: 1\n")},
	}}
	cfg := w.config()
	var once sync.Once
	cfg.HTTPClient.Transport = tripper(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPost {
			once.Do(func() { w.add("main", file, "theirs\n") })
		}
		return http.DefaultTransport.RoundTrip(req)
	})
	_, err := commit(t.Context(), provider(t, w.kind, cfg), c)
	checkError(t, w, err, scm.ErrMoved)
	if w.kind == forge.GitLab && file != "app.yaml" {
		return // GitLab notices what is in another file too late.
	}
	if got := w.git("rev-list", "--count", c.Parent+"..main"); got != "1" {
		t.Errorf("main got %s commits, want 1", got)
	}
	want := map[string]string{"app.yaml": "image: hello:1"}
	want[file] = "theirs"
	names := strings.Fields(w.git("ls-tree", "-r", "--name-only", "main"))
	if len(names) != len(want) {
		t.Errorf("main has %q", names)
	}
	for name, content := range want {
		if got := w.git("show", "main:"+name); got != content {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Nothing is lost where several runs commit to one branch, each again on the new tip when it was overtaken.
func TestCommitConcurrently(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.add("main", "count", "0")
		const runs = 6
		var wg sync.WaitGroup
		for range runs {
			wg.Go(func() { count(t, w) })
		}
		wg.Wait()
		if got := w.git("show", "main:count"); got != strconv.Itoa(runs) {
			t.Errorf("counted %s", got)
		}
	})
}

// count adds one to the file count, on each new tip until it succeeds.
func count(t *testing.T, w world) {
	for {
		tip := w.tip("main")
		n, err := strconv.Atoi(w.git("show", tip+":count"))
		if err != nil {
			t.Error(err)
			return
		}
		_, err = commit(t.Context(), w.provider(),
			scm.Commit{Branch: "main", Parent: tip, Message: "M", Files: []scm.File{
				{Path: "count", Contents: fmt.Append(nil, n+1), Exists: true},
			}})
		if err == nil {
			return
		}
		if !errors.Is(err, scm.ErrMoved) {
			t.Error(err)
			return
		}
	}
}

// anApp makes a GitHub App's key, and the key in both formats that are taken.
func anApp(t *testing.T) (key *rsa.PrivateKey, pkcs1, pkcs8 []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// An app's token opens pull requests, commits and fetches, in its repository and until it expires.
func TestAppToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	key, pkcs1, pkcs8 := anApp(t)
	if err := w.CreateRepo("acme/other", "main"); err != nil {
		t.Fatal(err)
	}
	w.AddApp("Iv23li", &key.PublicKey, repo, "acme/other")
	for name, data := range map[string][]byte{"PKCS #1": pkcs1, "PKCS #8": pkcs8} {
		t.Run(name, func(t *testing.T) { checkAppToken(t, w, data) })
	}
}

// checkAppToken gets a token by the key, and uses it until it expires.
func checkAppToken(t *testing.T, w world, key []byte) {
	t.Helper()
	w.t = t
	cfg := w.config()
	cfg.Token = secret.Text{}
	token, expires, err := github.AppToken(t.Context(), cfg, "Iv23li", key)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(expires); left < 50*time.Minute || left > time.Hour {
		t.Errorf("expires in %s", left)
	}
	cfg.Token = token
	p := provider(t, w.kind, cfg)
	if access, err := p.(scm.Checker).CheckAccess(t.Context()); err != nil || !access.Push || !access.Pull {
		t.Errorf("%+v, %v", access, err)
	}
	if _, err := open(t.Context(), p, w.request()); err != nil {
		t.Error(err)
	}
	_, err = commit(t.Context(), p,
		scm.Commit{Branch: "main", Parent: w.tip("main"), Message: "M", Files: []scm.File{{Path: "app.yaml"}}})
	if err != nil {
		t.Error(err)
	}
	remote := func(repo string) error {
		git := exec.Command("git", "ls-remote",
			strings.Replace(w.CloneURL(repo), "://", "://x-access-token:"+token.Reveal()+"@", 1))
		git.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
			"GIT_TERMINAL_PROMPT=0")
		return git.Run()
	}
	if err := remote(repo); err != nil {
		t.Errorf("git: %v", err)
	}
	if remote("acme/other") == nil {
		t.Error("git reaches another repository")
	}
	other := cfg
	other.Repository = "acme/other"
	if _, err := provider(t, w.kind, other).Find(t.Context(), "a", "b"); !errors.Is(err, scm.ErrNoRepository) {
		t.Errorf("another repository: %v", err)
	}
	w.ExpireAppTokens()
	if _, err := p.Find(t.Context(), "change", "main"); !errors.Is(err, scm.ErrAuth) ||
		strings.Contains(err.Error(), token.Reveal()) {
		t.Errorf("expired: %v", err)
	}
	if remote(repo) == nil {
		t.Error("git takes an expired token")
	}
	for _, r := range w.Requests() {
		if strings.Contains(r.Path, token.Reveal()) ||
			r.Auth == "other" && !strings.Contains(r.Path, "installation") && r.Status < 400 {
			t.Errorf("logged %+v", r)
		}
	}
}

func TestAppTokenRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	key, good, _ := anApp(t)
	_, wrong, _ := anApp(t)
	w.AddApp("123", &key.PublicKey, repo)
	w.AddApp("124", &key.PublicKey)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, bytes []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
	}
	for _, test := range []struct {
		name, app string
		key       []byte
		kind      error
		words     string
	}{
		{"wrong key", "123", wrong, scm.ErrAuth,
			"401 A JSON web token could not be decoded; is the key one that was made for app 123"},
		{"unknown app", "9", good, scm.ErrNoRepository, "404 Integration not found; install app 9"},
		{"not installed", "124", good, scm.ErrNoRepository, "404 Not Found; install app 124 for this repository"},
		{"no key", "123", nil, nil, "private key of app 123: not in PEM"},
		{"another file", "123", []byte("hunter2"), nil, "private key of app 123: not in PEM"},
		{"damaged", "123", block("RSA PRIVATE KEY", []byte("hunter2")), nil, "the PEM file is damaged"},
		{"damaged, converted", "123", block("PRIVATE KEY", []byte("hunter2")), nil, "the PEM file is damaged"},
		{"public key", "123", block("PUBLIC KEY", []byte("hunter2")), nil,
			"holds a public key, want a private RSA key"},
		{"no RSA key", "123", block("PRIVATE KEY", der), nil, "it is no RSA key"},
		{"encrypted", "123", block("ENCRYPTED PRIVATE KEY", []byte("hunter2")), nil, "it is encrypted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, _, err := github.AppToken(t.Context(), w.config(), test.app, test.key)
			wantError(t, err, test.words)
			if test.kind != nil {
				checkError(t, w, err, test.kind)
			}
			if !token.Empty() || strings.Contains(err.Error(), "eyJ") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %q, %v", token, err)
			}
		})
	}
}
