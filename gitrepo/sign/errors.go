package sign

import "errors"

// What is wrong with a key of either kind.
var (
	errPublicKey  = errors.New("the signing key is a public key; signing takes the private one")
	errPassphrase = errors.New("the signing key's passphrase is wrong")
	errEncrypted  = errors.New("the signing key has a passphrase, but none is given")
)
