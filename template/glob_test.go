package template

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

func TestGlob(t *testing.T) {
	names := []string{
		".hidden.tmpl", "a/b", "a/x/b", "a/x/y/b", "ab/b", "app.yaml.tmpl", "envs/[x]/a.yaml", "é.yaml",
		"production/application.yaml.tmpl", "production/us-east-1/application.yaml.tmpl",
		"production/us-east-1/deep/er.yaml.tmpl", "production/us-west-2/app.yml",
		"staging/application.yaml.tmpl", "v1.yaml", "v2.yaml", "vx.yaml",
	}
	tests := []struct {
		pattern string
		want    string // space-separated; empty: an ErrNoMatch
		listed  string // the folders that may be listed, as a regular expression; empty: any
	}{
		{"production/**.yaml.tmpl", "production/application.yaml.tmpl production/us-east-1/application.yaml.tmpl production/us-east-1/deep/er.yaml.tmpl", "^production"},
		{"production/**/*.yaml.tmpl", "production/application.yaml.tmpl production/us-east-1/application.yaml.tmpl production/us-east-1/deep/er.yaml.tmpl", "^production"},
		{"production/*.yaml.tmpl", "production/application.yaml.tmpl", "^production$"},
		{"production/*/*.yaml.tmpl", "production/us-east-1/application.yaml.tmpl", "^production(/[^/]+)?$"},
		{"**.tmpl", ".hidden.tmpl app.yaml.tmpl production/application.yaml.tmpl production/us-east-1/application.yaml.tmpl production/us-east-1/deep/er.yaml.tmpl staging/application.yaml.tmpl", ""},
		{"*.tmpl", ".hidden.tmpl app.yaml.tmpl", `^\.$`},
		{"a/**/b", "a/b a/x/b a/x/y/b", "^a(/|$)"},
		{"a/**", "a/b a/x/b a/x/y/b", "^a(/|$)"},
		{"{a,v1.yaml}/*", "a/b", ""},
		{"v1.yaml/*", "", ""},
		{"a**b", "a/b a/x/b a/x/y/b ab/b", ""},
		{"a**/b", "a/b a/x/b a/x/y/b ab/b", ""},
		{"{production,staging}/application.yaml.tmpl", "production/application.yaml.tmpl staging/application.yaml.tmpl", ""},
		{"{production/**,staging/*}.yaml.tmpl", "production/application.yaml.tmpl production/us-east-1/application.yaml.tmpl production/us-east-1/deep/er.yaml.tmpl staging/application.yaml.tmpl", "^(production|staging)"},
		{"{nowhere,**/v1.yaml}", "v1.yaml", ""},
		{"v?.yaml", "v1.yaml v2.yaml vx.yaml", ""},
		{"v[0-9].yaml", "v1.yaml v2.yaml", ""},
		{"v[!0-9].yaml", "vx.yaml", ""},
		{"v[2-9x].yaml", "v2.yaml vx.yaml", ""},
		{"a[!x]b", "", ""},
		{"a?b", "", ""},
		{"?.yaml", "é.yaml", ""},
		{"./v1.yaml", "v1.yaml", "^$"},
		{".//a/./b", "a/b", "^$"},
		{`envs/\[x\]/a.yaml`, "envs/[x]/a.yaml", "^$"},
		{`envs/\[x\]/**.yaml`, "envs/[x]/a.yaml", `^envs/\[x\]$`},
		{"production/us-east-1/application.yaml.tmpl", "production/us-east-1/application.yaml.tmpl", "^$"},
		{"production/us-east-1", "", "^$"},
		{"nowhere/**.tmpl", "", ""},
		{"nowhere.yaml", "", "^$"},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			fsys := newTree(names...)
			got, err := Glob(fsys, tt.pattern)
			if tt.want == "" {
				if !errors.Is(err, ErrNoMatch) || !strings.Contains(err.Error(), tt.pattern) {
					t.Fatalf("got %q, %v; want ErrNoMatch", got, err)
				}
			} else if err != nil || strings.Join(got, " ") != tt.want {
				t.Fatalf("got %q, %v; want %s", got, err, tt.want)
			}
			allowed := regexp.MustCompile(tt.listed)
			for _, dir := range fsys.listed {
				if tt.listed == "^$" || !allowed.MatchString(dir) {
					t.Errorf("listed %s", dir)
				}
			}
		})
	}
}

