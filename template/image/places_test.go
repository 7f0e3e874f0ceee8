package image

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// placeCase is a document that deploys v1 of acme/shop. What has v0 is not to be touched.
type placeCase struct{ name, file, src string }

// placeCases returns the documents of testdata/places: one for each place beyond those of TestSet.
func placeCases(t *testing.T) []placeCase {
	t.Helper()
	archives, err := filepath.Glob("testdata/places/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal(archives, err)
	}
	var cases []placeCase
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			title := strings.TrimSuffix(filepath.Base(name), ".txtar") + ": " + path.Dir(f.Name)
			cases = append(cases, placeCase{title, path.Base(f.Name), string(f.Data)})
		}
	}
	return cases
}

// versionOne matches v1 where it is not the version of an API.
var versionOne = regexp.MustCompile(`(^|[^/\w])v1\b`)

func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, tt := range placeCases(t) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := versionOne.ReplaceAllString(tt.src, "${1}v2")
			got, changes, err := setImage(tt.file, tt.src, "acme/shop=acme/shop:v2")
			if err != nil || got != want {
				t.Fatalf("%v, got\n%s\nwant\n%s", err, got, want)
			}
			again, more, err := setImage(tt.file, got, "acme/shop=acme/shop:v2")
			if err != nil || again != got || more != "" {
				t.Errorf("the second time: %v, %s, got\n%s", err, more, again)
			}
			if changes == "" {
				t.Error("no changes are told")
			}
		})
	}
}
