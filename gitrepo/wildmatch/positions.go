package wildmatch

import "math/bits"

// positions is a set of instructions.
type positions []uint64

// newPositions returns an empty set of numbers below n.
func newPositions(n int) positions { return make(positions, (n+63)/64) }

func (p positions) add(i int)      { p[i/64] |= 1 << (i % 64) }
func (p positions) has(i int) bool { return p[i/64]&(1<<(i%64)) != 0 }

// next returns the smallest number from i on, or -1.
func (p positions) next(i int) int {
	for word := i / 64; word < len(p); word++ {
		rest := p[word]
		if word == i/64 {
			rest &= ^uint64(0) << (i % 64)
		}
		if rest != 0 {
			return word*64 + bits.TrailingZeros64(rest)
		}
	}
	return -1
}
