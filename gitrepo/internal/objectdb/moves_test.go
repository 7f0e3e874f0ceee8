package objectdb

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
)

// git runs git in a repository and returns what it prints, without the line's end.
func git(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// repository makes a bare repository with a commit of loose objects on main, and returns its folder and the commit.
func repository(t *testing.T) (dir string, commit plumbing.Hash) {
	t.Helper()
	dir = t.TempDir()
	git(t, dir, "", "init", "--quiet", "--bare", "--initial-branch=main")
	return dir, commitTo(t, dir, "refs/heads/main", "first")
}

// commitTo adds a commit of loose objects to a branch.
func commitTo(t *testing.T, dir, ref, text string) plumbing.Hash {
	t.Helper()
	blob := git(t, dir, text, "hash-object", "-w", "--stdin")
	tree := git(t, dir, "100644 blob "+blob+"\tfile\n", "mktree")
	commit := git(t, dir, "", "commit-tree", "-m", text, tree)
	git(t, dir, "", "update-ref", ref, commit)
	return plumbing.NewHash(commit)
}

// onlyPack returns the name of the repository's pack, without the ending.
func onlyPack(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packs %q, %v", found, err)
	}
	return strings.TrimSuffix(found[0], ".pack")
}

func move(t *testing.T, from, to string) {
	t.Helper()
	check(t, os.Rename(from, to))
}

// TestMoved: an object is found wherever git has moved it since the packs were listed, and whatever else is in their
// folder.
func TestMoved(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, meanwhile string }{
		"into a pack":                {"", "repack -adq"},
		"into another pack":          {"repack -adq", "MORE,repack -adq"},
		"into a file":                {"repack -adq", "unpack"},
		"into an alternate":          {"", "alternate"},
		"back and forth":             {"repack -adq", "unpack,repack -adq"},
		"with a multi-pack-index":    {"repack -adq", "multi-pack-index write"},
		"gc":                         {"", "gc --quiet --prune=now"},
		"its pack is removed":        {"", "repack -dq,MORE,repack -adq"},
		"an index without its pack":  {"", "repack -adq,stray .idx"},
		"a pack without its index":   {"", "repack -adq,stray .pack"},
		"an index that has gone":     {"", "repack -adq,dangling .idx"},
		"a pack that has gone":       {"", "repack -adq,dangling .pack"},
		"other files":                {"", "repack -adq,stray .rev,stray .keep,stray .tmp,dangling .mtimes"},
		"first the pack, then index": {"", "repack -adq,index later"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, commit := repository(t)
			do := func(steps string) {
				for step := range strings.SplitSeq(steps, ",") {
					disturb(t, dir, step)
				}
			}
			do(test.before)
			db, to := Open(filepath.Join(dir, "objects")), memory.NewStorage()
			copied(t, db, to, plumbing.NewHash("01")) // Lists the packs.
			if test.before != "" && !copied(t, db, memory.NewStorage(), commit) {
				t.Fatal("missing before") // The pack is in use.
			}
			do(test.meanwhile)
			if !copied(t, db, to, commit) || to.HasEncodedObject(commit) != nil {
				t.Error("missing")
			}
		})
	}
}

// disturb does what git or another program does to a repository.
func disturb(t *testing.T, dir, step string) {
	t.Helper()
	packs := filepath.Join(dir, "objects", "pack")
	what, suffix, _ := strings.Cut(step, " ")
	stray := filepath.Join(packs, "pack-"+strings.Repeat("a", 40)+suffix)
	switch what {
	case "":
	case "MORE":
		commitTo(t, dir, "refs/heads/more", strings.Repeat(rand.Text(), 9))
	case "stray":
		check(t, os.WriteFile(stray, nil, 0o644))
	case "dangling":
		check(t, os.Symlink("nowhere", stray))
	case "unpack":
		name := onlyPack(t, dir)
		data, err := os.ReadFile(name + ".pack")
		check(t, err)
		check(t, os.Remove(name+".idx"))
		check(t, os.Remove(name+".pack"))
		git(t, dir, string(data), "unpack-objects", "-q")
	case "alternate":
		other := t.TempDir()
		git(t, dir, "", "clone", "--quiet", "--bare", dir, other)
		check(t, os.RemoveAll(filepath.Join(dir, "objects")))
		check(t, os.MkdirAll(filepath.Join(dir, "objects", "info"), 0o755))
		alternate := []byte(filepath.Join(other, "objects") + "\n")
		check(t, os.WriteFile(filepath.Join(dir, "objects", "info", "alternates"), alternate, 0o644))
	case "index":
		name := onlyPack(t, dir)
		move(t, name+".idx", name+".later")
		db := Open(filepath.Join(dir, "objects"))
		if copied(t, db, memory.NewStorage(), plumbing.NewHash("01")) {
			t.Error("a missing object is there")
		}
		move(t, name+".later", name+".idx")
	default:
		git(t, dir, "", strings.Fields(step)...)
	}
}

