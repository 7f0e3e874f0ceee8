package diff

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// entry returns a file of a tree.
func entry(data string, mode fs.FileMode) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(data), Mode: mode}
}

// TestUnified has what edits of contents alone do not bring.
func TestUnified(t *testing.T) {
	const symlink = fs.ModeSymlink | 0o777
	for _, test := range []struct {
		name     string
		old, now *fstest.MapFile
		want     string
	}{
		{"contents", entry("1\n", 0o644), entry("2\n", 0o644), "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-1\n+2\n"},
		{"new, empty", nil, entry("", 0o644), "diff --git a/f b/f\nnew file mode 100644\n"},
		{
			"emptied", entry("1\n", 0o644), entry("", 0o644),
			"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +0,0 @@\n-1\n",
		},
		{
			"new, executable", nil, entry("1\n", 0o755),
			"diff --git a/f b/f\nnew file mode 100755\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+1\n",
		},
		{
			"deleted", entry("1\n", 0o644), nil,
			"diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n",
		},
		{"deleted, empty", entry("", 0o755), nil, "diff --git a/f b/f\ndeleted file mode 100755\n"},
		{"mode", entry("1\n", 0o644), entry("1\n", 0o755), "diff --git a/f b/f\nold mode 100644\nnew mode 100755\n"},
		{
			"to a symlink", entry("1\n", 0o644), entry("t", symlink),
			"diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n" +
				"diff --git a/f b/f\nnew file mode 120000\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+t\n" +
				"\\ No newline at end of file\n",
		},
		{"binary", entry("\x00", 0o644), entry("2\n", 0o644), "Binary files a/f and b/f differ\n"},
	} {
		before, after := fstest.MapFS{}, fstest.MapFS{}
		if test.old != nil {
			before["f"] = test.old
		}
		if test.now != nil {
			after["f"] = test.now
		}
		got, err := Unified(before, after, []string{"f"})
		if err != nil || got.Text() != test.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", test.name, err, got.Text(), test.want)
		}
	}
	// A folder in a file's place shows in its own files.
	before, after := fstest.MapFS{"f": entry("1\n", 0o644)}, fstest.MapFS{"f/x": entry("", 0o644)}
	got, err := Unified(before, after, []string{"f", "f/x"})
	want := "diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n" +
		"diff --git a/f/x b/f/x\nnew file mode 100644\n"
	if err != nil || got.Text() != want {
		t.Errorf("folder: %v\n%s\nwant\n%s", err, got.Text(), want)
	}
}

// TestSecret checks that a secret is not hidden in a binary patch.
func TestSecret(t *testing.T) {
	before := fstest.MapFS{"f": entry("\x00s3cret", 0o644), "g": entry("\x001", 0o644)}
	after := fstest.MapFS{"f": entry("\x00gone", 0o644), "g": entry("\x002", 0o644)}
	d, err := Unified(before, after, []string{"f", "g"})
	if err != nil {
		t.Fatal(err)
	}
	patch := d.Patch(func(data []byte) bool { return bytes.Contains(data, []byte("s3cret")) })
	if !strings.HasPrefix(patch, "Binary files a/f and b/f differ\ndiff --git a/g b/g\nindex ") {
		t.Errorf("got %s", patch)
	}
}

// TestLarge checks that a file of very many lines is not compared line by line.
func TestLarge(t *testing.T) {
	small, large := file{0o644, []byte("a\n")}, file{0o644, []byte(strings.Repeat("a\n", maxLines))}
	want := "Files a/f and b/f differ; they are too large to be shown\n"
	if got := compare("f", small, large); got.text != want || got.sides == nil {
		t.Errorf("got %.100q", got.text)
	}
	if got := compare("f", small, file{0o644, []byte("b\n")}); !strings.Contains(got.text, "\n+b\n") {
		t.Errorf("got %q", got.text)
	}
}

// fetching is a tree that knows what was fetched at once.
type fetching struct {
	fstest.MapFS
	fetched []string
	err     error
}

func (f *fetching) Prefetch(names []string) error {
	f.fetched = names
	return f.err
}

// TestPrefetch checks that the old files are fetched at once.
func TestPrefetch(t *testing.T) {
	before := &fetching{MapFS: fstest.MapFS{"a": entry("1\n", 0o644), "b": entry("1\n", 0o644)}}
	if _, err := Unified(before, fstest.MapFS{}, []string{"a", "b"}); err != nil || len(before.fetched) != 2 {
		t.Errorf("%v, fetched %q", err, before.fetched)
	}
	before.err = errors.New("offline")
	if _, err := Unified(before, fstest.MapFS{}, []string{"a"}); err != before.err {
		t.Errorf("got %v", err)
	}
}

func TestContents(t *testing.T) {
	tree := fstest.MapFS{"a": entry("1\n", 0o644), "l": entry("a", fs.ModeSymlink|0o777), "d/x": entry("", 0o644)}
	for name, want := range map[string]string{"a": "1\n", "l": "a", "d": "", "none": ""} {
		if got, err := Contents(tree, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}
