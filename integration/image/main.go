// Command image checks container images of the program: that they hold what they should and no more, and that they work
// as an ordinary user with nothing but a read-only root, against the embedded forge.
//
//	image ENGINE IMAGE=BINARY...
//
// ENGINE is podman or docker. The program in each IMAGE has to be the file BINARY, byte for byte, where that is for
// this machine, and has to be built like it otherwise. Images for this machine are run.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"update-gitops-repo/integration/forge"
)

const (
	program = "usr/local/bin/update-gitops-repo"
	token   = "image-token-7c1d"
	repo    = "acme/gitops"

	maxUnpacked   = 30_000_000
	maxCompressed = 10_000_000
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: image ENGINE IMAGE=BINARY...")
		os.Exit(2)
	}
	for _, arg := range os.Args[2:] {
		image, binary, _ := strings.Cut(arg, "=")
		if err := check(os.Args[1], image, binary); err != nil {
			fmt.Fprintf(os.Stderr, "image %s: %v\n", image, err)
			os.Exit(1)
		}
	}
}

func check(engine, image, binary string) error {
	p, err := open(engine, image)
	if err != nil {
		return err
	}
	if err := p.holds(binary); err != nil {
		return err
	}
	fmt.Printf("image %s: %s/%s, %.1f MB, %.1f MB compressed\n", image, p.OS, p.Architecture, float64(p.unpacked)/1e6,
		float64(p.compressed)/1e6)
	if p.Architecture != runtime.GOARCH {
		return nil
	}
	// A user that the image knows, and one that nobody knows, in root's group as OpenShift has it.
	for _, user := range []string{"65532:65532", "12345:0"} {
		if err := works(container{engine: engine, image: image, user: user}, p.version()); err != nil {
			return fmt.Errorf("as user %s: %w", user, err)
		}
	}
	return nil
}

// A pack is an image as its engine saves it.
type pack struct {
	OS, Architecture string
	Config           struct {
		User       string
		Env        []string
		Entrypoint []string
		Cmd        []string
		WorkingDir string
		Labels     map[string]string
	}

	files                map[string][]byte // without the folders
	modes                map[string]fs.FileMode
	unpacked, compressed int64
}

func open(engine, image string) (*pack, error) {
	out, err := output(exec.Command(engine, "save", image))
	if err != nil {
		return nil, err
	}
	archive, _, err := untar([]byte(out))
	if err != nil {
		return nil, err
	}
	var manifests []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(archive["manifest.json"], &manifests); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	if len(manifests) != 1 {
		return nil, fmt.Errorf("%d images in one archive", len(manifests))
	}
	p := &pack{files: map[string][]byte{}, modes: map[string]fs.FileMode{}}
	if err := json.Unmarshal(archive[manifests[0].Config], p); err != nil {
		return nil, fmt.Errorf("the image's configuration: %w", err)
	}
	for _, name := range manifests[0].Layers {
		layer := archive[name]
		if r, err := gzip.NewReader(bytes.NewReader(layer)); err == nil {
			if layer, err = io.ReadAll(r); err != nil {
				return nil, err
			}
		}
		files, modes, err := untar(layer)
		if err != nil {
			return nil, err
		}
		maps.Copy(p.files, files)
		maps.Copy(p.modes, modes)
		p.unpacked += int64(len(layer))
		// Engines differ in whether and how well they compress what they save.
		var small counter
		w := gzip.NewWriter(&small)
		if _, err := w.Write(layer); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		p.compressed += int64(small)
	}
	return p, nil
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// untar returns what is not a folder, and the modes of all.
func untar(data []byte) (map[string][]byte, map[string]fs.FileMode, error) {
	files, modes := map[string][]byte{}, map[string]fs.FileMode{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files, modes, nil
		}
		if err != nil {
			return nil, nil, err
		}
		name := path.Clean(h.Name)
		modes[name] = h.FileInfo().Mode()
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if files[name], err = io.ReadAll(r); err != nil {
			return nil, nil, err
		}
	}
}

