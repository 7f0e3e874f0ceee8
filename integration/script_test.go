// Package integration tests the program as its users run it: the scripts in testdata/script are its specification.
package integration

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"update-gitops-repo/integration/forge"
)

const (
	token     = "forge-token-5f0c3a9e"
	jobToken  = "forge-job-2d81b7c4"
	readToken = "forge-read-9a3e6f10"
	repo      = "acme/gitops"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "docker" { // See docker in examples_test.go.
		if err := docker(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "docker:", err)
			os.Exit(1)
		}
		return
	}
	testscript.Main(m, map[string]func(){
		"update-gitops-repo": func() { os.Exit(mainRecorded()) },
	})
}

// TestScripts runs every script against each forge, with and without partial clone.
func TestScripts(t *testing.T) {
	for _, kind := range []forge.Kind{forge.GitHub, forge.GitLab} {
		for _, partial := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/partial=%t", kind, partial), func(t *testing.T) {
				t.Parallel() // as every script is, so that none has to wait for the last one of another group
				testscript.Run(t, testscript.Params{
					Dir:                "testdata/script",
					Setup:              func(env *testscript.Env) error { return setUp(env, kind, partial) },
					Cmds:               commands,
					Condition:          func(cond string) (bool, error) { return holds(cond, kind, partial) },
					RequireUniqueNames: true,
				})
			})
		}
	}
}

// commands are what scripts have in addition to testscript's own commands.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"api":         api,
	"asked":       asked,
	"env-lines":   envLines,
	"exits":       exits,
	"forge":       tellForge,
	"mark":        mark,
	"proxied":     proxied,
	"pull":        pull,
	"pulls":       pulls,
	"redirect":    redirect,
	"seed":        seed,
	"seed-empty":  seedEmpty,
	"shows":       shows,
	"start-proxy": startProxy,
	"start-tls":   startTLS,
	"unmoved":     unmoved,
	"write":       write,
}

// holds reports whether a condition of scripts holds. It fails for one that is unknown.
func holds(cond string, kind forge.Kind, partial bool) (bool, error) {
	switch cond {
	case "github", "gitlab":
		return string(kind) == cond, nil
	case "partial":
		return partial, nil
	case "root":
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

type (
	forgeKey struct{}
	askedKey struct{}
	keysKey  struct{} // the lines of the keys that are made for a script
)

// scriptGitConfig is the user's git-config(1) in a script.
const scriptGitConfig = `[user]
	name = Alex
	email = alex@example.com
[init]
	defaultBranch = main
[advice]
	detachedHead = false
[protocol "file"]
	allow = always
`

// setUp starts the script's own forge with an empty acme/gitops. Scripts use these variables:
//
//   - REPO, SSH_REPO: its clone URLs; GITDIR: its bare repository
//   - URL, HOST, API: the forge; PROVIDER: its kind
//   - TOKEN, JOB_TOKEN, READ_TOKEN: see forge.Config; BASIC: the first, as HTTP basic authentication sends it
//   - PULL: the URL of a pull request without its number
//   - BIN: a folder for PATH that holds the program and nothing else
func setUp(env *testscript.Env, kind forge.Kind, partial bool) error {
	dir := filepath.Join(env.WorkDir, ".forge")
	home := filepath.Join(env.WorkDir, ".home")
	for _, d := range []string{dir, filepath.Join(home, ".ssh")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	f, err := forge.Start(forge.Config{
		Kind: kind, Partial: partial, Token: token, JobToken: jobToken, ReadToken: readToken, Dir: dir,
	})
	if err != nil {
		return err
	}
	env.Defer(func() {
		if err := f.Close(); err != nil {
			env.T().Log("close the forge: ", err)
		}
	})
	outputs := filepath.Join(dir, "outputs")
	if err := os.Mkdir(outputs, 0o700); err != nil {
		return err
	}
	env.Values[keysKey{}] = new([]string)
	env.Defer(func() {
		secrets := append(f.Secrets(), *env.Values[keysKey{}].(*[]string)...)
		if err := findSecrets(outputs, secrets); err != nil {
			env.T().Fatal(err)
		}
	})
	if err := f.CreateRepo(repo, "main"); err != nil {
		return err
	}
	ssh, err := f.StartSSH()
	if err != nil {
		return err
	}
	key, err := os.ReadFile(ssh.KeyFile)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, ".ssh", "id_ed25519"), key, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(scriptGitConfig), 0o600); err != nil {
		return err
	}
	pull := "/pull/"
	if kind == forge.GitLab {
		pull = "/-/merge_requests/"
	}
	env.Values[forgeKey{}] = f
	env.Values[askedKey{}] = new(int)
	env.Vars = append(env.Vars,
		"HOME="+home,
		"GIT_CONFIG_NOSYSTEM=1",
		"BIN="+filepath.SplitList(env.Getenv("PATH"))[0],
		"URL="+f.URL(),
		"API="+f.APIURL(),
		"HOST="+strings.TrimPrefix(f.URL(), "http://"),
		"REPO="+f.CloneURL(repo),
		"GITDIR="+f.GitDir(repo),
		"SSH_REPO=ssh://git@"+ssh.Addr+"/"+repo+".git",
		"SSH_KNOWN_HOSTS="+ssh.KnownHostsFile,
		"PROVIDER="+string(kind),
		"TOKEN="+token,
		"BASIC="+base64.StdEncoding.EncodeToString([]byte("alex:"+token)),
		outputVariable+"="+outputs,
		"JOB_TOKEN="+jobToken,
		"READ_TOKEN="+readToken,
		"PULL="+f.URL()+"/"+repo+pull,
	)
	return nil
}

func theForge(ts *testscript.TestScript) *forge.Server { return ts.Value(forgeKey{}).(*forge.Server) }

// seed DIR [BRANCH] commits the folder's files onto the branch, main by default.
func seed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: seed DIR [BRANCH]")
	}
	branch := "main"
	if len(args) > 1 {
		branch = args[1]
	}
	ts.Check(theForge(ts).Seed(repo, branch, ts.MkAbs(args[0])))
}

