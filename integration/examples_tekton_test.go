package integration

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/integration/forge"
)

// tektonTask is what counts here of a Task.
type tektonTask struct {
	Spec struct {
		Params     []nameValue
		Workspaces []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			Optional  bool
		}
		Results []struct{ Name string }
		Steps   []struct {
			Image      string
			WorkingDir string `yaml:"workingDir"`
			Args       []string
			Env        []struct {
				Name, Value string
				ValueFrom   struct {
					SecretKeyRef *struct {
						Name, Key string
						Optional  bool
					} `yaml:"secretKeyRef"`
				} `yaml:"valueFrom"`
			}
		}
	}
}

var (
	tektonVariable = regexp.MustCompile(`\$\(((?:params|workspaces|tasks|results|context)\.[\w.-]+)\)`)
	tektonArray    = regexp.MustCompile(`^\$\(params\.([\w-]+)\[\*\]\)$`)
)

// taskRun is a run of the Task.
type taskRun struct {
	stage      stage
	password   string // of the service account's credentials
	params     map[string]any
	workspaces map[string]string // by name, the folder here
	secrets    map[string]string // by NAME/KEY, the value
}

// run runs the Task as Tekton does, and returns the results.
func (r taskRun) run(t *testing.T) map[string]string {
	t.Helper()
	var task tektonTask
	load(t, "tekton/task.yaml", &task)
	known, arrays := r.substitutions(t, task)
	results, home := t.TempDir(), serviceAccountHome(t, r.stage, r.password)
	c := container{env: map[string]string{},
		mounts: map[string]string{"/tekton/results": results, "/tekton/home": home}}
	r.mount(t, task, &c, known)
	step := task.Spec.Steps[0]
	if step.Image != theImage || len(task.Spec.Steps) != 1 {
		t.Errorf("the first of %d steps runs %s", len(task.Spec.Steps), step.Image)
	}
	c.dir = fill(t, tektonVariable, step.WorkingDir, known)
	for _, a := range step.Args {
		if m := tektonArray.FindStringSubmatch(a); m != nil {
			c.args = append(c.args, arrays[m[1]]...)
		} else {
			c.args = append(c.args, fill(t, tektonVariable, a, known))
		}
	}
	for _, e := range step.Env {
		ref := e.ValueFrom.SecretKeyRef
		if ref == nil {
			c.env[e.Name] = fill(t, tektonVariable, e.Value, known)
			continue
		}
		secret, ok := r.secrets[fill(t, tektonVariable, ref.Name, known)+"/"+ref.Key]
		if ok {
			c.env[e.Name] = secret
		} else if !ref.Optional {
			t.Errorf("there is no Secret %s", ref.Name)
		}
	}
	c.run(t)
	return readResults(t, task, results)
}

// substitutions returns what Tekton puts in for the Task's params: strings by variable, and arrays by name.
func (r taskRun) substitutions(t *testing.T, task tektonTask) (known map[string]string, arrays map[string][]string) {
	t.Helper()
	known, arrays = map[string]string{}, map[string][]string{}
	declared := map[string]bool{}
	for _, p := range task.Spec.Params {
		declared[p.Name] = true
		value, ok := r.params[p.Name]
		if !ok {
			value = p.Default
		}
		switch value := value.(type) {
		case string:
			known["params."+p.Name] = value
		case []any:
			arrays[p.Name] = []string{}
			for _, v := range value {
				arrays[p.Name] = append(arrays[p.Name], fmt.Sprint(v))
			}
		default:
			t.Errorf("the param %s is not given", p.Name)
		}
	}
	for name := range r.params {
		if !declared[name] {
			t.Errorf("%s is no param", name)
		}
	}
	return known, arrays
}

// mount mounts the workspaces, and adds their paths to known.
func (r taskRun) mount(t *testing.T, task tektonTask, c *container, known map[string]string) {
	t.Helper()
	for _, w := range task.Spec.Workspaces {
		path := cmp.Or(w.MountPath, "/workspace/"+w.Name)
		if dir, ok := r.workspaces[w.Name]; ok {
			c.mounts[path] = dir
		} else if path = ""; !w.Optional {
			t.Errorf("the workspace %s is not given", w.Name)
		}
		known["workspaces."+w.Name+".path"] = path
	}
}

// readResults returns the results in a folder, which have to be those that the Task declares.
func readResults(t *testing.T, task tektonTask, dir string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	values := map[string]string{}
	for _, f := range files {
		got = append(got, f.Name())
		values[f.Name()] = read(t, filepath.Join(dir, f.Name()))
	}
	for _, r := range task.Spec.Results {
		want = append(want, r.Name)
	}
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("the task has the results %q, the program %q", want, got)
	}
	return values
}

