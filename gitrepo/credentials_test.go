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
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/secret"
)

// TestHTTPCredentials: what is found lets git in, and a bearer token goes out as one.
func TestHTTPCredentials(t *testing.T) {
	w := open(t, "http", map[string]string{"a": "1"})
	home := t.TempDir()
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": home, "GIT_CONFIG_NOSYSTEM": "1", "NETRC": ""} {
		t.Setenv(name, value)
	}
	for name, content := range map[string]string{
		".netrc":           "machine 127.0.0.1 login git password " + token,
		".git-credentials": "http://git:" + token + "@" + w.remote.URL.HostPort(),
		".gitconfig":       "[credential]\n\thelper = \"!f() { echo username=git; echo password=" + token + "; }; f\"\n",
	} {
		file := filepath.Join(home, name)
		check(t, os.WriteFile(file, []byte(content), 0o600))
		s, err := settings.Read("", os.Getenv)
		check(t, err)
		found, err := credential.Find(t.Context(), s, w.remote.URL)
		check(t, err)
		w.remote.Credentials = found.Credentials
		if _, err := gitrepo.Open(t.Context(), w.remote); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		check(t, os.Remove(file))
	}

	got := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	u, _, err := giturl.Parse(server.URL + "/a/b")
	check(t, err)
	if _, err := gitrepo.Open(t.Context(), gitrepo.Remote{URL: u, Credentials: giturl.Credentials{Password: secret.New("a.b"), Bearer: true}}); !errors.Is(err, gitrepo.ErrAuth) || got != "Bearer a.b" {
		t.Errorf("%v, sent %q", err, got)
	}
}
