package update

import (
	"io/fs"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/report"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/integration/forge"
	"update-gitops-repo/scm"
	"update-gitops-repo/secret"
)

// TestWould checks what a dry run says that a run would do, and that it does none of it.
func TestWould(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	w.must(w.pull("a", "1"))
	w.must(w.pull("b", "1"))
	w.commit("b", "mine", "x")
	w.must(w.pull("c", "0.5")) // whose branch stays while the base gets the change
	before := w.git("for-each-ref")
	branch := func(name, tag string) Plan {
		p := w.direct(tag)
		p.Branch = name
		return p
	}
	pull := func(name, tag string, change func(*Pull)) Plan {
		p := w.pull(name, tag)
		change(p.Pull)
		return p
	}
	replacing := w.pull("b", "2")
	replacing.ReplaceForeign = true
	newer := w.direct("2")
	newer.Composer.Sequence, newer.Obstacle = 1, "there is no token"
	for _, test := range []struct {
		plan   Plan
		action report.Action
		words  string
	}{
		{w.direct("2"), report.Push, `push "Update shop" to main directly`},
		{newer, report.Push, `push "Update shop" to main directly`},
		{branch("new", "2"), report.Push, `push "Update shop" to new, a new branch of main, directly`},
		{w.direct("0"), report.Nothing, "do nothing: main has this change already"},
		{
			pull("c", "0", func(p *Pull) { p.Supersede, p.DeleteBranch = true, true }), report.Nothing,
			"do nothing: main has this change already, but close a pull request of shop that is open from c, " +
				"but delete c if it is merged",
		},
		{
			pull("none", "0", func(p *Pull) { p.DeleteBranch = true }), report.Nothing,
			"do nothing: main has this change already",
		},
		{w.pull("n", "2"), report.Open, `open a pull request "Update shop" from n to main`},
		{w.pull("a", "2"), report.Update, `open or update a pull request "Update shop" from a to main`},
		{
			w.pull("a", "1"), report.Update,
			`open or update a pull request "Update shop" from a to main; the branch has this change already`,
		},
		{
			pull("n", "2", func(p *Pull) { p.Request.Draft, p.Request.AutoMerge = true, true }), report.Open,
			`open a draft pull request "Update shop" from n to main, and have the forge merge it once it may`,
		},
		{
			pull("n", "2", func(p *Pull) { p.Request.Merge, p.DeleteBranch = true, true }), report.Open,
			`open a pull request "Update shop" from n to main, and merge it, ` +
				"and delete the branch once it is merged",
		},
		{
			pull("n", "2", func(p *Pull) { p.Wait, p.Supersede = true, true }), report.Open,
			`open a pull request "Update shop" from n to main, and wait until it is merged, ` +
				"and close older ones of shop",
		},
		{
			replacing, report.Update, `open or update a pull request "Update shop" from b to main; ` +
				"commits of others on the branch would be lost: ",
		},
	} {
		test.plan.DryRun = true
		r, log, err := w.run(test.plan)
		if err != nil || r.Action != test.action ||
			r.Would != test.words && !(strings.HasSuffix(test.words, ": ") && strings.HasPrefix(r.Would, test.words)) {
			t.Errorf("%s, %q, %v; want %s, %q", r.Action, r.Would, err, test.action, test.words)
		}
		refused := strings.Contains(log, "without -dry-run this is refused: there is no token")
		if refused != (test.plan.Obstacle != "") {
			t.Errorf("%s: %s", test.words, log)
		}
	}
	if now := w.git("for-each-ref"); now != before {
		t.Errorf("the branches are\n%s\nwere\n%s", now, before)
	}
}

// TestWouldYield checks that a dry run of an older build says which one is newer.
func TestWouldYield(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	newer, older := w.direct("1"), w.direct("2")
	newer.Composer.Sequence, older.Composer.Sequence = 8, 7
	w.must(newer)
	older.DryRun, older.Obstacle = true, "there is no token"
	r, log, err := w.run(older)
	if err != nil || r.Action != report.Nothing || r.Would != "do nothing: build 8 is newer" {
		t.Errorf("%s, %q, %v", r.Action, r.Would, err)
	}
	if strings.Contains(log, "refused") {
		t.Errorf("nothing would be done, and so nothing refused: %s", log)
	}
}

// TestNotes checks what is said of files besides their contents.
func TestNotes(t *testing.T) {
	t.Parallel()
	const plain, executable, link = 0o644, 0o755, fs.ModeSymlink | 0o777
	for _, test := range []struct {
		change gitrepo.Change
		want   string
	}{
		{gitrepo.Change{Before: plain, After: plain}, ""},
		{gitrepo.Change{Before: executable, After: executable}, ""},
		{gitrepo.Change{After: plain}, "new"},
		{gitrepo.Change{After: link}, "new"},
		{gitrepo.Change{Before: executable}, "deleted"},
		{gitrepo.Change{Before: plain, After: link}, "now a symlink"},
		{gitrepo.Change{Before: link, After: executable}, "no longer a symlink"},
		{gitrepo.Change{Before: plain, After: executable}, "now executable"},
		{gitrepo.Change{Before: executable, After: plain}, "no longer executable"},
	} {
		test.change.Path = "a.yaml"
		if got := notes([]gitrepo.Change{test.change})["a.yaml"]; got != test.want {
			t.Errorf("%v to %v: %q, want %q", test.change.Before, test.change.After, got, test.want)
		}
	}
}

// TestDeleteSquashed checks which branches are deleted once the base has their change, when a squash has made another
// commit of theirs: not those with a commit of somebody else, and not those with another change.
func TestDeleteSquashed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		meddle   func(world)
		tag      string // that a later run sets, and that the base has
		branches string
	}{
		{"squashed", func(world) {}, "1", "main"},
		{"with another's commit", func(w world) { w.commit("a", "mine", "x") }, "1", "a main"},
		{"with another change", func(w world) { w.commit("main", "app.yaml", "tag: 9\n") }, "9", "a main"},
		{"where the change cannot be made", func(w world) {
			w.commit("main", "other.yaml", "tag: 1\n")
		}, "other", "a main"},
	} {
		w := newWorld(t, forge.GitHub)
		squash := w.pull("a", "1")
		squash.Pull.Request.Merge, squash.Pull.Request.MergeMethod = true, scm.MergeSquash
		w.must(squash)
		test.meddle(w)
		later := w.pull("a", test.tag)
		if test.tag == "other" {
			later = w.pull("a", "1")
			later.Edits.Sets[0].File = "other.yaml"
		}
		later.Pull.DeleteBranch = true
		if r := w.must(later); len(r.Files) > 0 || w.branches() != test.branches {
			t.Errorf("%s: changes %q, branches %s, want %s", test.name, r.Files, w.branches(), test.branches)
		}
	}
}

// TestHiddenDiff checks that a dry run shows no secret that is in a file already, and says that git cannot apply it.
func TestHiddenDiff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, forge.GitHub)
	w.commit("main", "app.yaml", "tag: 0\nkey: hunter2-hunter2\n")
	plan := w.direct("1")
	plan.Composer.Secrets.Add(secret.New("hunter2-hunter2"))
	plan.DryRun = true
	r, log, err := w.run(plan)
	if err != nil || strings.Contains(r.Diff, "hunter2") || !strings.Contains(r.Diff, "+tag: 1") {
		t.Errorf("%v\n%s", err, r.Diff)
	}
	if !strings.Contains(log, "the diff hides secrets that are in the files already") {
		t.Error(log)
	}
}
