package rendered

import (
	"fmt"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"
	"sigs.k8s.io/yaml"
)

// application is what counts here of Argo CD's Application (argoproj.io/v1alpha1). Its own types are in a module that
// cannot be required: it replaces another one by a folder of its own. What is not listed here is refused.
type application struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations,omitempty"`
	} `json:"metadata"`
	Spec applicationSpec `json:"spec"`
}

type applicationSpec struct {
	Project     string              `json:"project,omitempty"`
	Destination map[string]string   `json:"destination,omitempty"`
	Source      *applicationSource  `json:"source,omitempty"`
	Sources     []applicationSource `json:"sources,omitempty"`
}

type applicationSource struct {
	RepoURL        string `json:"repoURL"`
	Path           string `json:"path,omitempty"`
	TargetRevision string `json:"targetRevision,omitempty"`
	Kustomize      *struct {
		Images []string `json:"images,omitempty"`
	} `json:"kustomize,omitempty"`
	Helm *applicationHelm `json:"helm,omitempty"`
}

type applicationHelm struct {
	ReleaseName string   `json:"releaseName,omitempty"`
	ValueFiles  []string `json:"valueFiles,omitempty"`
	Parameters  []struct {
		Name        string `json:"name"`
		Value       string `json:"value"`
		ForceString bool   `json:"forceString,omitempty"`
	} `json:"parameters,omitempty"`
	Values       string         `json:"values,omitempty"`
	ValuesObject map[string]any `json:"valuesObject,omitempty"`
}

// applicationSet is the same of an ApplicationSet. Its templates are read as they are, without its generators.
type applicationSet struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   map[string]any `json:"metadata"`
	Spec       struct {
		Generators []map[string]any `json:"generators"`
		GoTemplate bool             `json:"goTemplate,omitempty"`
		Template   struct {
			Metadata map[string]any  `json:"metadata"`
			Spec     applicationSpec `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
}

// argoImages returns the images that Argo CD would deploy for the Application, or the template of the ApplicationSet,
// in a file.
func argoImages(files tree, name string) ([]string, error) {
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := yaml.Unmarshal([]byte(files[name]), &kind); err != nil {
		return nil, err
	}
	var spec applicationSpec
	if kind.Kind == "ApplicationSet" {
		var set applicationSet
		if err := yaml.UnmarshalStrict([]byte(files[name]), &set); err != nil {
			return nil, err
		}
		spec = set.Spec.Template.Spec
	} else {
		var app application
		if err := yaml.UnmarshalStrict([]byte(files[name]), &app); err != nil {
			return nil, err
		}
		spec = app.Spec
	}
	if spec.Source != nil {
		spec.Sources = append(spec.Sources, *spec.Source)
	}
	var out []string
	for _, source := range spec.Sources {
		images, err := source.images(files)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, images...)
	}
	return out, nil
}

// images returns the images of a source, whose folder is in the same repository.
func (s applicationSource) images(files tree) ([]string, error) {
	if _, err := kustomizationIn(files, s.Path); err == nil {
		if s.Kustomize == nil {
			return kustomizeImages(files, s.Path)
		}
		edited, err := editImages(files, s.Path, s.Kustomize.Images)
		if err != nil {
			return nil, err
		}
		return kustomizeImages(edited, s.Path)
	}
	if s.Helm == nil {
		return renderChart(files, s.Path, nil)
	}
	values, err := s.Helm.all(files, s.Path)
	if err != nil {
		return nil, err
	}
	return renderChart(files, s.Path, values)
}

// all returns the values as Argo CD gives them to Helm: files, then valuesObject or else values, then parameters.
func (h *applicationHelm) all(files tree, dir string) (map[string]any, error) {
	values := map[string]any{}
	for _, name := range h.ValueFiles {
		var more map[string]any
		if err := yaml.Unmarshal([]byte(files[dir+"/"+name]), &more); err != nil {
			return nil, err
		}
		values = loader.MergeMaps(values, more)
	}
	more := h.ValuesObject
	if more == nil {
		if err := yaml.Unmarshal([]byte(h.Values), &more); err != nil {
			return nil, err
		}
	}
	values = loader.MergeMaps(values, more)
	for _, p := range h.Parameters {
		parse := strvals.ParseInto
		if p.ForceString {
			parse = strvals.ParseIntoString
		}
		if err := parse(p.Name+"="+p.Value, values); err != nil {
			return nil, err
		}
	}
	return values, nil
}
