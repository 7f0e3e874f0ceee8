package layout_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/layout"
)

// tree makes folders and files; a name that ends in a slash is a folder. The root is as git resolves it.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	gittest.Check(t, err)
	for name, content := range files {
		if strings.HasSuffix(name, "/") {
			gittest.Check(t, os.MkdirAll(filepath.Join(root, name), 0o700))
		} else {
			gittest.Write(t, filepath.Join(root, name), content)
		}
	}
	return root
}

const branch = "ref: refs/heads/main\n"

func TestFind(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"plain/.git/HEAD": branch, "plain/.git/objects/": "", "plain/.git/refs/": "", "plain/a/b/": "",
		"plain/stray/.git/x":          "", // Git passes over a folder .git that is none.
		"plain/.git/worktrees/w/HEAD": branch, "plain/.git/worktrees/w/commondir": "../..\n",
		"linked/.git": "gitdir: ../plain/.git/worktrees/w\n",
		"sub/.git":    "gitdir: ../module\n", "module/HEAD": branch, "module/objects/": "", "module/refs/": "",
	})
	at := func(name string) string { return filepath.Join(root, name) }
	plain := layout.Layout{Root: at("plain"), GitDir: at("plain/.git"), CommonDir: at("plain/.git")}
	for dir, want := range map[string]layout.Layout{
		"plain":       plain,
		"plain/a/b":   plain,
		"plain/stray": plain,
		"linked":      {Root: at("linked"), GitDir: at("plain/.git/worktrees/w"), CommonDir: at("plain/.git")},
		"sub":         {Root: at("sub"), GitDir: at("module"), CommonDir: at("module")},
	} {
		if got, err := layout.Find(at(dir)); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", dir, got, err, want)
		}
	}
}

func TestFindErrors(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"none/": "", "folder/.git/": "", "nonsense/.git": "nonsense\n", "nowhere/.git": "gitdir: ../nosuch\n",
		"bare/HEAD": branch, "bare/objects/": "", "bare/refs/": "",
		"inside/.git/HEAD": branch, "inside/.git/objects/": "", "inside/.git/refs/": "",
		"torn/.git": "gitdir: ../torn.git\n", "torn.git/HEAD": branch, "torn.git/commondir/": "",
	})
	for dir, want := range map[string]string{
		"none":             "no .git in it or above it",
		"nosuch":           "no such file",
		"folder":           "folder/.git is not a git folder",
		"nonsense":         "does not name a git folder",
		"nowhere":          "names ../nosuch, which is not a git folder",
		"bare/refs":        "bare is a bare repository",
		"inside/.git/refs": "inside a git folder",
		"torn":             "commondir",
	} {
		got, err := layout.Find(filepath.Join(root, dir))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want %q", dir, got, err, want)
		}
	}
}
