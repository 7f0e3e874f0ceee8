// Command demo shows the main job: it starts the embedded forge with a small GitOps repository and runs the program
// that is named by its argument against it, as a pipeline would.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"update-gitops-repo/integration/forge"
)

// files are the GitOps repository: a template, what was last rendered from it, and a file that belongs to nobody here.
var files = map[string]string{
	"production/hello-world.yaml.tmpl": deployment("$(< .imageName >)"),
	"production/hello-world.yaml":      deployment("acme/hello-world:1.0.0"),
	"README.md":                        "What runs in production.\n",
}

func deployment(image string) string {
	return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello-world
spec:
  template:
    spec:
      containers:
        - name: hello-world
          image: ` + image + "\n"
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo PROGRAM")
		os.Exit(2)
	}
	if err := demo(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(program string) (err error) {
	dir, err := os.MkdirTemp("", "update-gitops-repo-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	const token = "demo-token"
	f, err := forge.Start(forge.Config{Kind: forge.GitHub, Partial: true, Token: token, Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := seed(f, filepath.Join(dir, "seed")); err != nil {
		return err
	}

	args := []string{
		"-repo=" + f.CloneURL("acme/gitops"),
		"-scm-provider=github",
		"-app=hello-world",
		"-git-revision=1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
		"-substitute=imageName=acme/hello-world:1.1.0",
	}
	fmt.Println("A pipeline has built acme/hello-world:1.1.0. What would change in the GitOps repository:")
	if err := run(program, token, append(args, "-dry-run")); err != nil {
		return err
	}
	fmt.Println("\nThe same for real: branch, commit, push, pull request:")
	return run(program, token, args)
}

func seed(f *forge.Server, dir string) error {
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := f.CreateRepo("acme/gitops", "main"); err != nil {
		return err
	}
	return f.Seed("acme/gitops", "main", dir)
}

func run(program, token string, args []string) error {
	fmt.Printf("\n$ update-gitops-repo %s\n\n", strings.Join(args, " \\\n    "))
	c := exec.Command(program, args...)
	// What is set for real runs is not meant for this one.
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "UPDATE_GITOPS_REPO_") })
	c.Env = append(c.Env, "UPDATE_GITOPS_REPO_TOKEN="+token)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	return c.Run()
}
