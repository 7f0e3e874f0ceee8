package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func advert(names ...string) string {
	var out strings.Builder
	out.WriteString("001e# service=git-upload-pack\n0000")
	for i, name := range names {
		if i == 0 {
			name += "\x00side-band-64k shallow"
		}
		line := strings.Repeat("1", 40) + " " + name + "\n"
		fmt.Fprintf(&out, "%04x%s", len(line)+4, line)
	}
	return out.String() + "0000"
}

func TestHeads(t *testing.T) {
	t.Parallel()
	numbered := func(format string, n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprintf(format, 100000+i))
		}
		return names
	}
	join := func(lists ...[]string) (all []string) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	one, pulls := []string{"HEAD", "refs/heads/main"}, numbered("refs/pull/%d/head", 5000)
	for name, test := range map[string]struct {
		in, want []string
		whole    bool // all of it is read
	}{
		"few": {
			join(one, []string{"refs/pull/1/head", "refs/tags/v1", "refs/tags/v1^{}"}), one, true,
		},
		"many branches": {
			join(one, numbered("refs/heads/x%d", 5000)), join(one, numbered("refs/heads/x%d", 5000)), true,
		},
		"many others":   {join(one, pulls), one, false},
		"others before": {join([]string{"HEAD"}, numbered("refs/changes/%d", 5000), one[1:]), one, true},
		"not by name":   {join([]string{"HEAD"}, pulls, one[1:]), one, true},
		"not by name, in between": {
			join(one, []string{"refs/tags/x"}, pulls, []string{"refs/heads/b"}),
			join(one, []string{"refs/heads/b"}), true,
		},
		"peeled tags": {
			join(one, []string{"refs/tags/v1", "refs/tags/v1^{}", "refs/tags/v1-rc"}, numbered("refs/tags/x%d", 5000)),
			one, false,
		},
		"no HEAD":   {join(one[1:], pulls), one[1:], false},
		"no branch": {join([]string{"HEAD"}, pulls), []string{"HEAD"}, true},
	} {
		in := strings.NewReader(advert(test.in...))
		got, err := io.ReadAll(Heads(in))
		if err != nil || string(got) != advert(test.want...) {
			t.Errorf("%s: %d bytes, want %d; %v", name, len(got), len(advert(test.want...)), err)
		}
		if read := in.Size() - int64(in.Len()); (in.Len() == 0) != test.whole || !test.whole && read > 80<<10 {
			t.Errorf("%s: %d bytes are read and %d left, want all: %t", name, read, in.Len(), test.whole)
		}
	}
}

// TestHeadsEndless: references have a limit of their own.
func TestHeadsEndless(t *testing.T) {
	t.Parallel()
	again := &repeated{data: []byte("fff0" + strings.Repeat("a", 0xfff0-4))}
	if n, err := io.Copy(io.Discard, Heads(again)); !errors.Is(err, ErrTooLarge) || n > maxReferences {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// repeated reads its data again and again.
type repeated struct {
	data []byte
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.data[r.at:])
	r.at = (r.at + n) % len(r.data)
	return n, nil
}

// FuzzHeads: input that is no list of references is passed on unchanged, and is the same in pieces of any size.
func FuzzHeads(f *testing.F) {
	for _, seed := range []string{
		"", "0000", advert("HEAD", "refs/heads/main", "refs/tags/x"), advert("refs/tags/x")[:60], "<html>", "0003",
		"0005x", "00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, err := io.ReadAll(Heads(bytes.NewReader(data)))
		if err != nil || len(whole) > len(data) {
			t.Errorf("%d bytes of %d, %v", len(whole), len(data), err)
		}
		parts, err := io.ReadAll(iotest.OneByteReader(Heads(iotest.OneByteReader(bytes.NewReader(data)))))
		if err != nil || !bytes.Equal(whole, parts) {
			t.Errorf("%q at once, %q by bytes, %v", whole, parts, err)
		}
		if !bytes.Contains(data, []byte("refs/")) && !bytes.Equal(whole, data) {
			t.Errorf("%q became %q", data, whole)
		}
	})
}
