//go:build unix

package credential

import (
	"os/exec"
	"syscall"
)

// isolate takes a command's terminal away, and has all that it started end with it.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