// version is what -version has to print, but for Go's.
func (p *pack) version() string {
	return fmt.Sprintf("update-gitops-repo %s (%s) ", p.Config.Labels["org.opencontainers.image.version"],
		p.Config.Labels["org.opencontainers.image.revision"])
}

// holds says what is wrong with the image as it lies there.
func (p *pack) holds(binary string) error {
	want := []string{"etc/passwd", "etc/ssl/certs/ca-certificates.crt", program}
	if got := slices.Sorted(maps.Keys(p.files)); !slices.Equal(got, want) {
		return fmt.Errorf("holds %q, want %q", got, want)
	}
	for name, mode := range p.modes {
		// Nobody but root writes, everybody reads.
		if mode.Perm()&0o022 != 0 || mode.Perm()&0o444 != 0o444 ||
			mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSymlink) != 0 {
			return fmt.Errorf("%s has mode %v", name, mode)
		}
	}
	if n := bytes.Count(p.files["etc/ssl/certs/ca-certificates.crt"], []byte("BEGIN CERTIFICATE")); n < 50 {
		return fmt.Errorf("%d certificate authorities", n)
	}
	if p.unpacked > maxUnpacked || p.compressed > maxCompressed {
		return fmt.Errorf("%d bytes, %d compressed: at most %d and %d", p.unpacked, p.compressed,
			maxUnpacked, maxCompressed)
	}
	c := p.Config
	if c.User != "65532:65532" || c.WorkingDir != "/workspace" ||
		!slices.Equal(c.Entrypoint, []string{"/" + program}) || len(c.Cmd) > 0 {
		return fmt.Errorf("runs as %q in %q: %q %q", c.User, c.WorkingDir, c.Entrypoint, c.Cmd)
	}
	for _, label := range []string{"title", "description", "licenses", "version", "revision"} {
		if c.Labels["org.opencontainers.image."+label] == "" {
			return fmt.Errorf("label %s is missing", label)
		}
	}

	f, err := elf.NewFile(bytes.NewReader(p.files[program]))
	if err != nil {
		return err
	}
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[p.Architecture]
	if f.Machine != machine || machine == elf.EM_NONE {
		return fmt.Errorf("an image for %s with a program for %v", p.Architecture, f.Machine)
	}
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return errors.New("the program is not static")
	}
	own, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	theirs, err := settings(p.files[program])
	if err != nil {
		return err
	}
	ours, err := settings(own)
	if err != nil {
		return err
	}
	if ours["GOARCH"] == theirs["GOARCH"] && !bytes.Equal(own, p.files[program]) {
		return fmt.Errorf("the program differs from %s: built with %v, %s with %v", binary, theirs, binary, ours)
	}
	for _, m := range []map[string]string{ours, theirs} {
		maps.DeleteFunc(m, func(key, _ string) bool { return strings.HasPrefix(key, "GOA") })
	}
	if !maps.Equal(ours, theirs) {
		return fmt.Errorf("the program is built with %v, %s with %v", theirs, binary, ours)
	}
	return nil
}

// settings says how a program was built.
func settings(binary []byte) (map[string]string, error) {
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return nil, err
	}
	m := map[string]string{"go": info.GoVersion}
	for _, s := range slices.DeleteFunc(info.Settings,
		func(s debug.BuildSetting) bool { return s.Key == "DefaultGODEBUG" }) {
		m[s.Key] = s.Value
	}
	return m, nil
}

// A container is how an image is run.
type container struct{ engine, image, user string }

// run runs the program with the least that a cluster may give: no capability, no way to get one, nothing to write to
// and no HOME. What options add comes before the image's name.
func (c container) run(options []string, args ...string) (string, error) {
	all := []string{
		"run", "--rm", "--network=host", "--read-only", "--cap-drop=ALL",
		"--security-opt=no-new-privileges", "--user=" + c.user,
		"--env=HOME=", "--env=UPDATE_GITOPS_REPO_TOKEN=" + token,
	}
	if filepath.Base(c.engine) == "podman" {
		all = append(all, "--read-only-tmpfs=false") // Otherwise /tmp can be written to.
	}
	return output(exec.Command(c.engine, slices.Concat(all, options, []string{c.image}, args)...))
}

