// Package forge is a git forge for tests: one process that serves, on the loopback interface only, real git
// repositories over smart HTTP, HTTPS and SSH, and an API that answers as strictly as GitHub's or GitLab's;
// and, in front of it, an HTTP proxy. It logs which credentials came with what.
//
// Everything that git does is done by the git program (2.38 or newer), isolated from the machine's own configuration.
package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
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
	// JobToken is one like GitLab's CI_JOB_TOKEN: git over HTTP takes it from the user gitlab-ci-token, for fetch and
	// push; the API does not take it. A GitHub does not know it.
	JobToken string
	// ReadToken may fetch, and read the API. On GitHub it is a fine-grained personal access token with read
	// permissions, on GitLab the token of a reporter.
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
	// Auth says what came as a credential, never the thing itself: "token", "job" and "read" are those of the Config,
	// "app" is one that an app was given, "other" is any other, and it is empty when there was none. If there were
	// several, they are joined with commas.
	Auth string
	// Via says how each of them came: "basic", "bearer", "token" or another scheme of the Authorization header, the
	// name of another header ("private-token", "job-token", "proxy-authorization"), or "query".
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

// Start runs a forge. It fails when c lacks a field or names an unknown kind, when c.Dir is not a folder, and when
// there is no git program.
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

// lookup is current for those who do not hold the store.
func (s *Server) lookup(repo string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current(repo)
}
