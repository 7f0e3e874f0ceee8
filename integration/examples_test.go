package integration

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/integration/forge"
)

// theImage is what the examples call the program's image.
const theImage = "acme/update-gitops-repo:v2"

// What the application's pipeline knows in every example.
const (
	revision = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	version  = "1.7.0"
)

// stage is a forge whose acme/gitops has one of the layouts.
type stage struct{ *forge.Server }

func newStage(t *testing.T, kind forge.Kind, layout string) stage {
	t.Helper()
	f := startForge(t, forge.Config{Kind: kind, Partial: true})
	if err := errors.Join(f.CreateRepo(repo, "main"),
		f.Seed(repo, "main", filepath.Join("../examples/layouts", layout))); err != nil {
		t.Fatal(err)
	}
	return stage{f}
}

// checkout makes the checkout that a pipeline does: shallow, with a detached HEAD.
func (s stage) checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s.git(t, "clone", "--quiet", "--depth=1", "file://"+s.GitDir(repo), dir)
	s.git(t, "-C", dir, "checkout", "--quiet", "--detach")
	s.git(t, "-C", dir, "remote", "set-url", "origin", s.CloneURL(repo))
	return dir
}

func (s stage) git(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.Command("git", args...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// opened fails unless there is one pull request, from the branch into main, with the title, that changes what the file
// of testdata/layouts says; it returns the pull request.
func (s stage) opened(t *testing.T, branch, title, diff string) forge.PullRequest {
	t.Helper()
	pulls := s.PullRequests(repo)
	if len(pulls) != 1 {
		t.Fatalf("there are %d pull requests: %v", len(pulls), pulls)
	}
	p := pulls[0]
	if p.State != "open" || p.Head != branch || p.Base != "main" || p.Title != title {
		t.Errorf("the pull request is %s, %s -> %s: %q", p.State, p.Head, p.Base, p.Title)
	}
	s.changed(t, "main", branch, diff)
	return p
}

var gitIndex = regexp.MustCompile(`(?m)^index .*\n`)

func (s stage) changed(t *testing.T, from, to, file string) {
	t.Helper()
	diff := gitIndex.ReplaceAllString(s.git(t, "-C", s.GitDir(repo), "diff", "--no-color", "--unified=1", from, to), "")
	file = filepath.Join("testdata/layouts", file+".diff")
	if os.Getenv("UPDATE_EXAMPLES") != "" {
		if err := os.WriteFile(file, []byte(diff), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, file); diff != want {
		t.Errorf("%s is not the diff, which is:\n%s", file, diff)
	}
}

// container is the image as a pipeline system starts it. Nothing of this process's environment gets in, but for the
// variable that keeps the machine's own git configuration out.
type container struct {
	args   []string
	env    map[string]string
	dir    string            // the working directory, in the container
	mounts map[string]string // folders and files of the container, and where they are here
}

func (c container) command() *exec.Cmd {
	// A longer path first: it may be within a shorter one.
	var pairs []string
	for _, path := range slices.SortedFunc(maps.Keys(c.mounts),
		func(a, b string) int { return cmp.Compare(len(b), len(a)) }) {
		pairs = append(pairs, path, c.mounts[path])
	}
	here := strings.NewReplacer(pairs...)
	p := exec.Command("update-gitops-repo")
	for _, a := range c.args {
		p.Args = append(p.Args, here.Replace(a))
	}
	p.Env = []string{"GIT_CONFIG_NOSYSTEM=1"}
	for name, value := range c.env {
		p.Env = append(p.Env, name+"="+here.Replace(value))
	}
	p.Dir = here.Replace(cmp.Or(c.dir, "/workspace"))
	if p.Dir == cmp.Or(c.dir, "/workspace") {
		p.Dir = os.TempDir() // An empty folder of the image's own.
	}
	return p
}

// run runs the container, which has to succeed, and returns its stdout.
func (c container) run(t *testing.T) string {
	t.Helper()
	p := c.command()
	var stdout, stderr bytes.Buffer
	p.Stdout, p.Stderr = &stdout, &stderr
	if err := p.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", p.Args, err, stderr.String())
	}
	if strings.Contains(stdout.String()+stderr.String(), token) {
		t.Error("the token was printed")
	}
	return stdout.String()
}

// docker stands in for the docker program where an example's shell calls it: "docker run" runs the program as the
// container would, with what the options give it. Whatever else is a mistake in the example.
func docker(args []string) error {
	if len(args) == 0 || args[0] != "run" {
		return fmt.Errorf("docker %v is not known here", args)
	}
	c := container{env: map[string]string{}, mounts: map[string]string{}}
	for args = args[1:]; len(args) > 0 && strings.HasPrefix(args[0], "-"); args = args[1:] {
		option, value, ok := strings.Cut(args[0], "=")
		switch option {
		case "--rm", "--read-only":
			continue
		}
		if !ok && len(args) > 1 {
			value, args = args[1], args[1:]
		}
		switch option {
		case "--cap-drop", "--user":
		case "--workdir":
			c.dir = value
		case "--env":
			name, given, ok := strings.Cut(value, "=")
			if !ok {
				// By its name alone: as it is here, if it is.
				if given, ok = os.LookupEnv(name); !ok {
					continue
				}
			}
			c.env[name] = given
		case "--volume":
			parts := strings.Split(value, ":")
			if len(parts) < 2 || !filepath.IsAbs(parts[0]) {
				return fmt.Errorf("--volume %s mounts no folder", value)
			}
			c.mounts[parts[1]] = parts[0]
		default:
			return fmt.Errorf("docker run %s is not known here", option)
		}
	}
	if len(args) == 0 || args[0] != theImage {
		return fmt.Errorf("docker run of %v, not of %s", args, theImage)
	}
	c.args = args[1:]
	p := c.command()
	p.Stdout, p.Stderr = os.Stdout, os.Stderr
	return p.Run()
}

// shell runs a command line as a pipeline's shell does, where docker is the stand-in, and returns its stdout. It leaves
// the command line in the folder EXAMPLES_SHELL, if there is one, for linters.
func shell(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "docker")); err != nil {
		t.Fatal(err)
	}
	if to := os.Getenv("EXAMPLES_SHELL"); to != "" {
		if err := os.WriteFile(filepath.Join(to, strings.ReplaceAll(t.Name(), "/", "-")+".sh"),
			[]byte(script), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("sh", "-ec", script)
	c.Dir = dir
	c.Env = append([]string{"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		"GIT_CONFIG_NOSYSTEM=1"}, env...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.String())
	}
	if strings.Contains(stdout.String()+stderr.String(), token) {
		t.Error("the token was printed")
	}
	return stdout.String()
}

// fill puts the values of a pipeline's variables in their place. One that is not known is a mistake in the example.
func fill(t *testing.T, pattern *regexp.Regexp, text string, values map[string]string) string {
	t.Helper()
	return pattern.ReplaceAllStringFunc(text, func(variable string) string {
		name := pattern.FindStringSubmatch(variable)[1]
		value, ok := values[name]
		if !ok {
			t.Errorf("%s: %s is not known here", text, name)
		}
		return value
	})
}

// load reads the YAML documents of an example into the values, in their order.
func load(t *testing.T, file string, into ...any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(read(t, filepath.Join("../examples", file))))
	for _, v := range into {
		if err := d.Decode(v); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Fatalf("%s has more documents than %d: %v", file, len(into), err)
	}
}

// lastLine is where the program reports the pull request's URL.
func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

// TestExampleLayouts runs the command of every layout's section on it.
func TestExampleLayouts(t *testing.T) {
	sections := strings.Split(read(t, "../examples/layouts/README.md"), "\n## ")[1:]
	folders, err := filepath.Glob("../examples/layouts/[^R]*") // All but the README.
	if err != nil || len(folders) != len(sections) {
		t.Fatalf("%d layouts and %d sections: %v", len(folders), len(sections), err)
	}
	for _, section := range sections {
		layout, text, _ := strings.Cut(section, "\n")
		t.Run(layout, func(t *testing.T) {
			_, text, ok := strings.Cut(text, "```sh\n")
			command, _, _ := strings.Cut(text, "```")
			if !ok {
				t.Fatal("the section has no command")
			}
			s := newStage(t, forge.GitHub, layout)
			env := []string{"REPO=" + s.CloneURL(repo), "UPDATE_GITOPS_REPO_TOKEN=" + token,
				"UPDATE_GITOPS_REPO_SCM_PROVIDER=github", "UPDATE_GITOPS_REPO_GIT_REVISION=" + revision}
			out := shell(t, t.TempDir(), command, env...)
			if p := s.opened(t, "shop-1a2b3c4", "Update shop to 1a2b3c4", layout); lastLine(out) != p.URL {
				t.Errorf("the last line is not %s:\n%s", p.URL, out)
			}
		})
	}
}

// TestExampleDocker runs the scripts.
func TestExampleDocker(t *testing.T) {
	for _, script := range []string{"remote.sh", "checkout.sh"} {
		t.Run(script, func(t *testing.T) {
			s := newStage(t, forge.GitHub, "helm-values")
			env := []string{"REVISION=" + revision, "VERSION=" + version}
			if script == "remote.sh" {
				env = append(env, "GITOPS_REPO="+s.CloneURL(repo), "UPDATE_GITOPS_REPO_TOKEN="+token)
			} else {
				file := filepath.Join(t.TempDir(), "token")
				if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				env = append(env, "TOKEN_FILE="+file)
			}
			out := shell(t, s.checkout(t), read(t, filepath.Join("../examples/docker", script)), env...)
			if p := s.opened(t, "shop-1a2b3c4", "Update shop to 1a2b3c4", "helm-values"); lastLine(out) != p.URL {
				t.Errorf("the last line is not %s:\n%s", p.URL, out)
			}
		})
	}
}

// TestExampleTravis has make run the recipes that the jobs of .travis.yml call.
func TestExampleTravis(t *testing.T) {
	var travis struct {
		Jobs struct {
			Include []struct{ Stage, Script string }
		}
	}
	load(t, "travis/.travis.yml", &travis)
	makefile, err := filepath.Abs("../examples/travis/Makefile")
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, forge.GitHub, "helm-values")
	s.git(t, "-C", s.GitDir(repo), "branch", "staging", "main")
	ran := 0
	for _, job := range travis.Jobs.Include {
		if strings.HasPrefix(job.Script, "make image ") {
			continue // There is nothing to build here.
		}
		ran++
		// As for a tag; a job that is not for one has the commit in the place of the version.
		env := []string{
			"TRAVIS=true", "TRAVIS_COMMIT=" + revision, "TRAVIS_REPO_SLUG=acme/shop",
			"TRAVIS_TAG=" + version, "MAKEFILES=",
			"GITOPS_REPO=" + s.CloneURL(repo), "UPDATE_GITOPS_REPO_TOKEN=" + token,
		}
		shell(t, t.TempDir(),
			strings.Replace(job.Script, "make ", "make --no-print-directory -s -f "+makefile+" ", 1), env...)
	}
	if ran != 2 {
		t.Errorf("%d jobs call make, want 2", ran)
	}
	s.opened(t, "shop-1.7.0-release", "Update shop to 1a2b3c4", "helm-values")
	s.changed(t, "main", "staging", "travis-staging")
}

var (
	jenkinsCredential = regexp.MustCompile(`(?m)^\s*(\w+) = credentials\('.+'\)$`)
	jenkinsVariable   = regexp.MustCompile(`(?m)^\s*(\w+) = "(.*)"$`)
	jenkinsShell      = regexp.MustCompile(`(?s)sh '''\n(.*?)'''`)
	jenkinsExpression = regexp.MustCompile(`\$\{(\w+)\}`)
)

// TestExampleJenkins runs the step with what its environment blocks give it.
func TestExampleJenkins(t *testing.T) {
	text := read(t, "../examples/jenkins/Jenkinsfile")
	s := newStage(t, forge.GitHub, "helm-values")
	env := []string{
		"JENKINS_URL=https://ci.example.com/", "BUILD_NUMBER=0", "GIT_COMMIT=" + revision,
		"GIT_URL=https://git.example.com/acme/shop.git",
		"GITOPS_REPO=" + s.CloneURL(repo),
	}
	for _, m := range jenkinsCredential.FindAllStringSubmatch(text, -1) {
		env = append(env, m[1]+"="+token)
	}
	for _, m := range jenkinsVariable.FindAllStringSubmatch(text, -1) {
		env = append(env, m[1]+"="+fill(t, jenkinsExpression, m[2], map[string]string{"BUILD_NUMBER": "0"}))
	}
	scripts := jenkinsShell.FindAllStringSubmatch(text, -1)
	if len(scripts) != 1 {
		t.Fatalf("%d steps with ''', want 1", len(scripts))
	}
	// In a Groovy string with ''' a backslash at the end of a line is gone with the line break.
	out := shell(t, t.TempDir(), strings.ReplaceAll(scripts[0][1], "\\\n", ""), env...)
	if p := s.opened(t, "shop-1a2b3c4", "Update shop to 1a2b3c4", "helm-values"); lastLine(out) != p.URL {
		t.Errorf("the last line is not %s:\n%s", p.URL, out)
	}
}

var gitHubExpression = regexp.MustCompile(`\$\{\{ ([\w.-]+) \}\}`)

// TestExampleGitHubActions runs the action as the workflow uses it, as the runner does.
func TestExampleGitHubActions(t *testing.T) {
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct {
				ID   string `yaml:"id"`
				Uses string
				With map[string]string
			}
		}
	}
	var action struct {
		Inputs map[string]struct {
			Description string
			Default     string
		}
		Outputs map[string]any
		Runs    struct {
			Using, Image string
			Env          map[string]string
			Args         []string
		}
	}
	load(t, "github-actions/workflow.yml", &workflow)
	load(t, "github-actions/action.yml", &action)
	if dockerfile := read(t, "../examples/github-actions/Dockerfile"); action.Runs.Using != "docker" ||
		action.Runs.Image != "Dockerfile" || !strings.HasSuffix(dockerfile, "\nFROM "+theImage+"\nUSER 0:0\n") {
		t.Errorf("the action runs %q of %q:\n%s", action.Runs.Image, action.Runs.Using, dockerfile)
	}
	s := newStage(t, forge.GitHub, "flux-kustomization")
	known := map[string]string{
		"github.server_url": s.URL(), "github.ref_name": version, "github.sha": revision, "vars.GITOPS_REPO": repo,
		"secrets.GITOPS_TOKEN": token, "steps.build.outputs.image": "acme/shop:" + version,
	}
	files := t.TempDir()
	c := container{
		args: action.Runs.Args, dir: "/github/workspace",
		mounts: map[string]string{"/github/workspace": t.TempDir(), "/github/file_commands": files},
		env: map[string]string{
			"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_SHA": revision, "GITHUB_REPOSITORY": "acme/shop",
			"GITHUB_SERVER_URL": s.URL(),
			"GITHUB_WORKSPACE":  "/github/workspace", "HOME": "/github/home",
			"GITHUB_OUTPUT": "/github/file_commands/output", "GITHUB_STEP_SUMMARY": "/github/file_commands/summary",
		},
	}
	inputs := map[string]string{}
	for name, input := range action.Inputs {
		inputs["inputs."+name] = input.Default
	}
	used := false
	for _, step := range workflow.Jobs["deploy"].Steps {
		if !strings.HasPrefix(step.Uses, "acme/update-gitops-repo/examples/github-actions@") {
			continue
		}
		used = true
		for name, value := range step.With {
			if _, ok := action.Inputs[name]; !ok {
				t.Errorf("the workflow gives %s, which is no input", name)
			}
			inputs["inputs."+name] = fill(t, gitHubExpression, value, known)
		}
	}
	if !used {
		t.Fatal("the workflow does not use the action")
	}
	for name, value := range inputs {
		c.env["INPUT_"+strings.ToUpper(strings.TrimPrefix(name, "inputs."))] = value
	}
	for name, value := range action.Runs.Env {
		c.env[name] = fill(t, gitHubExpression, value, inputs)
	}
	c.run(t)
	p := s.opened(t, "shop-1a2b3c4", "Update shop to 1a2b3c4", "flux-kustomization")
	if !slices.Equal(p.Labels, []string{"deployment", "shop"}) {
		t.Errorf("the labels are %q", p.Labels)
	}
	outputs := variables(t, filepath.Join(files, "output"))
	if outputs["pull-request-url"] != p.URL || outputs["changed"] != "true" {
		t.Errorf("the outputs are %v", outputs)
	}
	if got, want := slices.Sorted(maps.Keys(action.Outputs)),
		slices.Sorted(maps.Keys(outputs)); !slices.Equal(got, want) {
		t.Errorf("the action has the outputs %q, the program %q", got, want)
	}
	names(t, "github-actions/workflow.yml", `steps\.gitops\.outputs\.([\w-]+)`, outputs)
}

