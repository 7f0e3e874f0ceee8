package gitrepo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"update-gitops-repo/gitrepo/internal/layout"
	"update-gitops-repo/gitrepo/internal/paths"
	"update-gitops-repo/gitrepo/settings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/gitattributes"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
	"github.com/go-git/go-git/v5/storage/memory"
)

// File is a file of a working tree that differs from HEAD.
type File struct {
	Path     string      // relative to the checkout's root, with slashes
	Contents []byte      // as git would store it; a symlink's target
	Mode     fs.FileMode // 0o644, 0o755 or fs.ModeSymlink
	Deleted  bool        // there are no Contents and no Mode then

	head entry // what HEAD has
}

// entry is what a tree would say of the file.
func (f File) entry() entry {
	if f.Deleted {
		return entry{}
	}
	e := entry{mode: filemode.Regular, hash: plumbing.ComputeHash(plumbing.BlobObject, f.Contents)}
	if f.Mode&fs.ModeSymlink != 0 {
		e.mode = filemode.Symlink
	} else if f.Mode&0o111 != 0 {
		e.mode = filemode.Executable
	}
	return e
}

// Edited lists the files of the working tree that differ from HEAD, among those whose paths match: new, changed and
// deleted ones, sorted. It takes files as "git add --all" would: ignored ones only where they are tracked, symlinks as
// such, nothing in submodules and other repositories, line ends and modes as the checkout's settings say. What a sparse
// checkout leaves out is not deleted. Without a commit, every file is new. The settings are those that settings.Read
// gives for the checkout.
//
// match is asked for every file that counts, changed or not. Errors: ErrNoFile when it takes none; ErrFiltered.
func (c *Checkout) Edited(ctx context.Context, settings *settings.Settings, match func(path string) bool) ([]File, error) {
	w, err := c.openWorktree(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.at.Root, err)
	}
	var out []File
	matched := false
	add := func(name string) error {
		matched = true
		f, err := w.file(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if f != nil && f.entry() != f.head {
			out = append(out, *f)
		}
		return ctx.Err()
	}
	for name := range w.tracked {
		if match(name) {
			if err := add(name); err != nil {
				return nil, err
			}
		}
	}
	excludes, err := w.excludes()
	if err != nil {
		return nil, err
	}
	if err := w.walk("", excludes, func(name string, ignored bool) error {
		if ignored || !match(name) {
			return nil
		}
		return add(name)
	}); err != nil {
		return nil, err
	}
	if !matched {
		return nil, w.noFile(excludes, match)
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// noFile says why there is nothing: it may be that all that matches is ignored.
func (w *worktree) noFile(excludes []pattern, match func(string) bool) error {
	w.everything = true
	err := w.walk("", excludes, func(name string, ignored bool) error {
		if ignored && match(name) {
			return fmt.Errorf("%w, but for ignored ones such as %s", ErrNoFile, name)
		}
		return nil
	})
	if err == nil {
		err = ErrNoFile
	}
	return fmt.Errorf("%s: %w", w.c.at.Root, err)
}

// worktree is what has been read of a checkout to compare its files with HEAD.
type worktree struct {
	ctx        context.Context
	c          *Checkout
	settings   *settings.Settings
	store      *memory.Storage
	head       map[string]entry        // files, symlinks and submodules of HEAD
	index      map[string]*index.Entry // those that no merge left in conflict
	indexed    time.Time               // when the index was written
	indexErr   error
	tracked    map[string]bool        // files of HEAD and of the index
	folders    map[string]bool        // those of the tracked files
	attributes map[string][]attribute // by folder
	real       map[string]bool        // folders that are such, and not symlinks to some
	everything bool                   // walk into ignored folders too
}

func (c *Checkout) openWorktree(ctx context.Context, settings *settings.Settings) (*worktree, error) {
	if c.objects == nil {
		return nil, fmt.Errorf("a repository with objectFormat %q is not supported", c.config.Get("extensions.objectformat"))
	}
	if v := c.config.Get("extensions.refstorage"); v != "" && v != "files" {
		return nil, fmt.Errorf("a repository with refStorage %q is not supported", v)
	}
	w := &worktree{
		ctx: ctx, c: c, settings: settings, store: memory.NewStorage(), head: map[string]entry{}, index: map[string]*index.Entry{},
		tracked: map[string]bool{}, folders: map[string]bool{}, attributes: map[string][]attribute{}, real: map[string]bool{".": true},
	}
	if err := w.readHead(); err != nil {
		return nil, fmt.Errorf("read HEAD: %w", err)
	}
	for name, e := range w.head {
		w.tracked[name] = e.mode != filemode.Submodule
	}
	if w.indexErr = w.readIndex(); w.indexErr != nil {
		w.index = nil
	}
	for name, e := range w.index {
		w.tracked[name] = e.Mode != filemode.Submodule
	}
	for name := range w.tracked {
		for dir := path.Dir(name); !w.folders[dir]; dir = path.Dir(dir) {
			w.folders[dir] = true
		}
	}
	maps.DeleteFunc(w.tracked, func(_ string, file bool) bool { return !file })
	return w, nil
}

// coreFile reads the file that a setting names, by default one of the user's. It need not be there, nor be readable.
func (w *worktree) coreFile(key, unset string) ([]byte, error) {
	name := w.settings.Expand(w.settings.Get(key))
	if name == "" {
		dir := w.settings.UserDir()
		if dir == "" {
			return nil, nil
		}
		name = filepath.Join(dir, unset)
	}
	data, err := optional(paths.Resolve(w.c.at.Root, name))
	if errors.Is(err, fs.ErrPermission) {
		err = nil // As with the settings themselves, and as git has it, but for its warning.
	}
	return data, err
}

func optional(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if paths.Absent(err) {
		err = nil
	}
	return data, err
}

// readHead lists the files of HEAD's tree. There are none as long as HEAD's branch has no commit.
func (w *worktree) readHead() error {
	dirs := dotgit.NewRepositoryFilesystem(osfs.New(w.c.at.GitDir), osfs.New(w.c.at.CommonDir))
	head, err := storer.ResolveReference(filesystem.NewStorage(dirs, cache.NewObjectLRUDefault()), plumbing.HEAD)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.need(head.Hash()); err != nil {
		return err
	}
	commit, err := object.GetCommit(w.store, head.Hash())
	if err != nil {
		return err
	}
	return w.readTree(commit.TreeHash, "")
}

func (w *worktree) readTree(hash plumbing.Hash, dir string) error {
	if err := errors.Join(w.need(hash), w.ctx.Err()); err != nil {
		return err
	}
	t, err := object.GetTree(w.store, hash)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		if e.Mode != filemode.Dir {
			w.head[dir+e.Name] = newEntry(e)
		} else if err := w.readTree(e.Hash, dir+e.Name+"/"); err != nil {
			return err
		}
	}
	return nil
}

func (w *worktree) need(hash plumbing.Hash) error {
	if !w.c.objects.Copy(w.store, hash) {
		return fmt.Errorf("object %s is not in the checkout", hash)
	}
	return nil
}

// readIndex reads what git noted of the files when it last saw them (https://git-scm.com/docs/index-format).
func (w *worktree) readIndex() error {
	name := filepath.Join(w.c.at.GitDir, "index")
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && len(w.head) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	w.indexed = info.ModTime()
	var idx index.Index
	err = index.NewDecoder(bytes.NewReader(data)).Decode(&idx)
	// With index.skipHash there is no checksum; the library has read all else by then.
	if err != nil && !(errors.Is(err, index.ErrInvalidChecksum) && bytes.HasSuffix(data, make([]byte, len(plumbing.ZeroHash)))) {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, e := range idx.Entries {
		w.index[e.Name] = e
		if e.Stage != 0 {
			w.index[e.Name] = &index.Entry{Name: e.Name, Mode: e.Mode} // In conflict: it says nothing of the file.
		}
	}
	return nil
}

// excludes are the patterns that hold for the whole working tree and give way to those of any .gitignore.
func (w *worktree) excludes() ([]pattern, error) {
	user, err := w.coreFile("core.excludesfile", "ignore")
	if err != nil {
		return nil, err
	}
	own, err := optional(filepath.Join(w.c.at.CommonDir, "info", "exclude"))
	if err != nil {
		return nil, err
	}
	return append(ignorePatterns(user, ""), ignorePatterns(own, "")...), nil
}

// walk visits the files below dir, "" or "a/b/", that are not tracked. Those in ignored folders, where nothing can be
// taken back, are left out, unless everything is asked for.
func (w *worktree) walk(dir string, patterns []pattern, visit func(name string, ignored bool) error) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(w.path(dir))
	if errors.Is(err, fs.ErrPermission) && dir != "" && !w.folders[path.Clean(dir)] {
		return nil // Such as a volume's lost+found; git passes over it, too.
	}
	if err != nil {
		return err
	}
	own, err := w.own(dir, ".gitignore")
	if err != nil {
		return err
	}
	patterns = append(slices.Clip(patterns), ignorePatterns(own, dir)...)
	for _, e := range entries {
		name := dir + e.Name()
		switch {
		case strings.EqualFold(e.Name(), ".git"):
		case !e.IsDir():
			if !w.tracked[name] && (e.Type() == 0 || e.Type() == fs.ModeSymlink) {
				err = visit(name, ignored(patterns, name, false))
			}
		case w.foreign(name):
		case !ignored(patterns, name, true):
			err = w.walk(name+"/", patterns, visit)
		case w.everything:
			err = w.walk(name+"/", []pattern{{re: always}}, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var always = regexp.MustCompile("")

// foreign tells folders that belong to another repository.
func (w *worktree) foreign(dir string) bool {
	if e := w.index[dir]; w.head[dir].mode == filemode.Submodule || e != nil && e.Mode == filemode.Submodule {
		return true
	}
	dotGit := filepath.Join(w.path(dir), ".git")
	info, err := os.Stat(dotGit)
	return err == nil && !w.folders[dir] && (!info.IsDir() || layout.IsGitDir(dotGit, dotGit))
}

func (w *worktree) path(name string) string {
	return filepath.Join(w.c.at.Root, filepath.FromSlash(name))
}

// own reads a folder's .gitignore or .gitattributes, if it has one; symlinks are none, as git has it.
func (w *worktree) own(dir, name string) ([]byte, error) {
	info, err := os.Lstat(w.path(dir + name))
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	return optional(w.path(dir + name))
}

// lstat is nil when there is no file of that name, or only behind a symlink.
func (w *worktree) lstat(name string) (fs.FileInfo, error) {
	if !w.isReal(path.Dir(name)) {
		return nil, nil
	}
	info, err := os.Lstat(w.path(name))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil, nil
	}
	return info, err
}

func (w *worktree) isReal(dir string) bool {
	real, ok := w.real[dir]
	if !ok {
		info, err := os.Lstat(w.path(dir))
		// Whoever may not look will fail on the file itself.
		real = w.isReal(path.Dir(dir)) && (err == nil && info.IsDir() || errors.Is(err, fs.ErrPermission))
		w.real[dir] = real
	}
	return real
}

// file compares a file with HEAD; nil means that nothing is known to be different.
func (w *worktree) file(name string) (*File, error) {
	f := &File{Path: name, head: w.head[name]}
	indexed := w.index[name]
	info, err := w.lstat(name)
	switch {
	case err != nil:
		return nil, err
	case info == nil && f.head == (entry{}), info == nil && indexed != nil && indexed.SkipWorktree:
		return nil, nil
	case info == nil && w.indexErr != nil:
		return nil, fmt.Errorf("it is not there, and whether it was deleted or left out cannot be told: %w", w.indexErr)
	case info == nil:
		f.Deleted = true
		return f, nil
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(w.path(name))
		f.Contents, f.Mode = []byte(target), fs.ModeSymlink
		return f, err
	case !info.Mode().IsRegular():
		return nil, nil
	}
	f.Mode = w.mode(f.head, indexed, info)
	if indexed != nil && indexed.Hash == f.head.hash && f.entry().mode == f.head.mode && indexed.Mode == f.head.mode &&
		indexed.Size == uint32(info.Size()) && indexed.ModifiedAt.Equal(info.ModTime()) && info.ModTime().Before(w.indexed) {
		return nil, nil // As git left it. Not so if it may have been written again in the moment when the index was.
	}
	if f.Contents, err = os.ReadFile(w.path(name)); err != nil {
		return nil, err
	}
	if f.entry().hash == f.head.hash || f.Mode == fs.ModeSymlink {
		return f, nil // Whatever line ends HEAD has, these are the same.
	}
	f.Contents, err = w.clean(name, f.Contents, f.head)
	return f, err
}

// mode gives a regular file's mode, which some file systems cannot keep.
func (w *worktree) mode(head entry, indexed *index.Entry, info fs.FileInfo) fs.FileMode {
	known := head.mode
	if indexed != nil {
		known = indexed.Mode
	}
	executable := info.Mode()&0o100 != 0
	if !w.settings.BoolOr("core.filemode", true) {
		executable = known == filemode.Executable
	}
	switch {
	case known == filemode.Symlink && !w.settings.BoolOr("core.symlinks", true):
		return fs.ModeSymlink
	case executable:
		return 0o755
	}
	return 0o644
}

// clean makes of a file's contents what git would store (https://git-scm.com/docs/gitattributes).
func (w *worktree) clean(name string, data []byte, head entry) ([]byte, error) {
	a, err := w.attributesOf(name)
	if err != nil {
		return nil, err
	}
	if filter := a["filter"]; filter != "" && filter != isSet && filter != isUnset {
		if pointer, ok := w.blob(head.hash); ok && filter == "lfs" && points(pointer, data) {
			return pointer, nil
		}
		return nil, fmt.Errorf("%w: it is kept by git's filter %q, which only git can run", ErrFiltered, filter)
	}
	if encoding := a["working-tree-encoding"]; encoding != "" && encoding != isSet && encoding != isUnset && !strings.EqualFold(encoding, "UTF-8") {
		return nil, fmt.Errorf("%w: git keeps it in another encoding than %s (working-tree-encoding)", ErrFiltered, encoding)
	}
	if w.unixLines(name, a, data) {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	if a["ident"] == isSet {
		data = ident.ReplaceAll(data, []byte("$$Id$$"))
	}
	return data, nil
}

var ident = regexp.MustCompile(`\$Id:[^$\n]*\$`)

func (w *worktree) blob(hash plumbing.Hash) ([]byte, bool) {
	if hash == plumbing.ZeroHash || !w.c.objects.Copy(w.store, hash) {
		return nil, false
	}
	b, err := object.GetBlob(w.store, hash)
	if err != nil {
		return nil, false
	}
	r, err := b.Reader()
	if err != nil {
		return nil, false
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close()) == nil
}

// points tells whether a pointer of Git LFS is that of the contents (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
func points(pointer, contents []byte) bool {
	return bytes.Contains(pointer, fmt.Appendf(nil, "\noid sha256:%x\nsize %d\n", sha256.Sum256(contents), len(contents)))
}

// unixLines tells whether git would store CRLF as LF.
func (w *worktree) unixLines(name string, attributes map[string]string, data []byte) bool {
	text := attributes["text"]
	if text == "" {
		text = attributes["crlf"] // Its old name.
	}
	switch {
	case text == isUnset:
		return false
	case text == isSet, text == "input":
		return true
	case text == "auto":
	case attributes["eol"] == "lf", attributes["eol"] == "crlf":
		return true
	case !strings.EqualFold(w.settings.Get("core.autocrlf"), "input") && !w.settings.BoolOr("core.autocrlf", false):
		return false
	}
	// Git guesses. It leaves alone what looks binary, and what has CRLF in the repository already.
	if e := w.index[name]; e != nil {
		if stored, ok := w.blob(e.Hash); ok && bytes.Contains(stored, []byte("\r\n")) && !looksBinary(stored) {
			return false
		}
	}
	return !looksBinary(data)
}

// looksBinary is git's guess: a NUL, a CR without LF, or too many control characters.
func looksBinary(data []byte) bool {
	data = bytes.TrimSuffix(data, []byte{0x1a})
	printable, control := 0, 0
	for i, c := range data {
		switch {
		case c == 0, c == '\r' && (i+1 == len(data) || data[i+1] != '\n'):
			return true
		case c == '\r', c == '\n':
		case c == 0x7f, c < ' ' && !bytes.ContainsRune([]byte("\b\t\f\x1b"), rune(c)):
			control++
		default:
			printable++
		}
	}
	return printable>>7 < control
}

// attribute is a line of .gitattributes.
type attribute struct {
	pattern pattern
	macro   string // the line defines it
	values  []gitattributes.Attribute
}

// What an attribute is when it has no value of its own.
const (
	isSet   = "\x00set"
	isUnset = "\x00unset"
)

// attributesOf gives those of a file. Later lines count more, and those of deeper folders.
func (w *worktree) attributesOf(name string) (map[string]string, error) {
	lines, err := w.attributeLines(path.Dir(name))
	if err != nil {
		return nil, err
	}
	last, err := optional(filepath.Join(w.c.at.CommonDir, "info", "attributes"))
	if err != nil {
		return nil, err
	}
	values, macros := map[string]string{}, map[string][]gitattributes.Attribute{}
	set := func(as []gitattributes.Attribute) {
		for _, a := range as {
			switch {
			case a.IsSet():
				values[a.Name()] = isSet
			case a.IsUnset():
				values[a.Name()] = isUnset
			case a.IsUnspecified():
				delete(values, a.Name())
			default:
				values[a.Name()] = a.Value()
			}
		}
	}
	for _, line := range append(slices.Clip(lines), parseAttributes(last, "")...) {
		if line.macro != "" {
			macros[line.macro] = line.values
		} else if !line.pattern.folder && line.pattern.matches(name, false) {
			for _, a := range line.values {
				if a.IsSet() {
					set(macros[a.Name()])
				}
				set([]gitattributes.Attribute{a})
			}
		}
	}
	return values, nil
}

// attributeLines are those that hold in a folder, the weakest first.
func (w *worktree) attributeLines(dir string) ([]attribute, error) {
	if lines, ok := w.attributes[dir]; ok {
		return lines, nil
	}
	lines, base := parseAttributes([]byte("[attr]binary -diff -merge -text"), ""), ""
	if dir == "." {
		user, err := w.coreFile("core.attributesfile", "attributes")
		if err != nil {
			return nil, err
		}
		lines = append(lines, parseAttributes(user, "")...)
	} else {
		above, err := w.attributeLines(path.Dir(dir))
		if err != nil {
			return nil, err
		}
		lines, base = slices.Clip(above), dir+"/"
	}
	own, err := w.own(base, ".gitattributes")
	if err != nil {
		return nil, err
	}
	w.attributes[dir] = append(lines, parseAttributes(own, base)...)
	return w.attributes[dir], nil
}

// parseAttributes reads a .gitattributes that holds for what is below base; lines that make no sense are passed over.
func parseAttributes(data []byte, base string) []attribute {
	var out []attribute
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(strings.TrimSpace(line), `""`) {
			continue // The library panics.
		}
		m, err := gitattributes.ParseAttributesLine(line, nil, true)
		if err != nil || m.Name == "" {
			continue
		}
		a := attribute{values: m.Attributes}
		if m.Pattern == nil {
			a.macro = m.Name
		} else {
			a.pattern = newPattern(m.Name, base)
		}
		out = append(out, a)
	}
	return out
}
