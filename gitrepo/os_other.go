//go:build !unix

package gitrepo

func checkMode(string) error { return nil }
