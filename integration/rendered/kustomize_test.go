package rendered

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/kv"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kustomize/v5/commands/edit/set"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kustomizeImages returns the images that kustomize builds of a folder.
func kustomizeImages(files tree, dir string) ([]string, error) {
	fsys := filesys.MakeFsInMemory()
	for name, data := range files {
		if err := fsys.WriteFile("/"+name, []byte(data)); err != nil {
			return nil, err
		}
	}
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fsys, "/"+dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range objects.Resources() {
		object, err := r.Map()
		if err != nil {
			return nil, err
		}
		out = append(out, imagesOf(object)...)
	}
	slices.Sort(out)
	return out, nil
}

// kustomizationIn returns the path of the kustomization in a folder.
func kustomizationIn(files tree, dir string) (string, error) {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		if _, ok := files[path.Join(dir, name)]; ok {
			return path.Join(dir, name), nil
		}
	}
	return "", fmt.Errorf("%s: kustomization %w", dir, errField)
}

// editImages returns the files after "kustomize edit set image" in a folder, as Argo CD runs it for what an Application
// has in kustomize.images.
func editImages(files tree, dir string, images []string) (tree, error) {
	name, err := kustomizationIn(files, dir)
	if err != nil || len(images) == 0 {
		return files, err
	}
	fsys := filesys.MakeFsInMemory()
	if err := fsys.WriteFile(path.Base(name), []byte(files[name])); err != nil {
		return nil, err
	}
	of := provider.NewDefaultDepProvider()
	valid := of.GetFieldValidator()
	cmd := set.NewCmdSet(fsys, kv.NewLoader(nil, valid), valid, of.GetResourceFactory())
	cmd.SetArgs(append([]string{"image"}, images...))
	if err := cmd.Execute(); err != nil {
		return nil, err
	}
	data, err := fsys.ReadFile(path.Base(name))
	if err != nil {
		return nil, err
	}
	return with(files, name, string(data)), nil
}

// mergeImages returns the files after the entries of a Kustomization of Flux went into the one of kustomize: they take
// the place of those with the same name.
func mergeImages(files tree, dir string, images []types.Image) (tree, error) {
	name, err := kustomizationIn(files, dir)
	if err != nil {
		return nil, err
	}
	var k types.Kustomization
	if err := yaml.Unmarshal([]byte(files[name]), &k); err != nil {
		return nil, err
	}
	for _, image := range images {
		i := slices.IndexFunc(k.Images, func(old types.Image) bool { return old.Name == image.Name })
		if i < 0 {
			k.Images = append(k.Images, image)
		} else {
			k.Images[i] = image
		}
	}
	data, err := yaml.Marshal(k)
	if err != nil {
		return nil, err
	}
	return with(files, name, string(data)), nil
}

// with returns the files with one of them replaced.
func with(files tree, name, data string) tree {
	out := tree{}
	for old, content := range files {
		out[old] = content
	}
	out[name] = data
	return out
}

// below returns the files of a folder, by their paths in it.
func below(files tree, dir string) tree {
	out := tree{}
	for name, data := range files {
		if at, ok := strings.CutPrefix(name, dir+"/"); ok {
			out[at] = data
		}
	}
	return out
}
