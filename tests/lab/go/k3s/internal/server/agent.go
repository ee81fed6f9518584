package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"github.com/sirupsen/logrus"

	"nas-k3s.lab/k3s/internal/cni"
	"nas-k3s.lab/k3s/internal/config"
	"nas-k3s.lab/k3s/internal/containerdconf"
	"nas-k3s.lab/k3s/internal/nodepassword"
	"nas-k3s.lab/k3s/internal/process"
	"nas-k3s.lab/k3s/internal/proxyenv"
	"nas-k3s.lab/k3s/internal/registries"
)

const (
	containerdState = "/run/k3s/containerd"
	// ContainerdSocket is where containerd answers.
	ContainerdSocket = containerdState + "/containerd.sock"
	cniBinaries      = "/usr/lib/cni"
	flannelSubnet    = "/run/flannel/subnet.env"
)

func cniConfDir(c *config.Config) string { return c.Agent("etc", "cni", "net.d") }

// awaitNodePassword goes on once this node may use its name. A rejected password is logged and
// tried again, as k3s's agent does: somebody may delete the secret.
func (r *running) awaitNodePassword(ctx context.Context) error {
	password, err := nodepassword.Own(nodepassword.File)
	if err != nil {
		return err
	}
	for {
		err := nodepassword.Ensure(ctx, r.client, r.config.NodeName, password)
		if err == nil {
			return nil
		}
		logrus.Infof("Waiting to retrieve agent configuration; server is not ready: %v", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Second):
		}
	}
}

func (r *running) startContainerd(ctx context.Context) error {
	c := r.config
	root := c.Agent("containerd")
	if err := os.MkdirAll(root, 0o711); err != nil {
		return err
	}
	if err := checkSnapshotter(c.Snapshotter, root); err != nil {
		return err
	}
	file, err := registries.Load(c.RegistriesFile)
	if err != nil {
		return err
	}
	for _, name := range file.Rewritten() {
		logrus.Warnf("The stand-in's containerd does not rewrite image names: ignoring rewrite of %q", name)
	}
	plans, err := file.Plan(c.NoDefaultEndpoint)
	if err != nil {
		return err
	}
	conf := c.Agent("etc", "containerd", "config.toml")
	certs := filepath.Join(filepath.Dir(conf), "certs.d")
	if err := registries.Write(certs, plans); err != nil {
		return err
	}
	err = containerdconf.Write(conf, containerdconf.Settings{
		Root: root, State: containerdState, Socket: ContainerdSocket, Snapshotter: c.Snapshotter,
		PauseImage: pauseImage(c), CertsDir: certs, CNIConfDir: cniConfDir(c), CNIBinDir: cniBinaries,
		Debug: c.Debug, Auths: file.Auths(),
	})
	if err != nil {
		return err
	}
	path := filepath.Join(root, "containerd.log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own copy
	logrus.Infof("Logging containerd to %s", path)
	err = r.start("containerd", []string{"-c", conf}, proxyenv.Containerd(os.Environ()), log,
		2*time.Second)
	if err != nil {
		return err
	}
	return awaitSocket(ctx, ContainerdSocket, time.Minute)
}

func pauseImage(c *config.Config) string {
	if c.SystemDefaultRegistry != "" && c.PauseImage == config.DefaultPause {
		return c.SystemDefaultRegistry + "/" + c.PauseImage
	}
	return c.PauseImage
}

func checkSnapshotter(name, root string) error {
	switch name {
	case "native":
		return nil
	case "overlayfs":
		if err := overlayutils.Supported(root); err != nil {
			return fmt.Errorf("%q snapshotter cannot be enabled for %q, "+
				"try using \"fuse-overlayfs\" or \"native\": %w", name, root, err)
		}
		return nil
	default:
		return fmt.Errorf("the stand-in for k3s has the snapshotters overlayfs and native, not %q", name)
	}
}

func awaitSocket(ctx context.Context, path string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		connection, err := net.DialTimeout("unix", path, time.Second)
		if err == nil {
			logrus.Info("containerd is now running")
			return connection.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("containerd did not answer within %s: %w", limit, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (r *running) startKubelet() error {
	c := r.config
	conf, err := writeKubeletConfig(c, r.certs)
	if err != nil {
		return err
	}
	args := map[string]string{
		"config":            conf,
		"kubeconfig":        r.files.kubelet,
		"hostname-override": c.NodeName,
		"node-ip":           strings.Join(c.NodeIPs, ","),
		"cloud-provider":    "external", // the server's own node controller is the cloud
		"cert-dir":          "/var/lib/kubelet/pki",
		"node-labels":       strings.Join(c.NodeLabels, ","),
	}
	if len(c.NodeTaints) > 0 {
		args["register-with-taints"] = strings.Join(c.NodeTaints, ",")
	}
	return r.start("kubelet", process.Args(args, c.KubeletArgs), os.Environ(), os.Stderr, time.Second)
}

func writeKubeletConfig(c *config.Config, certs *certificates) (string, error) {
	resolver, err := resolvConf(c)
	if err != nil {
		return "", err
	}
	manifests := c.Agent("pod-manifests")
	if err := os.MkdirAll(manifests, 0o700); err != nil {
		return "", err
	}
	values := map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": certs.clientCA.CertFile},
		},
		"authorization":            map[string]any{"mode": "Webhook"},
		"cgroupDriver":             "cgroupfs",
		"clusterDNS":               c.ClusterDNS,
		"clusterDomain":            c.ClusterDomain,
		"containerRuntimeEndpoint": "unix://" + ContainerdSocket,
		"evictionHard":             map[string]any{"imagefs.available": "5%", "nodefs.available": "5%"},
		"evictionMinimumReclaim":   map[string]any{"imagefs.available": "10%", "nodefs.available": "10%"},
		"failCgroupV1":             false,
		"failSwapOn":               false,
		"healthzBindAddress":       "127.0.0.1",
		"readOnlyPort":             0,
		"resolvConf":               resolver,
		"serializeImagePulls":      false,
		"staticPodPath":            manifests,
		"tlsCertFile":              certs.kubeletServing.Cert,
		"tlsPrivateKeyFile":        certs.kubeletServing.Key,
	}
	data, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		return "", err
	}
	path := c.Agent("etc", "kubelet.conf")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, append(data, '\n'), 0o600)
}

