//go:build unix

package main

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// The ways that goals speak of.
const (
	ours       = "update-gitops-repo"
	sparse     = "git clone --depth 1, partial and sparse"
	depth1     = "git clone --depth 1"
	onlyClone  = "git clone --depth 1 alone"
	goGit      = "go-git, depth 1, working tree"
	inSequence = ours + ", one after the other"
	atOnce     = ours + ", all at once"
)

// rows is the whole bench. A row is named by its job and, where it is done at several sizes, by that of the repository.
func rows(o options) []row {
	sizes := []string{small: "small", middle: "middle", large: "large"}
	files := func(size int) string { return fmt.Sprintf("%d files", o.apps[size]*filesPerApp) }
	var all []row
	for size, name := range sizes {
		ways := []way{{ours, folderOurs}, {sparse, folderSparse}, {depth1, folderDepth1}}
		if size == large {
			ways = append(ways, way{goGit, folderGoGit})
		}
		all = append(all,
			row{name: "folder/" + name, title: "templates below one folder, " + files(size), size: size,
				base: sparse, ways: ways})
	}
	for size, name := range sizes {
		all = append(all,
			row{name: "set/" + name, title: "one value in one file, " + files(size), size: size, base: sparse,
				ways: []way{{ours, setOurs}, {sparse, setSparse}, {depth1, setDepth1}}})
	}
	for _, size := range []int{small, large} {
		network := fmt.Sprintf(", %v a request, %d Mbit/s", o.wan.Latency, o.wan.Bandwidth*8/1e6)
		all = append(all,
			row{name: "wan-folder/" + sizes[size],
				title: "templates below one folder, " + files(size) + network, size: size,
				network: o.wan, base: sparse, ways: []way{{ours, folderOurs}, {sparse, folderSparse}}},
			row{name: "wan-set/" + sizes[size], title: "one value in one file, " + files(size) + network, size: size,
				network: o.wan, base: sparse, ways: []way{{ours, setOurs}, {sparse, setSparse}}})
	}
	return append(all,
		row{name: "templates",
			title: fmt.Sprintf("%d templates in one commit, %s", o.apps[large]*len(environments), files(large)),
			size:  large, ways: []way{{ours, everyTemplate}}},
		row{name: "no-partial",
			title: "templates below one folder, " + files(middle) + ", no partial clone", size: middle,
			base: onlyClone, setUp: noPartial, ways: []way{{ours, folderOurs}, {onlyClone, cloneAlone}}},
		row{name: "checkout",
			title: "one value in one file, from a checkout that is up to date, " + files(middle), size: middle,
			ways: []way{{ours, fromCheckout}}},
		row{name: "race", title: fmt.Sprintf("%d direct pushes to one branch, %s", o.pushes, files(small)), size: small,
			base: inSequence, ways: []way{{inSequence, pushInSequence}, {atOnce, pushAtOnce}}},
		row{name: "version", title: "start to -version", size: small, ways: []way{{ours, version}}},
	)
}

// folder is what templates are rendered below, and valuesFile what is set.
var (
	folder     = appFolder(0)
	valuesFile = folder + "/dev/values.yaml"
)

// rendered is what the templates of apps are rendered to.
func rendered(image string, apps ...int) map[string]string {
	want := map[string]string{}
	for _, app := range apps {
		for _, env := range environments {
			want[appFolder(app)+"/"+env+"/app.yaml"] = application(app, env, image)
		}
	}
	return want
}

// direct is the program's command line for a push to a new branch, or one that is there, without a pull request.
func (w *world) direct(j *job, branch string, args ...string) []string {
	return append([]string{"-repo=" + w.forge.CloneURL(j.repo), "-token=" + token, "-base=main", "-branch=" + branch,
		"-create-pull-request=false"}, args...)
}

// done checks what the job has pushed.
func (w *world) done(j *job, want map[string]string) error {
	return check(w.forge.GitDir(j.repo), "main", j.branch, want)
}

func folderOurs(w *world, j *job) error {
	if err := w.command(j, nil, w.program,
		w.direct(j, j.branch, "-filepath="+folder+"/**.tmpl", "-substitute=image="+j.branch)...); err != nil {
		return err
	}
	return w.done(j, rendered(j.branch, 0))
}

func setOurs(w *world, j *job) error {
	if err := w.command(j, nil, w.program,
		w.direct(j, j.branch, "-set="+valuesFile+":.image.tag="+j.branch)...); err != nil {
		return err
	}
	return w.done(j, map[string]string{valuesFile: values(0, j.branch)})
}

// The scripts that the program takes the place of. Credentials are in the URL, which git first tries without them, as
// it does with those of a credential helper.
const (
	cloneSparse = "git clone --quiet --depth=1 --filter=blob:none --sparse $URL .\ngit sparse-checkout set $FOLDER\n"
	cloneDepth1 = "git clone --quiet --depth=1 $URL .\n"
	render      = `for t in $FOLDER/*/*.tmpl; do sed "s|` + `\$(< .image >)` + `|$BRANCH|" $t >${t%.tmpl}; done` + "\n"
	set         = `$PEER yq ".image.tag = \"$BRANCH\"" $FILE` + "\n"
	push        = `git checkout --quiet -b $BRANCH
git add --all $FOLDER
git -c user.name=bench -c user.email=bench@example.com commit --quiet --message=update
git push --quiet origin $BRANCH
`
)

