package transport_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
	"update-gitops-repo/secret"
)

// TestRedirect: a host that is redirected to gets no credentials, with that request or a later one, although it
// answers them all.
func TestRedirect(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "http", map[string]string{"a": "1"})
	to, err := url.Parse(w.Forge.URL())
	gittest.Check(t, err)
	var mu sync.Mutex
	var asked []string
	served := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.In.Method+" "+r.In.URL.Path)
		if r.In.Header.Get("Authorization") != "" {
			t.Errorf("%s %s: the other host got the credentials", r.In.Method, r.In.URL)
		}
		r.SetURL(to)
		r.Out.SetBasicAuth("git", repotest.Token)
	}})
	defer served.Close()
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			t.Errorf("%s %s: the host itself got no credentials", r.Method, r.URL)
		}
		http.Redirect(w, r, served.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	defer redirecting.Close()

	for _, credentials := range []giturl.Credentials{
		{Username: secret.New("git"), Password: secret.New(repotest.Token)},
		{Password: secret.New(repotest.Token), Bearer: true},
	} {
		u, _, err := giturl.Parse(redirecting.URL + "/" + repotest.Name + ".git")
		gittest.Check(t, err)
		r, err := gitrepo.Open(t.Context(), gitrepo.Remote{URL: u, Credentials: credentials})
		gittest.Check(t, err)
		s, err := r.Snapshot(t.Context(), "main")
		gittest.Check(t, err)
		gittest.Check(t, r.CheckPush(t.Context()))
		gittest.Check(t, r.Move(t.Context(), fmt.Sprint("b", credentials.Bearer), "", s.Tip()))
	}
	if !slices.Contains(asked, "POST /"+repotest.Name+".git/git-receive-pack") {
		t.Errorf("the other host was asked for %q only", asked)
	}
}
