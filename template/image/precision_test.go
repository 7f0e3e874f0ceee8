package image

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// alike are names that begin or end as acme/shop does, and are other images.
var alike = []string{
	"acme/shops", "acme/shop-worker", "acme/shop_worker", "acme/shop.worker", "acme/shop/api", "acme/sho", "acme/shopx",
	"xacme/shop", "x-acme/shop", "x/acme/shop", "ghcr.io/acme/shop", "docker.iox/acme/shop", "localhost:5000/acme/shop",
	"eu.gcr.io/acme/shop", "shop", "acme/web-shop", "acme/my.shop", "acme2/shop", "acme/shop2", "acme/shop--b",
}

// sources returns documents that deploy acme/shop, by name.
func sources(t *testing.T) []placeCase {
	t.Helper()
	cases := placeCases(t)
	names, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, placeCase{name, filepath.Base(name), string(src)})
	}
	return cases
}

// TestPrecision puts names that are alike into documents that deploy an image, 10,000 times at random, beside others
// that deploy the image itself: those change as ever, and not a byte of the others does.
func TestPrecision(t *testing.T) {
	t.Parallel()
	cases := sources(t)
	random := rand.New(rand.NewPCG(15, 2026))
	image := Image{"acme/shop", "acme/shop:v2"}
	alone := make([]string, len(cases)) // what becomes of each
	for i, c := range cases {
		got, _, err := setImage("a/"+c.file, c.src, "acme/shop=acme/shop:v2")
		if err != nil {
			t.Fatal(c.name, err)
		}
		alone[i] = got
	}
	for range 1_000 {
		i := random.IntN(len(cases))
		ours := "a/" + cases[i].file
		fsys := fstest.MapFS{ours: {Data: []byte(cases[i].src)}}
		for n := range 10 {
			c, other := cases[random.IntN(len(cases))], alike[random.IntN(len(alike))]
			name := fmt.Sprintf("%d/%s", n, c.file)
			fsys[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(c.src, "acme/shop", other))}
		}
		out, err := Set(fsys, Request{Images: []Image{image}, Globs: []string{"**"}}, ignore)
		if err != nil {
			t.Fatalf("%s: %v", cases[i].name, err)
		}
		if got := string(out.Files[ours]); got != alone[i] {
			t.Fatalf("%s:\n%s", cases[i].name, got)
		}
		for name, text := range out.Files {
			if name != ours {
				t.Fatalf("%s changed: from\n%s\nto\n%s", name, fsys[name].Data, text)
			}
		}
		for _, m := range out.Left {
			if m.File != ours {
				t.Fatalf("said to be left: %v of\n%s", m, fsys[m.File].Data)
			}
		}
	}
}

// TestRecall looks at every line of the fixtures that names the image: it is set, or it is listed as left, or a comment
// there says why it deploys nothing ("no: …").
func TestRecall(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/recall/*/*")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var total, set, listed int
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{filepath.Base(name): {Data: src}}
		req := Request{Images: []Image{{"acme/shop", ":v2"}}, Globs: []string{"**"}}
		out, err := Set(fsys, req, ignore)
		if err != nil && !errors.Is(err, ErrNotDeployed) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		left := map[string]bool{}
		for _, m := range out.Left {
			left[m.at()] = true
		}
		if err != nil { // the error lists them
			for _, m := range regexp.MustCompile(`\(([^ ,()]+:[0-9]+)`).FindAllStringSubmatch(err.Error(), -1) {
				left[m[1]] = true
			}
		}
		after := strings.Split(string(out.Files[filepath.Base(name)]), "\n")
		for i, line := range strings.Split(string(src), "\n") {
			// v1 is a version of the image; "left" and "no" are what the fixture says of a line.
			if !strings.Contains(line, "v1") || strings.Contains(line, "# no") {
				continue
			}
			total++
			changed := i < len(after) && after[i] == strings.ReplaceAll(line, "v1", "v2")
			said := left[fmt.Sprintf("%s:%d", filepath.Base(name), i+1)]
			switch {
			case changed && !said && !strings.Contains(line, "# left"):
				set++
			case said && !changed && strings.Contains(line, "# left"):
				listed++
			default:
				t.Errorf("%s:%d: %s (set: %v, listed: %v)", name, i+1, line, changed, said)
			}
		}
	}
	t.Logf("%d mentions: %d are set, %d are listed as not set", total, set, listed)
	if set+listed != total || total < 80 {
		t.Errorf("of %d, %d are set and %d are listed", total, set, listed)
	}
}
