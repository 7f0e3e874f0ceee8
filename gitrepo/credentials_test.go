package gitrepo_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/credential"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/secret"
)

// TestHTTPCredentials: git accepts the credentials that are found, and a bearer token is sent as one.
func TestHTTPCredentials(t *testing.T) {
	w := repotest.Open(t, "http", map[string]string{"a": "1"})
	home := t.TempDir()
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": home,
		"GIT_CONFIG_NOSYSTEM": "1", "NETRC": ""} {
		t.Setenv(name, value)
	}
	for name, content := range map[string]string{
		".netrc":           "machine 127.0.0.1 login git password " + repotest.Token,
		".git-credentials": "http://git:" + repotest.Token + "@" + w.Remote.URL.HostPort(),
		".gitconfig": "[credential]\n\thelper = \"!f() { echo username=git; echo password=" +
			repotest.Token + "; }; f\"\n",
	} {
		file := filepath.Join(home, name)
		gittest.Check(t, os.WriteFile(file, []byte(content), 0o600))
		s, err := settings.Read("", os.Getenv)
		gittest.Check(t, err)
		found, err := credential.Find(t.Context(), s, w.Remote.URL)
		gittest.Check(t, err)
		w.Remote.Credentials = found.Credentials
		if _, err := gitrepo.Open(t.Context(), w.Remote); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		gittest.Check(t, os.Remove(file))
	}

	got := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	u, _, err := giturl.Parse(server.URL + "/a/b")
	gittest.Check(t, err)
	if _, err := gitrepo.Open(t.Context(),
		gitrepo.Remote{URL: u,
			Credentials: giturl.Credentials{Password: secret.New("a.b"), Bearer: true}}); !errors.Is(err,
		gitrepo.ErrAuth) || got != "Bearer a.b" {
		t.Errorf("%v, sent %q", err, got)
	}
}