func TestCheckGlob(t *testing.T) {
	for _, pattern := range []string{"", "/a", "/**", "..", "../a", "a/../b", "a/..", "a[", "a[]b", "{a", "a}", `a\`} {
		if err := CheckGlob(pattern); err == nil {
			t.Errorf("CheckGlob(%q) takes it", pattern)
		}
		if _, err := Glob(newTree("a"), pattern); err == nil || errors.Is(err, ErrNoMatch) {
			t.Errorf("Glob(%q) = %v", pattern, err)
		}
	}
	for _, pattern := range []string{"a", "./a", "..a", "a..", "a/..b/c", "**", "{a,b}", "[!a]"} {
		if err := CheckGlob(pattern); err != nil {
			t.Error(err)
		}
	}
}

// Symbolic links are passed over, whether they point to a file or to a folder.
func TestGlobSymlinks(t *testing.T) {
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
	got, err := Glob(os.DirFS(dir), "**.yaml")
	if err != nil || !slices.Equal(got, []string{"real/a.yaml"}) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, link := range []string{"b.yaml", "c.yaml", "dir", "[bc].yaml"} {
		if got, err := Glob(os.DirFS(dir), link); !errors.Is(err, ErrNoMatch) {
			t.Errorf("%s: got %q, %v; want ErrNoMatch", link, got, err)
		}
	}
}

// broken is a file system that cannot be read.
type broken struct{}

var errBroken = errors.New("the disk is gone")

func (broken) Open(string) (fs.File, error) { return nil, errBroken }

func TestUnreadable(t *testing.T) {
	for _, pattern := range []string{"a.tmpl", "*.tmpl", "a/**.tmpl"} {
		if _, err := (Renderer{Globs: []string{pattern}}).Render(broken{}, nil); !errors.Is(err, errBroken) {
			t.Errorf("Render(%s) = %v", pattern, err)
		}
		if _, _, err := Assign(broken{}, []Assignment{{File: pattern, Path: ".a"}}); !errors.Is(err, errBroken) {
			t.Errorf("Assign(%s) = %v", pattern, err)
		}
	}
}

// oracle translates a pattern without braces and classes into a regular expression.
func oracle(pattern string) *regexp.Regexp {
	re := regexp.QuoteMeta(pattern)
	re = regexp.MustCompile(`(^|/)(?:\\\*){2,}/`).ReplaceAllString(re, "$1(?:.*/)?")
	re = regexp.MustCompile(`(?:\\\*){2,}`).ReplaceAllString(re, ".*")
	re = strings.ReplaceAll(re, `\*`, "[^/]*")
	re = strings.ReplaceAll(re, `\?`, "[^/]")
	return regexp.MustCompile("^(?:" + re + ")$")
}

func FuzzGlob(f *testing.F) {
	for _, seed := range []string{"**", "**.b", "a/**/b", "a**b", "*", "a/*/b", "?", "**/**", "a/**", "**a/b**", "***", "{a,b}/**.b", "[a-", `\*`} {
		f.Add(seed)
	}
	names := []string{"a", "b", "ab", "a.b", "c/a", "c/b", "c/a.b", "c/d/a", "c/d/b.b", "c/d/e/ab", "aa/b", "ad/a/b/a"}
	f.Fuzz(func(t *testing.T, pattern string) {
		if len(pattern) > 50 {
			t.Skip() // alternatives multiply
		}
		got, err := Glob(newTree(names...), pattern)
		if CheckGlob(pattern) != nil {
			if err == nil {
				t.Fatalf("CheckGlob refuses %q, Glob does not", pattern)
			}
			return
		}
		// What a name is, and that slashes are cleaned, is beyond the oracle.
		if strings.ContainsAny(pattern, `[]{}\`) || !fs.ValidPath(pattern) {
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
			t.Errorf("%q (%q): got %q, want %q; %v", pattern, crossing(pattern), got, want, err)
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

// TestGlobEnds: of folders that hold each other many times over, only so many are listed.
func TestGlobEnds(t *testing.T) {
	_, err := Glob(hall{}, "**.tmpl")
	if e, ok := errors.AsType[*Error](err); !ok || e.Err != ErrLimit || e.File != "**.tmpl" {
		t.Errorf("%v, want ErrLimit", err)
	}
}
