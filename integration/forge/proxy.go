package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"sync"
)

// proxy is an HTTP proxy that knows one destination, the forge, whatever it is asked for.
type proxy struct {
	http           http.Server
	user, password string

	mu    sync.Mutex
	asked []string
}

// StartProxy runs an HTTP proxy on another free port of 127.0.0.1 and returns its URL, "http://127.0.0.1:PORT". It
// tunnels a CONNECT to any host and port to the listener of StartTLS, which may start later, and forwards requests for
// any http URL to the plain one. If user or password is not empty, it asks for both (Basic). It fails when called twice
// or after Close.
func (s *Server) StartProxy(user, password string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proxy != nil {
		return "", errors.New("start proxy: it runs already")
	}
	if err := s.ctx.Err(); err != nil { // closed: nobody would end it
		return "", fmt.Errorf("start proxy: %w", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start proxy: %w", err)
	}
	s.proxy = &proxy{user: user, password: password}
	s.proxy.http.ErrorLog = log.New(io.Discard, "", 0)
	s.proxy.http.Handler = s.proxyHandler(s.proxy)
	s.served.Go(func() { _ = s.proxy.http.Serve(ln) })
	return "http://" + ln.Addr().String(), nil
}

// Proxied returns what the proxy was asked for so far, in order of arrival: "CONNECT forge.example.com:443", "GET
// http://forge.example.com/acme/gitops.git/info/refs?service=git-upload-pack". What it refused has the status behind
// it: "CONNECT forge.example.com:443 407".
func (s *Server) Proxied() []string {
	s.mu.Lock()
	p := s.proxy
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

func (s *Server) proxyHandler(p *proxy) http.Handler {
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", s.addr
			r.Out.Host = r.In.Host
		},
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true}, // and no proxy
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.busy.TryRLock() {
			return
		}
		defer s.busy.RUnlock()
		asked := r.Method + " " + s.cfg.hide(r.RequestURI)
		refuse := func(status int) {
			p.note(fmt.Sprint(asked, " ", status))
			http.Error(w, http.StatusText(status), status)
		}
		s.mu.Lock()
		tls := s.tls
		s.mu.Unlock()
		switch {
		case !p.admits(r):
			w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
			refuse(http.StatusProxyAuthRequired)
		case r.Method == http.MethodConnect && tls == "":
			refuse(http.StatusBadGateway)
		case r.Method == http.MethodConnect:
			p.note(asked)
			tunnel(s.ctx, w, tls)
		case r.URL.Host == "":
			refuse(http.StatusBadRequest)
		default:
			p.note(asked)
			forward.ServeHTTP(w, r) // without Proxy-Authorization
		}
	})
}

// admits checks the credentials that came with r.
func (p *proxy) admits(r *http.Request) bool {
	if p.user == "" && p.password == "" {
		return true
	}
	asOrigin := &http.Request{Header: http.Header{"Authorization": r.Header.Values("Proxy-Authorization")}}
	user, password, ok := asOrigin.BasicAuth()
	return ok && user == p.user && password == p.password
}

func (p *proxy) note(asked string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, asked)
}

// tunnel joins w's client with addr until one of them ends, or ctx does.
func tunnel(ctx context.Context, w http.ResponseWriter, addr string) {
	server, err := net.Dial("tcp", addr)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		server.Close()
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	end := func() { // the other direction ends with it
		client.Close()
		server.Close()
	}
	// Closing the HTTP server would do, but for a connection that it has just accepted.
	stop := context.AfterFunc(ctx, end)
	defer stop()
	var both sync.WaitGroup
	both.Go(func() {
		defer end()
		io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n") // fails when the client has gone
		io.Copy(client, server)
	})
	both.Go(func() {
		defer end()
		io.Copy(server, buffered)
	})
	both.Wait()
}
