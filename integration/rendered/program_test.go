package rendered

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree is the files of a repository: path to content.
type tree map[string]string

// program is the built program, and a repository with a branch for each tree.
type program struct{ path, repo, home string }

var built program

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds the program, and runs the tests.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rendered")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	in := func(name string) string { return filepath.Join(dir, name) }
	built = program{in("update-gitops-repo"), in("repo.git"), in("home")}
	build := exec.Command("cmd/update-gitops-repo/build.sh", built.path)
	build.Dir = "../.."
	build.Env = append(os.Environ(), "VERSION=", "REVISION=")
	for _, cmd := range []*exec.Cmd{build, exec.Command("git", "init", "-q", "--bare", built.repo)} {
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n%s", cmd, err, out)
			return 1
		}
	}
	return m.Run()
}

// outcome is what the program made of a tree.
type outcome struct {
	tree    tree
	refused bool // exit code 1: nothing was pushed
	said    string
}

// set runs the program on a tree.
func (p program) set(t *testing.T, before tree, args ...string) outcome {
	t.Helper()
	branch := strings.NewReplacer("/", "-", "#", "-").Replace(t.Name())
	p.write(t, branch, before)
	cmd := exec.Command(p.path, append([]string{"-repo=" + p.repo, "-base=" + branch, "-create-pull-request=false",
		"-author-name=Test", "-author-email=test@example.com"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "GIT_CONFIG_NOSYSTEM=1"}
	said, err := cmd.CombinedOutput()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && (!failed || exit.ExitCode() != 1) {
		t.Fatalf("%q: %v\n%s", args, err, said)
	}
	return outcome{p.read(t, branch), err != nil, string(said)}
}

// write makes a branch whose one commit has the files of a tree.
func (p program) write(t *testing.T, branch string, files tree) {
	t.Helper()
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter Test <test@example.com> 0 +0000\ndata 0\n", branch)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", name, len(files[name]), files[name])
	}
	cmd := exec.Command("git", "-C", p.repo, "fast-import", "--quiet", "--force")
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// read returns the files at the tip of a branch.
func (p program) read(t *testing.T, branch string) tree {
	t.Helper()
	out, err := exec.Command("git", "-C", p.repo, "archive", "--format=tar", branch).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := tree{}
	for archive := tar.NewReader(bytes.NewReader(out)); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			files[header.Name] = string(data)
		}
	}
}
