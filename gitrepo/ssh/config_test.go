package ssh

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestReadConfig: blocks of other hosts and under Match do not count, and of several values the first one does.
func TestReadConfig(t *testing.T) {
	t.Parallel()
	const text = `Host *.example.org !git.example.org
	Hostname other
Match host *
	Hostname matched
	IdentityFile matched
Host git.* [a-z]*
	HostName = first
	IdentityFile "a b" c
	Hostname second
Host [a-z]*
	Tag 1
`
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".ssh", "config"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := readConfig("git.example.org", home)
	for name, want := range map[string][]string{"hostname": {"first"}, "identityfile": {"a b", "c"}, "tag": nil} {
		if got := c.first(name); !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
