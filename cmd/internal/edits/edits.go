// Package edits makes the changes to a repository's files that the flags ask for, on a snapshot of a branch.
package edits

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"update-gitops-repo/cmd/internal/heapwatch"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/checkout"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/template"
	"update-gitops-repo/template/glob"
	"update-gitops-repo/template/image"
	"update-gitops-repo/template/yamledit"
	"update-gitops-repo/template/yamledit/yqedit"
)

// Edits are what to do to the files. Each kind works on the result of those before it.
type Edits struct {
	Checkout *checkout.Checkout // where Adds match; nil: there are none
	Settings *settings.Settings // git's, for the checkout
	Adds     []string           // globs of files to take over from the checkout

	Renderer    template.Renderer // of the repository's own templates and of Local
	Values      template.Values
	Local       []LocalTemplate
	Sets        []yqedit.Assignment
	Images      image.Request
	Expressions []yqedit.Expression
}

// LocalTemplate is a local file that is rendered into the repository.
type LocalTemplate struct{ Source, Dest string }

// Error is an error of the edits that one kind of flag asked for.
type Error struct {
	Flag string // -template also stands for -filepath
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error of the edits.
func (e *Error) Unwrap() error { return e.Err }

// ErrRenderedTwice: two templates are rendered to one file.
var ErrRenderedTwice = errors.New("another template is rendered to")

// Result is the outcome of the edits.
type Result struct {
	Snapshot *gitrepo.Snapshot
	Values   []yamledit.Change // that differ, as far as it is known: not of files that come, go, or are no data
	Warnings []string
}

// Need says what is read after the edits.
type Need int

const (
	Edited Need = iota // only what the edits made
	Diff               // also what was there before
)

// Apply runs the edits on a snapshot. Templates and expressions can run for ever and cannot be stopped: when ctx ends,
// they are left running, and the end of the program has to follow. The error is an [Error] where the edits failed.
func (e Edits) Apply(ctx context.Context, s *gitrepo.Snapshot, need Need) (Result, error) {
	type outcome struct {
		result Result
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := e.apply(ctx, s, need)
		done <- outcome{result, err}
	}()
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return Result{}, fmt.Errorf("editing the files: %w", ctx.Err())
	}
}

func (e Edits) apply(ctx context.Context, s *gitrepo.Snapshot, need Need) (Result, error) {
	if err := e.prefetch(s.Files(ctx), need); err != nil {
		return Result{}, err
	}
	base := s
	s, err := e.add(ctx, s)
	if err != nil {
		return Result{}, &Error{"-add", err}
	}
	result := Result{Snapshot: s}
	done := ledger{}
	done.replaced(s.Changed())
	for _, kind := range []struct {
		flag string
		edit func(fs.FS) (edited, error)
	}{
		{"-template", e.renderAll},
		{"-set", e.assign},
		{"-image", e.setImages},
		{"-yq", e.evaluate},
	} {
		out, err := kind.edit(result.Snapshot.Files(ctx))
		if err != nil {
			return Result{}, &Error{kind.flag, err}
		}
		if result.Snapshot, err = result.Snapshot.With(ctx, out.files); err != nil {
			return Result{}, err
		}
		if kind.flag == "-image" {
			result.Warnings = append(result.Warnings, done.replacedBy(out.values)...)
		}
		done.add(out)
		result.Warnings = append(result.Warnings, out.warnings...)
	}
	result.Values, err = done.values(ctx, base, result.Snapshot, need)
	return result, err
}

// add takes files over from the checkout.
func (e Edits) add(ctx context.Context, s *gitrepo.Snapshot) (*gitrepo.Snapshot, error) {
	if len(e.Adds) == 0 {
		return s, nil
	}
	matched := map[string]bool{}
	files, err := e.Checkout.Edited(ctx, e.Settings, func(name string) bool {
		taken := false
		for _, pattern := range e.Adds {
			if glob.Match(pattern, name) {
				matched[pattern], taken = true, true
			}
		}
		return taken
	})
	if errors.Is(err, checkout.ErrNoFile) {
		return nil, fmt.Errorf("-add %s: %w", strings.Join(e.Adds, " -add "), err)
	}
	if err != nil {
		return nil, err
	}
	for _, pattern := range e.Adds {
		if !matched[pattern] {
			return nil, fmt.Errorf("-add %s: %w", pattern, checkout.ErrNoFile)
		}
	}
	return s.Add(ctx, files)
}

// edited is what one kind of edit made.
type edited struct {
	files    map[string][]byte // path to contents
	opaque   bool              // it does not know what changed in them
	values   []yamledit.Change // that changed
	warnings []string
}

func (e Edits) assign(fsys fs.FS) (edited, error) {
	return heapwatch.Run(heapwatch.Limit, func(progress func(file, key string)) (edited, error) {
		result, err := yqedit.Assign(fsys, e.Sets, progress)
		return edited{files: result.Files, values: result.Changes, warnings: result.Warnings}, explained(fsys, err)
	})
}

func (e Edits) setImages(fsys fs.FS) (edited, error) {
	if len(e.Images.Images) == 0 {
		return edited{}, nil
	}
	return heapwatch.Run(heapwatch.Limit, func(progress func(file, key string)) (edited, error) {
		result, err := image.Set(fsys, e.Images, progress)
		return edited{files: result.Files, values: result.Changes, warnings: result.Warnings()}, err
	})
}

func (e Edits) evaluate(fsys fs.FS) (edited, error) {
	return heapwatch.Run(heapwatch.Limit, func(progress func(file, key string)) (edited, error) {
		result, err := yqedit.Evaluate(fsys, e.Expressions, progress)
		return edited{files: result.Files, values: result.Changes, warnings: result.Warnings}, explained(fsys, err)
	})
}

// renderAll renders the repository's templates and the local ones.
func (e Edits) renderAll(fsys fs.FS) (edited, error) {
	files := map[string][]byte{}
	if len(e.Renderer.Globs) > 0 {
		rendered, err := e.Renderer.Render(fsys, e.Values)
		if err != nil {
			return edited{}, err
		}
		files = rendered
	}
	for _, t := range e.Local {
		if _, ok := files[t.Dest]; ok {
			return edited{}, fmt.Errorf("-template %s: %w %s too", t.Source, ErrRenderedTwice, t.Dest)
		}
		out, err := e.renderLocal(t)
		if err != nil {
			return edited{}, err
		}
		files[t.Dest] = out
	}
	return edited{files: files, opaque: true}, nil
}

// renderLocal renders a local file. One without actions is taken as it is, unless there are values to insert.
func (e Edits) renderLocal(t LocalTemplate) ([]byte, error) {
	src, err := os.ReadFile(t.Source)
	if err != nil {
		return nil, fmt.Errorf("-template: %w", err)
	}
	out, err := e.Renderer.File(t.Source, t.Dest, src, e.Values)
	if errors.Is(err, template.ErrNoAction) && len(e.Values) == 0 {
		return src, nil
	}
	return out, err
}
