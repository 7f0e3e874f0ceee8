package ssh

import (
	"os"
	"path/filepath"
	"strings"

	"update-gitops-repo/gitrepo/settings"
)

// Options say how to authenticate over ssh. What is empty is found as OpenSSH finds it.
type Options struct {
	// KeyFile is the only private key to offer. If it is empty: the agent's keys, then each IdentityFile of
	// ~/.ssh/config for the host, then ~/.ssh/id_ed25519, id_ecdsa and id_rsa. A key with a passphrase works only in
	// an agent.
	KeyFile string
	// KnownHostsFile has the only host keys to trust. If it is empty: the files of $SSH_KNOWN_HOSTS, or else
	// ~/.ssh/known_hosts (or the UserKnownHostsFile of ~/.ssh/config) and /etc/ssh/ssh_known_hosts. The host key is
	// always checked.
	KnownHostsFile string
}

// withArgument are the options of ssh(1) that take an argument.
const withArgument = "BbcDEeFIiJLlmOoPpQRSWw"

// FromSettings returns the files that GIT_SSH_COMMAND names, or else core.sshCommand, where actions/checkout leaves its
// key. The command is not run, and its other options do not count: it cannot turn off the check of the host key.
func FromSettings(s *settings.Settings) Options {
	command := s.Getenv("GIT_SSH_COMMAND")
	if command == "" {
		command = s.Get("core.sshcommand")
	}
	words, ok := s.Words(command)
	if !ok || len(words) == 0 || strings.TrimSuffix(filepath.Base(words[0]), ".exe") != "ssh" {
		return Options{}
	}
	var found Options
	for words = words[1:]; len(words) > 0 && len(words[0]) > 1 && words[0][0] == '-'; words = words[1:] {
		option, value := words[0][1], words[0][2:]
		if strings.IndexByte(withArgument, option) < 0 {
			continue
		}
		if value == "" && len(words) > 1 {
			words = words[1:]
			value = words[0]
		}
		switch option {
		case 'i':
			found.set("identityfile", s.Expand(value))
		case 'o':
			name, value := splitLine(value)
			found.set(name, s.Expand(value))
		}
	}
	return found
}

// set takes over a keyword of ssh_config(5) that has a meaning here, the first time that it comes.
func (o *Options) set(keyword, file string) {
	switch {
	case file == "" || file == os.DevNull || file == "none":
	case keyword == "identityfile" && o.KeyFile == "":
		o.KeyFile = file
	case keyword == "userknownhostsfile" && o.KnownHostsFile == "":
		o.KnownHostsFile = file
	}
}
