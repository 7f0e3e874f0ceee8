package pack

// What is accepted of a server. The bytes in all are limited by a Quota.
const (
	// maxReferences is how many bytes of references are accepted: some two million of them, all of which the library
	// keeps.
	maxReferences = 128 << 20
	// maxOthers is how many bytes of references after the branches are read before the rest is left unread.
	maxOthers = 64 << 10
	// maxMessage is how many bytes of a server's error are kept.
	maxMessage = 1000

	// perObject is what an object counts for in addition to its contents, in bytes: endless empty ones take memory too.
	perObject = 1 << 10
	// maxInMemory is how many bytes of objects are kept in memory. What comes after them goes to a file.
	maxInMemory = 32 << 20

	// maxDelta is the size, in bytes, above which git makes no deltas of a file (core.bigFileThreshold,
	// https://git-scm.com/docs/git-config). A delta, its base and its result have to be in memory.
	maxDelta = 512 << 20
	// maxWaiting is how many deltas may come before their bases. Git sends none like that.
	maxWaiting = 1 << 16
)