// seed-empty REPO makes a repository without a commit.
func seedEmpty(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: seed-empty REPO")
	}
	ts.Check(theForge(ts).CreateRepo(args[0], "main"))
}

// api METHOD PATH BODY sends a request to the forge's API, as another user would.
func api(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: api METHOD PATH BODY")
	}
	url := strings.TrimSuffix(theForge(ts).APIURL(), "/") + "/" + args[1]
	r, err := http.NewRequestWithContext(context.Background(), args[0], url, strings.NewReader(args[2]))
	ts.Check(err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	ts.Check(err)
	body, err := io.ReadAll(response.Body)
	ts.Check(errors.Join(err, response.Body.Close()))
	if response.StatusCode >= 300 {
		ts.Fatalf("%s: %s", response.Status, body)
	}
}

// asked prints what the forge was asked over http since the last time: METHOD STATUS AUTH PATH, where AUTH says which
// token came and how, "-" for none.
func asked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: asked")
	}
	requests, from := theForge(ts).Requests(), ts.Value(askedKey{}).(*int)
	for _, r := range requests[*from:] {
		auth := r.Auth + "/" + r.Via
		if r.Auth == "" {
			auth = "-"
		}
		fmt.Fprintf(ts.Stdout(), "%s %d %s %s\n", r.Method, r.Status, auth, r.Path)
	}
	*from = len(requests)
}

// start-tls has the forge listen for https too, and sets TLS_URL, TLS_PORT and CA_FILE. Its certificate is for
// 127.0.0.1 and forge.example.com.
func startTLS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: start-tls")
	}
	t, err := theForge(ts).StartTLS()
	ts.Check(err)
	ts.Setenv("TLS_URL", t.URL)
	ts.Setenv("TLS_PORT", fmt.Sprint(t.Port))
	ts.Setenv("CA_FILE", t.CAFile)
}

// start-proxy [USER PASSWORD] starts an http proxy that leads to the forge, whatever it is asked for, and sets PROXY to
// its URL and PROXY_HOST to its host and port.
func startProxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 && len(args) != 2 {
		ts.Fatalf("usage: start-proxy [USER PASSWORD]")
	}
	args = append(args, "", "")
	url, err := theForge(ts).StartProxy(args[0], args[1])
	ts.Check(err)
	ts.Setenv("PROXY", url)
	ts.Setenv("PROXY_HOST", strings.TrimPrefix(url, "http://"))
}

