package components

import (
	"sync/atomic"
	_ "unsafe" // for go:linkname

	_ "k8s.io/component-base/version"

	"nas-k3s.lab/k3s/internal/version"
)

// SetDynamicVersion takes no other release than the built one.
//
//go:linkname kubeVersion k8s.io/component-base/version.dynamicGitVersion
var kubeVersion atomic.Value

func reportVersion() { kubeVersion.Store(version.Version) }
