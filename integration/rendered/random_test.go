package rendered

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestRandom makes random trees of kustomizations, runs the program on them, and compares what kustomize builds of the
// outermost ones before and after: each container with the image has what was asked for, unless the program refused or
// said that it left something, and no other container changed.
func TestRandom(t *testing.T) {
	const rounds = 250
	refused, said, set := 0, 0, 0
	for seed := range rounds {
		g := newGarden(uint64(seed))
		ref := refs[g.IntN(len(refs))]
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			before := g.render(t, g.files)
			made := built.set(t, g.files, "-image="+shop+"="+ref)
			switch {
			case made.refused:
				refused++
				if strings.Contains(made.said, "deployed nowhere") && g.deploys(before) {
					t.Errorf("%s\nit is deployed:\n%s", made.said, g)
				}
				return
			case strings.Contains(made.said, "is not set everywhere"):
				said++
			default:
				set++
			}
			after := g.render(t, made.tree)
			for _, wrong := range g.compare(before, after, ref, made.said) {
				t.Errorf("-image=%s=%s: %s\n%s\n%s", shop, ref, wrong, made.said, g)
			}
		})
	}
	t.Logf("%d trees: everything set in %d, something said to be left in %d, %d refused", rounds, set, said, refused)
	if set < (set+said+refused)/3 {
		t.Errorf("everything was set in %d trees only", set)
	}
}

// shop is the image that is set.
const shop = "acme/shop"

var (
	oldDigest = "sha256:" + strings.Repeat("9f", 32)
	newDigest = "sha256:" + strings.Repeat("4b", 32)
	// refs are what may be asked for.
	refs = []string{":v9", "@" + newDigest, ":v9@" + newDigest, "acme/other:v9", "quay.io/acme/shop:v9",
		"quay.io/acme/shop:*"}
	// near are names of images, the one that is set among them.
	near = []string{shop, shop, shop, shop, "docker.io/acme/shop", "acme/shop-worker", "ghcr.io/acme/shop",
		"shop", "acme/shops", "my-acme/shop"}
)

// garden is a random tree of kustomizations.
type garden struct {
	*rand.Rand
	files  tree
	dirs   []string
	parent map[string]string   // by folder, the one whose resources it takes
	texts  map[string][]string // by folder, the names that its patches and entries may give to a container
	inner  map[string]bool     // folders that others take
}

func newGarden(seed uint64) *garden {
	g := &garden{Rand: rand.New(rand.NewPCG(seed, 15)), files: tree{}, parent: map[string]string{},
		texts: map[string][]string{}, inner: map[string]bool{}}
	containers := 1 + g.IntN(3)
	var b strings.Builder
	b.WriteString("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\nspec:\n  template:\n    spec:\n" +
		"      containers:\n")
	for i := range containers {
		fmt.Fprintf(&b, "      - name: c%d\n        image: %s\n", i, g.pick(near)+g.version())
	}
	g.files["base/app.yaml"] = b.String()
	g.kustomization("base", "resources:\n- app.yaml\n", containers)
	for i := range g.IntN(4) {
		dir := fmt.Sprintf("layer%d", i)
		from := g.dirs[g.IntN(len(g.dirs))]
		g.parent[dir], g.inner[from] = from, true
		text := fmt.Sprintf("resources:\n- ../%s\n", from)
		if images := g.images(dir); images != "" && g.IntN(4) == 0 { // kustomize refuses a component without a field
			text += fmt.Sprintf("components:\n- ../part%d\n", i)
			g.files[fmt.Sprintf("part%d/kustomization.yaml", i)] =
				"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" + images
		}
		g.kustomization(dir, text, containers)
	}
	return g
}

func (g *garden) pick(from []string) string { return from[g.IntN(len(from))] }

// version returns a tag, a digest, both or nothing.
func (g *garden) version() string {
	return g.pick([]string{":v1", ":v1", ":v2", "@" + oldDigest, ":v1@" + oldDigest, ""})
}

// kustomization makes one, with patches and entries.
func (g *garden) kustomization(dir, text string, containers int) {
	if g.IntN(5) == 0 {
		name := g.pick(near)
		g.texts[dir] = append(g.texts[dir], name)
		patch := fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\nspec:\n  template:\n"+
			"    spec:\n      containers:\n      - name: c%d\n        image: %s\n",
			g.IntN(containers), name+g.version())
		if g.IntN(2) == 0 {
			g.files[dir+"/patch.yaml"] = patch
			text += "patches:\n- path: patch.yaml\n"
		} else {
			text += "patches:\n- patch: |-\n    " + strings.ReplaceAll(strings.TrimSpace(patch), "\n", "\n    ") + "\n"
		}
	}
	if dir != "base" || g.IntN(4) == 0 {
		text += g.images(dir)
	}
	g.files[dir+"/kustomization.yaml"] = text
	g.dirs = append(g.dirs, dir)
}