// names holds the results that an example's file has a later step read, by the pattern's group, against those that are
// there.
func names(t *testing.T, file, pattern string, results map[string]string) {
	t.Helper()
	found := regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, filepath.Join("../examples", file)), -1)
	for _, m := range found {
		if _, ok := results[m[1]]; !ok {
			t.Errorf("%s: there is no result %s", file, m[1])
		}
	}
	if len(found) == 0 {
		t.Errorf("%s reads no result", file)
	}
}

// variables reads lines of NAME=VALUE.
func variables(t *testing.T, file string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(read(t, file)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		out[name] = value
	}
	return out
}

var codefreshVariable = regexp.MustCompile(`\$\{\{(\w+)\}\}`)

// codefreshStep is a freestyle step.
type codefreshStep struct {
	Image            string
	WorkingDirectory string `yaml:"working_directory"`
	Cmd, Environment []string
	Commands         []string
	Type             string
	Arguments        map[string]string
}

// run runs the step as Codefresh does, with all the variables of the pipeline, and returns what it exports.
func (step codefreshStep) run(t *testing.T, pipeline, known map[string]string, volume string) map[string]string {
	t.Helper()
	if step.Image != theImage || len(step.Commands) > 0 {
		t.Fatalf("the step runs %q in %s", step.Commands, step.Image)
	}
	c := container{env: maps.Clone(pipeline), mounts: map[string]string{"/codefresh/volume": volume}}
	c.env["CF_VOLUME_PATH"] = "/codefresh/volume"
	c.dir = fill(t, codefreshVariable, cmp.Or(step.WorkingDirectory, "/codefresh/volume/shop"), known)
	for _, a := range step.Cmd {
		c.args = append(c.args, fill(t, codefreshVariable, a, known))
	}
	for _, e := range step.Environment {
		name, value, _ := strings.Cut(e, "=")
		c.env[name] = fill(t, codefreshVariable, value, known)
	}
	c.run(t)
	return variables(t, filepath.Join(volume, "env_vars_to_export"))
}

