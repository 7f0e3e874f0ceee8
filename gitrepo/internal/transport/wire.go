package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/pack"
	"update-gitops-repo/gitrepo/ssh"
)

// Wire speaks git's pack protocol, version 0 (https://git-scm.com/docs/pack-protocol), over http or ssh. But for
// PreparePush, it is not safe for concurrent use.
type Wire struct {
	client   transport.Transport
	endpoint *transport.Endpoint
	auth     transport.AuthMethod
	http     bool
	ssh      *ssh.Auth // nil over http
	received func(n int)
	quota    *pack.Quota
	unpacker *pack.Unpacker
	refusals *Refusals

	prepared chan receiver // of PreparePush; nil: none

	session transport.UploadPackSession // the next request goes here; nil: open one
	caps    *capability.List            // of upload-pack
	tip     plumbing.Hash               // what FetchTip was asked for, to fall back to
	whole   bool                        // the tip came with all its objects: the server leaves nothing out
}

// NewWire returns a connection that is opened when it is first used.
func NewWire(r Remote) (*Wire, error) {
	quota := pack.NewQuota(r.MaxFetch)
	w := &Wire{
		endpoint: r.URL.Endpoint(), received: r.Received, refusals: r.Refusals,
		quota: quota, unpacker: pack.NewUnpacker(quota),
	}
	if w.refusals == nil {
		w.refusals = &Refusals{}
	}
	if w.received == nil {
		w.received = func(int) {}
	}
	switch r.URL.Scheme {
	case "http", "https":
		w.http = true
		w.client = githttp.NewClient(newClient(r.HTTPClient, quota))
		if r.Credentials != (giturl.Credentials{}) {
			w.auth = httpAuth{r.Credentials}
		}
		return w, nil
	case "ssh":
		auth, err := ssh.New(r.URL, r.SSH, r.KeyRead)
		if err != nil {
			return nil, err
		}
		w.client, w.auth, w.ssh = gitssh.DefaultClient, auth, auth
		w.endpoint.Host, w.endpoint.Port = auth.Address()
		return w, nil
	}
	return nil, fmt.Errorf("scheme %q is not supported", r.URL.Scheme)
}

// httpAuth implements go-git's http.AuthMethod, whose own implementations hold the password in plain.
type httpAuth struct{ credentials giturl.Credentials }

// Name implements transport.AuthMethod.
func (httpAuth) Name() string { return "http" }

// String implements transport.AuthMethod.
func (a httpAuth) String() string { return a.Name() }

// SetAuth implements go-git's http.AuthMethod.
func (a httpAuth) SetAuth(r *http.Request) {
	if a.credentials.Bearer {
		r.Header.Set("Authorization", "Bearer "+a.credentials.Password.Reveal())
		return
	}
	r.SetBasicAuth(a.credentials.Username.Reveal(), a.credentials.Password.Reveal())
}

// open starts a session. Over ssh that is when the library connects, deaf to any context: if this one ends first, the
// attempt is left to itself.
func open[S io.Closer](ctx context.Context, w *Wire,
	start func(*transport.Endpoint, transport.AuthMethod) (S, error)) (S, error) {
	type result struct {
		session S
		err     error
	}
	done := make(chan result, 1)
	go func() {
		// The library moves a session's endpoint to where a redirect leads, and only that session forgets the
		// credentials.
		endpoint := *w.endpoint
		session, err := start(&endpoint, w.auth)
		done <- result{session, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return r.session, w.explain(remoteError(ctx, r.err))
		}
		return r.session, nil
	case <-ctx.Done():
		var none S
		return none, ctx.Err()
	}
}

// explain adds to a refusal what is known of the keys.
func (w *Wire) explain(err error) error {
	if w.ssh == nil {
		return err
	}
	return w.ssh.Explain(err)
}

// KeySource returns the name of the ssh key that the server took; empty over http.
func (w *Wire) KeySource() string {
	if w.ssh == nil {
		return ""
	}
	return w.ssh.KeySource()
}

// Kept returns how many bytes of fetched objects are in memory, and how many in a file.
func (w *Wire) Kept() (memory, file int64) { return w.unpacker.Kept() }

// References reads the branches. Errors: ErrAuth, ErrHostKey, ErrNotFound, ErrEmpty, ErrFault.
func (w *Wire) References(ctx context.Context) (References, error) {
	session, err := open(ctx, w, w.client.NewUploadPackSession)
	if err != nil {
		return References{}, err
	}
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return References{}, errors.Join(remoteError(ctx, err), session.Close())
	}
	w.session, w.caps = session, adv.Capabilities
	refs := References{Branches: make(map[string]plumbing.Hash, len(adv.References))}
	for name, hash := range adv.References {
		if short, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			refs.Branches[short] = hash
		}
	}
	for _, symref := range adv.Capabilities.Get(capability.SymRef) {
		if branch, ok := strings.CutPrefix(symref, "HEAD:refs/heads/"); ok {
			refs.Head = branch
		}
	}
	return refs, nil
}