// proxied prints what the proxy was asked for.
func proxied(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: proxied")
	}
	_, err := ts.Stdout().Write([]byte(strings.Join(theForge(ts).Proxied(), "\n") + "\n"))
	ts.Check(err)
}

// redirect [URL] makes the forge redirect every request to that URL, or no longer.
func redirect(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: redirect [URL]")
	}
	ts.Check(theForge(ts).RedirectTo(append(args, "")[0]))
}

// forge WHAT ARG... changes the forge:
//
//   - user NAME, team NAME, milestone TITLE: there is one
//   - protect BRANCH: a pull request is only merged when its checks have passed
//   - checks BRANCH STATE: they are pending, success or failure
//   - pass BRANCH: its checks succeed once it has a pull request
//   - app ID FILE: there is a GitHub App, whose key is written to the file
//   - merges METHOD...: no other methods are allowed
//   - fail FAULT PATH, fail-once FAULT PATH: requests with PATH in their METHOD PATH fail, or the first one of them
func tellForge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: forge WHAT ARG...")
	}
	f := theForge(ts)
	switch args[0] {
	case "user":
		f.AddUser(args[1])
	case "team":
		f.AddTeam(args[1])
	case "milestone":
		ts.Check(f.AddMilestone(repo, args[1]))
	case "protect":
		ts.Check(f.Protect(repo, args[1]))
	case "checks":
		tip, err := exec.Command("git", "-C", f.GitDir(repo), "rev-parse", args[1]).Output()
		ts.Check(err)
		ts.Check(f.SetChecks(repo, strings.TrimSpace(string(tip)), args[2]))
	case "pass":
		// The run is under way: its checks can pass as soon as there is something to check.
		waitForPull(ts, args[1])
		tellForge(ts, false, []string{"checks", args[1], "success"})
	case "app":
		// Its private key goes to a file.
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		ts.Check(err)
		f.AddApp(args[1], &key.PublicKey, repo)
		block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), block, 0o600))
		keys := ts.Value(keysKey{}).(*[]string)
		*keys = append(*keys, strings.Split(string(block), "\n")[1:10]...)
	case "fail", "fail-once":
		if len(args) != 3 {
			ts.Fatalf("usage: forge %s FAULT PATH", args[0])
		}
		failed := false
		f.FailRequests(func(_ int, r *http.Request) forge.Fault {
			if !strings.Contains(r.Method+" "+r.URL.Path, args[2]) || failed && args[0] == "fail-once" {
				return forge.NoFault
			}
			failed = true
			return forge.Fault(args[1])
		})
	case "merges":
		ts.Check(f.AllowMerge(repo, args[1:]...))
	default:
		ts.Fatalf("unknown: forge %s", args[0])
	}
}

// waitForPull waits until the branch has an open pull request, as long as the program may take, or a minute.
func waitForPull(ts *testscript.TestScript, branch string) {
	limit, err := time.ParseDuration(cmp.Or(ts.Getenv("UPDATE_GITOPS_REPO_TIMEOUT"), "1m"))
	ts.Check(err)
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if strings.Contains(listPulls(ts), " open "+branch+" -> ") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("waited for an open pull request of %s; there are:\n%s", branch, listPulls(ts))
}

// env-lines NAME LINE... sets a variable to several lines.
func envLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: env-lines NAME LINE...")
	}
	ts.Setenv(args[0], strings.Join(args[1:], "\n")+"\n")
}

// write FILE TEXT writes a line, which may have variables, into a file.
func write(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: write FILE TEXT")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]+"\n"), 0o600))
}