// codefreshVolume is the volume that the steps share, with the application's checkout.
func codefreshVolume(t *testing.T) string {
	t.Helper()
	volume := t.TempDir()
	if err := os.CopyFS(filepath.Join(volume, "shop"), os.DirFS("../examples/codefresh")); err != nil {
		t.Fatal(err)
	}
	return volume
}

func codefreshVariables(s stage) map[string]string {
	return map[string]string{
		"CF_BUILD_ID": "5f0c3a9e", "CF_REVISION": revision, "CF_SHORT_REVISION": revision[:7], "CF_REPO_NAME": "shop",
		"CF_REPO_OWNER":    "acme",
		"CF_COMMIT_AUTHOR": "Alex", "GITOPS_REPO": s.CloneURL(repo),
	}
}

// TestExampleCodefresh runs the pipeline's step.
func TestExampleCodefresh(t *testing.T) {
	var pipeline struct{ Steps map[string]codefreshStep }
	load(t, "codefresh/codefresh.yml", &pipeline)
	s := newStage(t, forge.GitHub, "app-of-apps")
	variables := codefreshVariables(s)
	variables["UPDATE_GITOPS_REPO_TOKEN"] = token
	known := maps.Clone(variables)
	known["main_clone"] = "/codefresh/volume/shop"
	exported := pipeline.Steps["update_gitops"].run(t, variables, known, codefreshVolume(t))
	names(t, "codefresh/README.md", `\$\{\{(GITOPS_\w+)\}\}`, exported)
	p := s.opened(t, "shop-1a2b3c4", "1a2b3c4 from shop", "codefresh")
	if exported["GITOPS_PULL_REQUEST_URL"] != p.URL {
		t.Errorf("it exports %v", exported)
	}
	if author := s.git(t, "-C", s.GitDir(repo), "log", "-1", "--format=%an", "shop-1a2b3c4"); author != "Alex\n" {
		t.Errorf("the author is %s", author)
	}
}

