package rendered

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

// helmImages returns the images that Helm renders of a chart, with files of values as of helm -f.
func helmImages(files tree, words string) ([]string, error) {
	args := strings.Fields(words)
	values := map[string]any{}
	for _, name := range args[1:] {
		var more map[string]any
		if err := yaml.Unmarshal([]byte(files[name]), &more); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		values = loader.MergeMaps(values, more)
	}
	return renderChart(files, args[0], values)
}

// renderChart returns the images of a chart in a folder, with values.
func renderChart(files tree, dir string, values map[string]any) ([]string, error) {
	var parts []*archive.BufferedFile
	for name, data := range below(files, dir) {
		parts = append(parts, &archive.BufferedFile{Name: name, Data: []byte(data)})
	}
	chart, err := loader.LoadFiles(parts)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", dir, err)
	}
	given, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: "release"}, nil)
	if err != nil {
		return nil, err
	}
	texts, err := engine.Render(chart, given)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		images, err := imagesIn(texts[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, images...)
	}
	slices.Sort(out)
	return out, nil
}
