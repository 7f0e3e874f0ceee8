package image

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// Missing says what becomes of a kustomization that has no entry for an image.
type Missing int

const (
	MissingStays Missing = iota // nothing
	MissingAdd                  // it gets one, as of "kustomize edit set image"
)

// noteEntry notes that an entry of a kustomization names an image.
func (p *plan) noteEntry(c current, t *target) {
	if c.made && (c.names[0] == t.name || c.names[1] == t.name || c.names[0] == t.newName) {
		p.named[t] = true
	}
}

// planMissing plans entries for the images that have none in a kustomization.
func (p *plan) planMissing() error {
	if p.missing != MissingAdd || !p.isKustomizeFile() {
		return nil
	}
	for _, t := range p.targets {
		if p.named[t] {
			continue
		}
		t.found = true
		p.added = append(p.added, t)
	}
	return nil
}

// isKustomizeFile reports whether the file is a kustomization, by its name or by what it says.
func (p *plan) isKustomizeFile() bool {
	docs := p.file.Documents()
	switch len(docs) {
	case 0:
		return kustomizations.include(p.base, object{})
	case 1:
		o := p.objectOf(docs[0])
		return docs[0].Kind == yaml.MappingNode && (kustomizations.include(p.base, object{}) ||
			kustomizeFile.include("", o) && o.apiVersion != "")
	}
	return false
}

// kustomizeFile are the kustomizations in files of any name.
var kustomizeFile = documents{kinds: []string{"*.kustomize.config.k8s.io"}}

// errImages is the error for a kustomization whose images are no list.
var errImages = errors.New("images is no list")

// addEntry adds an entry for an image at the end of the images of a kustomization.
func (p *plan) addEntry(t *target) error {
	entry := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	name, _, _ := splitRef(t.Name)
	for _, f := range []wanted{{"name", name}, {"newName", t.repo}, {"newTag", t.tag}, {"digest", t.digest}} {
		if f.text != "" {
			entry.Content = append(entry.Content, plain(f.key), plain(f.text))
		}
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{entry}}
	docs := p.file.Documents()
	if len(docs) == 0 {
		return p.file.Become(&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map",
			Content: []*yaml.Node{plain("images"), list}})
	}
	_, images := own(docs[0], "images")
	switch {
	case images == nil:
		return p.file.Insert(docs[0], "images", list)
	case images.Kind == yaml.SequenceNode:
		return p.file.Insert(images, len(images.Content), entry)
	case images.Kind == yaml.ScalarNode && images.Tag == "!!null":
		return p.file.Insert(images, 0, entry)
	}
	return errImages
}

// plain returns a string.
func plain(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

// CheckAdd returns an error for an image that no kustomization can get an entry for: one whose tag decides whether it
// is meant, or shall stay beside another digest.
func (img Image) CheckAdd() error {
	t, err := img.target()
	switch {
	case err != nil:
		return err
	case t.oldTag != "":
		return fmt.Errorf("image %s: an entry is for all tags", img.Name)
	case t.keepTag && !t.keepDigest:
		return fmt.Errorf("image %s: %q keeps a tag, and a new entry has none", img.Name, img.Ref)
	}
	return nil
}
