package sign

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// openPGPKey returns the key of a ring that signs; err is what reading the ring returned.
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

// privateParts returns the private parts of a key and its subkeys that are in the file.
func privateParts(e *openpgp.Entity) []*packet.PrivateKey {
	parts := []*packet.PrivateKey{e.PrivateKey}
	for _, sub := range e.Subkeys {
		parts = append(parts, sub.PrivateKey)
	}
	return slices.DeleteFunc(parts, func(part *packet.PrivateKey) bool { return part == nil || part.Dummy() })
}

// signingKey returns the part of a key that can sign now and is in the file: the newest subkey, or else the primary
// key. The library would also choose a subkey that was left out of the export.
func signingKey(e *openpgp.Entity) (found openpgp.Key, ok bool) {
	for _, private := range privateParts(e) {
		key, can := e.SigningKeyById(time.Now(), private.KeyId)
		if !can {
			continue
		}
		newer := ok && key.PublicKey.CreationTime.After(found.PublicKey.CreationTime)
		if !ok || newer || found.PublicKey == e.PrimaryKey {
			found, ok = key, true
		}
	}
	return found, ok
}

// unfit returns why a key cannot sign.
func unfit(e *openpgp.Entity) error {
	private := len(privateParts(e)) > 0
	name := openPGPName(e.PrimaryKey)
	self, _ := e.PrimarySelfSignature()
	switch {
	case e.PrivateKey == nil && !private:
		return errPublicKey
	case e.Revoked(time.Now()):
		return fmt.Errorf("%s is revoked", name)
	case self != nil && e.PrimaryKey.KeyExpired(self, time.Now()):
		return fmt.Errorf("%s has expired, or is from the future by this machine's clock", name)
	case !private:
		return fmt.Errorf("%s: its private part is not in the file; it may be on a card", name)
	}
	return fmt.Errorf("%s cannot sign: neither it nor a subkey in the file is valid for signing", name)
}

// openPGPName returns the name of a key for a person.
func openPGPName(key *packet.PublicKey) string { return fmt.Sprintf("OpenPGP key %X", key.Fingerprint) }

// unlock decrypts the private key, if it is encrypted.
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
		config := &packet.Config{SigningKeyId: key.PublicKey.KeyId}
		err := openpgp.ArmoredDetachSign(&out, e, bytes.NewReader(commit), config)
		return out.Bytes(), err
	}}, nil
}
