package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// The defaults of k3s v1.34.
const (
	DefaultDataDir    = "/var/lib/rancher/k3s"
	DefaultKubeconfig = "/etc/rancher/k3s/k3s.yaml"
	DefaultConfigFile = "/etc/rancher/k3s/config.yaml"
	DefaultRegistries = "/etc/rancher/k3s/registries.yaml"
	DefaultPause      = "rancher/mirrored-pause:3.6"
)

// Getenv looks a variable up, as os.Getenv does.
type Getenv func(string) string

// Parse reads the arguments after `k3s server`, with env and the config file behind them: a flag
// wins over a variable, a variable over the file. A flag that k3s does not know is an error with
// k3s's own words.
func Parse(args []string, env Getenv) (*Config, error) {
	c := &Config{
		DataDir:          first(env("K3S_DATA_DIR"), DefaultDataDir),
		Token:            env("K3S_TOKEN"),
		Debug:            env("K3S_DEBUG") == "true",
		NodeName:         env("K3S_NODE_NAME"),
		KubeconfigOutput: first(env("K3S_KUBECONFIG_OUTPUT"), DefaultKubeconfig),
		KubeconfigMode:   env("K3S_KUBECONFIG_MODE"),
		HTTPSPort:        6443,
		NodePortRange:    "30000-32767",
		ClusterDomain:    "cluster.local",
		FlannelBackend:   "vxlan",
		Snapshotter:      "overlayfs",
		PauseImage:       DefaultPause,
		RegistriesFile:   DefaultRegistries,
		ResolvConf:       env("K3S_RESOLV_CONF"),

		SystemDefaultRegistry: env("K3S_SYSTEM_DEFAULT_REGISTRY"),
	}
	tokenFile := env("K3S_TOKEN_FILE")
	configFile := first(env("K3S_CONFIG_FILE"), DefaultConfigFile)

	// The file's name can itself be a flag, so its lines come in front of the arguments.
	if found := configFileOf(args); found != "" {
		configFile = found
	}
	lines, err := fileArguments(configFile)
	if err != nil {
		return nil, err
	}
	set := flagSet(c, &tokenFile, &configFile)
	if err := set.Parse(append(withoutEnv(lines, env), args...)); err != nil {
		return nil, unwrapRefusal(err)
	}
	if rest := set.Args(); len(rest) > 0 {
		return nil, fmt.Errorf("unexpected arguments after the flags: %s", strings.Join(rest, " "))
	}
	if c.Token == "" && tokenFile != "" {
		data, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, err
		}
		c.Token = strings.TrimSpace(string(data))
	}
	return c, c.complete()
}

func first(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

func unwrapRefusal(err error) error {
	// The flag package wraps what Set returns into "invalid value ... for flag ...".
	text := err.Error()
	if _, refusal, found := strings.Cut(text, "the stand-in for k3s has no "); found {
		return errors.New("the stand-in for k3s has no " + refusal)
	}
	return err
}

func (c *Config) complete() error {
	if c.HTTPSPort < 1 || c.HTTPSPort > 65535 {
		return fmt.Errorf("invalid port %d for --https-listen-port", c.HTTPSPort)
	}
	if c.NodeName == "" {
		name, err := os.Hostname()
		if err != nil {
			return err
		}
		c.NodeName = name
	}
	c.NodeName = strings.ToLower(c.NodeName)
	if len(c.NodeIPs) == 0 {
		// The address of the interface with the default route; without one k3s does not start.
		address, err := utilnet.ChooseHostInterface()
		if err != nil {
			return err
		}
		c.NodeIPs = []string{address.String()}
	}
	for name, addresses := range map[string][]string{
		"node-ip": c.NodeIPs, "node-external-ip": c.NodeExternalIPs, "cluster-dns": c.ClusterDNS,
	} {
		for _, address := range addresses {
			if net.ParseIP(address) == nil {
				return fmt.Errorf("invalid %s: invalid ip format '%s'", name, address)
			}
		}
	}
	return c.completeNetwork()
}

func (c *Config) completeNetwork() error {
	if len(c.ClusterCIDRs) == 0 {
		c.ClusterCIDRs = []string{"10.42.0.0/16"}
	}
	if len(c.ServiceCIDRs) == 0 {
		c.ServiceCIDRs = []string{"10.43.0.0/16"}
	}
	for name, networks := range map[string][]string{
		"cluster-cidr": c.ClusterCIDRs, "service-cidr": c.ServiceCIDRs,
	} {
		for _, network := range networks {
			if _, _, err := net.ParseCIDR(network); err != nil {
				return fmt.Errorf("invalid %s: %w", name, err)
			}
		}
	}
	if len(c.ClusterDNS) == 0 {
		address, err := Nth(c.ServiceCIDRs[0], 10)
		if err != nil {
			return err
		}
		c.ClusterDNS = []string{address}
	}
	switch c.FlannelBackend {
	case "vxlan", "host-gw", "none":
	case "wireguard-native":
		return errNotBrought("flannel-backend=wireguard-native")
	default:
		return fmt.Errorf("cannot configure flannel with unknown backend type %q", c.FlannelBackend)
	}
	if c.KubeconfigMode != "" {
		if _, err := strconv.ParseUint(c.KubeconfigMode, 8, 32); err != nil {
			return fmt.Errorf("invalid --write-kubeconfig-mode %q: an octal file mode is needed",
				c.KubeconfigMode)
		}
	}
	return nil
}

// Nth is the address number n of a network: the API's Service has 1, the cluster's DNS 10.
func Nth(network string, n byte) (string, error) {
	base, parsed, err := net.ParseCIDR(network)
	if err != nil {
		return "", err
	}
	address := base.Mask(parsed.Mask)
	address[len(address)-1] += n
	if !parsed.Contains(address) {
		return "", fmt.Errorf("network %s has no address number %d", network, n)
	}
	return address.String(), nil
}
