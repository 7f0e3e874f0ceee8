package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"update-gitops-repo/gitrepo/internal/layout"
	"update-gitops-repo/gitrepo/internal/paths"
)

// maxIncludes is how deep git lets included files include others.
const maxIncludes = 10

// Read reads the settings that apply in dir: the system's, the user's, those of the checkout that holds dir, and those
// in the environment, with the files that they include (https://git-scm.com/docs/git-config#FILES). With an empty dir
// there is no checkout. Conditions of includeIf other than gitdir count as false. Missing files are skipped, as git
// does. Errors name the file and the line that git would refuse.
func Read(dir string, getenv func(string) string) (*Settings, error) {
	r := &reader{home: paths.Home(getenv), getenv: getenv}
	if dir != "" {
		if found, err := layout.Find(dir); err == nil { // Otherwise the caller who needs a checkout reports it.
			r.checkout = found
		}
	}
	system := getenv("GIT_CONFIG_SYSTEM")
	if system == "" {
		system = "/etc/gitconfig"
	}
	if (Entry{Value: getenv("GIT_CONFIG_NOSYSTEM")}).Bool() {
		system = ""
	}
	if err := r.readIfThere(system); err != nil {
		return nil, err
	}
	for _, file := range r.userFiles() {
		// A home that this user may not search, such as root's, counts as missing.
		if err := r.readIfThere(file); err != nil && !errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
	}
	if err := r.readCheckout(); err != nil {
		return nil, err
	}
	if err := r.readEnvironment(); err != nil {
		return nil, err
	}
	return r.settings(), nil
}

// ReadRepository reads the settings of a repository alone, from the folder that has its config.
func ReadRepository(commonDir string) (*Settings, error) {
	r := &reader{}
	if err := r.readFile(filepath.Join(commonDir, "config"), 0); err != nil {
		return nil, err
	}
	return r.settings(), nil
}

// reader collects settings.
type reader struct {
	home     string
	getenv   func(string) string
	checkout layout.Layout // zero: there is none
	entries  []Entry
}

func (r *reader) settings() *Settings {
	entries := r.entries
	return &Settings{
		entries: func() []Entry { return entries },
		root:    r.checkout.Root, home: r.home, getenv: r.getenv,
	}
}

// userFiles returns the files of the user's settings, the weaker first.
func (r *reader) userFiles() []string {
	if file := r.getenv("GIT_CONFIG_GLOBAL"); file != "" {
		return []string{file}
	}
	var files []string
	if dir := r.settings().UserDir(); dir != "" {
		files = append(files, filepath.Join(dir, "config"))
	}
	if r.home != "" {
		files = append(files, filepath.Join(r.home, ".gitconfig"))
	}
	return files
}

func (r *reader) readCheckout() error {
	if r.checkout.Root == "" {
		return nil
	}
	if err := r.readIfThere(filepath.Join(r.checkout.CommonDir, "config")); err != nil {
		return err
	}
	if !r.settings().BoolOr("extensions.worktreeconfig", false) {
		return nil
	}
	return r.readIfThere(filepath.Join(r.checkout.GitDir, "config.worktree"))
}

func (r *reader) readIfThere(file string) error {
	if file == "" {
		return nil
	}
	err := r.readFile(file, 0)
	if paths.Absent(err) {
		err = nil
	}
	return err
}

func (r *reader) readFile(file string, depth int) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("git's settings: %w", err)
	}
	line, err := parse(data, func(e Entry) error {
		e.Source = file
		return r.add(e, depth)
	})
	if errors.Is(err, errSyntax) {
		return fmt.Errorf("%s:%d: %w", file, line, err)
	}
	return err
}

// readEnvironment reads the settings in variables (https://git-scm.com/docs/git-config, GIT_CONFIG_COUNT).
func (r *reader) readEnvironment() error {
	text := r.getenv("GIT_CONFIG_COUNT")
	if text == "" {
		return nil
	}
	count, err := strconv.Atoi(text)
	if err != nil || count < 0 {
		return errors.New("GIT_CONFIG_COUNT is not a number")
	}
	for i := range count {
		name := fmt.Sprintf("GIT_CONFIG_KEY_%d", i)
		key := r.getenv(name)
		first, last := strings.IndexByte(key, '.'), strings.LastIndexByte(key, '.')
		if first <= 0 || last == len(key)-1 {
			return fmt.Errorf("%s: not the name of a git setting", name)
		}
		key = strings.ToLower(key[:first]) + key[first:last] + strings.ToLower(key[last:])
		e := Entry{Key: key, Value: r.getenv(fmt.Sprintf("GIT_CONFIG_VALUE_%d", i)), Source: name}
		if err := r.add(e, 0); err != nil {
			return err
		}
	}
	return nil
}

// add appends a setting and, where it names a file to include, that file's settings.
func (r *reader) add(e Entry, depth int) error {
	r.entries = append(r.entries, e)
	condition, conditional := e.Subsection("includeif", "path")
	if e.Value == "" || e.Key != "include.path" && !(conditional && r.met(condition, e.Source)) {
		return nil
	}
	if depth == maxIncludes {
		return fmt.Errorf("%s: git's settings include each other more than %d deep", e.Source, maxIncludes)
	}
	file := paths.Expand(e.Value, r.home)
	if !filepath.IsAbs(file) {
		if !filepath.IsAbs(e.Source) {
			return fmt.Errorf("%s: only a file can include a relative path", e.Source)
		}
		file = filepath.Join(filepath.Dir(e.Source), file)
	}
	if err := r.readFile(file, depth+1); err != nil && !paths.Absent(err) {
		return err
	}
	return nil
}
