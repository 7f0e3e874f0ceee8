// Command peer does what the bench compares the program with and git cannot do alone:
//
//	peer yq EXPRESSION FILE          edits the file in place, as "yq -i" does
//	peer go-git URL TOKEN BRANCH FOLDER OLD NEW
//
// The second clones with go-git at depth 1 into the empty working folder, renders FOLDER's templates by putting NEW in
// the place of OLD, commits on a new branch and pushes that.
package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/mikefarah/yq/v4/pkg/yqlib"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 3 && args[0] == "yq":
		err = yq(args[1], args[2])
	case len(args) == 7 && args[0] == "go-git":
		err = goGit(args[1], args[2], args[3], args[4], args[5], args[6])
	default:
		err = fmt.Errorf("unknown arguments %q", args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func yq(expression, file string) error {
	yqlib.GetLogger().SetSlogger(slog.New(slog.DiscardHandler))
	yqlib.InitExpressionParser()
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	preferences := yqlib.NewDefaultYamlPreferences()
	out, err := yqlib.NewStringEvaluator().Evaluate(expression, string(data),
		yqlib.NewYamlEncoder(preferences), yqlib.NewYamlDecoder(preferences))
	if err != nil {
		return err
	}
	if !strings.HasSuffix(out, "\n") { // which the library leaves to its caller
		out += "\n"
	}
	return os.WriteFile(file, []byte(out), 0o644)
}

func goGit(url, token, branch, folder, old, now string) error {
	auth := &http.BasicAuth{Username: "git", Password: token}
	repo, err := git.PlainClone(".", false, &git.CloneOptions{URL: url, Auth: auth, Depth: 1, SingleBranch: true})
	if err != nil {
		return err
	}
	work, err := repo.Worktree()
	if err != nil {
		return err
	}
	ref := plumbing.NewBranchReferenceName(branch)
	if err := work.Checkout(&git.CheckoutOptions{Branch: ref, Create: true}); err != nil {
		return err
	}
	templates, err := filepath.Glob(filepath.Join(folder, "*", "*.tmpl"))
	if err != nil {
		return err
	}
	for _, t := range templates {
		data, err := os.ReadFile(t)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(t, ".tmpl")
		if err := os.WriteFile(name, bytes.ReplaceAll(data, []byte(old), []byte(now)), 0o644); err != nil {
			return err
		}
		// Without SkipStatus, each file costs a look at the whole working tree.
		if err := work.AddWithOptions(&git.AddOptions{Path: name, SkipStatus: true}); err != nil {
			return err
		}
	}
	who := &object.Signature{Name: "bench", Email: "bench@example.com", When: time.Now()}
	if _, err := work.Commit("update", &git.CommitOptions{Author: who}); err != nil {
		return err
	}
	return repo.Push(&git.PushOptions{Auth: auth, RefSpecs: []config.RefSpec{config.RefSpec(ref + ":" + ref)}})
}
