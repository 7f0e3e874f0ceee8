package gitrepo

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/objectdb"
)

// reusing is a connection that is asked only for objects that a checkout does not have.
type reusing struct {
	connection
	objects *objectdb.DB
	tip     plumbing.Hash
	asked   bool // the connection was, for the tip
}

func (r *reusing) fetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash, trees bool) error {
	r.tip, r.asked = tip, !r.objects.Copy(store, tip)
	if !r.asked {
		return nil
	}
	return r.connection.fetchTip(ctx, store, tip, trees)
}

func (r *reusing) fetchObjects(ctx context.Context, store *memory.Storage, hashes []plumbing.Hash, what extent) error {
	missing := func() (out []plumbing.Hash, err error) {
		for _, h := range hashes {
			if !r.objects.Copy(store, h) {
				out = append(out, h)
			}
		}
		return out, ctx.Err()
	}
	left, err := missing()
	if err != nil || len(left) == 0 {
		return err
	}
	if !r.asked {
		// What is missing may be a tree, and then more of them: all come with the tip, in one request, if they are not many.
		r.asked = true
		if err := r.connection.fetchTip(ctx, store, r.tip, false); err != nil {
			return err
		}
		if left, err = missing(); err != nil || len(left) == 0 {
			return err
		}
	}
	return r.connection.fetchObjects(ctx, store, left, what)
}

func (r *reusing) fetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error {
	// Parents that a shallow checkout leaves out are missing here, whatever it says of where it ends.
	_, err := newest(store, tip, n, func(h plumbing.Hash) error {
		r.objects.Copy(store, h)
		return ctx.Err()
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return r.connection.fetchLog(ctx, store, tip, n)
}