// serviceAccountHome makes of the service account's Secret what Tekton does, with the forge as the host and another
// password.
func serviceAccountHome(t *testing.T, s stage, password string) string {
	t.Helper()
	var secret struct {
		Type     string
		Metadata struct {
			Name        string
			Annotations map[string]string
		}
		StringData map[string]string `yaml:"stringData"`
	}
	var account struct {
		Metadata struct{ Name string }
		Secrets  []struct{ Name string }
	}
	load(t, "tekton/service-account.yaml", &secret, &account)
	if secret.Type != "kubernetes.io/basic-auth" ||
		secret.Metadata.Annotations["tekton.dev/git-0"] != "https://github.com" ||
		account.Secrets[0].Name != secret.Metadata.Name {
		t.Fatalf("Tekton makes nothing of the Secret %s", secret.Metadata.Name)
	}
	user, home := secret.StringData["username"], t.TempDir()
	files := map[string]string{
		".gitconfig": fmt.Sprintf("[credential]\n\thelper = store\n[credential %q]\n\tusername = %q\n", s.URL(),
			user),
		".git-credentials": strings.Replace(s.URL(), "://", "://"+user+":"+password+"@", 1) + "\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// TestExampleTektonPipeline runs the Pipeline's last task, after ones that have given what git-clone and buildah give.
func TestExampleTektonPipeline(t *testing.T) {
	var pipeline struct {
		Spec struct {
			Params  []nameValue
			Results []nameValue
			Tasks   []struct {
				Name    string
				TaskRef struct{ Name string } `yaml:"taskRef"`
				Params  []nameValue
			}
		}
	}
	load(t, "tekton/pipeline.yaml", &pipeline)
	s := newStage(t, forge.GitHub, "argocd-templates")
	given := map[string]string{"url": "https://git.example.com/acme/shop.git", "gitops-repo": s.CloneURL(repo)}
	known := map[string]string{"tasks.clone.results.commit": revision,
		"tasks.build.results.IMAGE_DIGEST": "sha256:" + strings.Repeat("4b9d", 16)}
	for _, p := range pipeline.Spec.Params {
		value, ok := given[p.Name]
		if !ok {
			value, ok = p.Default.(string)
		}
		if !ok {
			t.Errorf("the param %s is not given", p.Name)
		}
		known["params."+p.Name] = value
	}
	last := pipeline.Spec.Tasks[len(pipeline.Spec.Tasks)-1]
	if last.TaskRef.Name != "update-gitops-repo" {
		t.Fatalf("the last task is %s", last.TaskRef.Name)
	}
	params := map[string]any{}
	for _, p := range last.Params {
		params[p.Name] = fill(t, tektonVariable, p.Value.(string), known)
	}
	for name, value := range (taskRun{stage: s, password: token, params: params}).run(t) {
		known["tasks.update.results."+name] = value
	}
	p := s.opened(t, "shop-1a2b3c4", "Update shop to 1a2b3c4", "tekton-pipeline")
	for _, r := range pipeline.Spec.Results {
		if got := fill(t, tektonVariable, r.Value.(string), known); r.Name != "pull-request-url" || got != p.URL {
			t.Errorf("the pipeline's %s is %s", r.Name, got)
		}
	}
	if known["tasks.update.results.commit"] != p.HeadSHA {
		t.Errorf("the commit is %s, not %s", known["tasks.update.results.commit"], p.HeadSHA)
	}
}

// TestExampleTektonCheckout runs the TaskRun in a checkout; and again with the token in a Secret of its own, and in a
// file of the workspace for such.
func TestExampleTektonCheckout(t *testing.T) {
	var run struct {
		Spec struct {
			Params     []nameValue
			Workspaces []struct{ Name string }
		}
	}
	load(t, "tekton/taskrun-checkout.yaml", &run)
	s := newStage(t, forge.GitHub, "clusters")
	params, workspaces := map[string]any{}, map[string]string{}
	for _, p := range run.Spec.Params {
		params[p.Name] = p.Value
	}
	for _, w := range run.Spec.Workspaces {
		workspaces[w.Name] = s.checkout(t)
	}
	again := func(changed, password string, secrets map[string]string) {
		t.Helper()
		results := taskRun{s, password, params, workspaces, secrets}.run(t)
		if p := s.opened(t, "1a2b3c4-map", "Update gitops to 1a2b3c4",
			"clusters"); results["pull-request-url"] != p.URL || results["changed"] != changed {
			t.Errorf("the results are %v", results)
		}
	}
	again("true", token, nil)
	params["token-secret"] = "mine"
	again("false", "wrong", map[string]string{"mine/token": token})
	workspaces["secrets"], params["token-file"] = t.TempDir(), "/etc/update-gitops-repo/token"
	if err := os.WriteFile(filepath.Join(workspaces["secrets"], "token"), []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	again("false", "wrong", nil)
}
