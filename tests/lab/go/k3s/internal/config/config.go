// Package config reads what `k3s server` was told: flags, K3S_* variables and config.yaml.
package config

import (
	"path/filepath"
)

// Config is a complete, checked configuration of one server that is also the only node.
type Config struct {
	DataDir    string // e.g. /var/lib/rancher/k3s
	Token      string
	Debug      bool
	Components []string // packaged components that are disabled

	NodeName        string
	NodeIPs         []string
	NodeExternalIPs []string
	NodeLabels      []string
	NodeTaints      []string

	BindAddress      string
	HTTPSPort        int
	AdvertiseAddress string
	TLSSANs          []string

	ClusterCIDRs  []string
	ServiceCIDRs  []string
	NodePortRange string
	ClusterDNS    []string
	ClusterDomain string

	FlannelBackend   string
	FlannelIface     string
	DisableKubeProxy bool

	KubeconfigOutput string
	KubeconfigMode   string

	Snapshotter            string
	PauseImage             string
	RegistriesFile         string
	NoDefaultEndpoint      bool
	SystemDefaultRegistry  string
	ResolvConf             string
	APIServerArgs          []string
	ControllerManagerArgs  []string
	SchedulerArgs          []string
	KubeletArgs            []string
	KubeProxyArgs          []string
	DisableHelmController  bool
	IgnoredFlags           []string // k3s flags that the stand-in accepts and does nothing for
	RegistriesFileExplicit bool
}

// Server is the directory of the control plane.
func (c *Config) Server(parts ...string) string {
	return filepath.Join(append([]string{c.DataDir, "server"}, parts...)...)
}

// Agent is the directory of the node.
func (c *Config) Agent(parts ...string) string {
	return filepath.Join(append([]string{c.DataDir, "agent"}, parts...)...)
}

// Disabled tells whether a packaged component was switched off with --disable.
func (c *Config) Disabled(component string) bool {
	for _, name := range c.Components {
		if name == component {
			return true
		}
	}
	return false
}
