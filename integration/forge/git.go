package forge

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// env is the environment of every git process: nothing of the machine's git configuration reaches it, and its clock is
// the test's.
func (s *Server) env() []string {
	now := fmt.Sprintf("@%d +0000", time.Now().Unix())
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + s.cfg.Dir,
		"LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=Forge", "GIT_AUTHOR_EMAIL=forge@example.com",
		"GIT_COMMITTER_NAME=Forge", "GIT_COMMITTER_EMAIL=forge@example.com",
		"GIT_AUTHOR_DATE=" + now, "GIT_COMMITTER_DATE=" + now,
	}
}

// run runs git and returns what it printed, without the last newline. The error names the sub-command and says what git
// said, and wraps an *exec.ExitError when git ran.
func (s *Server) run(env []string, stdin io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(s.ctx, s.git, args...)
	cmd.Env = append(s.env(), env...)
	cmd.Stdin = stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	out := strings.TrimSuffix(stdout.String(), "\n")
	if err != nil {
		i := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })
		return out, fmt.Errorf("git %s: %w: %s", args[i], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

var gitService = regexp.MustCompile(`^/(.+)\.git/(info/refs|git-upload-pack|git-receive-pack)$`)

// serveGit serves the smart HTTP protocol through git-http-backend(1), which takes the protocol's version from the
// Git-Protocol header by itself. What a client pushed is seen in the pull requests before the answer ends.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	token, user, ok := s.cfg.gitUser(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
		http.Error(w, "Authentication required.", http.StatusUnauthorized)
		return
	}
	m := gitService.FindStringSubmatch(r.URL.Path)
	var repo string
	if m != nil {
		repo, ok = s.lookup(m[1])
	}
	if m == nil || !ok {
		http.Error(w, "Repository not found.", http.StatusNotFound)
		return
	}
	if _, password, _ := r.BasicAuth(); token == authApp && !s.cfg.apps.reach(password, repo) {
		http.Error(w, "Repository not found.", http.StatusNotFound)
		return
	}
	if repo != m[1] {
		to := *r.URL
		to.Path = "/" + repo + ".git/" + m[2]
		// What is posted under the old name is served: git forgets where it was sent to when it had to ask for
		// credentials first.
		if s.cfg.Kind == GitHub && r.Method == http.MethodGet {
			w.Header().Set("Location", origin(r)+to.RequestURI())
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
		r.URL = &to
	}
	push := m[2] == "git-receive-pack"
	if token == authRead && (push || r.URL.Query().Get("service") == "git-receive-pack") {
		http.Error(w, map[Kind]string{
			GitHub: "Write access to repository not granted.",
			GitLab: "You are not allowed to push code to this project.",
		}[s.cfg.Kind], http.StatusForbidden)
		return
	}
	if r.ContentLength < 0 { // chunked, which CGI has no way to say
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "The request's body ended early.", http.StatusBadRequest)
			return
		}
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	}
	r.Header.Del("Authorization") // no business of a hook
	env := append(s.env(),
		"GIT_PROJECT_ROOT="+s.cfg.Dir,
		"GIT_HTTP_EXPORT_ALL=1",
		"REMOTE_USER="+user,
	)
	backend := cgi.Handler{
		Path: s.backend, Root: "/", Dir: s.cfg.Dir, Env: env,
		Stderr: io.Discard, Logger: log.New(io.Discard, "", 0),
	}
	backend.ServeHTTP(w, r)
	if push {
		s.pushed(repo)
	}
}

// httpBackend returns the path of git-http-backend(1). The git program would start it as another process, which takes
// as long as the backend itself.
var httpBackend = sync.OnceValues(func() (string, error) {
	dir, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return "", fmt.Errorf("git --exec-path: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "git-http-backend"), nil
})
