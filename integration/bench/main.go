// Command bench times whole runs of the program that is named by its argument, and of git doing the same job, against
// the embedded forge. It prints a table of medians and ratios; machines are noisy, so only the ratios mean something.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"update-gitops-repo/integration/forge"
)

const (
	token = "bench-token"
	repo  = "acme/gitops"
)

func main() {
	apps := flag.Int("apps", 3750, "applications in the repository; each has 16 files")
	history := flag.Int("commits", 5000, "commits in the repository")
	rounds := flag.Int("rounds", 5, "how often each way is timed")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: bench [flags] PROGRAM")
		os.Exit(2)
	}
	if err := bench(flag.Arg(0), *apps, *history, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// way is one way to do the job: three templates below one folder rendered, committed and pushed to a new branch.
type way struct {
	name string
	run  func(branch, scratch string) error
}

func bench(program string, apps, history, rounds int) (err error) {
	dir, err := os.MkdirTemp("", "update-gitops-repo-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := forge.Start(forge.Config{Kind: forge.GitHub, Partial: true, Token: token, Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.CreateRepo(repo, "main"); err != nil {
		return err
	}
	if err := fill(f.GitDir(repo), apps, history); err != nil {
		return err
	}

	const folder = "apps/app-0000"
	authenticated := strings.Replace(f.CloneURL(repo), "://", "://git:"+token+"@", 1)
	ways := []way{
		{"update-gitops-repo", func(branch, _ string) error {
			return command("", program, "-repo="+f.CloneURL(repo), "-token="+token, "-create-pull-request=false",
				"-branch="+branch, "-base=main", "-filepath="+folder+"/**.tmpl", "-substitute=image="+branch)
		}},
		{"git clone --depth 1 --filter=blob:none, sparse", func(branch, scratch string) error {
			return gitWay(scratch, authenticated, branch, folder, "--filter=blob:none", "--sparse")
		}},
		{"git clone --depth 1", func(branch, scratch string) error {
			return gitWay(scratch, authenticated, branch, folder)
		}},
	}

	times := make([][]time.Duration, len(ways))
	for round := range rounds {
		for i, w := range ways {
			scratch := filepath.Join(dir, "scratch")
			start := time.Now()
			if err := w.run(fmt.Sprintf("update-%d-%d", i, round), scratch); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			times[i] = append(times[i], time.Since(start))
			if err := os.RemoveAll(scratch); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%d files, %d commits, three templates below one folder, median of %d rounds:\n\n", apps*filesPerApp, history, rounds)
	fmt.Printf("%-50s %10s %8s\n", "way", "time", "ratio")
	first := median(times[1])
	for i, w := range ways {
		m := median(times[i])
		fmt.Printf("%-50s %10s %8.2f\n", w.name, m.Round(time.Millisecond), float64(m)/float64(first))
	}
	return nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// gitWay does the job with git, as a pipeline's script would.
func gitWay(scratch, url, branch, folder string, cloneFlags ...string) error {
	clone := append([]string{"clone", "--quiet", "--depth=1"}, cloneFlags...)
	if err := command("", "git", append(clone, url, scratch)...); err != nil {
		return err
	}
	if len(cloneFlags) > 0 {
		if err := command(scratch, "git", "sparse-checkout", "set", folder); err != nil {
			return err
		}
	}
	templates, err := filepath.Glob(filepath.Join(scratch, folder, "*", "*.tmpl"))
	if err != nil {
		return err
	}
	if len(templates) != 3 {
		return fmt.Errorf("%d templates below %s, want 3", len(templates), folder)
	}
	for _, t := range templates {
		data, err := os.ReadFile(t)
		if err != nil {
			return err
		}
		data = bytes.ReplaceAll(data, []byte("$(< .image >)"), []byte(branch))
		if err := os.WriteFile(strings.TrimSuffix(t, ".tmpl"), data, 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"checkout", "--quiet", "-b", branch},
		{"add", "--all", folder},
		{"-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "--quiet", "--message=update"},
		{"push", "--quiet", "origin", branch},
	} {
		if err := command(scratch, "git", args...); err != nil {
			return err
		}
	}
	return nil
}

func command(dir, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

const filesPerApp = 16

// fill makes the repository: apps of three environments with a template, what was rendered from it, Helm values, JSON
// and more; a history in which every commit sets one value.
func fill(gitDir string, apps, history int) error {
	r, w := io.Pipe()
	c := exec.Command("git", "-C", gitDir, "fast-import", "--quiet")
	c.Stdin = r
	var stderr bytes.Buffer
	c.Stderr = &stderr
	go func() { w.CloseWithError(writeHistory(w, apps, history)) }()
	if err := c.Run(); err != nil {
		return fmt.Errorf("fast-import: %w\n%s", err, stderr.Bytes())
	}
	return nil
}

func writeHistory(w io.Writer, apps, history int) error {
	var b bytes.Buffer
	file := func(name, content string) {
		fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
	}
	for i := range history {
		subject := fmt.Sprintf("commit %d", i)
		fmt.Fprintf(&b, "commit refs/heads/main\ncommitter bench <bench@example.com> %d +0000\ndata %d\n%s\n", 1700000000+i, len(subject), subject)
		if i > 0 {
			file(fmt.Sprintf("apps/app-%04d/dev/values.yaml", i%apps), values(i))
		}
		for app := range apps {
			if i > 0 {
				break
			}
			dir := fmt.Sprintf("apps/app-%04d", app)
			file(dir+"/README.md", fmt.Sprintf("# Application %d\n", app))
			for _, env := range []string{"dev", "staging", "production"} {
				file(dir+"/"+env+"/app.yaml.tmpl", application(app, env, "$(< .image >)"))
				file(dir+"/"+env+"/app.yaml", application(app, env, "acme/app:1"))
				file(dir+"/"+env+"/values.yaml", values(app))
				file(dir+"/"+env+"/dashboard.json", fmt.Sprintf("{\n  \"title\": \"app %d in %s\"\n}\n", app, env))
				file(dir+"/"+env+"/kustomization.yaml", fmt.Sprintf("# %d\nresources: [app.yaml]\n", app))
			}
		}
		if _, err := b.WriteTo(w); err != nil {
			return err
		}
	}
	return nil
}

func application(app int, env, image string) string {
	return fmt.Sprintf("kind: Deployment\nmetadata:\n  name: app-%d\n  namespace: %s\nspec:\n  template:\n    spec:\n      containers:\n        - image: %s\n", app, env, image)
}

func values(n int) string {
	return fmt.Sprintf("# Values.\nreplicas: %d\nimage:\n  repository: acme/app\n  tag: \"%d\"\n", n%5, n)
}