// TestUnreadable: what cannot be read is no missing object.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string
	}{
		"the folder of packs": {func(t *testing.T, dir string) {
			move(t, filepath.Join(dir, "objects", "pack"), filepath.Join(dir, "gone"))
			check(t, os.Symlink("pack", filepath.Join(dir, "objects", "pack"))) // It leads to itself.
		}, "pack: too many levels of symbolic links"},
		"alternates": {func(t *testing.T, dir string) {
			move(t, filepath.Join(dir, "objects", "pack"), filepath.Join(dir, "gone"))
			check(t, os.Mkdir(filepath.Join(dir, "objects", "info", "alternates"), 0o755))
		}, "alternates: is a directory"},
		"an index": {func(t *testing.T, dir string) {
			check(t, os.Chmod(onlyPack(t, dir)+".idx", 0o644))
			check(t, os.WriteFile(onlyPack(t, dir)+".idx", []byte("damaged"), 0o644))
		}, ".idx: "},
		"a pack": {func(t *testing.T, dir string) {
			check(t, os.Chmod(onlyPack(t, dir)+".pack", 0o644))
			check(t, os.Truncate(onlyPack(t, dir)+".pack", 14))
		}, ".pack: "},
		"a pack that is no file": {func(t *testing.T, dir string) {
			name := onlyPack(t, dir) + ".pack"
			check(t, os.Remove(name))
			check(t, os.Symlink(filepath.Base(name), name))
		}, "too many levels of symbolic links"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, commit := repository(t)
			git(t, dir, "", "repack", "-adq")
			test.spoil(t, dir)
			_, err := Open(filepath.Join(dir, "objects")).Object(t.Context(), commit)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q in it", err, test.want)
			}
		})
	}
}

// TestSecondCopy: one damaged copy is no harm where there is another.
func TestSecondCopy(t *testing.T) {
	t.Parallel()
	dir, commit := repository(t)
	git(t, dir, "", "repack", "-aq") // Leaves the files.
	name := onlyPack(t, dir)
	check(t, os.Chmod(name+".pack", 0o644))
	check(t, os.Truncate(name+".pack", 14))
	if !copied(t, Open(filepath.Join(dir, "objects")), memory.NewStorage(), commit) {
		t.Error("missing")
	}
}

// TestPackNames: git takes any name for a pack. One that is used again is read anew.
func TestPackNames(t *testing.T) {
	t.Parallel()
	dir, _ := repository(t)
	blob := plumbing.NewHash(git(t, dir, "", "rev-parse", "main:file")) // It comes after all commits.
	db := Open(filepath.Join(dir, "objects"))
	for range 3 {
		git(t, dir, "", "repack", "-adfq") // It leaves packs of such names.
		for _, ext := range []string{".pack", ".idx"} {
			made, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "pack-*"+ext))
			if err != nil || len(made) != 1 {
				t.Fatalf("%q, %v", made, err)
			}
			move(t, made[0], filepath.Join(dir, "objects", "pack", "other"+ext))
		}
		if !copied(t, db, memory.NewStorage(), blob) {
			t.Fatal("missing")
		}
		db.bases.Clear()
		disturb(t, dir, "MORE")
	}
}
