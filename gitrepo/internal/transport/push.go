package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/pack"
)

// CheckPush asks for what every push asks for first, and stops there. Errors: ErrAuth, ErrNotFound, ErrRejected.
func (w *Wire) CheckPush(ctx context.Context) error {
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

// receive asks the server what it takes. The endpoint is the session's own: a redirect changes it, which other
// goroutines must not see.
func (w *Wire) receive(ctx context.Context, endpoint transport.Endpoint) (r receiver) {
	r.session, r.err = open(ctx, w,
		func(_ *transport.Endpoint, auth transport.AuthMethod) (transport.ReceivePackSession, error) {
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

// PreparePush begins a push in the background, until the context ends. It does nothing over ssh, where it would leave a
// process waiting on the server.
func (w *Wire) PreparePush(ctx context.Context) {
	if !w.http || w.prepared != nil {
		return
	}
	done := make(chan receiver, 1)
	w.prepared = done
	go func(endpoint transport.Endpoint) { done <- w.receive(ctx, endpoint) }(*w.endpoint)
}

// preparedReceiver returns the prepared push, or else one that begins now.
func (w *Wire) preparedReceiver(ctx context.Context) receiver {
	prepared := w.prepared
	if prepared == nil {
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

// Push sends the named objects of the store and moves the branch, if it still is at u.Old. Errors: ErrMoved,
// ErrRejected, ErrAuth, ErrFault.
func (w *Wire) Push(ctx context.Context, store *memory.Storage, objects []plumbing.Hash, u Update) (err error) {
	var r receiver
	if u.Present {
		r = w.receive(ctx, *w.endpoint) // What counts is where the branch is now.
	} else {
		r = w.preparedReceiver(ctx)
	}
	if r.err != nil {
		return r.err
	}
	defer func() {
		if cerr := r.session.Close(); err == nil && cerr != nil {
			err = remoteError(ctx, cerr)
		}
	}()
	if done, err := decided(r.adv, u); done || err != nil {
		return err
	}
	req, said, err := updateRequest(r.adv, u)
	if err != nil {
		return err
	}
	if !u.deletes() {
		encoded, err := pack.Encode(store, objects)
		if err != nil {
			return err
		}
		req.Packfile = io.NopCloser(encoded)
	}
	report, err := r.session.ReceivePack(ctx, req)
	if report != nil {
		return reportError(report, said.String())
	}
	if err != nil {
		return pushError(ctx, err)
	}
	return fault(errors.New("the server did not say whether it took the push"))
}

// decided reports whether the branch is where the update wants it already, or returns why it cannot be moved there.
// Most lost races show here, before the pack is sent.
func decided(adv *packp.AdvRefs, u Update) (done bool, err error) {
	now := adv.References[u.name().String()]
	switch {
	case u.Present && now.IsZero() && u.deletes():
		return true, nil
	case now != u.Old:
		return false, fmt.Errorf("%w: it is at %s, not at %s", ErrMoved, now, u.Old)
	case u.Present && now == u.New:
		return true, nil
	case u.deletes() && !adv.Capabilities.Supports(capability.DeleteRefs):
		return false, fmt.Errorf("%w: the server lets no branch be deleted", ErrRejected)
	}
	return false, nil
}

// updateRequest returns the request without its pack, and what the server's hooks are going to print.
func updateRequest(adv *packp.AdvRefs, u Update) (req *packp.ReferenceUpdateRequest, said *bytes.Buffer, err error) {
	req = packp.NewReferenceUpdateRequestFromCapabilities(adv.Capabilities)
	if adv.Capabilities.Supports(capability.Sideband64k) {
		// Side band 2 is what hooks print.
		if err := req.Capabilities.Set(capability.Sideband64k); err != nil {
			return nil, nil, err
		}
	}
	said = &bytes.Buffer{}
	req.Progress = said
	req.Commands = []*packp.Command{{Name: u.name(), Old: u.Old, New: u.New}}
	return req, said, nil
}
