package yamledit_test

import (
	"fmt"
	"log"

	"update-gitops-repo/template/yamledit"
)

const deployment = `# The shop.
spec:
    containers:
    - name: shop
      image: "acme/shop:v1"   # set by the pipeline
      env: [{name: LOG, value: debug}]
`

func Example() {
	f, err := yamledit.Parse("shop.yaml", []byte(deployment))
	if err != nil {
		log.Fatal(err)
	}
	if err := f.Set(f.At("spec", "containers", 0, "image"), "acme/shop:v2"); err != nil {
		log.Fatal(err)
	}
	text, changes, err := f.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	for _, c := range changes {
		fmt.Printf("%s: %s: %s -> %s\n", c.File, c.Path, c.Old, c.New)
	}
	// Output:
	// # The shop.
	// spec:
	//     containers:
	//     - name: shop
	//       image: "acme/shop:v2"   # set by the pipeline
	//       env: [{name: LOG, value: debug}]
	// shop.yaml: .spec.containers[0].image: acme/shop:v1 -> acme/shop:v2
}

func ExampleFile_Insert() {
	f, err := yamledit.Parse("shop.yaml", []byte(deployment))
	if err != nil {
		log.Fatal(err)
	}
	shop := f.At("spec", "containers", 0)
	if err := f.Insert(yamledit.Lookup(shop, "env"), 1, map[string]string{"name": "MODE"}); err != nil {
		log.Fatal(err)
	}
	if err := f.InsertAfter(yamledit.Lookup(shop, "name"), "ports", []int{80, 443}); err != nil {
		log.Fatal(err)
	}
	if err := f.Insert(f.At("spec"), "replicas", 3); err != nil {
		log.Fatal(err)
	}
	text, _, err := f.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output:
	// # The shop.
	// spec:
	//     containers:
	//     - name: shop
	//       ports:
	//       - 80
	//       - 443
	//       image: "acme/shop:v1"   # set by the pipeline
	//       env: [{name: LOG, value: debug}, {name: MODE}]
	//     replicas: 3
}

func ExampleFile_Delete() {
	f, err := yamledit.Parse("a.yaml", []byte("a: 1\n# about b\nb: 2 # and this\n# about c\nc: 3\nd: 4\n"))
	if err != nil {
		log.Fatal(err)
	}
	if err := f.Delete(f.At("b")); err != nil {
		log.Fatal(err)
	}
	if err := f.Delete(f.At("c"), yamledit.KeepComments); err != nil {
		log.Fatal(err)
	}
	text, _, err := f.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output:
	// a: 1
	// # about c
	// d: 4
}

func ExampleFile_Rename() {
	f, err := yamledit.Parse("a.yaml", []byte("digest: sha256:0f3c # keep\nname: shop\n"))
	if err != nil {
		log.Fatal(err)
	}
	n := f.At("digest")
	if err := f.Rename(n, "tag"); err != nil {
		log.Fatal(err)
	}
	if err := f.Set(n, "v2"); err != nil {
		log.Fatal(err)
	}
	text, _, err := f.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output:
	// tag: v2 # keep
	// name: shop
}

func ExampleFile_Become() {
	f, err := yamledit.Parse("a.yaml", []byte("list: [a,  b]   # to be continued\nmore: 'x'\n"))
	if err != nil {
		log.Fatal(err)
	}
	// Any program can make the tree: here it comes from a value of Go.
	tree, err := yamledit.NewNode(map[string]any{"list": []string{"a", "b", "c"}, "more": "y"})
	if err != nil {
		log.Fatal(err)
	}
	if err := f.Become(tree); err != nil {
		log.Fatal(err)
	}
	text, _, err := f.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output:
	// list: [a,  b, c]   # to be continued
	// more: 'y'
}

func ExampleUntyped() {
	f, err := yamledit.Parse("a.yaml", []byte("replicas: 3\ntag: v1\nversion: 1.9\n"))
	if err != nil {
		log.Fatal(err)
	}
	for key, value := range map[string]yamledit.Untyped{"replicas": "5", "tag": "5", "version": "1.10"} {
		if err := f.Set(f.At(key), value); err != nil {
			log.Fatal(err)
		}
	}
	text, _, err := f.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output:
	// replicas: 5
	// tag: "5"
	// version: "1.10"
}
