package template

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	texttemplate "text/template"
	parsetree "text/template/parse"

	"update-gitops-repo/template/glob"
)

// Delims is a pair of delimiters around the actions of a template. The zero value stands for "$({" and "})" or
// "$(<" and ">)", whichever a file holds.
type Delims struct{ Left, Right string }

var defaultDelims = []Delims{{"$({", "})"}, {"$(<", ">)"}}

// ParseDelims reads "LEFT,RIGHT": exactly one comma, and something on both sides.
func ParseDelims(s string) (Delims, error) {
	left, right, ok := strings.Cut(s, ",")
	if !ok || left == "" || right == "" || strings.Contains(right, ",") {
		return Delims{}, fmt.Errorf("delimiters %q are not of the form LEFT,RIGHT", s)
	}
	return Delims{left, right}, nil
}

// Renderer renders templates: text/template's language with sprig's functions, but for those that look at the
// environment, the network, the clock or chance, so that the same inputs give the same bytes; and index fails for a key
// that is not there.
type Renderer struct {
	Globs  []string // patterns as glob.Find takes them
	Delims Delims
	// Validate has Render and File refuse results that are YAML or JSON by the name of their file, and do not parse.
	Validate bool
}

const suffix = ".tmpl"

// Render renders every file that matches one of the globs and ends in ".tmpl", and returns the results by path without
// ".tmpl". All but the actions comes through byte for byte, and a file without actions is copied.
//
// It returns a *glob.Error when a glob matches no template, and an *Error when none of the templates has an action
// (ErrNoAction) and for what File refuses.
func (r Renderer) Render(fsys fs.FS, v Values) (map[string][]byte, error) {
	var names []string
	for _, pattern := range r.Globs {
		matches, err := glob.Find(fsys, pattern)
		if err != nil {
			return nil, err
		}
		matches = slices.DeleteFunc(matches, func(name string) bool { _, ok := Output(name); return !ok })
		if len(matches) == 0 {
			reason := "matches files, but none that ends in " + suffix
			return nil, &glob.Error{Pattern: pattern, Reason: reason, Err: glob.ErrNoMatch}
		}
		names = append(names, matches...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if err := glob.Prefetch(fsys, names); err != nil {
		return nil, err
	}

	texts, errs := r.texts(fsys, names, v)
	out := make(map[string][]byte, len(names))
	var noAction error
	actions := false
	for i, name := range names {
		switch {
		case errors.Is(errs[i], ErrNoAction):
			noAction = errs[i]
		case errs[i] != nil:
			return nil, errs[i]
		default:
			actions = true
		}
		dest, _ := Output(name)
		out[dest] = texts[i]
	}
	if !actions {
		return nil, noAction
	}
	return out, nil
}

// texts renders the named files on all cores and returns the text or the error of each; a file without actions has
// both. Files are begun in order, and none after an error, so every file before the first error has its result. One
// goroutine reads them, since not every file system allows more, and each when a core is free for it.
func (r Renderer) texts(fsys fs.FS, names []string, v Values) (texts [][]byte, errs []error) {
	texts, errs = make([][]byte, len(names)), make([]error, len(names))
	use := new(usage)
	render := func(i int, src []byte) error {
		dest, _ := Output(names[i])
		if texts[i], errs[i] = r.file(use, source{names[i], dest, src}, v); errors.Is(errs[i], ErrNoAction) {
			texts[i] = src
			return nil
		}
		return errs[i]
	}
	type file struct {
		i   int
		src []byte
	}
	files := make(chan file)
	var failed atomic.Bool
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		workers.Go(func() {
			for f := range files {
				if render(f.i, f.src) != nil {
					failed.Store(true)
				}
			}
		})
	}
	for i, name := range names {
		if failed.Load() {
			break
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			errs[i] = err
			break
		}
		files <- file{i, src}
	}
	close(files)
	workers.Wait()
	return texts, errs
}

// Output gives the path that Render renders a file to, if it takes the file for a template.
func Output(name string) (dest string, ok bool) {
	dest, ok = strings.CutSuffix(name, suffix)
	return dest, ok && path.Base(name) != suffix
}

// Text renders one text. name stands for it in errors.
//
// It returns an *Error for a missing value (ErrMissingKey), a text that does not parse (ErrSyntax), a function that
// fails (ErrExecute), more memory, time or output than is allowed (ErrLimit), both of the default pairs of delimiters
// in one text (ErrDelims), and a text without an action (ErrNoAction; a caller who takes that for a plain file uses
// src).
func (r Renderer) Text(name string, src []byte, v Values) ([]byte, error) {
	return r.text(new(usage), name, src, v)
}

// File renders one text for the file dest. It returns the errors of Text and, with Validate, an *Error for a result
// that does not parse (ErrInvalid).
func (r Renderer) File(name, dest string, src []byte, v Values) ([]byte, error) {
	return r.file(new(usage), source{name, dest, src}, v)
}

// source is a template, and the name of the file that it is rendered to.
type source struct {
	name, dest string
	text       []byte
}

func (r Renderer) file(use *usage, src source, v Values) ([]byte, error) {
	out, err := r.text(use, src.name, src.text, v)
	if err == nil && r.Validate {
		if len(out) > maxAtOnce {
			use.large.Lock()
			defer use.large.Unlock()
		}
		err = r.check(src.name, src.dest, src.text, out)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r Renderer) text(use *usage, name string, src []byte, v Values) ([]byte, error) {
	delims, err := r.delims(name, src)
	if err != nil {
		return nil, err
	}
	limit := func(reason string) error {
		return &Error{File: name, Delims: delims.Left, Reason: reason, Err: ErrLimit}
	}
	if len(src) > maxSource {
		return nil, limit("is larger than the " + mebibytes(maxSource) + " that a template may have")
	}
	if delims.actions(src) > maxAction {
		return nil, limit("has more than the " + mebibytes(maxAction) + " of actions that a template may have")
	}
	if len(src) > maxSmall {
		use.large.Lock()
		defer use.large.Unlock()
	}
	// A fixed name keeps the file's own out of text/template's messages, which are taken apart below.
	trees, err := parsetree.Parse("t", string(src), delims.Left, delims.Right, library().names)
	if err != nil {
		return nil, syntaxError(name, src, delims, err)
	}
	w := weaver{called: map[string]bool{}}
	for _, tree := range trees {
		w.list(tree.Root, 0)
	}
	if w.depth > maxDepth {
		return nil, limit("actions are nested too deep")
	}
	m := &meter{usage: use}
	t := texttemplate.New("t").Funcs(m.steps()).Funcs(m.functions(w.called)).Option("missingkey=error")
	for name, tree := range trees {
		if _, err := t.AddParseTree(name, tree); err != nil {
			return nil, syntaxError(name, src, delims, err)
		}
	}
	// The plain map, since a template could call the methods of Values; and its own, since set and merge write to it.
	if err := t.Execute(m, own(map[string]any(v))); err != nil {
		return nil, executeError(name, src, delims, err)
	}
	if err := m.overflow(); err != nil {
		return nil, limit(err.Error())
	}
	// Nil prints as this. A function returns it for nothing, such as the first item of an empty list.
	if noValue := []byte("<no value>"); bytes.Contains(m.out.Bytes(), noValue) && !bytes.Contains(src, noValue) {
		reason := "a value that does not exist would print as <no value>"
		return nil, &Error{File: name, Delims: delims.Left, Reason: reason, Err: ErrMissingKey}
	}
	return m.out.Bytes(), nil
}

// own copies a value, and the maps in it.
func own(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(m))
	for k, e := range m {
		out[k] = own(e)
	}
	return out
}

// delims returns the pair of delimiters that src is to be read with.
func (r Renderer) delims(name string, src []byte) (Delims, error) {
	pairs := defaultDelims
	if r.Delims != (Delims{}) {
		pairs = []Delims{r.Delims}
	}
	var found []Delims
	var at []int
	for _, d := range pairs {
		if i := bytes.Index(src, []byte(d.Left)); i >= 0 {
			found, at = append(found, d), append(at, lineOf(src, i))
		}
	}
	switch len(found) {
	case 0:
		reason := "no action in it: " + lefts(pairs) + " is nowhere"
		return Delims{}, &Error{File: name, Delims: pairs[0].Left, Reason: reason, Err: ErrNoAction}
	case 1:
		return found[0], nil
	}
	return Delims{}, &Error{File: name, Line: max(at[0], at[1]),
		Reason: fmt.Sprintf("actions open with %s on line %d and with %s on line %d; choose one with -delims",
			found[0].Left, at[0], found[1].Left, at[1]),
		Err: ErrDelims}
}

func lefts(pairs []Delims) string {
	var s []string
	for _, d := range pairs {
		s = append(s, d.Left)
	}
	return strings.Join(s, " or ")
}

// lineOf returns the number, from 1, of the line that holds src[i].
func lineOf(src []byte, i int) int { return 1 + bytes.Count(src[:i], []byte("\n")) }

// text/template says the place and the cause of an error in its text alone.
var (
	syntaxText  = regexp.MustCompile(`(?s)^template: t:(\d+):(?:\d+:)? (.*)$`)
	executeText = regexp.MustCompile(`(?s)^template: t:(\d+):(\d+): executing "[^"]*" at <.*?>: (.*)$`)
	missingText = regexp.MustCompile(
		`^(?:(?:error calling \w+: )?map has no entry for key "(.*)"|can't evaluate field (\w+) in type )`)
	fieldText = regexp.MustCompile(`(?:\.[\pL_][\pL\pN_]*)+`)
)

func syntaxError(name string, src []byte, delims Delims, err error) error {
	e := &Error{File: name, Delims: delims.Left, Reason: err.Error(), Err: ErrSyntax}
	if m := syntaxText.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Reason = m[2]
	}
	if strings.HasPrefix(e.Reason, "unexpected EOF") {
		e.Reason = "an if, range, with, block or define has no end"
		return e
	}
	// The last action that opens at or above the line is the one that went wrong.
	lines := bytes.SplitAfter(src, []byte("\n"))
	upTo := bytes.Join(lines[:min(e.Line, len(lines))], nil)
	if i := bytes.LastIndex(upTo, []byte(delims.Left)); i >= 0 {
		e.Line = lineOf(src, i)
		e.Reason = fmt.Sprintf("%s opens an action that does not parse: %s", delims.Left, e.Reason)
	}
	return e
}

