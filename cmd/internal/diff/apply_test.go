package diff

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

// apply applies a patch with git to a working tree of before, and returns the tree that comes of it.
func apply(t *testing.T, before fstest.MapFS, patch string) (fstest.MapFS, error) {
	t.Helper()
	dir := t.TempDir()
	for name, f := range before {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil && f.Mode&fs.ModeSymlink != 0 {
			err = os.Symlink(string(f.Data), path)
		} else if err == nil {
			err = os.WriteFile(path, f.Data, f.Mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("git", "apply", "--whitespace=nowarn", "-")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(patch)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_DIR=none")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("git apply: %w: %s", err, out)
	}
	after := fstest.MapFS{}
	tree := os.DirFS(dir).(fs.ReadLinkFS)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		f, err := read(tree, name)
		after[name] = &fstest.MapFile{Data: f.data, Mode: f.mode}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return after, nil
}

// unlike returns the names of the files in which two trees differ.
func unlike(got, want fstest.MapFS) []string {
	same := func(x, y *fstest.MapFile) bool {
		return x != nil && y != nil && bytes.Equal(x.Data, y.Data) &&
			file{mode: x.Mode}.gitMode() == file{mode: y.Mode}.gitMode()
	}
	var names []string
	for name := range got {
		if !same(got[name], want[name]) {
			names = append(names, name)
		}
	}
	for name := range want {
		if got[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// changed returns the names of the files of two trees, sorted, as an edit tells them.
func changed(before, after fstest.MapFS) []string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool {
		x, y := before[name], after[name]
		return x != nil && y != nil && x.Mode == y.Mode && bytes.Equal(x.Data, y.Data)
	})
}

func noSecret([]byte) bool { return false }

// checkApply checks that git makes after of before, by the patch, and by the text where that tells all.
func checkApply(t *testing.T, before, after fstest.MapFS) {
	t.Helper()
	d, err := Unified(before, after, changed(before, after))
	if err != nil {
		t.Fatal(err)
	}
	patches := []string{d.Patch(noSecret)}
	if !utf8.ValidString(patches[0]) {
		t.Errorf("JSON cannot hold the patch %q", patches[0])
	}
	if !slices.ContainsFunc(d.files, func(f fileDiff) bool { return f.sides != nil }) {
		patches = append(patches, d.Text())
	}
	for _, patch := range slices.Compact(patches) {
		got, err := apply(t, before, patch)
		if err != nil {
			t.Errorf("%v\n%s", err, patch)
			return
		}
		for _, name := range unlike(got, after) {
			t.Errorf("%q is not as it should be", name)
			show := func(tree fstest.MapFS) string {
				if f := tree[name]; f != nil {
					return fmt.Sprintf("%v %.400q", f.Mode, f.Data)
				}
				return "not there"
			}
			one, err := Unified(before, after, []string{name})
			t.Fatalf("before %s\nafter  %s\ngit    %s\n%v %s",
				show(before), show(after), show(got), err, one.Patch(noSecret))
		}
	}
}

// TestApplied has the cases in which git and a diff may not understand each other.
func TestApplied(t *testing.T) {
	stanza := "- name: a\n  image: x:1\n  env: prod\n  port: 80\n"
	long, many := strings.Repeat("f\n", 8), strings.Repeat("a\n", maxLines/2)
	for name, test := range map[string]struct{ before, after string }{
		"two changes in one hunk, and a third": {
			"a: v1\nx: 1\nb: v1\n" + long + "c: v1\n" + long + "c: v1\n",
			"a: v2\nx: 1\nb: v2\n" + long + "c: v2\n" + long + "c: v1\n",
		},
		"alike stanzas": {
			strings.Repeat(stanza, 30),
			strings.Repeat(stanza, 3) + strings.ReplaceAll(strings.Repeat(stanza, 2), "x:1", "x:2") +
				strings.Repeat(stanza, 20) + strings.ReplaceAll(stanza, "80", "81") + strings.Repeat(stanza, 4),
		},
		"no newline before":     {"a\nb", "a\nb\n"},
		"no newline after":      {"a\nb\n", "a\nb"},
		"no newline in either":  {"a\nb", "c\nb"},
		"a line after none":     {"a\nb", "a\nb\nc"},
		"only a newline":        {"\n", "\n\n"},
		"CRLF":                  {"a\r\nb\r\nc", "a\r\nx\r\nc\r"},
		"CRLF to LF":            {"a\r\nb\r\n", "a\nb\n"},
		"lone CR, and controls": {"a\rb\x1b[1m\n", "a\rc\x1b[1m\v\f\u2028\n"},
		"like headers":          {"-- a/f\n++ b/f\n", "@@ -1 +1 @@\n++ b/x\n"},
		"like a patch":          {"x\n", "x\ndiff --git a/f b/f\nGIT binary patch\n"},
		"binary to text":        {"a\x00b", "a\n"},
		"a long binary":         {strings.Repeat("\x00\xff", 9), noise(2000)},
		"not UTF-8":             {"caf\xe9\n", "caf\xe8\n"},
		"not UTF-8 elsewhere":   {"caf\xe9\n1\n2\n3\na\n", "caf\xe9\n1\n2\n3\nb\n"},
		"to UTF-8":              {"caf\xe9\nb\n", "caf\u00e9\nb\n"},
		"from UTF-8":            {"caf\u00e9\nb\n", "caf\xe9\nb\n"},
		"large":                 {many + "b\n", "b\n" + many},
		"not quite large":       {many, "b\n" + many[4:]},
	} {
		t.Run(name, func(t *testing.T) {
			checkApply(t,
				fstest.MapFS{"f": entry(test.before, 0o644)}, fstest.MapFS{"f": entry(test.after, 0o644)})
		})
	}
}

// TestFiles has files that come, go, and become others.
func TestFiles(t *testing.T) {
	text, other, empty := entry("a\n", 0o644), entry("b\n", 0o644), entry("", 0o644)
	program, emptyProgram := entry("a\n", 0o755), entry("", 0o755)
	binary := entry("a\x00b", 0o644)
	link, otherLink := entry("a", fs.ModeSymlink|0o777), entry("b", fs.ModeSymlink|0o777)
	type tree = fstest.MapFS
	for name, test := range map[string]struct{ before, after tree }{
		"new":                 {tree{}, tree{"f": text, "d/g": text}},
		"new, empty":          {tree{}, tree{"f": empty, "g": emptyProgram}},
		"deleted":             {tree{"f": text, "g": emptyProgram, "h": empty}, tree{}},
		"emptied and filled":  {tree{"f": text, "g": empty}, tree{"f": empty, "g": text}},
		"modes":               {tree{"f": text, "g": emptyProgram}, tree{"f": program, "g": empty}},
		"mode and contents":   {tree{"f": other}, tree{"f": program}},
		"mode, then contents": {tree{"f": text, "g": text}, tree{"f": program, "g": other}},
		"empty, then text":    {tree{"g": text}, tree{"f": empty, "g": other, "h": text}},
		"symlinks":            {tree{"l": link, "m": link}, tree{"l": otherLink, "n": link}},
		"to a symlink":        {tree{"f": text, "l": link}, tree{"f": link, "l": program}},
		"a folder for a file": {tree{"f": text}, tree{"f/x": text}},
		"a file for a folder": {tree{"f/x": text}, tree{"f": text}},
		"binary":              {tree{"f": binary, "h": binary, "t": text}, tree{"f": text, "g": binary, "t": other}},
		"odd, then plain":     {tree{"a b": text, "c": text}, tree{"a b": other, "c": other}},
	} {
		t.Run(name, func(t *testing.T) { checkApply(t, test.before, test.after) })
	}
}

// noise returns bytes that no compression makes shorter.
func noise(size int) string {
	source := rand.NewChaCha8([32]byte{})
	data := make([]byte, size)
	_, _ = source.Read(data)
	return string(data)
}

// TestNames has names that git writes in quotes, and those that it could misread without a header of its own.
func TestNames(t *testing.T) {
	names := []string{
		"a b", " a", "a ", "a\tb", "a\nb", "a\"b", `a\b`, "ü", "日本", "a\x01", "a'b", "a b/c d", "a.orig",
		"-a", "#a",
		"a=>b", "a 2020-01-01 10:00:00 +0000", "x 1970-01-01 00:00:00 +0000", "dev/null", "dev/null ", "b/f", "a/f",
		"\u202ea", "\u00a0a", "\u2028", "a\r", "{a,b}", "*", "a\x7f", "%00", "e\u0301",
	}
	before, after := fstest.MapFS{}, fstest.MapFS{}
	for i, name := range names {
		before[name+"1"], after[name+"1"] = entry("1\n", 0o644), entry("2\n", 0o644)
		before[name+"2"] = entry(fmt.Sprint(i), 0o644)
		after[name+"3"] = entry(fmt.Sprint(i), 0o644)
		before[name+"4"], after[name+"4"] = entry("1\n", 0o644), entry("1\n", 0o755)
		before[name+"5"], after[name+"5"] = entry("\x00", 0o644), entry("", 0o755)
	}
	checkApply(t, before, after)
	// An fs.FS takes UTF-8 only.
	if got, want := quote("\xff1\a\"ü"), `"\3771\a\"ü"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestProperty checks that git makes of a tree what random edits made of it, many files to a patch.
func TestProperty(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	for seed := range uint64(rounds) {
		r := random{rand.New(rand.NewPCG(seed, 14))}
		before, after := fstest.MapFS{}, fstest.MapFS{}
		for i := range 80 {
			name := fmt.Sprintf("%s%d", pick(r, "f", "d/f", "a b", "ü ", "q\"", "t\t"), i)
			if f := r.file(); r.IntN(8) > 0 {
				before[name] = f
			}
			switch old := before[name]; {
			case old == nil:
				after[name] = r.file()
			case r.IntN(10) > 0:
				after[name] = r.edit(old)
			}
		}
		checkApply(t, before, after)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// random makes files and edits, of lines that are often the same.
type random struct{ *rand.Rand }

func pick[T any](r random, from ...T) T { return from[r.IntN(len(from))] }

func (r random) line() string {
	text := pick(r, "a: 1", "a: 2", "- name: x", "  image: shop:1", "  image: shop:2", "", "}", "--- a", "+++ b", "ü",
		"\t", " ", "@@ -1 +1 @@")
	return text + pick(r, "\n", "\n", "\n", "\n", "\r\n", "\r\n", "\r\r\n", "\v\n")
}

func (r random) file() *fstest.MapFile {
	var lines []string
	stanza := []string{r.line(), r.line(), r.line(), r.line()}
	for range r.IntN(30) {
		if r.IntN(3) > 0 {
			lines = append(lines, stanza...)
		} else {
			lines = append(lines, r.line())
		}
	}
	return r.entry(strings.Join(lines, ""))
}

// entry returns a file with a text, which is perhaps not to end at the end of a line, or to be no text.
func (r random) entry(text string) *fstest.MapFile {
	switch r.IntN(12) {
	case 0, 1, 2:
		text = strings.TrimSuffix(text, "\n")
	case 3:
		text += pick(r, "\x00", "\xff", "a\x00b\n", "caf\xe9\n")
	case 4:
		return link(text)
	case 5:
		text = ""
	}
	return entry(text, pick[fs.FileMode](r, 0o644, 0o644, 0o644, 0o755))
}

// link returns a symlink whose target is some of a text.
func link(text string) *fstest.MapFile {
	return entry("x"+strings.NewReplacer("\n", "", "\x00", "").Replace(text), fs.ModeSymlink|0o777)
}

func (r random) edit(old *fstest.MapFile) *fstest.MapFile {
	all := lines(string(old.Data))
	for range r.IntN(6) {
		at := r.IntN(len(all) + 1)
		n := min(r.IntN(4), len(all)-at)
		switch r.IntN(4) {
		case 0:
			all = slices.Delete(all, at, at+n)
		case 1:
			all = slices.Insert(all, at, r.line(), r.line())
		case 2:
			all = slices.Insert(all, at, slices.Clone(all[at:at+n])...)
		default:
			for i := range n {
				all[at+i] = r.line()
			}
		}
	}
	text := strings.Join(all, "")
	if old.Mode&fs.ModeSymlink != 0 && r.IntN(4) > 0 {
		return link(text)
	}
	if r.IntN(3) > 0 {
		return entry(text, old.Mode&^fs.ModeSymlink)
	}
	return r.entry(text)
}
