package sign

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

func openPGPKey(ring openpgp.EntityList, err error, passphrase []byte) (*Key, error) {
	if err != nil || len(ring) == 0 {
		return nil, errors.New("the signing key cannot be read as an OpenPGP private key")
	}
	for _, e := range ring {
		if key, ok := signingKey(e); ok {
			return unlock(e, key, passphrase)
		}
	}
	return nil, unfit(ring[0])
}

// signingKey is the part of a key that can sign now and is here. The library looks for what can sign alone, and would
// choose a subkey that was left out of the export.
func signingKey(e *openpgp.Entity) (found openpgp.Key, ok bool) {
	keys := []*packet.PrivateKey{e.PrivateKey}
	for _, sub := range e.Subkeys {
		keys = append(keys, sub.PrivateKey)
	}
	for _, private := range keys {
		if private == nil || private.Dummy() {
			continue
		}
		key, can := e.SigningKeyById(time.Now(), private.KeyId)
		if can &&
			(!ok || key.PublicKey.CreationTime.After(found.PublicKey.CreationTime) || found.PublicKey == e.PrimaryKey) {
			found, ok = key, true
		}
	}
	return found, ok
}

// unfit says why a key does not sign.
func unfit(e *openpgp.Entity) error {
	private := e.PrivateKey != nil && !e.PrivateKey.Dummy()
	for _, sub := range e.Subkeys {
		private = private || sub.PrivateKey != nil && !sub.PrivateKey.Dummy()
	}
	name := openPGPName(e.PrimaryKey)
	self, _ := e.PrimarySelfSignature()
	switch {
	case e.PrivateKey == nil && !private:
		return errPublicKey
	case e.Revoked(time.Now()):
		return fmt.Errorf("%s is revoked", name)
	case self != nil && e.PrimaryKey.KeyExpired(self, time.Now()):
		return fmt.Errorf("%s has expired, or by this machine's clock is not made yet", name)
	case !private:
		return fmt.Errorf("%s: its private part is not in the file, but perhaps on a card", name)
	}
	return fmt.Errorf("%s cannot sign: neither it nor a subkey of it that is here is meant for signing and still valid",
		name)
}

func openPGPName(key *packet.PublicKey) string { return fmt.Sprintf("OpenPGP key %X", key.Fingerprint) }

func unlock(e *openpgp.Entity, key openpgp.Key, passphrase []byte) (*Key, error) {
	if key.PrivateKey.Encrypted {
		if len(passphrase) == 0 {
			return nil, errEncrypted
		}
		if err := key.PrivateKey.Decrypt(passphrase); err != nil {
			return nil, errPassphrase
		}
	}
	return &Key{openPGPName(key.PublicKey), func(commit []byte) ([]byte, error) {
		var out bytes.Buffer
		err := openpgp.ArmoredDetachSign(&out, e, bytes.NewReader(commit),
			&packet.Config{SigningKeyId: key.PublicKey.KeyId})
		return out.Bytes(), err
	}}, nil
}