// TestExampleCodefreshStep runs the step type as its own example calls it.
func TestExampleCodefreshStep(t *testing.T) {
	var stepType struct {
		Metadata struct {
			Name     string
			Examples []struct{ Workflow map[string]codefreshStep }
		}
		Spec struct {
			Arguments, Returns string
			Steps              map[string]codefreshStep
		}
	}
	load(t, "codefresh/step.yaml", &stepType)
	var arguments, returns struct {
		Required   []string
		Properties map[string]struct{ Default *string }
	}
	for text, into := range map[string]any{stepType.Spec.Arguments: &arguments, stepType.Spec.Returns: &returns} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	s := newStage(t, forge.GitHub, "helm-values")
	pipeline := codefreshVariables(s)
	known := maps.Clone(pipeline)
	known["GITOPS_TOKEN"], known["IMAGE_TAG"] = token, version
	given := map[string]string{}
	for name, a := range arguments.Properties {
		if a.Default != nil {
			given[name] = *a.Default
		} else if !slices.Contains(arguments.Required, name) {
			t.Errorf("the argument %s is neither required nor has it a default", name)
		}
	}
	call := stepType.Metadata.Examples[0].Workflow["update_gitops"]
	if call.Type != stepType.Metadata.Name {
		t.Errorf("the example calls %s", call.Type)
	}
	for name, value := range call.Arguments {
		if _, ok := arguments.Properties[name]; !ok {
			t.Errorf("the example gives %s, which is no argument", name)
		}
		given[name] = fill(t, codefreshVariable, value, known)
	}
	exported := stepType.Spec.Steps["main"].run(t, pipeline, given, codefreshVolume(t))
	p := s.opened(t, "shop-1a2b3c4", "Update shop to 1a2b3c4", "helm-values")
	if exported["GITOPS_PULL_REQUEST_URL"] != p.URL {
		t.Errorf("it exports %v", exported)
	}
	if got, want := slices.Sorted(maps.Keys(returns.Properties)),
		slices.Sorted(maps.Keys(exported)); !slices.Equal(got, want) {
		t.Errorf("it returns %q, the program exports %q", got, want)
	}
}

