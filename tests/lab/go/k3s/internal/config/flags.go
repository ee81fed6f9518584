package config

import (
	"flag"
	"io"
	"strings"
)

// k3s splits some repeatable flags at commas; the ones that carry arguments of other programs,
// whose values may hold commas, it does not.
type list struct {
	values *[]string
	commas bool
}

func (l list) String() string {
	if l.values == nil {
		return ""
	}
	return strings.Join(*l.values, ",")
}

func (l list) Set(text string) error {
	if !l.commas {
		*l.values = append(*l.values, text)
		return nil
	}
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*l.values = append(*l.values, part)
		}
	}
	return nil
}

type ignored struct {
	name   string
	config *Config
	bool   bool
}

func (i ignored) String() string   { return "" }
func (i ignored) IsBoolFlag() bool { return i.bool }
func (i ignored) Set(string) error {
	i.config.IgnoredFlags = append(i.config.IgnoredFlags, "--"+i.name)
	return nil
}

// Flags of k3s v1.34 that the stand-in takes and does nothing for; it says so at start.
var (
	ignoredSwitches = []string{
		"alsologtostderr", "disable-apiserver", "disable-cloud-controller",
		"disable-network-policy", "disable-scheduler", "embedded-registry", "enable-pprof",
		"etcd-disable-snapshots", "flannel-external-ip", "flannel-ipv6-masq", "prefer-bundled-bin",
		"protect-kernel-defaults", "secrets-encryption", "selinux", "tls-san-security",
		"with-node-id", "disable-controller-manager", "disable-etcd", "disable-agent",
	}
	ignoredValues = []string{
		"advertise-port", "airgap-extra-registry", "default-local-storage-path", "default-runtime",
		"egress-selector-mode", "etcd-arg", "flannel-cni-conf", "flannel-conf", "helm-job-image",
		"image-credential-provider-bin-dir", "image-credential-provider-config",
		"image-service-endpoint", "kube-cloud-controller-manager-arg", "lb-server-port", "log", "l",
		"servicelb-namespace", "v", "vmodule", "write-kubeconfig-group",
	}
	// What would make another kind of cluster: silently making a single server instead would lie.
	refusedSwitches = []string{"cluster-init", "cluster-reset", "docker", "rootless"}
	refusedValues   = []string{
		"server", "s", "datastore-endpoint", "container-runtime-endpoint", "agent-token", "vpn-auth",
	}
)

func flagSet(c *Config, tokenFile *string, configFile *string) *flag.FlagSet {
	set := flag.NewFlagSet("k3s server", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	text := func(target *string, names ...string) {
		for _, name := range names {
			set.StringVar(target, name, *target, "")
		}
	}
	split := func(target *[]string, names ...string) {
		for _, name := range names {
			set.Var(list{values: target, commas: true}, name, "")
		}
	}
	whole := func(target *[]string, name string) { set.Var(list{values: target}, name, "") }

	text(configFile, "config", "c")
	set.BoolVar(&c.Debug, "debug", c.Debug, "")
	text(&c.DataDir, "data-dir", "d")
	text(&c.Token, "token", "t")
	text(tokenFile, "token-file")
	split(&c.Components, "disable")

	text(&c.NodeName, "node-name")
	split(&c.NodeIPs, "node-ip", "i")
	split(&c.NodeExternalIPs, "node-external-ip")
	split(&c.NodeLabels, "node-label")
	split(&c.NodeTaints, "node-taint")

	text(&c.BindAddress, "bind-address")
	set.IntVar(&c.HTTPSPort, "https-listen-port", c.HTTPSPort, "")
	text(&c.AdvertiseAddress, "advertise-address")
	split(&c.TLSSANs, "tls-san")

	split(&c.ClusterCIDRs, "cluster-cidr")
	split(&c.ServiceCIDRs, "service-cidr")
	text(&c.NodePortRange, "service-node-port-range")
	split(&c.ClusterDNS, "cluster-dns")
	text(&c.ClusterDomain, "cluster-domain")

	text(&c.FlannelBackend, "flannel-backend")
	text(&c.FlannelIface, "flannel-iface")
	set.BoolVar(&c.DisableKubeProxy, "disable-kube-proxy", false, "")
	set.BoolVar(&c.DisableHelmController, "disable-helm-controller", false, "")

	text(&c.KubeconfigOutput, "write-kubeconfig", "o")
	text(&c.KubeconfigMode, "write-kubeconfig-mode")

	text(&c.Snapshotter, "snapshotter")
	text(&c.PauseImage, "pause-image")
	text(&c.RegistriesFile, "private-registry")
	set.BoolVar(&c.NoDefaultEndpoint, "disable-default-registry-endpoint", false, "")
	text(&c.SystemDefaultRegistry, "system-default-registry")
	text(&c.ResolvConf, "resolv-conf")

	whole(&c.APIServerArgs, "kube-apiserver-arg")
	whole(&c.ControllerManagerArgs, "kube-controller-manager-arg")
	whole(&c.SchedulerArgs, "kube-scheduler-arg")
	whole(&c.KubeletArgs, "kubelet-arg")
	whole(&c.KubeProxyArgs, "kube-proxy-arg")

	for _, name := range ignoredSwitches {
		set.Var(ignored{name: name, config: c, bool: true}, name, "")
	}
	for _, name := range ignoredValues {
		set.Var(ignored{name: name, config: c}, name, "")
	}
	for _, name := range refusedSwitches {
		set.Var(unsupported{name: name, bool: true}, name, "")
	}
	for _, name := range refusedValues {
		set.Var(unsupported{name: name}, name, "")
	}
	return set
}

type unsupported struct {
	name string
	bool bool
}

func (u unsupported) String() string   { return "" }
func (u unsupported) IsBoolFlag() bool { return u.bool }
func (u unsupported) Set(string) error {
	return errNotBrought(u.name)
}

type errNotBrought string

func (e errNotBrought) Error() string {
	return "the stand-in for k3s has no --" + string(e) +
		": it is one server that is also the only node, with sqlite and its own containerd"
}
