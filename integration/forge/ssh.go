package forge

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSH is what a client needs to reach the repositories over SSH, as any user: ssh://git@ADDR/acme/gitops.git.
type SSH struct {
	Addr           string // "127.0.0.1:PORT"
	KeyFile        string // the only key that is let in, a private key in OpenSSH's format with mode 0600
	KnownHostsFile string // a file in the format of known_hosts with the server's host key
}

// sshServer serves SSH sessions until it is closed.
type sshServer struct {
	listener net.Listener
	config   *ssh.ServerConfig

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once closed
	wg    sync.WaitGroup
}

// StartSSH serves the same repositories over SSH as well, on another free port of 127.0.0.1, with keys made for the
// purpose and written below Dir/ssh. As on GitHub and GitLab, and unlike over HTTP, a client may want any object that
// the repository has, by its hash (uploadpack.allowAnySHA1InWant). It fails when called twice or after Close.
func (s *Server) StartSSH() (SSH, error) {
	access, err := s.startSSH()
	if err != nil {
		return SSH{}, fmt.Errorf("start SSH: %w", err)
	}
	return access, nil
}

func (s *Server) startSSH() (SSH, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ssh != nil {
		return SSH{}, errors.New("it runs already")
	}
	if err := s.ctx.Err(); err != nil { // closed: nobody would end it
		return SSH{}, err
	}
	_, hostKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		return SSH{}, err
	}
	host, err := ssh.NewSignerFromKey(hostKey)
	if err != nil {
		return SSH{}, err
	}
	_, clientKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		return SSH{}, err
	}
	client, err := ssh.NewSignerFromKey(clientKey)
	if err != nil {
		return SSH{}, err
	}
	block, err := ssh.MarshalPrivateKey(clientKey, "forge")
	if err != nil {
		return SSH{}, err
	}

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return SSH{}, err
	}
	dir := filepath.Join(s.cfg.Dir, "ssh")
	access := SSH{
		Addr:           ln.Addr().String(),
		KeyFile:        filepath.Join(dir, "id_ed25519"),
		KnownHostsFile: filepath.Join(dir, "known_hosts"),
	}
	known := knownhosts.Line([]string{access.Addr}, host.PublicKey()) + "\n"
	if err := errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(access.KeyFile, pem.EncodeToMemory(block), 0o600),
		os.WriteFile(access.KnownHostsFile, []byte(known), 0o644),
	); err != nil {
		return SSH{}, errors.Join(err, ln.Close())
	}

	allowed := client.PublicKey().Marshal()
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !bytes.Equal(key.Marshal(), allowed) {
				return nil, errors.New("unknown key")
			}
			return &ssh.Permissions{}, nil
		},
	}
	config.AddHostKey(host)
	s.ssh = &sshServer{listener: ln, config: config, conns: map[net.Conn]bool{}}
	s.ssh.wg.Go(func() { s.ssh.accept(s.ctx, s.sshSession) })
	return access, nil
}

// close drops all connections and waits for their sessions.
func (v *sshServer) close() error {
	err := v.listener.Close()
	v.mu.Lock()
	for c := range v.conns {
		c.Close() // may be closed already: all that matters is that it is
	}
	v.conns = nil
	v.mu.Unlock()
	v.wg.Wait()
	return err
}

// session serves one session's channel; drop ends the connection without a word.
type session func(ctx context.Context, drop func() error, ch ssh.Channel, requests <-chan *ssh.Request)

func (v *sshServer) accept(ctx context.Context, serve session) {
	for {
		conn, err := v.listener.Accept()
		if err != nil {
			return // closed
		}
		v.mu.Lock()
		if v.conns == nil {
			conn.Close()
		} else {
			v.conns[conn] = true
			v.wg.Go(func() { v.serve(ctx, conn, serve) })
		}
		v.mu.Unlock()
	}
}

func (v *sshServer) serve(ctx context.Context, conn net.Conn, serve session) {
	defer func() {
		conn.Close()
		v.mu.Lock()
		delete(v.conns, conn)
		v.mu.Unlock()
	}()
	_, channels, requests, err := ssh.NewServerConn(conn, v.config)
	if err != nil {
		return // the client was told
	}
	v.wg.Go(func() { ssh.DiscardRequests(requests) })
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "only sessions") // fails when the client has gone
			continue
		}
		ch, requests, err := c.Accept()
		if err != nil {
			return
		}
		v.wg.Go(func() { serve(ctx, conn.Close, ch, requests) })
	}
}

// sshSession runs the one command of a session (RFC 4254, section 6) and sends its exit status.
func (s *Server) sshSession(ctx context.Context, drop func() error, ch ssh.Channel, requests <-chan *ssh.Request) {
	defer ch.Close()
	var protocol string
	for req := range requests {
		switch req.Type {
		case "env":
			var v struct{ Name, Value string }
			ok := ssh.Unmarshal(req.Payload, &v) == nil && v.Name == "GIT_PROTOCOL"
			if ok {
				protocol = v.Value
			}
			req.Reply(ok, nil) // fails when the client has gone, as the next read will
		case "exec":
			var v struct{ Command string }
			if ssh.Unmarshal(req.Payload, &v) != nil {
				req.Reply(false, nil)
				return
			}
			req.Reply(true, nil)
			go ssh.DiscardRequests(requests) // ends with the channel
			f := s.sshFaults.next(v.Command)
			if f == Reset {
				_ = drop()
				return
			}
			status := s.sshCommand(ctx, f, ch, v.Command, protocol)
			if f != NoFault {
				_ = drop()
				return
			}
			_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
			return
		default:
			req.Reply(false, nil)
		}
	}
}

var sshService = regexp.MustCompile(`^git[- ](upload-pack|receive-pack) '?/?([^']+)\.git'?$`)

// sshCommand runs a client's command and returns its exit status.
func (s *Server) sshCommand(ctx context.Context, f Fault, ch ssh.Channel, command, protocol string) uint32 {
	m := sshService.FindStringSubmatch(command)
	var service, repo string
	known := false
	if m != nil {
		service = m[1]
		repo, known = s.lookup(m[2])
	}
	if !known {
		fmt.Fprintln(ch.Stderr(), "ERROR: Repository not found.")
		return 128
	}
	cmd := exec.CommandContext(ctx, s.git, "-c", "uploadpack.allowAnySHA1InWant=true", service, s.GitDir(repo))
	cmd.Env = append(s.env(), "GIT_PROTOCOL="+protocol)
	out := &cutOff{Writer: ch, left: -1}
	cmd.Stdout, cmd.Stderr = out, ch.Stderr()
	cmd.WaitDelay = time.Second // after Close, for a hook that keeps git's output open
	// With cmd.Stdin set, Wait would wait for a client that sends nothing and keeps its side open.
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(ch.Stderr(), "ERROR:", strings.TrimSpace(err.Error()))
		return 128
	}
	go func() {
		defer stdin.Close()
		if first := make([]byte, 4); f != NoFault {
			n, _ := io.ReadFull(ch, first) // what fails, fails again below
			out.limit(f)
			stdin.Write(first[:n])
		}
		io.Copy(stdin, ch) // ends with the channel, or when git has read all that it wants
	}()
	err = cmd.Wait()
	if service == "receive-pack" {
		s.pushed(repo)
	}
	if err != nil {
		if code := cmd.ProcessState.ExitCode(); code > 0 {
			return uint32(code)
		}
		return 128
	}
	return 0
}
