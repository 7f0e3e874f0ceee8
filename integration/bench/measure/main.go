//go:build unix

// Command measure runs a command and writes how long it took and the most memory that it, or a program it ran, has had,
// as JSON to the file that its first argument names. Its exit code is the command's.
//
// It is a program of its own because it must be small: on Linux a process counts as its own peak what its parent had in
// memory when it was started (execve(2) keeps ru_maxrss), and the bench, which holds the forge, has more than what it
// measures.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fail("usage: measure FILE PROGRAM [ARGUMENT]...")
	}
	signal.Notify(make(chan os.Signal, 1),
		os.Interrupt) // Which ends the command; to ignore it would make that ignore it, too.
	start := time.Now()
	p, err := os.StartProcess(os.Args[2], os.Args[2:], &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		fail(err)
	}
	state, err := p.Wait()
	took := time.Since(start)
	if err != nil {
		fail(err)
	}
	peak := state.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "linux" || runtime.GOOS == "freebsd" {
		peak *= 1024 // getrusage(2): in kilobytes there, in bytes on macOS.
	}
	if err := os.WriteFile(os.Args[1], fmt.Appendf(nil, `{"Time":%d,"Memory":%d}`, took, peak), 0o666); err != nil {
		fail(err)
	}
	os.Exit(state.ExitCode())
}

func fail(what any) {
	fmt.Fprintln(os.Stderr, "measure:", what)
	os.Exit(1)
}