var (
	gitLabInput    = regexp.MustCompile(`\$\[\[ inputs\.([\w-]+) \]\]`)
	gitLabVariable = regexp.MustCompile(`\$(\w+)`)
)

// TestExampleGitLab runs the job of the component as .gitlab-ci.yml includes it: the inputs first, then the variables,
// then the script in a shell.
func TestExampleGitLab(t *testing.T) {
	var component struct {
		Spec struct {
			Inputs map[string]struct{ Default *string }
		}
	}
	var jobs map[string]struct {
		Variables map[string]string
		Image     string
		Script    []string
		Artifacts struct {
			Reports struct{ Dotenv string }
		}
	}
	var pipeline struct {
		Include []struct {
			Local  string
			Inputs map[string]string
		}
	}
	load(t, "gitlab-ci/.gitlab-ci.yml", &pipeline)
	load(t, "gitlab-ci/"+pipeline.Include[0].Local, &component, &jobs)
	given := map[string]string{}
	for name, input := range component.Spec.Inputs {
		if input.Default != nil {
			given[name] = *input.Default
		}
	}
	for name, value := range pipeline.Include[0].Inputs {
		if _, ok := component.Spec.Inputs[name]; !ok {
			t.Errorf("%s is no input", name)
		}
		given[name] = value
	}
	job, ok := jobs["$[[ inputs.job-name ]]"]
	if !ok {
		t.Fatal("the component has no job")
	}
	if image := fill(t, gitLabInput, job.Image, given); !strings.Contains(read(t, "../examples/gitlab-ci/Dockerfile"),
		"FROM "+theImage+" ") || image != theImage+"-shell" {
		t.Errorf("the job runs in %s", image)
	}
	s := newStage(t, forge.GitLab, "helm-values")
	ci := map[string]string{
		"CI": "true", "GITLAB_CI": "true", "CI_COMMIT_SHA": revision, "CI_COMMIT_TAG": version,
		"CI_PROJECT_PATH": "acme/shop", "CI_SERVER_URL": s.URL(),
		"GITOPS_REPO": s.CloneURL(repo), "UPDATE_GITOPS_REPO_TOKEN": token,
	}
	var env []string
	for name, value := range ci {
		env = append(env, name+"="+value)
	}
	for name, value := range job.Variables {
		env = append(env, name+"="+fill(t, gitLabVariable, fill(t, gitLabInput, value, given), ci))
	}
	dir := t.TempDir()
	out := shell(t, dir, strings.Join(job.Script, "\n"), env...)
	p := s.opened(t, "shop-1a2b3c4", "Update shop to 1a2b3c4", "helm-values")
	if lastLine(out) != p.URL {
		t.Errorf("the last line is not %s:\n%s", p.URL, out)
	}
	if !slices.Equal(p.Labels, []string{"deployment", "shop"}) {
		t.Errorf("the labels are %q", p.Labels)
	}
	report := variables(t, filepath.Join(dir, job.Artifacts.Reports.Dotenv))
	if report["GITOPS_PULL_REQUEST_URL"] != p.URL {
		t.Errorf("the report is %v", report)
	}
	report["GITOPS_REPO"] = "" // The pipeline's own.
	names(t, "gitlab-ci/.gitlab-ci.yml", `\$(GITOPS_\w+)`, report)
	names(t, "gitlab-ci/README.md", "`\\$?(GITOPS_\\w+)`", report)
}

