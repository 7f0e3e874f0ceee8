package transport

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/objectdb"
)

// Reusing is a Wire that is asked only for objects that a checkout does not have.
type Reusing struct {
	*Wire
	objects *objectdb.DB
	tip     plumbing.Hash
	asked   bool // the Wire was, for the tip
}

// Reuse returns a connection that looks for objects in a checkout's database first.
func Reuse(w *Wire, objects *objectdb.DB) *Reusing { return &Reusing{Wire: w, objects: objects} }

// FetchTip fetches a commit if the checkout does not have it.
func (r *Reusing) FetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash, what Extent) error {
	missing, err := r.missing(ctx, store, []plumbing.Hash{tip})
	if r.tip, r.asked = tip, len(missing) > 0; err != nil || !r.asked {
		return err
	}
	return r.Wire.FetchTip(ctx, store, tip, what)
}

// FetchObjects fetches the objects that the checkout does not have. The first time, it asks for the tip: what is
// missing may be a tree, and then more of them. All come with the tip in one request if they are not many.
func (r *Reusing) FetchObjects(
	ctx context.Context, store *memory.Storage, hashes []plumbing.Hash, what Extent,
) error {
	missing, err := r.missing(ctx, store, hashes)
	if err != nil || len(missing) == 0 {
		return err
	}
	if !r.asked {
		r.asked = true
		if err := r.Wire.FetchTip(ctx, store, r.tip, Single); err != nil {
			return err
		}
		if missing, err = r.missing(ctx, store, hashes); err != nil || len(missing) == 0 {
			return err
		}
	}
	return r.Wire.FetchObjects(ctx, store, missing, what)
}

// missing copies objects into the store and returns those that it could not. Whatever keeps one from being read in the
// checkout, the server has it too.
func (r *Reusing) missing(
	ctx context.Context, store *memory.Storage, hashes []plumbing.Hash,
) (missing []plumbing.Hash, err error) {
	missing, _ = r.objects.Copy(ctx, store, hashes...)
	return missing, ctx.Err()
}

// FetchLog fetches commits if the checkout does not have them all, as a shallow one may, whatever it says of its depth.
func (r *Reusing) FetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error {
	_, err := NewestFetched(store, tip, n, func(h plumbing.Hash) error {
		_, err := r.missing(ctx, store, []plumbing.Hash{h})
		return err
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return r.Wire.FetchLog(ctx, store, tip, n)
}
