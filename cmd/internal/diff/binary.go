package diff

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1" // The names of git objects.
	"encoding/binary"
	"fmt"
	"strings"
)

// binaryPatch returns the patch of a file's bytes, as git's --binary has it
// (https://git-scm.com/docs/git-diff#Documentation/git-diff.txt---binary): forwards and backwards. Git takes it for the
// very contents only that the names of the objects tell.
func binaryPatch(old, now file) string {
	return fmt.Sprintf("index %s..%s\nGIT binary patch\n%s%s", old.object(), now.object(),
		literal(now.data), literal(old.data))
}

// object returns the name of the file's object in a git repository, zeros for no file.
func (f file) object() string {
	if !f.exists() {
		return strings.Repeat("0", 2*sha1.Size)
	}
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", len(f.data))
	h.Write(f.data)
	return fmt.Sprintf("%x", h.Sum(nil))
}

// maxLiteral is the number of bytes that a line of a binary patch holds.
const maxLiteral = 52

// literal returns data as one side of a binary patch: compressed, in lines that each begin with a letter for the number
// of bytes in it.
func literal(data []byte) string {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	// A buffer in memory takes all.
	_, _ = w.Write(data)
	_ = w.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "literal %d\n", len(data))
	for rest := packed.Bytes(); len(rest) > 0; {
		line := rest[:min(maxLiteral, len(rest))]
		rest = rest[len(line):]
		size := byte(len(line))
		if size <= 26 {
			b.WriteByte('A' + size - 1)
		} else {
			b.WriteByte('a' + size - 27)
		}
		writeBase85(&b, line)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.String()
}

// digits85 are git's digits of numbers to the base 85, which are not those of Ascii85.
const digits85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"

// writeBase85 writes five digits for each four bytes, of which the last ones may be missing.
func writeBase85(b *strings.Builder, data []byte) {
	for len(data) > 0 {
		var four [4]byte
		data = data[copy(four[:], data):]
		number := binary.BigEndian.Uint32(four[:])
		var digits [5]byte
		for i := len(digits) - 1; i >= 0; i-- {
			digits[i] = digits85[number%85]
			number /= 85
		}
		b.Write(digits[:])
	}
}
