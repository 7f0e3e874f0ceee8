package yamledit

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// corpus returns YAML files that nobody here wrote: all of the folder that the environment names, or else some of the
// Go modules that are at hand.
func corpus(t *testing.T) (names []string, all bool) {
	dir := os.Getenv("YAML_CORPUS")
	if all = dir != ""; !all {
		out, err := exec.Command("go", "env", "GOMODCACHE").Output()
		if err != nil {
			t.Skip(err)
		}
		dir = strings.TrimSpace(string(out))
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(name); err == nil && d.Type().IsRegular() &&
			(ext == ".yaml" || ext == ".yml" || ext == ".json") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !all {
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		names = names[:min(200, len(names))]
	}
	return names, all
}

// TestCorpus sets scalars of files that nobody here wrote to nasty values: each lands, no byte around the scalar
// changes, and nothing else reads differently.
func TestCorpus(t *testing.T) {
	defer func(size int) { pieceSize = size }(pieceSize)
	pieceSize = 200
	random := rand.New(rand.NewPCG(3, 4))
	end := time.Now().Add(10 * time.Second)
	files, edits, each := 0, 0, 3
	names, all := corpus(t)
	if all {
		each = 20
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		inTree := "f" + filepath.Ext(name)
		docs, err := parseAs(inTree, src)
		if err != nil {
			continue // some are templates, some are there to be refused
		}
		files++
		if err := samePieces(src, docs); err != nil && !isJSON(inTree, src) {
			t.Errorf("%s: in pieces: %v", name, err)
		}
		places := scalars(docs)
		for range min(each, len(places)) {
			edits++
			p, value := places[random.IntN(len(places))], nasty[random.IntN(len(nasty))]
			if err := setOne(inTree, src, p, value); err != nil {
				t.Errorf("%s: %s to %q: %v", name, p.path, value, err)
			}
		}
		if !all && time.Now().After(end) {
			break
		}
	}
	t.Logf("%d edits in %d files", edits, files)
}
