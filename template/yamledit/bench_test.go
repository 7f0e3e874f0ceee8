package yamledit_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/yamledit/yqedit"
)

// manifests returns at least size bytes of YAML: services below keys of their own, or documents.
func manifests(size int, separator string) []byte {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		b.WriteString(separator)
		fmt.Fprintf(&b, `service%d:
  # the image is set by the pipeline
  image:
    repository: registry.example.com/acme/app%[1]d
    tag: v1.2.%[1]d # {"$imagepolicy": "flux-system:app"}
    pullPolicy: IfNotPresent
  resources:
    limits: {cpu: 100m, memory: "128Mi"}
  env:
  - name: LOG_LEVEL
    value: 'debug'
  - name: SCRIPT
    value: |
      set -e
      exec "$@"
`, i)
	}
	return []byte(b.String())
}

// BenchmarkManyFiles: 1,000 assignments in 1,000 files of 10 KB.
func BenchmarkManyFiles(b *testing.B) {
	fsys := fstest.MapFS{}
	var as []yqedit.Assignment
	for i := range 1000 {
		name := fmt.Sprintf("apps/%d/values.yaml", i)
		fsys[name] = &fstest.MapFile{Data: manifests(10_000, "")}
		as = append(as, yqedit.Assignment{File: name, Path: ".service5.image.tag", Value: "1.10"})
	}
	b.ReportAllocs()
	for b.Loop() {
		if out, _, err := assign(fsys, as); err != nil || len(out) != 1000 {
			b.Fatal(len(out), err)
		}
	}
}

// BenchmarkManyPaths: 1,000 assignments in one file of 1 MB.
func BenchmarkManyPaths(b *testing.B) {
	fsys := fstest.MapFS{"f.yaml": {Data: manifests(1_000_000, "")}}
	var as []yqedit.Assignment
	for i := range 1000 {
		as = append(as, yqedit.Assignment{File: "f.yaml", Path: fmt.Sprintf(".service%d.image.tag", i), Value: "1.10"})
	}
	for b.Loop() {
		if _, changes, err := assign(fsys, as); err != nil || len(changes) != 1000 {
			b.Fatal(len(changes), err)
		}
	}
}

// BenchmarkLargeFile: one assignment in one file, of 1 MB and, for the slope, of others.
func BenchmarkLargeFile(b *testing.B) {
	for _, bench := range []struct {
		name, path, separator string
		size                  int
	}{
		{"1MB", ".service100.image.tag", "", 1 << 20},
		{"4MB", ".service100.image.tag", "", 4 << 20},
		{"1MB-documents", "select(has(\"service100\")) | .service100.image.tag", "---\n", 1 << 20},
		{"1MB-select", `.[] | select(.image.repository == "*/app100") | .image.tag`, "", 1 << 20},
	} {
		b.Run(bench.name, func(b *testing.B) {
			fsys := fstest.MapFS{"f.yaml": {Data: manifests(bench.size, bench.separator)}}
			b.ReportAllocs()
			for b.Loop() {
				if _, changes, err := assign(fsys,
					[]yqedit.Assignment{{File: "f.yaml", Path: bench.path, Value: "1.10"}}); err != nil || len(changes) != 1 {
					b.Fatal(changes, err)
				}
			}
		})
	}
}
