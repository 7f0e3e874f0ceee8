package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/forges"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/integration/forge"
	"update-gitops-repo/scm"
	"update-gitops-repo/secret"
)

const repository = "acme/gitops"

func startForge(t *testing.T, kind forge.Kind) *forge.Server {
	t.Helper()
	server, err := forge.Start(forge.Config{Kind: kind, Token: "writes", ReadToken: "reads", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.CreateRepo(repository, "main"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("tag: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(server.Seed(repository, "main", dir), server.CreateRepo("acme/empty", "main")); err != nil {
		t.Fatal(err)
	}
	return server
}

// TestCheckGit: what a token may do with git, and with a repository that has no commit.
func TestCheckGit(t *testing.T) {
	server := startForge(t, forge.GitHub)
	for _, test := range []struct {
		token, repo string
		read, push  bool
		err         error
	}{
		{"writes", repository, true, true, nil},
		{"reads", repository, true, false, gitrepo.ErrAuth},
		{"unknown", repository, false, false, gitrepo.ErrAuth},
		{"writes", "acme/empty", true, false, nil},
	} {
		u, _, err := giturl.Parse(server.CloneURL(test.repo))
		if err != nil {
			t.Fatal(err)
		}
		remote := gitrepo.Remote{URL: u, Credentials: giturl.Login("x", test.token), HTTPClient: http.DefaultClient}
		got, err := CheckGit(t.Context(), remote, "-token")
		if want := (GitAccess{u.String(), "-token", test.read, test.push}); got != want || !errors.Is(err, test.err) {
			t.Errorf("%s: %+v, %v; want %+v, %v", test.token, got, err, want, test.err)
		}
	}
}

// TestCheckAPI: what a token may do with the API of each forge.
func TestCheckAPI(t *testing.T) {
	for _, kind := range []forge.Kind{forge.GitHub, forge.GitLab} {
		server := startForge(t, kind)
		for _, test := range []struct {
			token      string
			read, pull bool
			err        error
		}{
			{"writes", true, true, nil}, {"reads", true, false, ErrAccess}, {"unknown", false, false, scm.ErrAuth},
		} {
			w := newWallet(t, server.CloneURL(repository), string(kind), "HOME="+t.TempDir())
			w.Token, w.TokenSource = secret.New(test.token), "-token"
			api, err := w.API(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			provider, err := w.Forge.New(api.Config)
			if err != nil {
				t.Fatal(err)
			}
			got, err := CheckAPI(t.Context(), provider, api.URL, api.Source)
			if got.Read != test.read || got.PullRequests != test.pull || !errors.Is(err, test.err) {
				t.Errorf("%s, %s: %+v, %v; want %t, %t, %v", kind, test.token, got, err, test.read, test.pull, test.err)
			}
		}
	}
}

// silent is a forge that does not report what a token may do.
type silent struct{ scm.Provider }

func (silent) Name() string { return "silent" }

// TestAccessString has what people read, of an API that tells nothing, and of no API.
func TestAccessString(t *testing.T) {
	api, err := CheckAPI(t.Context(), silent{}, "https://git.example.com/api", "")
	if err != nil {
		t.Fatal(err)
	}
	access := Access{Git: GitAccess{URL: "https://git.example.com/a", Credential: "-token", Read: true}, API: &api}
	const git = "git https://git.example.com/a\n  credential: -token\n  read: yes\n  push: no\n"
	const want = git + "api https://git.example.com/api\n  credential: none\n  read: no\n  open pull requests: no\n" +
		"  note: silent does not report what a token may do\n"
	if got := access.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	access.API = nil
	if got := access.String(); got != git {
		t.Errorf("got  %s\nwant %s", got, git)
	}
}

// TestApp: the forge gives an app a token, which counts before all others.
func TestApp(t *testing.T) {
	server := startForge(t, forge.GitHub)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	server.AddApp("7", &private.PublicKey, repository)
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})
	w := newWallet(t, server.CloneURL(repository), "github", "GITHUB_TOKEN=from-github")
	w.AppID, w.AppKeyFile = "7", writeFile(t, "key.pem", string(key))
	login, err := w.Git(t.Context())
	user := forges.Named("github").User
	if err != nil || login.Source != "GitHub App 7" || login.Username.Reveal() != user || login.Password.Empty() {
		t.Errorf("got %q of %q, %v", login.Username.Reveal(), login.Source, err)
	}
	for line := range strings.Lines(string(key)) {
		if line = strings.TrimSpace(line); len(line) > 60 && w.Secrets.Redact(line) == line {
			t.Errorf("a line of the key is not known as a secret")
		}
	}
}
