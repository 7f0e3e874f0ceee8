// Package forge is a git forge for tests: one process that serves, on the loopback interface only, real git
// repositories over smart HTTP, HTTPS and SSH, and beside them an API that answers as strictly as GitHub's or GitLab's;
// and, in front of it, an HTTP proxy. It logs which credentials came with what.
//
// Everything that git does is done by the git program (2.38 or newer), isolated from the machine's own configuration.
package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind says whose API a Server speaks.
type Kind string

// The kinds of forge.
const (
	GitHub Kind = "github" // the REST API, version 2022-11-28, where GitHub Enterprise Server has it: below /api/v3/
	GitLab Kind = "gitlab" // the REST API version 4, below /api/v4
)

// Config is what a Server needs to start. Kind, Token and Dir are required.
type Config struct {
	Kind Kind
	// Partial lets clients filter what they fetch, with the limit that GitHub sets: uploadpack.allowFilter is true and
	// uploadpackfilter.tree.maxDepth is 0. Otherwise the server does not advertise the filter capability.
	Partial bool
	// Token is asked for by every git and API request: as the password of HTTP basic authentication, with any user
	// name, or in the API's own header.
	Token string
	// JobToken is one like GitLab's CI_JOB_TOKEN: git over HTTP takes it from the user gitlab-ci-token, for fetch and push;
	// the API does not take it. A GitHub does not know it.
	JobToken string
	// ReadToken may fetch, and read the API. On GitHub it is a fine-grained personal access token with read permissions, on
	// GitLab the token of a reporter.
	ReadToken string
	// Dir is an existing folder for the bare repositories (OWNER/NAME.git, deeper for GitLab's groups) and SSH's keys.
	Dir string
	// Listen opens what the server accepts HTTP connections from; nil: a free port of 127.0.0.1.
	Listen func() (net.Listener, error)

	apps *apps // see AddApp
}

// Request is one HTTP request that a Server was asked, successful or not.
type Request struct {
	Method string
	Scheme string // "http" or "https"
	Host   string // the host, and mostly the port, that the client asked for
	Path   string // with the query, as it was sent, but for known tokens
	Status int    // 0 until the answer begins
	In     int64  // bytes of the request's body that the server has read
	Out    int64  // bytes of the answer's body
	// Auth says what came as a credential, never the thing itself: "token", "job" and "read" are those of the Config, "app" is
	// one that an app was given, "other" is any other, and it is empty when there was none. If there were several, they are joined with commas.
	Auth string
	// Via says how each of them came: "basic", "bearer", "token" or another scheme of the Authorization header, the name of
	// another header ("private-token", "job-token", "proxy-authorization"), or "query".
	Via string
}

// Server is a running forge. Its methods may be called from several goroutines at once.
type Server struct {
	cfg     Config
	git     string // the git program
	backend string // git-http-backend(1)
	addr    string // "127.0.0.1:PORT"
	url     string
	http    http.Server
	ctx     context.Context // ends with Close, and with it the git programs that the forge itself runs
	cancel  context.CancelFunc
	log     requestLog
	faults  faults[*http.Request] // see FailRequests

	sshFaults faults[string] // see FailSSH

	busy    sync.RWMutex   // held for reading while a request is served; Close takes it for good
	closing func() error   // runs once
	served  sync.WaitGroup // the HTTP servers' accept loops

	mu      sync.Mutex     // guards what follows
	ssh     *sshServer     // nil until StartSSH
	tls     string         // the address of StartTLS, empty until then
	proxy   *proxy         // nil until StartProxy
	repos   []string       // as created; a repository's project number is its index plus one
	pulls   []*pull        // oldest first
	moved   map[string]int // former names of repositories, to their indices; a present name wins
	away    *url.URL       // where RedirectTo says
	network *network       // nil until SetNetwork
	users   []string       // a user's number is its index plus one
	teams   []string       // "acme/platform"

	settings map[int]*settings // by the repository's number
}

