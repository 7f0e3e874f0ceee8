// Command update-gitops-repo changes a GitOps repository so that a new image is deployed, and opens a pull request.
package main

import (
	"os"

	"update-gitops-repo/cmd"
)

func main() { os.Exit(cmd.Main()) }
