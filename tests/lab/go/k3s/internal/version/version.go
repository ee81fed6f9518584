// Package version says which k3s the stand-in stands for.
package version

// Version is set by the build (-X); nodes report the same text as their kubelet version.
var Version = "v1.34.4+k3s1"

// GitCommit follows the version in `k3s --version`, where the real one has a commit.
const GitCommit = "stand-in"