func (w *world) script(j *job, script string) error {
	return w.command(j,
		[]string{"URL=" + j.url, "BRANCH=" + j.branch, "FOLDER=" + folder, "FILE=" + valuesFile, "PEER=" + w.peer},
		"sh", "-euc", script)
}

func folderSparse(w *world, j *job) error {
	if err := w.script(j, cloneSparse+render+push); err != nil {
		return err
	}
	return w.done(j, rendered(j.branch, 0))
}

func folderDepth1(w *world, j *job) error {
	if err := w.script(j, cloneDepth1+render+push); err != nil {
		return err
	}
	return w.done(j, rendered(j.branch, 0))
}

func setSparse(w *world, j *job) error {
	if err := w.script(j, cloneSparse+set+push); err != nil {
		return err
	}
	return w.done(j, map[string]string{valuesFile: values(0, j.branch)})
}

func setDepth1(w *world, j *job) error {
	if err := w.script(j, cloneDepth1+set+push); err != nil {
		return err
	}
	return w.done(j, map[string]string{valuesFile: values(0, j.branch)})
}

func folderGoGit(w *world, j *job) error {
	if err := w.command(j, nil, w.peer, "go-git", w.forge.CloneURL(j.repo), token, j.branch, folder, placeholder,
		j.branch); err != nil {
		return err
	}
	return w.done(j, rendered(j.branch, 0))
}

func everyTemplate(w *world, j *job) error {
	if err := w.command(j, nil, w.program,
		w.direct(j, j.branch, "-filepath=**.tmpl", "-substitute=image="+j.branch)...); err != nil {
		return err
	}
	var apps []int
	for app := range w.apps[large] {
		apps = append(apps, app)
	}
	return w.done(j, rendered(j.branch, apps...))
}

// noPartial has the server offer no filter.
func noPartial(w *world) (undo func() error, err error) {
	allow := func(value string) error {
		c := exec.CommandContext(w.ctx, "git", "--git-dir="+w.forge.GitDir(repos[middle]), "config",
			"uploadpack.allowFilter", value)
		c.Env = gitEnv()
		return c.Run()
	}
	return func() error { return allow("true") }, allow("false")
}

func cloneAlone(w *world, j *job) error { return w.script(j, cloneDepth1+"test -f $FILE\n") }

// fromCheckout runs in a clone that has the base's tip: only the push is for the server.
func fromCheckout(w *world, j *job) error {
	if _, err := w.measured(j.scratch, []string{"URL=" + j.url}, "sh", "-euc", cloneDepth1); err != nil {
		return err
	}
	j.before = len(w.forge.Requests()) // Without the clone's.
	if err := w.command(j, nil, w.program, "-token="+token, "-base=main", "-branch="+j.branch,
		"-create-pull-request=false",
		"-set="+valuesFile+":.image.tag="+j.branch); err != nil {
		return err
	}
	return w.done(j, map[string]string{valuesFile: values(0, j.branch)})
}

func pushInSequence(w *world, j *job) error {
	return pushAll(w, j, func(pushes []func()) {
		for _, push := range pushes {
			push()
		}
	})
}

func pushAtOnce(w *world, j *job) error {
	return pushAll(w, j, func(pushes []func()) {
		var all sync.WaitGroup
		for _, push := range pushes {
			all.Go(push)
		}
		all.Wait()
	})
}

// pushAll has as many processes as there are pushes set a value each on one branch, and looks whether all are in it.
func pushAll(w *world, j *job, run func([]func())) error {
	gitDir := w.forge.GitDir(j.repo)
	branch := exec.CommandContext(w.ctx, "git", "--git-dir="+gitDir, "branch", j.branch, "main")
	branch.Env = gitEnv()
	if err := branch.Run(); err != nil {
		return err
	}
	want := map[string]string{}
	errs := make([]error, w.pushes)
	memory := make([]int64, w.pushes)
	var pushes []func()
	for i := range w.pushes {
		app, env := i%w.apps[small], environments[i/w.apps[small]%len(environments)]
		name, tag := appFolder(app)+"/"+env+"/values.yaml", fmt.Sprintf("%s-%d", j.branch, i)
		want[name] = values(app, tag)
		pushes = append(pushes, func() {
			f, err := w.measured(j.scratch, nil, w.program, w.direct(j, j.branch, "-set="+name+":.image.tag="+tag)...)
			memory[i], errs[i] = f.Memory, err
		})
	}
	start := time.Now()
	run(pushes)
	j.figures.Time = time.Since(start)
	for i, err := range errs {
		if err != nil {
			return err
		}
		j.figures.Memory = max(j.figures.Memory, memory[i])
	}
	log := exec.CommandContext(w.ctx, "git", "--git-dir="+gitDir, "rev-list", "--count", "main.."+j.branch)
	log.Env = gitEnv()
	if out, err := log.Output(); err != nil || strings.TrimSpace(string(out)) != fmt.Sprint(w.pushes) {
		return fmt.Errorf("%s commits for %d pushes: %v", strings.TrimSpace(string(out)), w.pushes, err)
	}
	return w.done(j, want)
}

func version(w *world, j *job) error { return w.command(j, nil, w.program, "-version") }
