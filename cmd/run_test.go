package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/integration/forge"
	"update-gitops-repo/scm"
)

// world is a forge with one repository, and a machine without any settings.
type world struct {
	*forge.Server
	t    *testing.T
	home string
}

const (
	gitops        = "acme/gitops"
	writes, reads = "token-that-writes", "token-that-reads"
)

func newWorld(t *testing.T, kind forge.Kind) world {
	t.Helper()
	server, err := forge.Start(forge.Config{Kind: kind, Token: writes, ReadToken: reads, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "tag: 1\n")
	if err := errors.Join(server.CreateRepo(gitops, "main"), server.Seed(gitops, "main", dir)); err != nil {
		t.Fatal(err)
	}
	return world{server, t, t.TempDir()}
}

// run runs the program with the forge's token and the further arguments.
func (w world) run(args ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	environ := []string{
		"HOME=" + w.home, "GIT_CONFIG_NOSYSTEM=1", "GITHUB_TOKEN=" + writes, "GITLAB_TOKEN=" + writes,
	}
	kind := "github"
	if strings.HasSuffix(w.APIURL(), "/v4") || strings.HasSuffix(w.APIURL(), "/v4/") {
		kind = "gitlab"
	}
	args = append([]string{"-repo=" + w.CloneURL(gitops), "-scm-provider=" + kind, "-workdir=" + w.home}, args...)
	var out, errs bytes.Buffer
	code = Run(w.t.Context(), args, environ, &out, &errs)
	return code, out.String(), errs.String()
}

// TestRun has the program as a whole, on each forge. What it can do, the scripts have.
func TestRun(t *testing.T) {
	for _, kind := range []forge.Kind{forge.GitHub, forge.GitLab} {
		w := newWorld(t, kind)
		const direct = " -create-pull-request=false"
		for _, test := range []struct {
			args           string
			code           int
			stdout, stderr string // a part of it; none at all if empty
		}{
			{"-set=a.yaml:.tag=2 -git-revision=1 -dry-run", 0, "+tag: 2\n", "fetching"},
			{"-set=a.yaml:.tag=2 -git-revision=1", 0, "\n" + w.URL() + "/acme/gitops/", "pushing"},
			{"-set=a.yaml:.tag=2 -git-revision=1 -output=json", 0, `"state":"unchanged"`, "fetching"},
			{"-set=a.yaml:.tag=3 -branch=b -commit-via-api", 0, "branch b, commit ", "pushing"},
			{"-set=a.yaml:.tag=4 -branch=c -commit-via-api" + direct, 0, "branch c, commit ", "pushing"},
			{"-set=a.yaml:.tag=1 -branch=d", 0, "nothing to change\n", "editing"},
			{"-set=a.yaml:.no=2 -branch=d", 1, "", "\nhint: check the path against the file"},
			{"-set=a.yaml:.tag=2", 2, "", "the application's commit is not known\nhint: give -git-revision"},
			{"-check-auth", 0, "push: yes\napi " + w.APIURL(), ""},
			{"-check-auth -output=json -dry-run", 0, `"pullRequests":true`, ""},
			{"-check-auth" + direct, 0, "push: yes\n", ""},
			{"-check-auth -commit-via-api" + direct, 0, "\napi ", ""},
			{"-check-auth -token=" + reads, 1, "open pull requests: no\n", "the token lacks rights"},
			{"-check-auth -set-missing=create", 0, "push: yes", "warning: -set-missing does nothing without -set"},
			{"-check-auth -output=xml", 2, "", `-output "xml" is not known`},
			{"-check-auth -ca-file=/does/not/exist", 1, "", "-ca-file: open"},
			{"-check-auth -ca-file=run_test.go", 2, "", "holds no certificate"},
			{"-set=a.yaml:.tag=2 -branch=e -ca-file=/does/not/exist", 1, "", "-ca-file: open"},
			{"-set=a.yaml:.tag=2 -branch=e -result-env=/does/not/exist/env", 1, "", "write the results"},
			{"-h", 0, "\nPull request:\n", ""},
			{"-version", 0, "update-gitops-repo ", ""},
			{"-nosuchflag", 2, "", "error: unknown flag"},
		} {
			code, stdout, stderr := w.run(strings.Fields(test.args)...)
			bad := func(got, want string) bool { return (want == "") != (got == "") || !strings.Contains(got, want) }
			if code != test.code || bad(stdout, test.stdout) || bad(stderr, test.stderr) {
				t.Errorf("%s %s: exit code %d, want %d\nstdout %s\nstderr %s",
					kind, test.args, code, test.code, stdout, stderr)
			}
		}
		if n := len(w.PullRequests(gitops)); n != 2 {
			t.Errorf("%s: %d pull requests", kind, n)
		}
	}
}

// TestPlaces: the results go where the flags say, and where the CI system looks.
func TestPlaces(t *testing.T) {
	getenv := environment("GITHUB_OUTPUT=/o", "GITHUB_STEP_SUMMARY=/s", "CF_VOLUME_PATH=/v")
	got := places(&config{resultDir: "/d", resultEnv: "/e"}, getenv)
	want := report.Places{Dir: "/d", Env: []string{"/e", "/v/env_vars_to_export"}, Outputs: "/o", Summary: "/s"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestCheckout: without -repo the checkout's own settings count, and -add takes files from it.
func TestCheckout(t *testing.T) {
	w := newWorld(t, forge.GitHub)
	dir := t.TempDir()
	origin := strings.Replace(w.CloneURL(gitops), "http://", "http://x:password-of-origin@", 1)
	for _, folder := range []string{".git/objects", ".git/refs"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, ".git/HEAD"), "ref: refs/heads/main\n")
	write(t, filepath.Join(dir, ".git/config"), "[remote \"origin\"]\n\turl = "+origin+"\n")
	getenv := environment("HOME="+w.home, "GIT_CONFIG_NOSYSTEM=1")
	d, err := draftOf(t, getenv, "-workdir="+dir, "-add=*.yaml", "-branch=b")
	if err != nil {
		t.Fatal(err)
	}
	if d.remote.URL.String() != w.CloneURL(gitops) || d.source != "the repository's URL" {
		t.Errorf("the draft is of %s, with the credential of %q", d.remote.URL, d.source)
	}
	if d.remote.Checkout == nil || d.edits.Checkout == nil {
		t.Errorf("the checkout is not there: %t, %t", d.remote.Checkout == nil, d.edits.Checkout == nil)
	}
}

// bare is a forge that can do no more than it has to.
type bare struct{ scm.Provider }

func (bare) Name() string { return "bare" }

// TestForgeRefuses: what a forge cannot do is refused before the run.
func TestForgeRefuses(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-supersede", "bare cannot list and close pull requests"},
		{"-wait", "bare does not report the state of a pull request"},
		{"-merge-pull-request", "cannot merge pull requests"},
		{"-auto-merge", "does not merge by itself"},
		{"-pr-label=a", "has no labels"},
		{"-commit-via-api", "bare does not commit by its API"},
	} {
		args := []string{"-repo=https://git.example.com/a/b", "-branch=b", "-set=a:.b=1", test.args}
		d, err := draftOf(t, environment("HOME="+t.TempDir()), args...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.use(bare{})
		if _, ok := usage.Hint(err); !ok || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.args, err, test.want)
		}
	}
}

