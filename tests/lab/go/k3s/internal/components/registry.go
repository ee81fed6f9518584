package components

// Named is what `k3s NAME` and a link called NAME start.
var Named = map[string]func() int{
	"containerd":              runContainerd,
	"ctr":                     runCtr,
	"flanneld":                runFlanneld,
	"kube-apiserver":          runAPIServer,
	"kube-controller-manager": runControllerManager,
	"kube-proxy":              runProxy,
	"kube-scheduler":          runScheduler,
	"kubectl":                 runKubectl,
	"kubelet":                 runKubelet,
}
