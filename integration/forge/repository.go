package forge

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

var repoName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$`)

// CreateRepo makes repo, "OWNER/NAME" (for GitLab also "GROUP/SUBGROUP/NAME"), an empty bare repository whose HEAD is
// defaultBranch. It fails when the name is not one that the forge could have, or is taken. No other repository is
// served.
func (s *Server) CreateRepo(repo, defaultBranch string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.nameable(repo); err != nil {
		return fmt.Errorf("create repository: %w", err)
	}
	if err := s.initRepo(s.GitDir(repo), defaultBranch); err != nil {
		return fmt.Errorf("create repository %s: %w", repo, err)
	}
	s.repos = append(s.repos, repo)
	return nil
}

// nameable checks that a repository may be called repo.
func (s *Server) nameable(repo string) error {
	switch {
	case !repoName.MatchString(repo), strings.HasSuffix(repo, ".git"),
		s.cfg.Kind == GitHub && strings.Count(repo, "/") != 1:
		return fmt.Errorf("%q is no name of a %s repository", repo, s.cfg.Kind)
	case slices.Contains(s.repos, repo):
		return fmt.Errorf("%s exists", repo)
	}
	return nil
}

// repoConfig is every repository's git-config(1): smart HTTP only, pushes allowed, and no background process that would
// outlive the server. Nothing has to outlive a loss of power.
const repoConfig = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
	fsync = none
[http]
	receivepack = true
	getanyfile = false
[gc]
	auto = 0
[receive]
	autogc = false
[uploadpack]
	allowFilter = %t
`

// treeFilter is the limit that GitHub sets.
const treeFilter = `[uploadpackfilter "tree"]
	maxDepth = 0
`

// initRepo makes an empty bare repository as git-init(1) does, in its place because a process takes longer than most of
// what tests do. The files are those of gitrepository-layout(5).
func (s *Server) initRepo(dir, defaultBranch string) error {
	for _, folder := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags", "hooks"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			return err
		}
	}
	config := fmt.Sprintf(repoConfig, s.cfg.Partial)
	if s.cfg.Partial {
		config += treeFilter
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/"+defaultBranch+"\n"), 0o644)
}

// Seed makes one commit of dir's files on branch of repo, byte for byte (no .gitattributes, no .gitignore), with their
// executable bits and symbolic links. Where the branch exists the commit goes on top of it, and files that dir does not
// have stay. Folders and files named .git are left out.
func (s *Server) Seed(repo, branch, dir string) error {
	if err := s.seed(repo, branch, dir); err != nil {
		return fmt.Errorf("seed %s of %s: %w", branch, repo, err)
	}
	return nil
}

// seed goes through git fast-import, which takes a tree of any size in one process and applies no filters.
func (s *Server) seed(repo, branch, dir string) error {
	gitDir := s.GitDir(repo)
	var stream bytes.Buffer
	ref, now := "refs/heads/"+branch, time.Now().Unix()
	fmt.Fprintf(&stream, "commit %s\ncommitter Seed <seed@example.com> %d +0000\ndata 4\nSeed\n", ref, now)
	if tips, ok := looseTips(gitDir); !ok || len(tips) > 0 {
		if _, err := s.run(nil, nil, "--git-dir="+gitDir, "rev-parse", "--verify", "--quiet", ref); err == nil {
			fmt.Fprintf(&stream, "from %s^0\n", ref)
		}
	}
	if err := writeTree(&stream, dir); err != nil {
		return err
	}
	_, err := s.run(nil, &stream, "--git-dir="+gitDir, "fast-import", "--quiet")
	return err
}

var quoteName = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// writeTree writes all files below dir but git's own to a stream in the format of git-fast-import(1).
func writeTree(stream *bytes.Buffer, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git" && path != dir && d.IsDir():
			return fs.SkipDir
		case d.Name() == ".git" || d.IsDir():
			return nil
		}
		mode, data, err := treeEntry(path, d)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(stream, "M %s inline \"%s\"\ndata %d\n", mode, quoteName.Replace(filepath.ToSlash(name)), len(data))
		stream.Write(data)
		stream.WriteByte('\n')
		return nil
	})
}

// treeEntry returns git's mode and content of a file or a symbolic link.
func treeEntry(path string, d fs.DirEntry) (mode string, data []byte, err error) {
	info, err := d.Info()
	if err != nil {
		return "", nil, err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return "120000", []byte(target), err
	case !info.Mode().IsRegular():
		return "", nil, fmt.Errorf("%s is neither file, folder nor symbolic link", path)
	}
	mode = "100644"
	if info.Mode()&0o100 != 0 {
		mode = "100755"
	}
	data, err = os.ReadFile(path)
	return mode, data, err
}

// tips maps repo's branches to their commits.
func (s *Server) tips(repo string) (map[string]string, error) {
	if tips, ok := looseTips(s.GitDir(repo)); ok {
		return tips, nil
	}
	out, err := s.repoGit(repo, "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads/")
	if err != nil {
		return nil, err
	}
	tips := map[string]string{}
	for line := range strings.Lines(out) {
		sha, branch, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		tips[branch] = sha
	}
	return tips, nil
}

var objectName = regexp.MustCompile(`^[0-9a-f]{40}\n$`)

// looseTips is tips without a process, for the files of gitrepository-layout(5). It is not ok where there is more to
// know: packed or symbolic references, or one that changes meanwhile.
func looseTips(gitDir string) (tips map[string]string, ok bool) {
	heads := filepath.Join(gitDir, "refs", "heads")
	tips = map[string]string{}
	err := filepath.WalkDir(heads, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".lock") {
			return err
		}
		tip, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !objectName.Match(tip) {
			return fs.ErrInvalid
		}
		branch, err := filepath.Rel(heads, path)
		tips[filepath.ToSlash(branch)] = strings.TrimSpace(string(tip))
		return err
	})
	_, packed := os.Stat(filepath.Join(gitDir, "packed-refs")) // later: what git packs is there before its file goes
	return tips, err == nil && errors.Is(packed, fs.ErrNotExist)
}

// repoGit runs git on repo.
func (s *Server) repoGit(repo string, args ...string) (string, error) {
	return s.run(nil, nil, append([]string{"--git-dir=" + s.GitDir(repo)}, args...)...)
}

// defaultBranch returns the branch that repo's HEAD points at, be it born or not.
func (s *Server) defaultBranch(repo string) (string, error) {
	head, err := os.ReadFile(filepath.Join(s.GitDir(repo), "HEAD"))
	if err != nil {
		return "", err
	}
	if branch, ok := strings.CutPrefix(string(head), "ref: refs/heads/"); ok {
		return strings.TrimSpace(branch), nil
	}
	return s.repoGit(repo, "symbolic-ref", "--short", "HEAD")
}
