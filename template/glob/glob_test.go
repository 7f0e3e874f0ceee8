package glob

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// tree is a file system that records what is asked of it.
type tree struct {
	fstest.MapFS
	listed     []string
	prefetched [][]string
}

func newTree(names ...string) *tree {
	fsys := &tree{MapFS: fstest.MapFS{}}
	for _, name := range names {
		fsys.MapFS[name] = &fstest.MapFile{Data: []byte(name)}
	}
	return fsys
}

func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	t.listed = append(t.listed, name)
	return t.MapFS.ReadDir(name)
}

func (t *tree) Prefetch(names []string) error {
	t.prefetched = append(t.prefetched, names)
	return nil
}

const (
	app    = "live/application.yaml.tmpl"
	usEast = "live/us-east-1/application.yaml.tmpl"
	deeper = "live/us-east-1/deep/er.yaml.tmpl"
	stage  = "stage/application.yaml.tmpl"
)

func TestFind(t *testing.T) {
	t.Parallel()
	names := []string{
		".hidden.tmpl", "a/b", "a/x/b", "a/x/y/b", "ab/b", "app.yaml.tmpl", "envs/[x]/a.yaml", "é.yaml",
		app, usEast, deeper, "live/us-west-2/app.yml", stage, "v1.yaml", "v2.yaml", "vx.yaml", "v].yaml", "v*.yaml",
	}
	tests := []struct {
		pattern string
		want    string // space-separated; empty: an ErrNoMatch
		listed  string // the folders that may be listed, as a regular expression; empty: any
	}{
		{"live/**.yaml.tmpl", app + " " + usEast + " " + deeper, "^live"},
		{"live/**/*.yaml.tmpl", app + " " + usEast + " " + deeper, "^live"},
		{"live/*.yaml.tmpl", app, "^live$"},
		{"live/*/*.yaml.tmpl", usEast, "^live(/[^/]+)?$"},
		{"live/*/application.yaml.tmpl", usEast, "^live$"},
		{"live/us-*-[[:digit:]]/*.tmpl", usEast, "^live(/us[^/]+)?$"},
		{"**.tmpl", ".hidden.tmpl app.yaml.tmpl " + app + " " + usEast + " " + deeper + " " + stage, ""},
		{"*.tmpl", ".hidden.tmpl app.yaml.tmpl", `^\.$`},
		{"a/**/b", "a/b a/x/b a/x/y/b", "^a(/|$)"},
		{"a/**", "a/b a/x/b a/x/y/b", "^a(/|$)"},
		{"{a,v1.yaml}/*", "a/b", "^a$"},
		{"{a,ab}/{b,c}", "a/b ab/b", "^$"},
		{"{.,x}{.,y}/v1.yaml", "", ""},
		{"v1.yaml/*", "", "^$"},
		{"a**b", "a/b a/x/b a/x/y/b ab/b", ""},
		{"a**/b", "a/b a/x/b a/x/y/b ab/b", ""},
		{"{live,stage}/application.yaml.tmpl", app + " " + stage, "^$"},
		{"{live/**,stage/*}.yaml.tmpl", app + " " + usEast + " " + deeper + " " + stage, "^(live|stage)"},
		{"{nowhere,**/v1.yaml}", "v1.yaml", ""},
		{"v?.yaml", "v*.yaml v1.yaml v2.yaml v].yaml vx.yaml", ""},
		{"v[0-9].yaml", "v1.yaml v2.yaml", ""},
		{"v[[:digit:]].yaml", "v1.yaml v2.yaml", `^\.$`},
		{"v[![:digit:]].yaml", "v*.yaml v].yaml vx.yaml", ""},
		{"v[]x].yaml", "v].yaml vx.yaml", ""},
		{"v[^]0-9*].yaml", "vx.yaml", ""},
		{`v\*.yaml`, "v*.yaml", "^$"},
		{`v[\]*].yaml`, "v*.yaml v].yaml", ""},
		{"v[!0-9].yaml", "v*.yaml v].yaml vx.yaml", ""},
		{"v[2-9x].yaml", "v2.yaml vx.yaml", ""},
		{"a[!x]b", "", ""},
		{"a?b", "", ""},
		{"?.yaml", "é.yaml", ""},
		{"./v1.yaml", "v1.yaml", "^$"},
		{".//a/./b", "a/b", "^$"},
		{`envs/\[x\]/a.yaml`, "envs/[x]/a.yaml", "^$"},
		{`envs/\[x\]/**.yaml`, "envs/[x]/a.yaml", `^envs/\[x\]$`},
		{usEast, usEast, "^$"},
		{"live/us-east-1", "", "^$"},
		{"nowhere/**.tmpl", "", "^$"},
		{"nowhere.yaml", "", "^$"},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			t.Parallel()
			fsys := newTree(names...)
			got, err := Find(fsys, tt.pattern)
			if strings.Join(got, " ") != tt.want || (err == nil) != (tt.want != "") {
				t.Fatalf("got %q, %v; want %s", got, err, tt.want)
			}
			if err != nil && (!errors.Is(err, ErrNoMatch) || !strings.Contains(err.Error(), tt.pattern)) {
				t.Errorf("got %v, want ErrNoMatch", err)
			}
			allowed := regexp.MustCompile(tt.listed)
			for _, dir := range fsys.listed {
				if tt.listed == "^$" || !allowed.MatchString(dir) {
					t.Errorf("listed %s", dir)
				}
			}
			checkMatch(t, tt.pattern, names, got)
		})
	}
}

