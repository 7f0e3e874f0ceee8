package gitrepo

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Signer signs commits as git does.
type Signer interface {
	// Sign returns the signature of a commit, in the armor that its header takes.
	Sign(commit []byte) ([]byte, error)
	// String returns, for a person, which key it is. It holds no secret.
	String() string
}

// addSignature adds the signature of all the rest of a commit to it.
func addSignature(c *object.Commit, by Signer) error {
	if by == nil {
		return nil
	}
	o := &plumbing.MemoryObject{}
	if err := c.EncodeWithoutSignature(o); err != nil {
		return err
	}
	r, err := o.Reader()
	if err != nil {
		return err
	}
	var data bytes.Buffer
	_, err = data.ReadFrom(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	signature, err := by.Sign(data.Bytes())
	if err != nil {
		return err
	}
	c.PGPSignature = strings.TrimRight(string(signature), "\n")
	return nil
}
