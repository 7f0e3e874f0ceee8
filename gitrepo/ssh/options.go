package ssh

import (
	"os"
	"path/filepath"
	"strings"

	"update-gitops-repo/gitrepo/settings"
)

// Options say how to authenticate over ssh, both ways. What is empty is found where OpenSSH looks for it.
type Options struct {
	// KeyFile is the private key to use, and no other. Without it: the agent's keys, then the IdentityFile that
	// ~/.ssh/config has for the host, then ~/.ssh/id_ed25519, id_ecdsa and id_rsa. Keys with a passphrase are for the
	// agent.
	KeyFile string
	// KnownHostsFile has the host keys to trust, and no others count. Without it: the files of $SSH_KNOWN_HOSTS, or else
	// ~/.ssh/known_hosts (or the UserKnownHostsFile of ~/.ssh/config) and /etc/ssh/ssh_known_hosts. The host key is
	// checked always.
	KnownHostsFile string
}

// FromSettings returns the files that GIT_SSH_COMMAND, or else core.sshCommand, names, as actions/checkout leaves its key. The
// command itself is never run, and what else it asks for does not count: it cannot switch the check of the host key off.
func FromSettings(s *settings.Settings) (found Options) {
	command := s.Getenv("GIT_SSH_COMMAND")
	if command == "" {
		command = s.Get("core.sshcommand")
	}
	words, ok := s.Words(command)
	if !ok || len(words) == 0 || strings.TrimSuffix(filepath.Base(words[0]), ".exe") != "ssh" {
		return Options{}
	}
	for words = words[1:]; len(words) > 0 && len(words[0]) > 1 && words[0][0] == '-'; words = words[1:] {
		option, value := words[0][1], words[0][2:]
		if strings.IndexByte("BbcDEeFIiJLlmOoPpQRSWw", option) < 0 {
			continue
		}
		if value == "" && len(words) > 1 {
			words = words[1:]
			value = words[0]
		}
		name := "identityfile"
		if option == 'o' {
			name, value = keyword(value)
		} else if option != 'i' {
			continue
		}
		value = s.Expand(value)
		switch {
		case value == "" || value == os.DevNull || value == "none":
		case name == "identityfile" && found.KeyFile == "":
			found.KeyFile = value
		case name == "userknownhostsfile" && found.KnownHostsFile == "":
			found.KnownHostsFile = value
		}
	}
	return found
}
