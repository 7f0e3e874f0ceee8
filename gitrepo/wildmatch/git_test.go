package wildmatch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// gitMatches returns what git itself matches: for each pattern, the set of names. Each pattern has an attribute of its
// own, so that one process answers for all.
func gitMatches(t *testing.T, flags Flags, patterns, names []string) []map[string]bool {
	t.Helper()
	dir := t.TempDir()
	git := func(stdin string, args ...string) []byte {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir,
			"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1")
		cmd.Stdin = strings.NewReader(stdin)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %s: %v: %s", args, err, stderr.String())
		}
		return out
	}
	git("", "init", "-q")
	var attributes strings.Builder
	for i, pattern := range patterns {
		fmt.Fprintf(&attributes, "\"/%s\" p%d\n", octal(pattern), i)
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitattributes"), []byte(attributes.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	out := git(strings.Join(names, "\x00")+"\x00", "-c", fmt.Sprint("core.ignorecase=", flags&FoldCase != 0),
		"check-attr", "-z", "-a", "--stdin")
	matches := make([]map[string]bool, len(patterns))
	fields := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	for ; len(fields) >= 3; fields = fields[3:] {
		var i int
		if _, err := fmt.Sscanf(fields[1], "p%d", &i); err != nil {
			t.Fatalf("attribute %q: %v", fields[1], err)
		}
		if matches[i] == nil {
			matches[i] = map[string]bool{}
		}
		matches[i][fields[0]] = true
	}
	return matches
}

// octal escapes every byte for a quoted string of git's.
func octal(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, `\%03o`, s[i])
	}
	return b.String()
}

// asGit matches as git does in an attribute file.
func asGit(pattern, name string, flags Flags) bool {
	n := Literal(pattern)
	if len(name) < n {
		return false
	}
	same := pattern[:n] == name[:n]
	if flags&FoldCase != 0 {
		same = strings.EqualFold(pattern[:n], name[:n])
	}
	if !same || n == len(pattern) {
		return same && n == len(name)
	}
	p, _ := Compile(pattern[n:], flags)
	return p.Match(name[n:])
}

func compare(t *testing.T, flags Flags, patterns, names []string) {
	t.Helper()
	matched, wrong := 0, 0
	for i, want := range gitMatches(t, flags, patterns, names) {
		matched += len(want)
		for _, name := range names {
			if got := asGit(patterns[i], name, flags); got != want[name] {
				if wrong++; wrong <= 20 {
					t.Errorf("pattern %q, name %q, flags %b: got %t, git %t", patterns[i], name, flags, got, want[name])
				}
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d answers are not git's", wrong, len(patterns)*len(names))
	}
	if matched < len(patterns)/10 {
		t.Errorf("only %d matches: the names do not fit the patterns", matched)
	}
	t.Logf("%d patterns, %d names, %d matches", len(patterns), len(names), matched)
}

// What random patterns and names are made of.
var (
	patternPieces = []string{
		"*", "*", "**", "**/", "/**", "/**/", "***", "?",
		"[ab]", "[a-c]", "[!a]", "[^a-b]", "[^/]", "[/]", "[]a]", "[!]a]", "[a-]", "[--a]", "[b-a]", "[a-b-c]",
		"[[:alpha:]]", "[![:digit:]]", "[[:digit:]a-]", "[a-[:digit:]]", "[[:upper:]_]",
		"[[:foo:]]", "[[:]", "[[::]]", "[[:alpha]", "[\\]a]", "[\\a-\\c]", "[A-B]", "[A]",
		"[", "]", "[a", "[!", "\\", "\\*", "\\a", "\\/", "\\A", "\\\\",
		"a", "b", "c", "a", "b", "A", "1", "-", "/", "/", "ab", "\xc3", "é", "!", ":",
	}
	namePieces = []string{
		"a", "b", "c", "a", "b", "A", "B", "1", "/", "/", "/", "ab", "é", "\xc3",
		"-", "]", "[", "*", "\\", ":", "_", "!", "a/b", "ab/",
	}
)

// randomText returns one to most of the pieces, one after the other.
func randomText(random *rand.Rand, pieces []string, most int) string {
	var b strings.Builder
	for range 1 + random.IntN(most) {
		b.WriteString(pieces[random.IntN(len(pieces))])
	}
	return b.String()
}

// TestLikeGit compares random patterns on random names with git.
func TestLikeGit(t *testing.T) {
	t.Parallel()
	for _, flags := range []Flags{0, FoldCase} {
		t.Run(fmt.Sprintf("%b", flags), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(13, uint64(flags)))
			var patterns, names []string
			for len(patterns) < 1500 {
				// Git takes a slash at the end for a mark of a folder, and one at the start for nothing.
				if p := randomText(random, patternPieces, 6); p == strings.Trim(p, "/") {
					patterns = append(patterns, p)
				}
			}
			for len(names) < 300 {
				if n := randomText(random, namePieces, 7); n == strings.Trim(n, "/") && !strings.Contains(n, "//") {
					names = append(names, n)
				}
			}
			compare(t, flags, patterns, names)
		})
	}
}

// TestClasses compares every class on every byte with git.
func TestClasses(t *testing.T) {
	t.Parallel()
	var patterns, names []string
	for class := range classes {
		patterns = append(patterns, "x[[:"+class+":]]", "x[![:"+class+":]]")
	}
	for c := 1; c < 256; c++ {
		if c != '/' {
			names = append(names, "x"+string([]byte{byte(c)}))
		}
	}
	compare(t, 0, patterns, names)
	compare(t, FoldCase, patterns, names)
}
