package forge

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Rename gives repo another name, as both forges let its owner do. Its number stays. The old name remains good until
// another repository gets it: GitHub redirects the API, with 301 for GET and 307 for writes, and git's GET, with 301,
// and serves what git posts. GitLab serves git, redirects the API's GET with 301 and refuses its writes with 405. Over
// SSH both serve it. Rename fails where CreateRepo does, and for an unknown repo.
func (s *Server) Rename(repo, to string) error {
	if err := s.rename(repo, to); err != nil {
		return fmt.Errorf("rename repository %s: %w", repo, err)
	}
	return nil
}

func (s *Server) rename(repo, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.repos, repo)
	if i < 0 {
		return errors.New("there is none")
	}
	if err := s.nameable(to); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.GitDir(to)), 0o755); err != nil {
		return err
	}
	if err := os.Rename(s.GitDir(repo), s.GitDir(to)); err != nil {
		return err
	}
	s.repos[i], s.moved[repo] = to, i
	for _, p := range s.pulls {
		if p.repo == repo {
			p.repo = to
			p.URL = s.url + "/" + to + strings.TrimPrefix(p.URL, s.url+"/"+repo)
		}
	}
	return nil
}

// current returns the present name of what is or was called repo, and whether there is such a repository. The caller
// holds the store.
func (s *Server) current(repo string) (string, bool) {
	if slices.Contains(s.repos, repo) {
		return repo, true
	}
	i, ok := s.moved[repo]
	if !ok {
		return repo, false
	}
	return s.repos[i], true
}

// RedirectTo makes the forge answer every HTTP request with 307 Temporary Redirect to the same path below base,
// "https://localhost:1234", before it looks at any credentials; but for requests to base's own host and port, so that
// base may be another name of the same forge. An empty base ends that.
func (s *Server) RedirectTo(base string) error {
	u, err := url.Parse(base)
	if err != nil || base != "" && u.Host == "" {
		return errors.New("redirect: want SCHEME://HOST")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = u
	return nil
}

// redirect sends clients where RedirectTo says, and else to next.
func (s *Server) redirect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		away := s.away
		s.mu.Unlock()
		if away == nil || away.Host == "" || r.Host == away.Host {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Location", strings.TrimSuffix(away.String(), "/")+r.URL.RequestURI())
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
}

// origin is the scheme and host that r's client knows the forge by.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// numbered is r's URL with the repository named by its number: prefix and number stand in for as many segments of the
// path.
func (s *Server) numbered(r *http.Request, repo, prefix string, segments int) string {
	to := origin(r) + prefix + strconv.Itoa(s.number(repo))
	if parts := strings.SplitN(r.URL.EscapedPath(), "/", segments+2); len(parts) > segments+1 {
		to += "/" + parts[segments+1]
	}
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	return to
}

// pageURL is p's page for people, as r's client knows the forge.
func (s *Server) pageURL(r *http.Request, p *pull) string {
	return origin(r) + strings.TrimPrefix(p.URL, s.url)
}

// numberless is the name of the repository with that number; no name if there is none.
func (s *Server) numberless(number string) string {
	if n, err := strconv.Atoi(number); err == nil && n > 0 && n <= len(s.repos) {
		return s.repos[n-1]
	}
	return ""
}

// number is the one that the forge has for repo.
func (s *Server) number(repo string) int { return 1 + slices.Index(s.repos, repo) }
