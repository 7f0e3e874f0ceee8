package transport

import (
	"context"
	"errors"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/pack"
)

// partial reports whether objects can be left out now and asked for by their hashes later. Git's stateless http server
// accepts such wants whatever its settings; over ssh it has to say that it does.
func (w *Wire) partial() bool {
	return !w.whole && !w.refusals.partial && w.caps.Supports(capability.Filter) &&
		(w.http || w.caps.Supports(capability.AllowReachableSHA1InWant))
}

// manyObjects is how many objects of a tip are too many to fetch all its trees: a tree at a time is faster. With 40 ms
// a request and 50 Mbit/s, 3755 of them, 680 kB, take as long as the two or three requests that they save.
const manyObjects = 3000

// FetchTip fetches a commit, and below it as much as is cheap: all its trees if the extent is WithTrees or they are not
// many, and all its blobs if the server cannot or will not leave them out. If there are many, only the commit and
// mostly the first tree come: the connection is dropped when the pack says how many it has. Over ssh a request costs a
// connection, so that all trees come at once.
func (w *Wire) FetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash, what Extent) error {
	w.tip = tip
	if w.partial() {
		r := request{wants: []plumbing.Hash{tip}, depth: 1, filter: packp.FilterBlobNone()}
		if w.http && !w.refusals.single && what != WithTrees {
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

// fetchTrees is for a server that sends no single trees, unless it refused because the branch was replaced.
func (w *Wire) fetchTrees(ctx context.Context, store *memory.Storage) error {
	err := w.FetchTip(ctx, store, w.tip, WithTrees)
	w.refusals.single = w.refusals.single || !errors.Is(err, ErrMoved)
	return err
}

// fetchWhole is for a server that leaves nothing out, unless it refused because the branch was replaced.
func (w *Wire) fetchWhole(ctx context.Context, store *memory.Storage) error {
	w.whole = true
	err := w.fetch(ctx, store, request{wants: []plumbing.Hash{w.tip}, depth: 1})
	w.refusals.partial = w.refusals.partial || !errors.Is(err, ErrMoved)
	return err
}

// FetchObjects fetches objects by their hashes, and what the extent says. More may come along.
//
// An object that is wanted by its hash is sent whatever the filter says. Deeper filters than tree:0 are refused by
// GitHub, and by whoever sets uploadpackfilter.tree.maxDepth as it does.
func (w *Wire) FetchObjects(ctx context.Context, store *memory.Storage, hashes []plumbing.Hash, what Extent) error {
	if w.whole {
		return nil // Everything has been sent; the caller sees what is missing.
	}
	r := request{wants: hashes}
	switch what {
	case Single:
		r.filter = packp.FilterTreeDepth(0)
	case WithTrees:
		r.filter = packp.FilterBlobNone()
	}
	err := w.fetch(ctx, store, r)
	switch {
	case !refusal(ctx, err):
		return err
	case what == Single:
		return w.fetchTrees(ctx, store)
	}
	return w.fetchWhole(ctx, store)
}

// FetchCommits fetches the commits that tip reaches and base does not.
func (w *Wire) FetchCommits(ctx context.Context, store *memory.Storage, tip, base plumbing.Hash) error {
	r := request{wants: []plumbing.Hash{tip}, haves: []plumbing.Hash{base}}
	return w.fetchSingle(ctx, store, r, func() error { return w.fetch(ctx, store, r) })
}

// FetchLog fetches the last n commits that tip, which the store has, reaches. It sets as shallow those whose parents
// are missing.
func (w *Wire) FetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error {
	r := request{wants: []plumbing.Hash{tip}, depth: n}
	return w.fetchSingle(ctx, store, r, func() error {
		// As a shallow clone is deepened: what the tip has is not sent again, which is most of what the others have.
		// Git leaves it out only of a thin pack, whose deltas may be against any of that.
		r.haves, r.shallow, r.thin = r.wants, r.wants, true
		err := w.fetch(ctx, store, r)
		if refusal(ctx, err) {
			r.thin = false // The deltas were against objects that are missing here.
			err = w.fetch(ctx, store, r)
		}
		return err
	})
}

// fetchSingle makes a request for commits without their trees, or falls back if the server refuses that.
func (w *Wire) fetchSingle(ctx context.Context, store *memory.Storage, r request, fallBack func() error) error {
	if !w.partial() || w.refusals.single {
		return fallBack()
	}
	r.filter = packp.FilterTreeDepth(0)
	err := w.fetch(ctx, store, r)
	if !refusal(ctx, err) {
		return err
	}
	w.refusals.single = !errors.Is(err, ErrMoved)
	return fallBack()
}

// request is what one round of upload-pack is asked for.
type request struct {
	wants, haves []plumbing.Hash
	shallow      []plumbing.Hash // those of haves whose parents are missing here
	thin         bool            // deltas may be against what haves have
	depth        int             // commits; 0: all history
	filter       packp.Filter
	most         uint32 // objects; 0: any number. Of more, only the first come, with pack.ErrTooManyObjects
}

// packet returns the request in the library's form.
func (r request) packet(caps *capability.List) (*packp.UploadPackRequest, error) {
	req := packp.NewUploadPackRequestFromCapabilities(caps)
	req.Wants, req.Haves, req.Shallows = r.wants, r.haves, r.shallow
	var set []capability.Capability
	if caps.Supports(capability.NoProgress) {
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
			return nil, err
		}
	}
	return req, nil
}

func (w *Wire) fetch(ctx context.Context, store *memory.Storage, r request) (err error) {
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
	req, err := r.packet(w.caps)
	if err != nil {
		return err
	}
	response, err := session.UploadPack(ctx, req)
	if err != nil {
		return remoteError(ctx, err)
	}
	defer func() { err = errors.Join(err, response.Close()) }()
	if err := store.SetShallow(response.Shallows); err != nil {
		return err
	}
	var sent io.Reader = counted{response, w}
	if req.Capabilities.Supports(capability.Sideband64k) || req.Capabilities.Supports(capability.Sideband) {
		sent = pack.Demux(sent)
	}
	if err := w.unpacker.UnpackFew(ctx, store, sent, r.most); err != nil {
		return readError(ctx, err)
	}
	return nil
}

// counted counts the bytes that are read, and reports them.
type counted struct {
	io.Reader
	wire *Wire
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
