package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/pack"
	"update-gitops-repo/gitrepo/ssh"
)

// wire speaks git's pack protocol, version 0 (https://git-scm.com/docs/pack-protocol), over http or ssh.
type wire struct {
	client   transport.Transport
	endpoint *transport.Endpoint
	auth     transport.AuthMethod
	http     bool
	ssh      *ssh.Auth // nil over http
	received func(n int)
	quota    *pack.Quota
	unpacker *pack.Unpacker
	refusals *Refusals

	prepared chan receiver // of preparePush; nil: none

	session transport.UploadPackSession // the next request goes here; nil: open one
	caps    *capability.List            // of upload-pack
	tip     plumbing.Hash               // what fetchTip was asked for, to fall back to
	whole   bool                        // the tip came with all its objects: a partial fetch is not to be had
}

func newWire(r Remote) (*wire, error) {
	quota := pack.NewQuota(r.MaxFetch)
	w := &wire{
		endpoint: r.URL.Endpoint(), received: r.Received, quota: quota, unpacker: pack.NewUnpacker(quota), refusals: r.Refusals,
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
		client := *smartClient(r.HTTPClient)
		client.Transport = metered{client.Transport, w.quota}
		w.client = githttp.NewClient(&client)
		if r.Credentials != (giturl.Credentials{}) {
			w.auth = httpAuth{r.Credentials}
		}
		return w, nil
	case "ssh":
		auth, err := ssh.New(r.URL, r.SSH, r.KeyRead)
		if err != nil {
			return nil, err
		}
		w.endpoint.Host, w.endpoint.Port = auth.Address()
		w.client, w.auth, w.ssh = gitssh.DefaultClient, auth, auth
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

// open starts a session. Over ssh that is when the library connects, deaf to any context: when this one ends first, the
// attempt is left to itself.
func open[S io.Closer](ctx context.Context, w *wire, start func(*transport.Endpoint, transport.AuthMethod) (S, error)) (S, error) {
	type result struct {
		session S
		err     error
	}
	done := make(chan result, 1)
	go func() {
		// The library moves a session's endpoint to where a redirect leads, and only that session forgets the credentials.
		endpoint := *w.endpoint
		session, err := start(&endpoint, w.auth)
		done <- result{session, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			err := remoteError(ctx, r.err)
			if w.ssh != nil {
				err = w.ssh.Explain(err)
			}
			return r.session, err
		}
		return r.session, nil
	case <-ctx.Done():
		var none S
		return none, ctx.Err()
	}
}

func (w *wire) references(ctx context.Context) (references, error) {
	session, err := open(ctx, w, w.client.NewUploadPackSession)
	if err != nil {
		return references{}, err
	}
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return references{}, errors.Join(remoteError(ctx, err), session.Close())
	}
	w.session, w.caps = session, adv.Capabilities
	refs := references{branches: make(map[string]plumbing.Hash, len(adv.References))}
	for name, hash := range adv.References {
		if short, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			refs.branches[short] = hash
		}
	}
	for _, symref := range adv.Capabilities.Get(capability.SymRef) {
		if branch, ok := strings.CutPrefix(symref, "HEAD:refs/heads/"); ok {
			refs.head = branch
		}
	}
	return refs, nil
}

// partial tells whether objects can be left out now and asked for by their hashes later. Git's stateless http server
// takes such wants whatever its settings; over ssh it has to say that it does.
func (w *wire) partial() bool {
	return !w.whole && !w.refusals.partial && w.caps.Supports(capability.Filter) &&
		(w.http || w.caps.Supports(capability.AllowReachableSHA1InWant))
}

// manyObjects is how many objects of a tip are too many to take all its trees: a tree at a time comes sooner. With 40 ms
// a request and 50 Mbit/s, 3755 of them, 680 kB, take as long as the two or three requests that they save.
const manyObjects = 3000