// maxReason is how many bytes of an error's text are kept. It may quote a value.
const maxReason = 4096

func shorten(reason string) string {
	if len(reason) > maxReason {
		return strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return reason
}

func executeError(name string, src []byte, delims Delims, err error) error {
	text := err.Error()
	text = text[:min(len(text), maxAction+2*maxReason)] // quotes the action before the reason
	e := &Error{File: name, Delims: delims.Left, Reason: shorten(text), Err: ErrExecute}
	m := executeText.FindStringSubmatch(text)
	if m == nil {
		return e
	}
	e.Line, _ = strconv.Atoi(m[1])
	column, _ := strconv.Atoi(m[2])
	e.Reason = shorten(m[3])
	if limit, ok := errors.AsType[limitError](err); ok {
		e.Reason, e.Err = limit.Error(), ErrLimit
		return e
	}
	if missing := missingText.FindStringSubmatch(m[3]); missing != nil {
		e.Key = fieldAt(src, e.Line, column, missing[1]+missing[2])
		e.Reason = "no value for " + e.Key
		e.Err = ErrMissingKey
	}
	return e
}

// fieldAt returns the chain of fields (".image.tag") that src has at a place, up to the field that is missing.
func fieldAt(src []byte, line, column int, missing string) string {
	lines := bytes.Split(src, []byte("\n"))
	if line <= len(lines) {
		for _, at := range fieldText.FindAllIndex(lines[line-1], -1) {
			chain := string(lines[line-1][at[0]:at[1]]) + "."
			if i := strings.Index(chain, "."+missing+"."); i >= 0 && at[0] <= column && column < at[1] {
				return chain[:i+1+len(missing)]
			}
		}
	}
	return "." + missing
}