func (r *running) startKubeProxy() error {
	c := r.config
	return r.start("kube-proxy", process.Args(map[string]string{
		"cluster-cidr": strings.Join(c.ClusterCIDRs, ","),
		// The machine's own limits stay as they are: a NAS has set them, and in a box they are
		// read-only.
		"conntrack-max-per-core":            "0",
		"conntrack-min":                     "0",
		"conntrack-tcp-timeout-close-wait":  "0s",
		"conntrack-tcp-timeout-established": "0s",
		"healthz-bind-address":              "127.0.0.1:10256",
		"hostname-override":                 c.NodeName,
		"kubeconfig":                        r.files.proxy,
		"metrics-bind-address":              "127.0.0.1:10249",
		"proxy-mode":                        "iptables",
	}, c.KubeProxyArgs), os.Environ(), os.Stderr, time.Second)
}

// startNetwork runs flannel and then tells containerd how to connect pods, which makes the node
// Ready. It is called when the node has been given its part of the pods' network.
func (r *running) startNetwork(ctx context.Context, podCIDR string) error {
	c := r.config
	if c.FlannelBackend == "none" {
		logrus.Info("Flannel is disabled: pods need a network from elsewhere")
		return nil
	}
	netConf := c.Agent("etc", "flannel", "net-conf.json")
	if err := cni.WriteFlannel(netConf, c.ClusterCIDRs[0], c.FlannelBackend); err != nil {
		return err
	}
	iface := c.FlannelIface
	if iface == "" {
		iface = c.NodeIPs[0]
	}
	if err := os.Remove(flannelSubnet); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(flannelSubnet), 0o755); err != nil {
		return err
	}
	logrus.Infof("Starting flannel with backend %s", c.FlannelBackend)
	err := r.start("flanneld", []string{
		"--kubeconfig=" + r.files.k3s, "--net-conf=" + netConf,
		"--subnet-file=" + flannelSubnet, "--iface=" + iface,
	}, append(os.Environ(), "NODE_NAME="+c.NodeName), os.Stderr, time.Second)
	if err != nil {
		return err
	}
	mtu, err := awaitMTU(ctx)
	if err != nil {
		return err
	}
	return cni.WritePods(filepath.Join(cniConfDir(c), "10-flannel.conflist"), podCIDR,
		c.ClusterCIDRs[0], mtu)
}

func awaitMTU(ctx context.Context) (int, error) {
	for {
		if data, err := os.ReadFile(flannelSubnet); err == nil {
			for _, line := range strings.Split(string(data), "\n") {
				var mtu int
				if n, _ := fmt.Sscanf(line, "FLANNEL_MTU=%d", &mtu); n == 1 {
					return mtu, nil
				}
			}
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