// failure is a program that ended with another exit code than 0.
type failure struct {
	code           int
	stdout, stderr string
}

func (f *failure) Error() string {
	return fmt.Sprintf("exit code %d\n%s%s", f.code, f.stdout, f.stderr)
}

func output(c *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "",
			fmt.Errorf("%s: %w", strings.Join(c.Args, " "), &failure{exit.ExitCode(), stdout.String(), stderr.String()})
	}
	return stdout.String(), err
}

// works runs the image as a pipeline would.
func works(c container, version string) (err error) {
	out, err := c.run(nil, "-version")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(out, version+"go1.") {
		return fmt.Errorf("-version says %q, want %q and Go's", out, version)
	}

	dir, err := os.MkdirTemp("", "update-gitops-repo-image-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := forge.Start(forge.Config{Kind: forge.GitHub, Partial: true, Token: token, Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := seed(f, filepath.Join(dir, "seed")); err != nil {
		return err
	}

	remote := []string{"-repo=" + f.CloneURL(repo), "-scm-provider=github", "-app=shop"}
	if err := opens(f, c, nil, append(remote, "-git-revision=1111111", "-substitute=tag=1")); err != nil {
		return fmt.Errorf("remote: %w", err)
	}

	workspace := filepath.Join(dir, "workspace")
	if err := checkOut(f, workspace); err != nil {
		return err
	}
	mount := []string{"--volume=" + workspace + ":/workspace:ro"}
	if err := opens(f, c, mount,
		[]string{"-scm-provider=github", "-app=shop", "-git-revision=2222222", "-set=shop.yaml:.tag=2"}); err != nil {
		return fmt.Errorf("checkout: %w", err)
	}

	before := f.PullRequests(repo)
	for code, arg := range map[int]string{1: "-set=shop.yaml:.nothing=3", 2: "-set=shop.yaml"} {
		out, err := c.run(nil, append(remote, "-git-revision=3333333", arg)...)
		failed := (*failure)(nil)
		if !errors.As(err, &failed) || failed.code != code ||
			!strings.Contains(failed.stderr, "\nhint: ") || failed.stdout != "" {
			return fmt.Errorf("%s: want exit code %d and a hint, got %v%s", arg, code, err, out)
		}
	}
	if n := len(f.PullRequests(repo)); n != len(before) {
		return fmt.Errorf("failing runs opened %d pull requests", n-len(before))
	}
	return nil
}

// opens runs the program and says why that did not open one pull request and end with its URL.
func opens(f *forge.Server, c container, options, args []string) error {
	before := len(f.PullRequests(repo))
	out, err := c.run(options, args...)
	if err != nil {
		return err
	}
	url := fmt.Sprintf("%s/%s/pull/%d", f.URL(), repo, before+1)
	if n := len(f.PullRequests(repo)); n != before+1 || !strings.HasSuffix(out, "\n"+url+"\n") {
		return fmt.Errorf("%d pull requests, want %d and %s, got:\n%s", n, before+1, url, out)
	}
	return nil
}

func seed(f *forge.Server, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for name, content := range map[string]string{"shop.yaml.tmpl": "tag: $(< .tag >)\n", "shop.yaml": "tag: 0\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := f.CreateRepo(repo, "main"); err != nil {
		return err
	}
	return f.Seed(repo, "main", dir)
}

// checkOut makes a checkout that others can read, and that, where root makes it, belongs to nobody who runs the
// program.
func checkOut(f *forge.Server, dir string) error {
	clone := exec.Command("git", "clone", "--quiet", "--no-local", f.GitDir(repo), dir)
	if _, err := output(clone); err != nil {
		return err
	}
	if _, err := output(exec.Command("git", "-C", dir, "remote", "set-url", "origin", f.CloneURL(repo))); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		mode := fs.FileMode(0o644)
		if d.IsDir() {
			mode = 0o755
		}
		if err == nil && os.Geteuid() == 0 {
			err = os.Chown(name, 4242, 4242)
		}
		return errors.Join(err, os.Chmod(name, mode))
	})
}
