package pack

import "errors"

// What can be wrong with what a server sends, for errors.Is.
var (
	// ErrTooLarge: it is more than the Quota.
	ErrTooLarge = errors.New("the server sends too much")
	// ErrTooManyObjects: the pack has more objects than UnpackFew takes.
	ErrTooManyObjects = errors.New("too many objects")
	// ErrBaseMissing: deltas of the pack, whose checksum is right, are against objects that are neither in it nor in
	// the store.
	ErrBaseMissing = errors.New("delta base missing")
)
