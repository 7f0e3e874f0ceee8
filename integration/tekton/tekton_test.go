// Package tekton holds the Tekton example against Tekton's own types and validation, and against the restricted Pod
// Security profile as the API server checks it. It is a module of its own, so that the program's stays small.
package tekton

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"
)

const examples = "../../examples/tekton"

// decode reads the n-th document of a file, in which there may be no field that the type does not have.
func decode(t *testing.T, file string, n int, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(examples, file))
	if err != nil {
		t.Fatal(err)
	}
	documents := bytes.Split(data, []byte("\n---\n"))
	if err := yaml.UnmarshalStrict(documents[n], into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// check sets the defaults and validates, as Tekton's webhook does.
func check(t *testing.T, file string, resource interface {
	apis.Defaultable
	apis.Validatable
}) {
	t.Helper()
	resource.SetDefaults(t.Context())
	if err := resource.Validate(t.Context()); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

func TestTask(t *testing.T) {
	var task v1.Task
	decode(t, "task.yaml", 0, &task)
	check(t, "task.yaml", &task)
	if task.Name != "update-gitops-repo" || task.Labels["app.kubernetes.io/version"] == "" ||
		task.Annotations["tekton.dev/pipelines.minVersion"] == "" || task.Spec.Description == "" {
		t.Error("the Task lacks what the catalog asks for")
	}
	declared := map[string]bool{}
	for _, r := range task.Spec.Results {
		declared[r.Name] = true
	}
	if !declared["pull-request-url"] || !declared["commit"] {
		t.Errorf("the results are %v", task.Spec.Results)
	}

	// The step as a container of a pod that says nothing else.
	pod := &corev1.PodSpec{}
	for _, s := range task.Spec.Steps {
		pod.Containers = append(pod.Containers, *s.ToK8sContainer())
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		t.Fatal(err)
	}
	results := evaluator.EvaluatePod(psa.LevelVersion{Level: psa.LevelRestricted, Version: psa.LatestVersion()},
		&metav1.ObjectMeta{}, pod)
	for _, r := range results {
		if !r.Allowed {
			t.Errorf("the restricted profile forbids: %s: %s", r.ForbiddenReason, r.ForbiddenDetail)
		}
	}
	if len(results) == 0 {
		t.Error("nothing was checked")
	}
}

func TestPipeline(t *testing.T) {
	var pipeline v1.Pipeline
	decode(t, "pipeline.yaml", 0, &pipeline)
	check(t, "pipeline.yaml", &pipeline)
	var task v1.Task
	decode(t, "task.yaml", 0, &task)
	known := map[string]bool{}
	for _, p := range task.Spec.Params {
		known[p.Name] = true
	}
	for _, pt := range pipeline.Spec.Tasks {
		for _, p := range pt.Params {
			if pt.TaskRef.Name == task.Name && !known[p.Name] {
				t.Errorf("the Task has no param %s", p.Name)
			}
		}
	}
}

func TestTaskRun(t *testing.T) {
	var run v1.TaskRun
	decode(t, "taskrun-checkout.yaml", 0, &run)
	run.Name = run.GenerateName + "1" // As the API server does.
	check(t, "taskrun-checkout.yaml", &run)
}

func TestServiceAccount(t *testing.T) {
	var secret corev1.Secret
	var account corev1.ServiceAccount
	decode(t, "service-account.yaml", 0, &secret)
	decode(t, "service-account.yaml", 1, &account)
	if secret.Type != corev1.SecretTypeBasicAuth || secret.StringData[corev1.BasicAuthUsernameKey] == "" ||
		secret.StringData[corev1.BasicAuthPasswordKey] == "" {
		t.Error("the Secret is not one for basic authentication")
	}
	if len(account.Secrets) != 1 || account.Secrets[0].Name != secret.Name {
		t.Errorf("the ServiceAccount has %v", account.Secrets)
	}
}
