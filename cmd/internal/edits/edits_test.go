package edits

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/template"
	"update-gitops-repo/template/image"
	"update-gitops-repo/template/yamledit/yqedit"
)

func TestScope(t *testing.T) {
	globs := []string{"production/**.yaml.tmpl", "./top.yaml.tmpl", "a/b/*.tmpl", "{x,y}/z.tmpl", "m/**"}
	e := Edits{
		Renderer:    template.Renderer{Globs: globs},
		Local:       []LocalTemplate{{"local", "dest/x.yaml"}},
		Sets:        []yqedit.Assignment{{File: "apps/a/values.yaml"}, {File: "a/*/values.yaml"}, {File: "*.yaml"}},
		Images:      image.Request{Globs: []string{image.DefaultFiles}},
		Expressions: []yqedit.Expression{{File: "q[12]/x.yaml"}},
	}
	want := gitrepo.Scope{
		Paths:   []string{"top.yaml.tmpl", "a/b/*.tmpl", "apps/a/values.yaml", "*.yaml", "dest/x.yaml"},
		Folders: []string{"production", ".", "m", "a", "."},
	}
	if got := e.Scope(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	e = Edits{Images: image.Request{Images: []image.Image{{}}}}
	if got, want := e.Scope(), (gitrepo.Scope{Folders: []string{"."}}); !reflect.DeepEqual(got, want) {
		t.Errorf("images: %+v, want %+v", got, want)
	}
}

// tree is what a test's repository holds.
var tree = map[string]string{
	"values.yaml":         "image:\n  repository: acme/shop\n  tag: 1\n",
	"deploy.yaml.tmpl":    "image: shop:$({ .tag })\n",
	"deploy.yaml":         "image: shop:1\n",
	"apps/pod.yaml":       "kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - image: acme/shop:1\n",
	"apps/more/tag.yaml":  "tag: 1\n",
	"apps/more/count.txt": "one\n",
}

// git runs git in dir.
func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	me := []string{"-C", dir, "-c", "user.name=Kim", "-c", "user.email=kim@example.com"}
	cmd := exec.Command("git", append(me, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// newCheckout returns the folder of a working tree with the files of tree, committed on its branch main.
func newCheckout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, tree)
	git(t, dir, "init", "--quiet", "--initial-branch=main")
	git(t, dir, "remote", "add", "origin", dir)
	git(t, dir, "add", ".")
	git(t, dir, "commit", "--quiet", "--message=Start")
	return dir
}

// write writes files below dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// snapshot returns the branch main of the repository in dir.
func snapshot(t *testing.T, dir string, e Edits) *gitrepo.Snapshot {
	t.Helper()
	url, _, err := giturl.Parse(dir)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := gitrepo.Open(t.Context(), gitrepo.Remote{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	s, err := repo.Snapshot(t.Context(), "main", e.Scope())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// must returns the value, and panics for an error, which only a wrong test has.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// TestApply checks what each kind of edit changes, and that each works on the result of those before it.
func TestApply(t *testing.T) {
	t.Parallel()
	dir := newCheckout(t)
	local := filepath.Join(t.TempDir(), "local.yaml")
	if err := os.WriteFile(local, []byte("tag: $({ .tag })\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "plain.yaml")
	if err := os.WriteFile(plain, []byte("a: b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set := must(yqedit.ParseAssignment("values.yaml:.image.tag=2"))
	next := must(yqedit.ParseExpression("values.yaml:.image.tag += 1"))
	newer := must(image.Parse("acme/shop=acme/shop:2"))
	tag := template.Values{"tag": "2"}
	for _, test := range []struct {
		name   string
		edits  Edits
		files  map[string]string // that change
		values []string          // path: old -> new; "diff " before what is known only where a diff is needed
	}{
		{"nothing", Edits{}, nil, nil},
		{
			"set", Edits{Sets: []yqedit.Assignment{set}},
			map[string]string{"values.yaml": "image:\n  repository: acme/shop\n  tag: 2\n"},
			[]string{".image.tag: 1 -> 2"},
		},
		{
			"templates", Edits{Renderer: template.Renderer{Globs: []string{"**.tmpl"}, Validate: true}, Values: tag},
			map[string]string{"deploy.yaml": "image: shop:2\n"}, []string{"diff .image: shop:1 -> shop:2"},
		},
		{
			"a local template", Edits{Local: []LocalTemplate{{local, "apps/new.yaml"}}, Values: tag},
			map[string]string{"apps/new.yaml": "tag: 2\n"}, nil,
		},
		{
			"a local file", Edits{Local: []LocalTemplate{{plain, "apps/new.yaml"}}},
			map[string]string{"apps/new.yaml": "a: b\n"}, nil,
		},
		{
			"images",
			Edits{Images: image.Request{Images: []image.Image{newer}, Globs: []string{"apps/**.yaml"}}},
			map[string]string{"apps/pod.yaml": strings.ReplaceAll(tree["apps/pod.yaml"], ":1\n", ":2\n")},
			[]string{".spec.containers[0].image: acme/shop:1 -> acme/shop:2"},
		},
		{
			"set, and an expression on its result",
			Edits{Sets: []yqedit.Assignment{set}, Expressions: []yqedit.Expression{next}},
			map[string]string{"values.yaml": "image:\n  repository: acme/shop\n  tag: 3\n"},
			[]string{".image.tag: 1 -> 3"},
		},
		{
			"a local template, and an expression on its result",
			Edits{
				Local: []LocalTemplate{{local, "apps/more/tag.yaml"}}, Values: tag,
				Expressions: []yqedit.Expression{must(yqedit.ParseExpression("apps/more/tag.yaml:.more = 1"))},
			},
			map[string]string{"apps/more/tag.yaml": "tag: 2\nmore: 1\n"},
			[]string{"diff .tag: 1 -> 2", "diff .more:  -> 1"},
		},
	} {
		for _, need := range []Need{Edited, Diff} {
			result, err := test.edits.Apply(t.Context(), snapshot(t, dir, test.edits), need)
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			var values []string
			for _, v := range test.values {
				if v, onlyDiff := strings.CutPrefix(v, "diff "); need == Diff || !onlyDiff {
					values = append(values, v)
				}
			}
			checkResult(t, test.name, result, test.files, values)
		}
	}
}

// checkResult checks which files a result changes, and what values.
func checkResult(t *testing.T, name string, result Result, files map[string]string, values []string) {
	t.Helper()
	got := map[string]string{}
	for _, file := range result.Snapshot.Changed() {
		data, err := fs.ReadFile(result.Snapshot.Files(t.Context()), file)
		if err != nil {
			t.Fatal(err)
		}
		got[file] = string(data)
	}
	if !maps.Equal(got, files) {
		t.Errorf("%s: changes %q, want %q", name, got, files)
	}
	var changes []string
	for _, c := range result.Values {
		changes = append(changes, fmt.Sprintf("%s: %s -> %s", c.Path, c.Old, c.New))
	}
	if !slices.Equal(changes, values) {
		t.Errorf("%s: changes the values %q, want %q", name, changes, values)
	}
}

// TestAdd checks that files are taken over from a checkout, and that each glob has to match one.
func TestAdd(t *testing.T) {
	t.Parallel()
	dir := newCheckout(t)
	edited := must(checkout.Open(dir))
	own := must(settings.Read(dir, func(string) string { return "" }))
	write(t, dir, map[string]string{"apps/more/tag.yaml": "tag: 9\n", "apps/new.yaml": "a: b\n"})
	e := Edits{Checkout: edited, Settings: own, Adds: []string{"apps/**.yaml"}}
	result, err := e.Apply(t.Context(), snapshot(t, dir, e), Edited)
	if err != nil {
		t.Fatal(err)
	}
	checkResult(t, "-add", result, map[string]string{"apps/more/tag.yaml": "tag: 9\n", "apps/new.yaml": "a: b\n"}, nil)
	for _, adds := range [][]string{{"none/*"}, {"apps/**.yaml", "none/*"}} {
		e.Adds = adds
		_, err = e.Apply(t.Context(), snapshot(t, dir, e), Edited)
		var failed *Error
		if !errors.Is(err, checkout.ErrNoFile) || !errors.As(err, &failed) || failed.Flag != "-add" ||
			!strings.HasPrefix(err.Error(), "-add none/*: ") {
			t.Errorf("%q: %v", adds, err)
		}
	}
}

// TestFailures checks that an error says which flag asked for the edit.
func TestFailures(t *testing.T) {
	t.Parallel()
	dir := newCheckout(t)
	two := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(two, []byte("a: b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none")
	for want, e := range map[string]Edits{
		"-set: none.yaml: ":  {Sets: []yqedit.Assignment{must(yqedit.ParseAssignment("none.yaml:.a=1"))}},
		"-set: values.yaml:": {Sets: []yqedit.Assignment{must(yqedit.ParseAssignment("values.yaml:.none=1"))}},
		"-yq: values.yaml:": {
			Expressions: []yqedit.Expression{must(yqedit.ParseExpression("values.yaml:.none.none"))},
		},
		"-image: ": {
			Images: image.Request{Images: []image.Image{must(image.Parse("none=none:2"))}},
		},
		"-template: none/*: ":                {Renderer: template.Renderer{Globs: []string{"none/*"}}},
		"-template: -template: open " + none: {Local: []LocalTemplate{{none, "a.yaml"}}},
		"-template: -template " + two + ": another template is rendered to a.yaml too": {
			Local: []LocalTemplate{{two, "a.yaml"}, {two, "a.yaml"}},
		},
		"-template: " + two + ": ": { // It has no action, and there is a value to insert.
			Local: []LocalTemplate{{two, "a.yaml"}}, Values: template.Values{"tag": "2"},
		},
		"-template: deploy.yaml.tmpl:": {Renderer: template.Renderer{Globs: []string{"*.tmpl"}}},
	} {
		_, err := e.Apply(t.Context(), snapshot(t, dir, e), Diff)
		var failed *Error
		if !errors.As(err, &failed) || !strings.HasPrefix(failed.Flag+": "+err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	path := Edits{Local: []LocalTemplate{{two, "values.yaml/a.yaml"}}}
	if _, err := path.Apply(t.Context(), snapshot(t, dir, path), Edited); !errors.Is(err, gitrepo.ErrPath) {
		t.Errorf("a path through a file: %v", err)
	}
}

// TestInterrupted checks that the end of the context does not wait for the edits.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	e := Edits{Sets: []yqedit.Assignment{must(yqedit.ParseAssignment("values.yaml:.image.tag=2"))}}
	s := snapshot(t, newCheckout(t), e)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Apply(ctx, s, Edited); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// fetching is a tree that knows what was fetched at once.
type fetching struct {
	fstest.MapFS
	fetched []string
}

func (f *fetching) Prefetch(names []string) error {
	f.fetched = names
	return nil
}

// TestPrefetch checks that what several edits read is fetched at once, and for a diff also what templates replace.
func TestPrefetch(t *testing.T) {
	files := fstest.MapFS{}
	for name := range tree {
		files[name] = &fstest.MapFile{}
	}
	set := yqedit.Assignment{File: "values.yaml"}
	templates := template.Renderer{Globs: []string{"**.tmpl", "apps/more/*"}}
	for _, test := range []struct {
		name  string
		edits Edits
		need  Need
		want  []string
	}{
		{"one kind alone", Edits{Sets: []yqedit.Assignment{set}}, Diff, nil},
		{"one glob of templates", Edits{Renderer: template.Renderer{Globs: []string{"**.tmpl"}}}, Edited, nil},
		{
			"one glob of templates, and a diff", Edits{Renderer: template.Renderer{Globs: []string{"**.tmpl"}}}, Diff,
			[]string{"deploy.yaml", "deploy.yaml.tmpl"},
		},
		{
			"two kinds", Edits{Renderer: templates, Sets: []yqedit.Assignment{set}}, Edited,
			[]string{"deploy.yaml.tmpl", "values.yaml"},
		},
		{
			"two kinds, and a diff", Edits{Renderer: templates, Sets: []yqedit.Assignment{set}}, Diff,
			[]string{"deploy.yaml", "deploy.yaml.tmpl", "values.yaml"},
		},
		{
			"a glob that matches nothing", Edits{Renderer: templates, Sets: []yqedit.Assignment{set, {File: "none"}}},
			Diff, nil,
		},
	} {
		fsys := &fetching{MapFS: files}
		if err := test.edits.prefetch(fsys, test.need); err != nil || !slices.Equal(fsys.fetched, test.want) {
			t.Errorf("%s: %v, fetched %q, want %q", test.name, err, fsys.fetched, test.want)
		}
	}
}