// exits CODE ARGS... runs the program, which has to fail with that code and as every failure does: nothing on stdout,
// an error and a hint at the end of stderr, the token on neither. Before them stands what the run was at; a wrong
// command line, code 2, is refused before it is at anything. Where -output=json or -log-format=json is among the
// arguments, stdout is one object of JSON that has the error, or stderr has only such objects, the error last.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS...")
	}
	err := ts.Exec("update-gitops-repo", args[1:]...)
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || fmt.Sprint(exit.ExitCode()) != args[0] {
		ts.Fatalf("want exit code %s, got: %v", args[0], err)
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	const forCI = `(?:(?:::error |##vso\[task.logissue ).+\n)?`
	phases := `(?:(?:opening|fetching|editing|pushing|lost a race|warning:|::warning ).+\n)*` + forCI
	if args[0] == "2" {
		phases = forCI
	}
	if slices.Contains(args, "-output=json") {
		checkJSONFailure(ts, stdout, args[0])
	} else if stdout != "" {
		ts.Fatalf("want nothing on stdout")
	}
	if slices.Contains(args, "-log-format=json") {
		lines := strings.SplitAfter(strings.TrimSuffix(stderr, "\n"), "\n")
		checkJSONFailure(ts, lines[len(lines)-1]+"\n", args[0])
	} else if !regexp.MustCompile(`^` + phases + `error: .+\nhint: .+\n$`).MatchString(stderr) {
		ts.Fatalf("want an error and a hint at the end of stderr")
	}
	for _, t := range []string{token, jobToken, readToken} {
		if strings.Contains(stdout+stderr, t) {
			ts.Fatalf("the token was printed")
		}
	}
}

// checkJSONFailure checks that the text is one line of JSON, with an error, a hint and the exit code.
func checkJSONFailure(ts *testscript.TestScript, text, code string) {
	var failure struct {
		Error, Hint string
		ExitCode    int
	}
	err := json.Unmarshal([]byte(text), &failure)
	if err != nil || strings.Count(text, "\n") != 1 || failure.Error == "" || failure.Hint == "" ||
		fmt.Sprint(failure.ExitCode) != code {
		ts.Fatalf("want a failure with exit code %s as one line of JSON, got: %v, %s", code, err, text)
	}
}

// pulls prints a line a pull request: #NUMBER STATE HEAD -> BASE: TITLE.
func pulls(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: pulls")
	}
	_, err := ts.Stdout().Write([]byte(listPulls(ts)))
	ts.Check(err)
}

// pull N prints a pull request: its title, labels, people, comments, milestone and text.
func pull(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: pull N")
	}
	for _, p := range theForge(ts).PullRequests(repo) {
		if fmt.Sprint(p.Number) != args[0] {
			continue
		}
		fmt.Fprintf(ts.Stdout(), "title: %s\n", p.Title)
		for _, more := range []struct {
			name   string
			values []string
		}{{"label", p.Labels}, {"reviewer", p.Reviewers}, {"assignee", p.Assignees}, {"comment", p.Comments}} {
			for _, v := range more.values {
				fmt.Fprintf(ts.Stdout(), "%s: %s\n", more.name, v)
			}
		}
		if p.Milestone != "" {
			fmt.Fprintf(ts.Stdout(), "milestone: %s\n", p.Milestone)
		}
		fmt.Fprintf(ts.Stdout(), "draft: %t\n%s\n", p.Draft, p.Body)
		return
	}
	ts.Fatalf("there is no pull request #%s", args[0])
}

func listPulls(ts *testscript.TestScript) string {
	var b bytes.Buffer
	for _, p := range theForge(ts).PullRequests(repo) {
		fmt.Fprintf(&b, "#%d %s %s -> %s: %s\n", p.Number, p.State, p.Head, p.Base, p.Title)
	}
	return b.String()
}

// state is every reference and pull request.
func state(ts *testscript.TestScript) []byte {
	refs, err := exec.Command("git", "-C", theForge(ts).GitDir(repo), "for-each-ref").Output()
	ts.Check(err)
	return append(refs, listPulls(ts)...)
}

func markFile(ts *testscript.TestScript) string {
	return filepath.Join(ts.Getenv("WORK"), ".forge", "mark")
}

// mark remembers the references and pull requests, for unmoved.
func mark(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: mark")
	}
	ts.Check(os.WriteFile(markFile(ts), state(ts), 0o600))
}

// unmoved fails when a reference or a pull request is not as it was at mark; ! unmoved fails when all are.
func unmoved(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 0 {
		ts.Fatalf("usage: [!] unmoved")
	}
	before, now := ts.ReadFile(markFile(ts)), string(state(ts))
	if (before == now) == neg {
		ts.Fatalf("before:\n%safter:\n%s", before, now)
	}
}
