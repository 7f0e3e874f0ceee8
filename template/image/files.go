package image

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"

	"update-gitops-repo/template/glob"
)

// DefaultFiles is the pattern of the files that images are looked for in, unless somebody says otherwise. It is one
// pattern, so that a repository may well hold files of only one of these names. What is elsewhere is left out then.
const DefaultFiles = "{**.{yaml,yml},**/Kustomization}"

// elsewhere are the files that say how a repository is built and explained, and deploy nothing. They are looked at only
// where somebody names them.
var elsewhere = struct{ folders, files []string }{
	folders: []string{".buildkite", ".circleci", ".github", ".gitlab", ".semaphore", ".woodpecker", "docs"},
	files: []string{
		".appveyor.yml", ".cirrus.yml", ".drone.yml", ".gitlab-ci.yml", ".travis.yml", ".woodpecker.yml",
		"azure-pipelines.yml", "bitbucket-pipelines.yml",
	},
}

// Patterns returns the globs of the files that are looked at, the default ones if none are given.
func (r Request) Patterns() []string {
	if len(r.Globs) == 0 {
		return []string{DefaultFiles}
	}
	return r.Globs
}

// Find returns the files that the globs match, sorted; without globs, those of DefaultFiles but for those elsewhere.
// Errors are those of glob.Find.
func Find(fsys fs.FS, globs []string) ([]string, error) {
	if len(globs) == 0 {
		names, err := glob.Find(fsys, DefaultFiles)
		return slices.DeleteFunc(names, isElsewhere), err
	}
	var names []string
	for _, pattern := range globs {
		found, err := glob.Find(fsys, pattern)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// findElsewhere returns the files of DefaultFiles that are not looked at.
func findElsewhere(fsys fs.FS) ([]string, error) {
	names, err := glob.Find(fsys, DefaultFiles)
	return slices.DeleteFunc(names, func(name string) bool { return !isElsewhere(name) }), err
}

// isElsewhere reports whether a file deploys nothing by where it is.
func isElsewhere(name string) bool {
	folder, _, below := strings.Cut(name, "/")
	base := strings.TrimSuffix(path.Base(name), path.Ext(name)) + ".yml"
	return below && slices.Contains(elsewhere.folders, folder) || slices.Contains(elsewhere.files, base)
}

// mayBeKustomization is a quick look whether a file is a kustomization.
func mayBeKustomization(name string, src []byte) bool {
	return kustomizations.include(path.Base(name), object{}) || bytes.Contains(src, []byte("kustomize.config.k8s.io"))
}