// TestNoToken: what needs the forge's API is refused without a token for it, or where the forge is not known.
func TestNoToken(t *testing.T) {
	home := t.TempDir()
	const https, disk = "https://git.example.com/a/b", "/srv/gitops"
	for _, test := range []struct{ repo, args, plan, check string }{
		{https, "-scm-provider=github", "no token for git.example.com; it is needed", ""},
		{https, "-scm-provider=github -dry-run", "", ""},
		{https, "-wait", "cannot tell whether git.example.com is a GitHub or a GitLab", "cannot tell"},
		{https, "-dry-run", "", ""},
		{https, "-create-pull-request=false", "", ""},
		{https, "-create-pull-request=false -commit-via-api", "cannot tell", "cannot tell"},
		{https, "-create-pull-request=false -commit-via-api -scm-provider=gitlab", "no token for git.example.com", ""},
		{disk, "-wait", "a repository on disk has no pull requests", "on disk"},
		{disk, "-dry-run", "", ""},
		{disk, "-dry-run -scm-provider=github", "", ""},
		{https + "/c", "-scm-provider=github -token=t", "check -repo", "check -repo"},
	} {
		getenv := environment("HOME="+home, "GIT_CONFIG_NOSYSTEM=1")
		args := append(strings.Fields(test.args), "-repo="+test.repo, "-branch=b", "-set=a:.b=1")
		d, err := draftOf(t, getenv, args...)
		if err != nil {
			t.Fatal(err)
		}
		around := surroundings{getenv: getenv, client: d.wallet.Client}
		_, planErr := newPlan(t.Context(), d.config, around)
		_, checkErr := newCheck(t.Context(), d.config, around)
		for _, v := range []struct {
			of, want string
			err      error
		}{{"plan", test.plan, planErr}, {"check", test.check, checkErr}} {
			text := ""
			if hint, _ := usage.Hint(v.err); v.err != nil {
				text = v.err.Error() + "; " + hint
			}
			if (text == "") != (v.want == "") || !strings.Contains(text, v.want) {
				t.Errorf("%s %s: the %s: %v, want %q", test.repo, test.args, v.of, v.err, v.want)
			}
		}
	}
}

// TestAccessPrint: as JSON, it is one line that parses.
func TestAccessPrint(t *testing.T) {
	var b bytes.Buffer
	want := auth.Access{Git: auth.GitAccess{URL: "https://git.example.com/a", Credential: "::x::", Push: true}}
	if err := (access{&want}).Print(&b, "json", nil); err != nil {
		t.Fatal(err)
	}
	var got auth.Access
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got != want || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("%s: %+v, %v", &b, got, err)
	}
}

// TestSignal: a signal ends the run in order, with an exit code and two lines.
func TestSignal(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	go func() {
		// A server that takes the connection and says nothing. By now the program listens for signals.
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { c.Close() })
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}()
	args, stderr := os.Args, os.Stderr
	defer func() { os.Args, os.Stderr = args, stderr }()
	repo := "http://" + l.Addr().String() + "/acme/gitops.git"
	os.Args = []string{"update-gitops-repo", "-repo=" + repo, "-set=a.yaml:.a=1", "-create-pull-request=false"}
	if os.Stderr, err = os.Create(filepath.Join(t.TempDir(), "stderr")); err != nil {
		t.Fatal(err)
	}
	if code := Main(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	got, err := os.ReadFile(os.Stderr.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nerror: ", "\nhint: it was interrupted"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("stderr %q, want %q", got, want)
		}
	}
}