// checkMatch checks that Match says of each name what Find returned.
func checkMatch(t *testing.T, pattern string, names, found []string) {
	t.Helper()
	for _, name := range names {
		if Match(pattern, name) != slices.Contains(found, name) {
			t.Errorf("%q: Match(%s) is not what Find returns", pattern, name)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"": "the pattern is empty", "/a": "is absolute", "/**": "is absolute",
		"..": "leaves the repository", "../a": "leaves the repository", "a/../b": "leaves the repository",
		"a/..": "leaves the repository", "{a,../b}": "leaves the repository",
		"a[": "malformed: [ has no ]", "a[]b": "malformed: [ has no ]", "[[:letter:]]": "malformed: unknown class",
		"{a": "malformed: { has no }", "a}": "malformed: } has no {", `a\`: "malformed: \\ at the end",
	} {
		if err := Check(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check(%q) = %v, want %s", pattern, err, want)
		}
		if _, err := Find(newTree("a"), pattern); err == nil || errors.Is(err, ErrNoMatch) {
			t.Errorf("Find(%q) = %v", pattern, err)
		}
		if Match(pattern, pattern) {
			t.Errorf("Match(%q) is true", pattern)
		}
	}
	for _, pattern := range []string{
		"a", "./a", "..a", "a..", "a/..b/c", "**", "{a,b}", "[!a]", "[[:alpha:]]", "[]a]",
	} {
		if err := Check(pattern); err != nil {
			t.Error(err)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, folder, rest string
		below                 bool
	}{
		{"a.yaml", ".", "a.yaml", false},
		{"./a/b//c.yaml", "a/b", "c.yaml", false},
		{"*.yaml", ".", "*.yaml", false},
		{"a/b/*.yaml", "a/b", "*.yaml", false},
		{"a/b*/c.yaml", "a", "b*/c.yaml", true},
		{"a/**.yaml", "a", "**.yaml", true},
		{"a/b**", "a", "b**", true},
		{"**", ".", "**", true},
		{"a/{b,c/d}.yaml", "a", "{b,c/d}.yaml", true},
		{"a/{b,c}.yaml", "a", "{b,c}.yaml", false},
		{`a/\[x\]/\*/b?.yaml`, "a/[x]/*", "b?.yaml", false},
		{`\{a\}/b`, "{a}", "b", false},
	} {
		folder, rest, below := Split(tt.pattern)
		if folder != tt.folder || rest != tt.rest || below != tt.below {
			t.Errorf("%q: got %q, %q, %t; want %q, %q, %t",
				tt.pattern, folder, rest, below, tt.folder, tt.rest, tt.below)
		}
	}
}

// TestFindSymlinks checks that symbolic links are not followed, neither to a file nor to a folder.
func TestFindSymlinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "real", "a.yaml"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"dir": "real", "b.yaml": "real/a.yaml", "c.yaml": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Find(os.DirFS(dir), "**.yaml")
	if err != nil || !slices.Equal(got, []string{"real/a.yaml"}) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, link := range []string{
		"b.yaml", "c.yaml", "dir", "[bc].yaml", "dir/*.yaml", "{dir,x}/a.yaml", "di[r]/a.yaml",
	} {
		if got, err := Find(os.DirFS(dir), link); !errors.Is(err, ErrNoMatch) {
			t.Errorf("%s: got %q, %v; want ErrNoMatch", link, got, err)
		}
	}
}

// broken is a file system that cannot be read.
type broken struct{}

var errBroken = errors.New("the disk is gone")

func (broken) Open(string) (fs.File, error) { return nil, errBroken }

func TestFindUnreadable(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"a.tmpl", "*.tmpl", "a/**.tmpl"} {
		if _, err := Find(broken{}, pattern); !errors.Is(err, errBroken) {
			t.Errorf("Find(%s) = %v", pattern, err)
		}
	}
}

// busy is a file system whose folder "a" is deleted before it is listed.
type busy struct{ *tree }

func (b busy) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "a" {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	return b.tree.ReadDir(name)
}

func TestFindBusy(t *testing.T) {
	t.Parallel()
	got, err := Find(busy{newTree("a/x.yaml", "b/x.yaml")}, "**.yaml")
	if err != nil || !slices.Equal(got, []string{"b/x.yaml"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPrefetch(t *testing.T) {
	t.Parallel()
	fsys := newTree("a", "b")
	err := errors.Join(Prefetch(fsys, []string{"a", "b"}), Prefetch(fsys, nil), Prefetch(fsys.MapFS, []string{"a"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(fsys.prefetched) != 1 || !slices.Equal(fsys.prefetched[0], []string{"a", "b"}) {
		t.Errorf("prefetched %q, want a and b at once", fsys.prefetched)
	}
}

// oracle translates a pattern without braces, sets and escapes into a regular expression.
func oracle(pattern string) *regexp.Regexp {
	folders := regexp.MustCompile(`(^|/|\x01)\*\*+/`)
	for folders.MatchString(pattern) { // one may begin with the slash of another
		pattern = folders.ReplaceAllString(pattern, "$1\x01")
	}
	re := regexp.QuoteMeta(pattern)
	re = regexp.MustCompile(`(?:\\\*){2,}`).ReplaceAllString(re, ".*")
	re = strings.NewReplacer("\x01", "(?:.*/)?", `\*`, "[^/]*", `\?`, "[^/]").Replace(re)
	return regexp.MustCompile("(?s)^(?:" + re + ")$")
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		"**", "**.b", "a/**/b", "a**b", "*", "a/*/b", "?", "**/**", "a/**", "**a/b**", "***", "{a,b}/**.b", "[a-", `\*`,
	} {
		f.Add(seed)
	}
	names := []string{
		"a", "b", "ab", "a.b", "c/a", "c/b", "c/a.b", "c/d/a", "c/d/b.b", "c/d/e/ab", "aa/b", "ad/a/b/a",
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		got, err := Find(newTree(names...), pattern)
		if Check(pattern) != nil {
			if err == nil {
				t.Fatalf("Check refuses %q, Find does not", pattern)
			}
			return
		}
		checkMatch(t, pattern, names, got)
		// The oracle does not clean slashes.
		if strings.ContainsAny(pattern, "[]{}\\\x01") || !fs.ValidPath(pattern) {
			return
		}
		var want []string
		for _, name := range names {
			if oracle(pattern).MatchString(name) {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q; %v", pattern, got, want, err)
		}
	})
}

// hall is a file system of folders with a thousand folders each, without end.
type hall struct{}

func (hall) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

func (hall) ReadDir(string) ([]fs.DirEntry, error) {
	var all []fs.DirEntry
	for i := range 1000 {
		all = append(all, fs.FileInfoToDirEntry(door(strconv.Itoa(i))))
	}
	return all, nil
}

func (hall) Stat(string) (fs.FileInfo, error) { return door("."), nil }

// door is a folder by its name.
type door string

func (d door) Name() string     { return string(d) }
func (door) Size() int64        { return 0 }
func (door) Mode() fs.FileMode  { return fs.ModeDir }
func (door) ModTime() time.Time { return time.Time{} }
func (door) IsDir() bool        { return true }
func (door) Sys() any           { return nil }

// TestFindEnds: of folders that hold each other many times over, only so many are listed.
func TestFindEnds(t *testing.T) {
	t.Parallel()
	_, err := Find(hall{}, "**.tmpl")
	if e, ok := errors.AsType[*Error](err); !ok || e.Err != ErrLimit || e.Pattern != "**.tmpl" {
		t.Errorf("%v, want ErrLimit", err)
	}
}
