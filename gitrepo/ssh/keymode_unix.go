//go:build unix

package ssh

import (
	"fmt"
	"os"
	"syscall"
)

// checkMode refuses the private keys that ssh refuses: those of this user that other users may read.
func checkMode(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == os.Getuid() && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("its mode is %#o, so other users may read it; ssh wants 0600", info.Mode().Perm())
	}
	return nil
}
