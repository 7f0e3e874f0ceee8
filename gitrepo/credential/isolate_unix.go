//go:build unix

package credential

import (
	"os/exec"
	"syscall"
)

// isolate starts a command without a terminal, and ends all its child processes when its context ends.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
