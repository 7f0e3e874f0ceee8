package yqedit

import (
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v4"
)

// peerCase is a case of testdata/peers.yaml.
type peerCase struct {
	Peer, Text  string
	Set         []string
	Create      bool
	Want, Error string
	Differs     string
}

// TestPeers does what the tests of peers ask of them, and counts in how many the peer's result reads the same.
func TestPeers(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/peers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases []peerCase
	text := strings.ReplaceAll(string(data), "LONG", strings.Repeat("word ", 100_000))
	if err := yaml.Unmarshal([]byte(text), &cases); err != nil {
		t.Fatal(err)
	}
	agree, all := map[string]int{}, map[string]int{}
	for _, c := range cases {
		all[c.Peer]++
		if c.Differs == "" {
			agree[c.Peer]++
		}
		got, err := c.run()
		failed := err != nil && c.Error != "" && strings.Contains(err.Error(), c.Error) && got == c.Text
		made := err == nil && c.Error == "" && got == c.Want
		if !failed && !made {
			t.Errorf("%s: %.200q, %q: got %.200q, %v; want %.200q %s", c.Peer, c.Text, c.Set, got, err, c.Want, c.Error)
		}
	}
	want := map[string]int{"kargo": 36, "updatecli": 40, "argocd-image-updater": 31}
	if !maps.Equal(agree, want) {
		t.Errorf("%v agree, of %v; want %v", agree, all, want)
	}
}

// run returns what becomes of the text.
func (c peerCase) run() (string, error) {
	var as []Assignment
	for _, set := range c.Set {
		a, err := ParseAssignment("f.yaml:" + set)
		if err != nil {
			return c.Text, err
		}
		if c.Create {
			a.Missing = CreateMissing
		}
		as = append(as, a)
	}
	result, err := Assign(fstest.MapFS{"f.yaml": {Data: []byte(c.Text)}}, as, ignore)
	if text, ok := result.Files["f.yaml"]; ok {
		return string(text), err
	}
	return c.Text, err
}