// fetchTip gets the commit with all its trees where they are all needed or are not many, and with all its blobs where
// the server cannot or will not leave them out. Where there are many, the commit and mostly the first tree is all that comes:
// the connection is dropped when the pack says how many it has. Over ssh a request costs a connection, so that trees are
// better had all at once.
func (w *wire) fetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash, trees bool) error {
	w.tip = tip
	if w.partial() {
		r := request{wants: []plumbing.Hash{tip}, depth: 1, filter: packp.FilterBlobNone()}
		if w.http && !w.refusals.alone && !trees {
			r.most = manyObjects
		}
		err := w.fetch(ctx, store, r)
		if errors.Is(err, pack.ErrTooManyObjects) {
			if store.HasEncodedObject(tip) == nil {
				return nil
			}
			r.filter, r.most = packp.FilterTreeDepth(0), 0
			if err = w.fetch(ctx, store, r); refusal(ctx, err) {
				return w.fetchTrees(ctx, store)
			}
		}
		if !refusal(ctx, err) {
			return err
		}
	}
	return w.fetchWhole(ctx, store)
}

// fetchTrees is for a server that sends no trees alone, unless it was the branch that was replaced.
func (w *wire) fetchTrees(ctx context.Context, store *memory.Storage) error {
	err := w.fetchTip(ctx, store, w.tip, true)
	w.refusals.alone = w.refusals.alone || !errors.Is(err, ErrMoved)
	return err
}

// fetchWhole is for a server that leaves nothing out, unless it was the branch that was replaced.
func (w *wire) fetchWhole(ctx context.Context, store *memory.Storage) error {
	w.whole = true
	err := w.fetch(ctx, store, request{wants: []plumbing.Hash{w.tip}, depth: 1})
	w.refusals.partial = w.refusals.partial || !errors.Is(err, ErrMoved)
	return err
}

// fetchObjects relies on that an object that is wanted by its hash is sent whatever the filter says. Deeper filters than
// tree:0 are refused by GitHub, and by whoever sets uploadpackfilter.tree.maxDepth as it does.
func (w *wire) fetchObjects(ctx context.Context, store *memory.Storage, hashes []plumbing.Hash, what extent) error {
	if w.whole {
		return nil // All there is has been sent; the caller sees what is missing.
	}
	r := request{wants: hashes}
	switch what {
	case alone:
		r.filter = packp.FilterTreeDepth(0)
	case below:
		r.filter = packp.FilterBlobNone()
	}
	err := w.fetch(ctx, store, r)
	switch {
	case !refusal(ctx, err):
		return err
	case what == alone:
		return w.fetchTrees(ctx, store)
	}
	return w.fetchWhole(ctx, store)
}

func (w *wire) fetchCommits(ctx context.Context, store *memory.Storage, tip, base plumbing.Hash) error {
	r := request{wants: []plumbing.Hash{tip}, haves: []plumbing.Hash{base}}
	if w.partial() && !w.refusals.alone {
		r.filter = packp.FilterTreeDepth(0)
		err := w.fetch(ctx, store, r)
		if !refusal(ctx, err) {
			return err
		}
		w.refusals.alone = !errors.Is(err, ErrMoved)
		r.filter = ""
	}
	return w.fetch(ctx, store, r)
}

func (w *wire) fetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error {
	if w.partial() && !w.refusals.alone {
		err := w.fetch(ctx, store, request{wants: []plumbing.Hash{tip}, depth: n, filter: packp.FilterTreeDepth(0)})
		if !refusal(ctx, err) {
			return err
		}
		w.refusals.alone = !errors.Is(err, ErrMoved)
	}
	// As a shallow clone is deepened: what the tip has is not sent again, which is most of what the others have. Git leaves
	// it out only of a thin pack, whose deltas may be against any of that.
	r := request{wants: []plumbing.Hash{tip}, haves: []plumbing.Hash{tip}, shallow: []plumbing.Hash{tip}, depth: n, thin: true}
	err := w.fetch(ctx, store, r)
	if refusal(ctx, err) {
		r.thin = false // It was, and not all of it is here.
		err = w.fetch(ctx, store, r)
	}
	return err
}

// request is what one round of upload-pack is asked for.
type request struct {
	wants, haves []plumbing.Hash
	shallow      []plumbing.Hash // those of haves whose parents are not had
	thin         bool            // the store has all of haves
	depth        int             // 0: all history
	filter       packp.Filter
	most         uint32 // objects; 0: any number. Of more, only the first come, and the error is pack.ErrTooManyObjects
}