// images returns the entries of a kustomization.
func (g *garden) images(dir string) string {
	var b strings.Builder
	for i := range g.IntN(3) {
		if i == 0 {
			b.WriteString("images:\n")
		}
		name, newName := g.pick(near), ""
		b.WriteString("- name: " + name + g.pick([]string{"", "", "", "", ":v1"}) + "\n")
		if g.IntN(4) == 0 {
			newName = g.pick(near)
			g.texts[dir] = append(g.texts[dir], newName)
			b.WriteString("  newName: " + newName + g.pick([]string{"", "", "", ":v3"}) + "\n")
		}
		for _, field := range []string{"newTag: v3", "digest: " + oldDigest, "tagSuffix: -slim"} {
			if g.IntN(3) == 0 {
				b.WriteString("  " + field + "\n")
			}
		}
	}
	return b.String()
}

// render returns the image of each container that each kustomization builds, by "FOLDER APP/CONTAINER".
func (g *garden) render(t *testing.T, files tree) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range g.dirs {
		images, err := kustomizeImages(files, dir)
		if err != nil {
			t.Fatalf("%s: %v\n%s", dir, err, g)
		}
		for _, line := range images {
			at, image, _ := strings.Cut(line, " ")
			out[dir+" "+at] = image
		}
	}
	return out
}

// deploys reports whether an outermost kustomization has the image.
func (g *garden) deploys(rendered map[string]string) bool {
	for at, image := range rendered {
		dir, _, _ := strings.Cut(at, " ")
		if name, _ := cut(image); !g.inner[dir] && name == shop {
			return true
		}
	}
	return false
}

// compare returns what is wrong at containers of the outermost kustomizations.
func (g *garden) compare(before, after map[string]string, ref, said string) (wrong []string) {
	for _, at := range slices.Sorted(maps.Keys(before)) {
		dir, container, _ := strings.Cut(at, " ")
		name, _ := cut(before[at])
		switch {
		case g.inner[dir]:
		case before[at] == after[at] && name != shop, asked(before[at], after[at], ref):
		case name == shop && strings.Contains(said, "is not set everywhere"):
		case name != shop && g.wasShop(before, dir, container) && partly(before[at], after[at], ref):
		default:
			wrong = append(wrong, fmt.Sprintf("%s: %s became %s", at, before[at], after[at]))
		}
	}
	return wrong
}

// wasShop reports whether a container had the image further in, or may have had it between two steps.
func (g *garden) wasShop(before map[string]string, dir, container string) bool {
	for ; dir != ""; dir = g.parent[dir] {
		name, _ := cut(before[dir+" "+container])
		if name == shop || slices.ContainsFunc(g.texts[dir], func(s string) bool { s, _ = cut(s); return s == shop }) {
			return true
		}
	}
	base := g.files["base/app.yaml"]
	_, base, _ = strings.Cut(base, "name: "+strings.TrimPrefix(container, "app/")+"\n        image: ")
	line, _, _ := strings.Cut(base, "\n")
	name, _ := cut(line)
	return name == shop
}

// asked reports whether an image became what was asked for.
func asked(before, after, ref string) bool {
	_, oldVersion := cut(before)
	name, version := cut(after)
	wantName, wantVersion := cut(shop + ref)
	if !strings.HasPrefix(ref, ":") && !strings.HasPrefix(ref, "@") {
		wantName, wantVersion = cut(ref)
	}
	if wantVersion == ":*" {
		wantVersion = oldVersion
		// Two tags are no reference: the first is meant.
		if tag, _, twice := strings.Cut(strings.TrimPrefix(oldVersion, ":"), ":v"); twice {
			wantVersion = ":" + tag
		}
	}
	return name == wantName && version == wantVersion
}

// partly reports whether an image that has another name by now got the version that was asked for.
func partly(_, after, ref string) bool {
	name, version := cut(after)
	wantName, wantVersion := cut(ref)
	return version == wantVersion || name == wantName
}

// cut returns the name of an image, in its short form, and what is behind it.
func cut(image string) (name, version string) {
	slash := strings.LastIndexByte(strings.SplitN(image, "@", 2)[0], '/') + 1
	end := len(image)
	if i := strings.IndexAny(image[slash:], ":@"); i >= 0 {
		end = slash + i
	}
	return strings.TrimPrefix(image[:end], "docker.io/"), image[end:]
}

// String returns the files.
func (g *garden) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(g.files)) {
		fmt.Fprintf(&b, "-- %s --\n%s", name, g.files[name])
	}
	return b.String()
}