// Start runs a forge. It fails when c lacks a field or names an unknown kind, when c.Dir is not a folder, and when there
// is no git program.
func Start(c Config) (*Server, error) {
	if c.Kind != GitHub && c.Kind != GitLab {
		return nil, fmt.Errorf("start forge: unknown kind %q", c.Kind)
	}
	if c.Token == "" {
		return nil, errors.New("start forge: no token")
	}
	if c.Token == c.JobToken || c.Token == c.ReadToken || c.JobToken != "" && c.JobToken == c.ReadToken {
		return nil, errors.New("start forge: two tokens are the same")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("start forge: %w", err)
	}
	if st, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("start forge: %w", err)
	} else if !st.IsDir() {
		return nil, fmt.Errorf("start forge: %s is not a folder", dir)
	}
	c.Dir = dir
	c.apps = &apps{tokens: map[string]appToken{}}
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("start forge: %w", err)
	}
	backend, err := httpBackend()
	if err != nil {
		return nil, fmt.Errorf("start forge: %w", err)
	}
	if c.Listen == nil {
		c.Listen = func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
	}
	ln, err := c.Listen()
	if err != nil {
		return nil, fmt.Errorf("start forge: %w", err)
	}

	addr := ln.Addr().String()
	s := &Server{cfg: c, git: git, backend: backend, addr: addr, url: "http://" + addr, moved: map[string]int{},
		users: []string{author}, settings: map[int]*settings{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.closing = sync.OnceValue(s.close)
	mux := http.NewServeMux()
	mux.HandleFunc("/", s.serveGit)
	if c.Kind == GitHub {
		s.routeGitHub(mux)
	} else {
		s.routeGitLab(mux)
	}
	s.http.Handler = s.record(s.slow(s.fail(s.redirect(mux))))
	s.http.ErrorLog = log.New(io.Discard, "", 0)
	s.served.Go(func() { _ = s.http.Serve(ln) }) // returns http.ErrServerClosed: nothing else stops it
	return s, nil
}

// httpBackend returns the path of git-http-backend(1). The git program would start it as another process, which takes as
// long as the backend itself.
var httpBackend = sync.OnceValues(func() (string, error) {
	dir, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return "", fmt.Errorf("git --exec-path: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "git-http-backend"), nil
})

// Close drops all connections, waits for what is being served, and stops. Later calls do nothing more. The repositories
// stay on disk.
func (s *Server) Close() error { return s.closing() }

func (s *Server) close() error {
	err := s.http.Close()
	s.cancel()
	s.mu.Lock()
	ssh, proxy := s.ssh, s.proxy
	s.mu.Unlock()
	if ssh != nil {
		err = errors.Join(err, ssh.close())
	}
	if proxy != nil {
		err = errors.Join(err, proxy.http.Close())
	}
	s.served.Wait()
	s.busy.Lock()
	if err != nil {
		return fmt.Errorf("close forge: %w", err)
	}
	return nil
}

// URL is the root of the web and git server, "http://127.0.0.1:PORT".
func (s *Server) URL() string { return s.url }

// APIURL is the base URL that the forge's SDK takes: URL + "/api/v3/" for GitHub, URL + "/api/v4" for GitLab.
func (s *Server) APIURL() string {
	if s.cfg.Kind == GitHub {
		return s.url + "/api/v3/"
	}
	return s.url + "/api/v4"
}

// CloneURL is where repo, such as "acme/gitops", is cloned from over HTTP: URL + "/acme/gitops.git", no credentials in
// it.
func (s *Server) CloneURL(repo string) string { return s.url + "/" + repo + ".git" }

// GitDir is the folder of repo's bare repository. Hooks put into its hooks folder run as they do anywhere.
func (s *Server) GitDir(repo string) string {
	return filepath.Join(s.cfg.Dir, filepath.FromSlash(repo)+".git")
}

// Requests returns what the HTTP server was asked so far, in order of arrival.
func (s *Server) Requests() []Request { return s.log.snapshot() }

var repoName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$`)

// CreateRepo makes repo, "OWNER/NAME" (for GitLab also "GROUP/SUBGROUP/NAME"), an empty bare repository whose HEAD is
// defaultBranch. It fails when the name is not one that the forge could have, or is taken. No other repository is
// served.
func (s *Server) CreateRepo(repo, defaultBranch string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.nameable(repo); err != nil {
		return fmt.Errorf("create repository: %w", err)
	}
	if err := s.initRepo(s.GitDir(repo), defaultBranch); err != nil {
		return fmt.Errorf("create repository %s: %w", repo, err)
	}
	s.repos = append(s.repos, repo)
	return nil
}

// nameable checks that a repository may be called repo.
func (s *Server) nameable(repo string) error {
	switch {
	case !repoName.MatchString(repo), strings.HasSuffix(repo, ".git"), s.cfg.Kind == GitHub && strings.Count(repo, "/") != 1:
		return fmt.Errorf("%q is no name of a %s repository", repo, s.cfg.Kind)
	case slices.Contains(s.repos, repo):
		return fmt.Errorf("%s exists", repo)
	}
	return nil
}

// repoConfig is every repository's git-config(1): smart HTTP only, pushes allowed, and no background process that would
// outlive the server. Nothing has to outlive a loss of power.
const repoConfig = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
	fsync = none
[http]
	receivepack = true
	getanyfile = false
[gc]
	auto = 0
[receive]
	autogc = false
[uploadpack]
	allowFilter = %t
`

// treeFilter is the limit that GitHub sets.
const treeFilter = `[uploadpackfilter "tree"]
	maxDepth = 0
`

// initRepo makes an empty bare repository as git-init(1) does, in its place because a process takes longer than most of
// what tests do. The files are those of gitrepository-layout(5).
func (s *Server) initRepo(dir, defaultBranch string) error {
	for _, folder := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags", "hooks"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			return err
		}
	}
	config := fmt.Sprintf(repoConfig, s.cfg.Partial)
	if s.cfg.Partial {
		config += treeFilter
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/"+defaultBranch+"\n"), 0o644)
}

// Seed makes one commit of dir's files on branch of repo, byte for byte (no .gitattributes, no .gitignore), with their
// executable bits and symbolic links. Where the branch exists the commit goes on top of it, and files that dir does not
// have stay. Folders and files named .git are left out.
func (s *Server) Seed(repo, branch, dir string) error {
	if err := s.seed(repo, branch, dir); err != nil {
		return fmt.Errorf("seed %s of %s: %w", branch, repo, err)
	}
	return nil
}

// seed goes through git fast-import, which takes a tree of any size in one process and applies no filters.
// The stream's format is in git-fast-import(1).
func (s *Server) seed(repo, branch, dir string) error {
	gitDir := s.GitDir(repo)
	var script bytes.Buffer
	ref := "refs/heads/" + branch
	fmt.Fprintf(&script, "commit %s\ncommitter Seed <seed@example.com> %d +0000\ndata 4\nSeed\n", ref, time.Now().Unix())
	if tips, ok := looseTips(gitDir); !ok || len(tips) > 0 {
		if _, err := s.run(nil, nil, "--git-dir="+gitDir, "rev-parse", "--verify", "--quiet", ref); err == nil {
			fmt.Fprintf(&script, "from %s^0\n", ref)
		}
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == ".git" && path != dir {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode, data := "100644", []byte(nil)
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			var target string
			target, err = os.Readlink(path)
			mode, data = "120000", []byte(target)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is neither file, folder nor symbolic link", path)
		default:
			if info.Mode()&0o100 != 0 {
				mode = "100755"
			}
			data, err = os.ReadFile(path)
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&script, "M %s inline \"%s\"\ndata %d\n", mode, quote.Replace(filepath.ToSlash(name)), len(data))
		script.Write(data)
		script.WriteByte('\n')
		return nil
	})
	if err != nil {
		return err
	}
	_, err = s.run(nil, &script, "--git-dir="+gitDir, "fast-import", "--quiet")
	return err
}

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
		// What is posted under the old name is served: git forgets where it was sent to when it had to ask for credentials first.
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

