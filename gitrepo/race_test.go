//go:build race

package gitrepo_test

func init() { raced = true }