func (w *wire) fetch(ctx context.Context, store *memory.Storage, r request) (err error) {
	session := w.session
	if session == nil {
		if session, err = open(ctx, w, w.client.NewUploadPackSession); err != nil {
			return err
		}
	}
	w.session = nil
	if w.http {
		// Over http a session is a series of independent requests; over ssh it is one process that serves one.
		w.session = session
	}
	defer func() {
		if cerr := session.Close(); err == nil && cerr != nil {
			err = remoteError(ctx, cerr)
		}
	}()

	req := packp.NewUploadPackRequestFromCapabilities(w.caps)
	req.Wants, req.Haves, req.Shallows = r.wants, r.haves, r.shallow
	set := []capability.Capability{}
	if w.caps.Supports(capability.NoProgress) {
		set = append(set, capability.NoProgress)
	}
	if r.thin {
		set = append(set, capability.ThinPack)
	}
	if r.depth > 0 {
		req.Depth = packp.DepthCommits(r.depth)
		set = append(set, capability.Shallow)
	}
	if r.filter != "" {
		req.Filter = r.filter
		set = append(set, capability.Filter)
	}
	for _, c := range set {
		if err := req.Capabilities.Set(c); err != nil {
			return err
		}
	}
	response, err := session.UploadPack(ctx, req)
	if err != nil {
		return remoteError(ctx, err)
	}
	defer func() { err = errors.Join(err, response.Close()) }()
	if err := store.SetShallow(response.Shallows); err != nil {
		return err
	}

	if err := w.unpacker.UnpackFew(ctx, store, demux(req.Capabilities, counted{response, w}), r.most); err != nil {
		return readError(ctx, err)
	}
	return nil
}

// counted counts the bytes that are read, and tells of them.
type counted struct {
	io.Reader
	wire *wire
}

// Read implements io.Reader.
func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.wire.received(n)
	if !c.wire.http { // Where all bodies are counted already.
		if over := c.wire.quota.Receive(n); over != nil {
			return 0, over
		}
	}
	return n, err
}

func demux(caps *capability.List, r io.Reader) io.Reader {
	if caps.Supports(capability.Sideband64k) || caps.Supports(capability.Sideband) {
		return pack.Demux(r)
	}
	return r
}

func (w *wire) keySource() string {
	if w.ssh == nil {
		return ""
	}
	return w.ssh.KeySource()
}

func (w *wire) checkPush(ctx context.Context) error {
	r := w.receive(ctx, *w.endpoint)
	if r.err != nil {
		return r.err
	}
	return r.session.Close()
}

// receiver is a push that has not been sent yet.
type receiver struct {
	session transport.ReceivePackSession
	adv     *packp.AdvRefs
	err     error
}

// receive asks the server what it takes. The endpoint is the session's own: what it makes of a redirect is no business of other
// goroutines.
func (w *wire) receive(ctx context.Context, endpoint transport.Endpoint) (r receiver) {
	r.session, r.err = open(ctx, w, func(_ *transport.Endpoint, auth transport.AuthMethod) (transport.ReceivePackSession, error) {
		return w.client.NewReceivePackSession(&endpoint, auth)
	})
	if r.err != nil {
		return r
	}
	if r.adv, r.err = r.session.AdvertisedReferencesContext(ctx); r.err != nil {
		r.err = errors.Join(remoteError(ctx, r.err), r.session.Close())
	}
	return r
}

// preparePush does nothing over ssh, where it would leave a process waiting on the server.
func (w *wire) preparePush(ctx context.Context) {
	if !w.http || w.prepared != nil {
		return
	}
	done := make(chan receiver, 1)
	w.prepared = done
	go func(endpoint transport.Endpoint) { done <- w.receive(ctx, endpoint) }(*w.endpoint)
}

// receiver gives the prepared push, or one that begins now where what the server has now counts.
func (w *wire) receiver(ctx context.Context, now bool) receiver {
	prepared := w.prepared
	if prepared == nil || now {
		return w.receive(ctx, *w.endpoint)
	}
	w.prepared = nil
	select {
	case r := <-prepared:
		return r
	case <-ctx.Done():
		return receiver{err: ctx.Err()}
	}
}

