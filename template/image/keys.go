package image

import "strings"

// role is what a key says of an image.
type role int

const (
	noRole role = iota
	nameRole
	tagRole
	digestRole
	registryRole
)

// suffixes are the ends of keys that say something of an image, in small letters and without "-" and "_". Those with a
// prefix belong to others with the same prefix: fooImage and fooTag.
var suffixes = []struct {
	text  string
	role  role
	whole bool // the key is that and no more
}{
	{"imagerepository", nameRole, false},
	{"imagerepo", nameRole, false},
	{"imagename", nameRole, false},
	{"imagetag", tagRole, false},
	{"imageversion", tagRole, false},
	{"imagedigest", digestRole, false},
	{"imageregistry", registryRole, false},
	{"image", nameRole, false},
	{"repository", nameRole, true},
	{"repo", nameRole, true},
	{"name", nameRole, true},
	{"tag", tagRole, false},
	{"version", tagRole, true},
	{"digest", digestRole, false},
	{"sha", digestRole, true},
	{"registry", registryRole, false},
}

var separators = strings.NewReplacer("-", "", "_", "")

// roleOf returns what a key says of an image, and the prefix that it has in common with the other keys of that image.
func roleOf(key string) (prefix string, r role) {
	if len(key) > maxKey {
		return "", noRole
	}
	small := strings.ToLower(key)
	if strings.ContainsAny(small, "-_") {
		small = separators.Replace(small)
	}
	for _, s := range suffixes {
		if strings.HasSuffix(small, s.text) && (!s.whole || small == s.text) {
			return strings.TrimSuffix(small, s.text), s.role
		}
	}
	return "", noRole
}

// maxKey is the length of the longest key that is looked at.
const maxKey = 100

// otherKeys are keys that are looked up besides those with a role: of the table's places, and what is asked for there.
var otherKeys = func() map[string]bool {
	keys := map[string]bool{
		"pullPolicy": true, "imagePullPolicy": true, "apiVersion": true, "kind": true, "spec": true, "images": true,
		"newName": true, "newTag": true, "global": true, "build": true, "useDigest": true,
	}
	for _, row := range table {
		if _, ok := row.shape.(wholeRef); !ok {
			continue
		}
		at := way(row.at)
		for _, glob := range at[len(at)-1].globs {
			if !strings.Contains(glob, "*") {
				keys[glob] = true
			}
		}
	}
	return keys
}()

// isKnown reports whether a key may say what is deployed.
func isKnown(key string) bool {
	if otherKeys[key] {
		return true
	}
	_, r := roleOf(key)
	return r != noRole
}