// lookup is current for those who do not hold the store.
func (s *Server) lookup(repo string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current(repo)
}

// reply is an API's answer: body is sent as JSON, but for plain text.
type reply struct {
	status int
	header http.Header
	body   any
}

// plain is a body that is no JSON.
type plain string

// object is a JSON object.
type object = map[string]any

// api serves JSON. One request at a time holds the store, so that what an answer checks still holds when it acts.
func (s *Server) api(answer func(*http.Request) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rep := func() reply {
			s.mu.Lock()
			defer s.mu.Unlock()
			return answer(r)
		}()
		body, err := json.Marshal(rep.body)
		if err != nil { // every body is made of strings, numbers and times
			panic(err)
		}
		contentType := "application/json; charset=utf-8"
		if text, ok := rep.body.(plain); ok {
			body, contentType = []byte(text), "text/plain"
		}
		for k, v := range rep.header {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(rep.status)
		w.Write(body) // fails when the client has gone: nobody to tell
	}
}

// decode reads r's body as JSON into in. An empty body says nothing, and leaves in as it is.
func decode(r *http.Request, in any) error {
	if err := json.NewDecoder(r.Body).Decode(in); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// page is one page of a list, as both forges count: from 1, with a limit of 100 entries.
type page struct {
	request           *http.Request
	page, per, total  int
	first, last, next int // the page's entries are [first:last]; next is 0 on the last page
}

// paginate reads page and per_page from r's query; values that make no sense count as absent, as both forges have it.
func paginate(r *http.Request, total, perDefault int) page {
	number := func(name string, absent int) int {
		if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil && n > 0 {
			return n
		}
		return absent
	}
	p := page{request: r, page: number("page", 1), per: min(number("per_page", perDefault), 100), total: total}
	p.first = min((p.page-1)*p.per, total)
	p.last = min(p.first+p.per, total)
	if p.last < total {
		p.next = p.page + 1
	}
	return p
}

// pages is how many pages there are.
func (p page) pages() int { return (p.total + p.per - 1) / p.per }

// link is the value of the Link header (RFC 8288).
func (p page) link() string {
	var links []string
	add := func(rel string, n int) {
		q := p.request.URL.Query()
		q.Set("page", strconv.Itoa(n))
		q.Set("per_page", strconv.Itoa(p.per))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel="%s"`, origin(p.request), p.request.URL.EscapedPath(), q.Encode(), rel))
	}
	if p.page > 1 {
		add("prev", p.page-1)
	}
	if p.next > 0 {
		add("next", p.next)
	}
	if p.page > 1 {
		add("first", 1)
	}
	if p.next > 0 {
		add("last", p.pages())
	}
	return strings.Join(links, ", ")
}

// requestLog remembers what was asked. An entry is made when a request arrives and grows before its bytes leave, so a
// client that has its answer finds it in the log.
type requestLog struct {
	mu      sync.Mutex
	entries []Request
}

func (l *requestLog) snapshot() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// record logs what next serves, and serves nothing once Close has begun to wait.
func (s *Server) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.busy.TryRLock() {
			return
		}
		defer s.busy.RUnlock()
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		names, ways := s.cfg.credentials(r)
		l := &s.log
		l.mu.Lock()
		x := &exchange{ResponseWriter: w, ReadCloser: r.Body, log: l, index: len(l.entries)}
		l.entries = append(l.entries, Request{
			Method: r.Method, Scheme: scheme, Host: r.Host, Path: s.cfg.hide(r.RequestURI),
			Auth: strings.Join(names, ","), Via: strings.Join(ways, ","),
		})
		l.mu.Unlock()
		r.Body = x
		next.ServeHTTP(x, r)
	})
}

// exchange is both ends of one request, each counting.
type exchange struct {
	http.ResponseWriter
	io.ReadCloser
	log   *requestLog
	index int
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) note(f func(*Request)) {
	x.log.mu.Lock()
	defer x.log.mu.Unlock()
	f(&x.log.entries[x.index])
}

func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.ReadCloser.Read(p)
	x.note(func(r *Request) { r.In += int64(n) })
	return n, err
}

func (x *exchange) WriteHeader(status int) {
	x.note(func(r *Request) { r.Status = status })
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (int, error) {
	x.note(func(r *Request) {
		if r.Status == 0 {
			r.Status = http.StatusOK
		}
		r.Out += int64(len(p))
	})
	return x.ResponseWriter.Write(p)
}
