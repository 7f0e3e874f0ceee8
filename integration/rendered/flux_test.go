package rendered

import (
	"fmt"
	"path"

	helm "github.com/fluxcd/helm-controller/api/v2"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// fluxImages returns the images that Flux would deploy for the HelmRelease or Kustomization in a file, read with its
// own types.
func fluxImages(files tree, name string) ([]string, error) {
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := yaml.Unmarshal([]byte(files[name]), &kind); err != nil {
		return nil, err
	}
	switch kind.Kind {
	case helm.HelmReleaseKind:
		return releaseImages(files, name)
	case kustomize.KustomizationKind:
		return kustomizationImages(files, name)
	}
	return nil, fmt.Errorf("%s: kind %w", name, errField)
}

// releaseImages returns the images of a HelmRelease, whose chart is a folder of the same repository.
func releaseImages(files tree, name string) ([]string, error) {
	var release helm.HelmRelease
	if err := yaml.UnmarshalStrict([]byte(files[name]), &release); err != nil {
		return nil, err
	}
	if release.Spec.Chart == nil {
		return nil, fmt.Errorf("%s: chart %w", name, errField)
	}
	return renderChart(files, path.Clean(release.Spec.Chart.Spec.Chart), release.GetValues())
}

// kustomizationImages returns the images of a Kustomization.
func kustomizationImages(files tree, name string) ([]string, error) {
	var k kustomize.Kustomization
	if err := yaml.UnmarshalStrict([]byte(files[name]), &k); err != nil {
		return nil, err
	}
	var images []types.Image
	for _, i := range k.Spec.Images {
		images = append(images, types.Image{Name: i.Name, NewName: i.NewName, NewTag: i.NewTag, Digest: i.Digest})
	}
	dir := path.Clean(k.Spec.Path)
	merged, err := mergeImages(files, dir, images)
	if err != nil {
		return nil, err
	}
	if len(k.Spec.Patches) > 0 {
		if merged, err = mergePatches(merged, dir, k); err != nil {
			return nil, err
		}
	}
	return kustomizeImages(merged, dir)
}

// mergePatches returns the files after the patches of a Kustomization of Flux went into the one of kustomize.
func mergePatches(files tree, dir string, from kustomize.Kustomization) (tree, error) {
	name, err := kustomizationIn(files, dir)
	if err != nil {
		return nil, err
	}
	var k types.Kustomization
	if err := yaml.Unmarshal([]byte(files[name]), &k); err != nil {
		return nil, err
	}
	for _, p := range from.Spec.Patches {
		patch := types.Patch{Patch: p.Patch}
		if p.Target != nil {
			patch.Target = &types.Selector{}
			patch.Target.Kind, patch.Target.Name = p.Target.Kind, p.Target.Name
		}
		k.Patches = append(k.Patches, patch)
	}
	data, err := yaml.Marshal(k)
	if err != nil {
		return nil, err
	}
	return with(files, name, string(data)), nil
}
