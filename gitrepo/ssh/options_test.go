package ssh_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/gitrepo/ssh"
)

func fromSettings(t *testing.T) ssh.Options {
	t.Helper()
	s, err := settings.Read("", os.Getenv)
	gittest.Check(t, err)
	return ssh.FromSettings(s)
}

// TestFromSettings: the files are taken from the command lines that checkout steps leave, and nothing else.
func TestFromSettings(t *testing.T) {
	home := gittest.Home(t)
	t.Setenv("RUNNER_TEMP", "/tmp/runner temp")
	const quoted = `"/usr/bin/ssh" -i "$RUNNER_TEMP/key" -o StrictHostKeyChecking=yes -o CheckHostIP=no ` +
		`-o "UserKnownHostsFile=${RUNNER_TEMP}/known_hosts"` // as actions/checkout leaves it
	const unchecked = `ssh -i ~/.ssh/id_x -oUserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no`
	const mixed = `ssh -F /dev/null -4 -p 22 -o "IdentityFile /a/b" -i /c -o 'userknownhostsfile = /k'`
	for command, want := range map[string]ssh.Options{
		quoted: {KeyFile: "/tmp/runner temp/key",
			KnownHostsFile: "/tmp/runner temp/known_hosts"},
		unchecked:                       {KeyFile: home + "/.ssh/id_x"},
		mixed:                           {KeyFile: "/a/b", KnownHostsFile: "/k"},
		`ssh.exe -i/a`:                  {KeyFile: "/a"},
		`ssh -v`:                        {},
		`ssh -i`:                        {},
		`ssh -`:                         {},
		`ssh -i $(cat key)`:             {},
		`ssh -i "a`:                     {},
		`plink -i /a`:                   {},
		`GIT_TRACE=1 ssh -i /a`:         {},
		"ssh -i `cat key`":              {},
		`ssh host -i /a`:                {},
		`ssh -i /a\ b\$c -i "/d\"e\x"`:  {},
		`ssh -i /a\ b\$c -i "/d\"e\\x"`: {KeyFile: "/a b$c"},
		``:                              {},
	} {
		gittest.Write(t, filepath.Join(home, ".gitconfig"),
			"[core]\n\tsshCommand = \""+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(command)+"\"\n")
		if got := fromSettings(t); got != want {
			t.Errorf("%s: %+v, want %+v", command, got, want)
		}
	}
	t.Setenv("GIT_SSH_COMMAND", "ssh -i /from/variable")
	gittest.Write(t, filepath.Join(home, ".gitconfig"), "[core]\n\tsshCommand = ssh -i /from/file\n")
	if got := fromSettings(t); got.KeyFile != "/from/variable" {
		t.Errorf("%+v", got)
	}
}