func (w *wire) push(ctx context.Context, store *memory.Storage, objects []plumbing.Hash, u update) (err error) {
	r := w.receiver(ctx, u.there)
	if r.err != nil {
		return r.err
	}
	session, adv := r.session, r.adv
	defer func() {
		if cerr := session.Close(); err == nil && cerr != nil {
			err = remoteError(ctx, cerr)
		}
	}()
	name := plumbing.NewBranchReferenceName(u.branch)
	// Most lost races show here already, before the pack is sent.
	now := adv.References[name.String()]
	switch {
	case u.there && now.IsZero() && u.new.IsZero():
		return nil
	case now != u.old:
		return fmt.Errorf("%w: it is at %s, not at %s", ErrMoved, now, u.old)
	case u.there && now == u.new:
		return nil
	case u.new.IsZero() && !adv.Capabilities.Supports(capability.DeleteRefs):
		return fmt.Errorf("%w: the server lets no branch be deleted", ErrRejected)
	}
	req := packp.NewReferenceUpdateRequestFromCapabilities(adv.Capabilities)
	if adv.Capabilities.Supports(capability.Sideband64k) {
		// Side band 2 is what hooks print.
		if err := req.Capabilities.Set(capability.Sideband64k); err != nil {
			return err
		}
	}
	var said bytes.Buffer
	req.Progress = &said
	req.Commands = []*packp.Command{{Name: name, Old: u.old, New: u.new}}
	if !u.new.IsZero() {
		encoded, err := pack.Encode(store, objects)
		if err != nil {
			return err
		}
		req.Packfile = io.NopCloser(encoded)
	}
	report, err := session.ReceivePack(ctx, req)
	if report != nil {
		return reportError(report, said.String())
	}
	if err != nil {
		return pushError(ctx, err)
	}
	return fault(errors.New("the server did not say whether it took the push"))
}

// lostRace are the words with which servers say that a branch is not where the push expected it: git's receive-pack,
// and the forges' own.
var lostRace = []string{
	"non-fast-forward", "fetch first", "stale info", "incorrect old value provided", "cannot lock ref",
	"failed to update ref", "reference already exists", "failed to lock",
}

// reportError turns the server's report into ErrMoved or ErrRejected, with its words and what its hooks printed.
func reportError(report *packp.ReportStatus, said string) error {
	if report.UnpackStatus != "ok" {
		return rejected("unpack: "+report.UnpackStatus, said)
	}
	for _, c := range report.CommandStatuses {
		if c.Status == "ok" {
			continue
		}
		for _, words := range lostRace {
			if strings.Contains(c.Status, words) {
				return fmt.Errorf("%w: %s", ErrMoved, c.Status)
			}
		}
		return rejected(c.Status, said)
	}
	return nil
}

func rejected(status, said string) error {
	if said = strings.Join(strings.Fields(said), " "); said != "" {
		status += ": " + said
	}
	return fmt.Errorf("%w: %s", ErrRejected, status)
}

// remoteError gives go-git's transport errors this package's kinds, and one line.
func remoteError(ctx context.Context, err error) error {
	err = inner(err)
	if status, ok := errors.AsType[*githttp.Err](err); ok && status.Reason != "" {
		err = fmt.Errorf("%w: %s", err, status.Reason)
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // Whatever the library made of it; some of its errors do not unwrap.
	case errors.Is(err, ErrHostKey), errors.Is(err, ErrAuth):
		return err
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return fmt.Errorf("%w: the server says: %s", ErrAuth, text)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return ErrNotFound
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return ErrEmpty
	case strings.Contains(text, "object-format=sha256"): // In what stands where the library looks for the rest of the line.
		return errors.New(`a repository with objectFormat "sha256" is not supported`)
	case broken(err):
		return fault(err)
	case strings.Contains(text, "ssh: handshake failed"):
		return fmt.Errorf("%w: %s", ErrAuth, text)
	case strings.Contains(text, "not our ref"): // Any more: the branch was replaced or deleted after its tip was read.
		return fmt.Errorf("%w: %s", ErrMoved, text)
	}
	return err
}

// refusal tells a server that will not do a partial fetch, which a whole fetch may cure, from a fault, which it will
// not. The library keeps only the text of a server's refusal, so this goes by what it is not.
func refusal(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrAuth) || errors.Is(err, ErrHostKey) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrTooLarge) {
		return false
	}
	if _, ok := errors.AsType[*githttp.Err](err); ok {
		return false // Git itself says no within its protocol.
	}
	_, broken := errors.AsType[*url.Error](err)
	return !broken && !errors.Is(err, ErrFault)
}
