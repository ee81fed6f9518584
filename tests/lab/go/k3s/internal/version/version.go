// Package version says which k3s the stand-in stands for.
package version

import "os"

// Variable is set by images that stand for another release, see the lab's content.py. Only what k3s
// and its kubelet say of themselves changes: everything else is the release that was built.
const Variable = "K3S_STANDIN_VERSION"

// Version is what nodes report as their kubelet version, too.
var Version = chosen("v1.34.4+k3s1")

// GitCommit follows the version in `k3s --version`, where the real one has a commit.
const GitCommit = "stand-in"

func chosen(built string) string {
	if version := os.Getenv(Variable); version != "" {
		return version
	}
	return built
}