// nameValue is a parameter, argument or variable, as Kubernetes' resources list them.
type nameValue struct {
	Name    string
	Default any
	Value   any
}

var argoVariable = regexp.MustCompile(`\{\{([\w.-]+)\}\}`)

// TestExampleArgoWorkflows runs the template as "argo submit --from" does with the parameters that have no value.
func TestExampleArgoWorkflows(t *testing.T) {
	var workflow struct {
		Spec struct {
			Entrypoint string
			Arguments  struct{ Parameters []nameValue }
			Templates  []struct {
				Name    string
				Inputs  struct{ Parameters []nameValue }
				Outputs struct {
					Parameters []struct {
						Name      string
						ValueFrom struct{ Path string } `yaml:"valueFrom"`
					}
				}
				Container struct {
					Image        string
					Args         []string
					VolumeMounts []struct {
						MountPath string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
					Env []struct {
						Name      string
						ValueFrom struct {
							SecretKeyRef *struct{ Name, Key string } `yaml:"secretKeyRef"`
						} `yaml:"valueFrom"`
					}
				}
			}
		}
	}
	load(t, "argo-workflows/workflow-template.yaml", &workflow)
	s := newStage(t, forge.GitHub, "argocd-templates")
	submitted := map[string]string{"repo": s.CloneURL(repo), "app": "shop", "revision": revision,
		"image": "acme/shop:" + version}
	arguments := map[string]string{}
	for _, p := range workflow.Spec.Arguments.Parameters {
		value, ok := submitted[p.Name]
		if !ok {
			value, ok = p.Value.(string)
		}
		if !ok {
			t.Errorf("the parameter %s is not given", p.Name)
		}
		arguments[p.Name] = value
	}
	update := workflow.Spec.Templates[0]
	if update.Name != workflow.Spec.Entrypoint || update.Container.Image != theImage {
		t.Fatalf("the template %s runs %s", update.Name, update.Container.Image)
	}
	known := map[string]string{}
	for _, p := range update.Inputs.Parameters {
		value, ok := arguments[p.Name]
		if !ok {
			value, ok = p.Value.(string)
		}
		if !ok {
			t.Errorf("the parameter %s is not given", p.Name)
		}
		known["inputs.parameters."+p.Name] = value
	}
	c := container{env: map[string]string{}, mounts: map[string]string{}}
	for _, m := range update.Container.VolumeMounts {
		c.mounts[m.MountPath] = t.TempDir()
	}
	for _, a := range update.Container.Args {
		c.args = append(c.args, fill(t, argoVariable, a, known))
	}
	for _, e := range update.Container.Env {
		if e.ValueFrom.SecretKeyRef == nil {
			t.Fatalf("%s does not come from a Secret", e.Name)
		}
		c.env[e.Name] = token
	}
	c.run(t)
	p := s.opened(t, "shop-1a2b3c4", "Update shop to 1a2b3c4", "argocd-templates")
	for _, output := range update.Outputs.Parameters {
		dir, name := filepath.Split(output.ValueFrom.Path)
		got := read(t, filepath.Join(c.mounts[filepath.Clean(dir)], name))
		if want, ok := map[string]string{"changed": "true", "commit": p.HeadSHA,
			"pull-request-url": p.URL}[output.Name]; !ok || got != want {
			t.Errorf("%s is %s", output.Name, got)
		}
	}
}
