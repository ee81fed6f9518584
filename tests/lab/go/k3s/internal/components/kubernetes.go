// Package components holds the programs that k3s carries inside: Kubernetes' own and containerd's,
// each started as a process of its own by the name that it is called with.
package components

import (
	"context"
	"os"
	_ "time/tzdata" // time zones of CronJobs

	"github.com/spf13/cobra"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func run(command *cobra.Command) int { return cli.Run(command) }

func runAPIServer() int         { return run(apiserver.NewAPIServerCommand()) }
func runControllerManager() int { return run(controllermanager.NewControllerManagerCommand()) }
func runScheduler() int         { return run(scheduler.NewSchedulerCommand()) }
func runProxy() int             { return run(proxy.NewProxyCommand()) }

func runKubelet() int {
	reportVersion()
	return run(kubelet.NewKubeletCommand(context.Background()))
}

func runKubectl() int {
	// kubectl reads its verbosity before its flags are parsed, as its own main does.
	_, _ = logs.GlogSetter(kubectl.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
		return 1
	}
	return 0
}
