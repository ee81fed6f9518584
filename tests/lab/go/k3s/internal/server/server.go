// Package server is the life of one `k3s server`: what is prepared, in which order the components
// start, and how they stop.
package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"nas-k3s.lab/k3s/internal/config"
	"nas-k3s.lab/k3s/internal/datastore"
	"nas-k3s.lab/k3s/internal/deploy"
	"nas-k3s.lab/k3s/internal/kubeconfig"
	"nas-k3s.lab/k3s/internal/node"
	"nas-k3s.lab/k3s/internal/process"
	"nas-k3s.lab/k3s/internal/proxyenv"
	"nas-k3s.lab/k3s/internal/servicelb"
	"nas-k3s.lab/k3s/internal/token"
	"nas-k3s.lab/k3s/internal/version"
)

// running is a server that has started.
type running struct {
	config *config.Config
	certs  *certificates
	files  *kubeconfigs
	client kubernetes.Interface

	mutex    sync.Mutex
	children []*process.Child
	stopping bool
	failed   chan error
}

// Run is the whole server; it returns when ctx ends (nil) or when a component has failed.
func Run(ctx context.Context, c *config.Config) error {
	logrus.Infof("Starting k3s %s (%s)", version.Version, version.GitCommit)
	logLimits(c)
	prepareEnvironment(c)

	secret, err := token.Settle(c.Server(), c.Token)
	if err != nil {
		return err
	}
	if c.AdvertiseAddress == "" {
		c.AdvertiseAddress = append(append([]string{}, c.NodeExternalIPs...), c.NodeIPs...)[0]
	}
	r := &running{config: c, failed: make(chan error, 16)}
	if r.certs, err = prepareCertificates(c, time.Now()); err != nil {
		return err
	}
	if err := token.Write(c.Server(), secret, r.certs.serverCA.CertFile); err != nil {
		return err
	}
	if r.files, err = writeKubeconfigs(c, r.certs); err != nil {
		return err
	}
	return r.serve(ctx)
}

func (r *running) serve(ctx context.Context) error {
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	// The datastore outlives all that writes to it.
	store, closeStore := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	defer func() {
		cancel()
		r.stop()
		closeStore()
		tasks.Wait()
		logrus.Info("k3s has stopped")
	}()

	address, err := datastore.Serve(store, &tasks, r.config.Server("db", "state.db"),
		r.config.Server("kine.sock"))
	if err != nil {
		return fmt.Errorf("datastore: %w", err)
	}
	if err := r.publishKubeconfig(); err != nil {
		return err
	}
	go func() {
		if err := r.bringUp(work, address); err != nil && work.Err() == nil {
			r.failed <- err
		}
	}()
	select {
	case <-ctx.Done():
		logrus.Info("Shutdown request received")
		return nil
	case err := <-r.failed:
		return err
	}
}

func (r *running) bringUp(ctx context.Context, address string) error {
	if err := r.startControlPlane(address); err != nil {
		return err
	}
	admin, err := clientcmd.BuildConfigFromFlags("", r.files.admin)
	if err != nil {
		return err
	}
	if r.client, err = kubernetes.NewForConfig(admin); err != nil {
		return err
	}
	if err := r.startControllers(); err != nil {
		return err
	}
	logrus.Info("k3s is up and running")
	if err := r.deploy(ctx, admin); err != nil {
		return err
	}
	return r.bringUpNode(ctx)
}

func (r *running) bringUpNode(ctx context.Context) error {
	setSysctls()
	if err := r.awaitNodePassword(ctx); err != nil {
		return err
	}
	if err := r.startContainerd(ctx); err != nil {
		return err
	}
	if err := r.startKubelet(); err != nil {
		return err
	}
	if !r.config.DisableKubeProxy {
		if err := r.startKubeProxy(); err != nil {
			return err
		}
	}
	restricted, err := clientcmd.BuildConfigFromFlags("", r.files.k3s)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(restricted)
	if err != nil {
		return err
	}
	controller := &node.Controller{
		Client: client, Hosts: r.client, Name: r.config.NodeName, Hostname: r.config.NodeName,
		InternalIPs: r.config.NodeIPs, ExternalIPs: r.config.NodeExternalIPs,
		DNS: !r.config.Disabled("coredns"),
	}
	controller.Run(ctx, func(cidr string) {
		go func() {
			if err := r.startNetwork(ctx, cidr); err != nil && ctx.Err() == nil {
				r.failed <- fmt.Errorf("flannel: %w", err)
			}
		}()
	})
	return nil
}

func (r *running) deploy(ctx context.Context, admin *rest.Config) error {
	registry := r.config.SystemDefaultRegistry
	if registry != "" {
		registry = strings.TrimSuffix(registry, "/") + "/"
	}
	dir := r.config.Server("manifests")
	variables := map[string]string{
		"CLUSTER_DNS":             r.config.ClusterDNS[0],
		"CLUSTER_DOMAIN":          r.config.ClusterDomain,
		"SYSTEM_DEFAULT_REGISTRY": registry,
	}
	removed, err := deploy.Stage(dir, variables, r.config.Disabled)
	if err != nil {
		return err
	}
	applier, err := deploy.NewApplier(admin)
	if err != nil {
		return err
	}
	chart := deploy.Traefik(variables)
	if r.config.Disabled("traefik") {
		removed = append(removed, chart)
	} else {
		go deploy.Install(ctx, r.client, applier, "traefik", chart)
	}
	go applier.Watch(ctx, dir, removed)
	balancer := &servicelb.Controller{
		Client: r.client, NodeIP: r.config.NodeIPs[0], Image: registry + servicelb.Image,
	}
	go balancer.Run(ctx, r.config.Disabled("servicelb"))
	return nil
}

func (r *running) start(
	name string, args, env []string, out *os.File, grace time.Duration,
) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.stopping {
		return context.Canceled
	}
	logrus.Infof("Running %s %s", name, strings.Join(args, " "))
	child, err := process.Start(name, args, env, out, grace)
	if err != nil {
		return err
	}
	r.children = append(r.children, child)
	go func() {
		<-child.Done()
		r.mutex.Lock()
		defer r.mutex.Unlock()
		if !r.stopping {
			r.failed <- child.Failure()
		}
	}()
	return nil
}

// stop ends the node's and the control plane's programs together, then the API server that they
// all talk to, then containerd. Everything fits into the 10 seconds that `docker stop` grants.
func (r *running) stop() {
	r.mutex.Lock()
	r.stopping = true
	children := r.children
	r.mutex.Unlock()
	last := map[string]bool{"kube-apiserver": true, "containerd": true}
	var group sync.WaitGroup
	for _, child := range children {
		if last[child.Name] {
			continue
		}
		group.Add(1)
		go func() {
			defer group.Done()
			child.Stop()
		}()
	}
	group.Wait()
	for _, child := range children {
		if last[child.Name] {
			child.Stop()
		}
	}
}

// waitForAPI returns when the API server says that it is ready.
func (r *running) waitForAPI() error {
	pem, err := os.ReadFile(r.certs.serverCA.CertFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	pair, err := tls.LoadX509KeyPair(r.certs.admin.Cert, r.certs.admin.Key)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
	}}
	defer client.CloseIdleConnections()
	began := time.Now()
	for {
		r.mutex.Lock()
		stopping := r.stopping
		r.mutex.Unlock()
		if stopping {
			return context.Canceled
		}
		if ready(client, localAPI(r.config)+"/readyz") {
			logrus.Infof("API server is ready after %s", time.Since(began).Round(100*time.Millisecond))
			return nil
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func ready(client *http.Client, url string) bool {
	answer, err := client.Get(url)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode == http.StatusOK
}

func (r *running) publishKubeconfig() error {
	c := r.config
	mode := os.FileMode(0o600)
	if c.KubeconfigMode != "" {
		bits, err := strconv.ParseUint(c.KubeconfigMode, 8, 32)
		if err != nil {
			return err
		}
		mode = os.FileMode(bits)
	}
	err := kubeconfig.Write(c.KubeconfigOutput, kubeconfig.Source{
		Server: localAPI(c), CAFile: r.certs.serverCA.CertFile,
		CertFile: r.certs.admin.Cert, KeyFile: r.certs.admin.Key,
	}, mode)
	if err != nil {
		return err
	}
	if c.KubeconfigOutput != config.DefaultKubeconfig {
		if err := link(c.KubeconfigOutput, config.DefaultKubeconfig); err != nil {
			logrus.Errorf("Failed to write kubeconfig symlink: %v", err)
		}
	}
	logrus.Infof("Wrote kubeconfig %s", c.KubeconfigOutput)
	logrus.Info("Run: k3s kubectl")
	return nil
}

func link(target, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.Symlink(target, path)
}

// prepareEnvironment sets the proxy variables of this process and so of all that it starts.
func prepareEnvironment(c *config.Config) {
	noProxy := proxyenv.NoProxy(os.Getenv("NO_PROXY"), os.Getenv("no_proxy"), c.ClusterDomain,
		c.ClusterCIDRs, c.ServiceCIDRs)
	os.Unsetenv("no_proxy")
	os.Setenv("NO_PROXY", noProxy)
}

func logLimits(c *config.Config) {
	logrus.Infof("This is a stand-in for k3s on %s/%s: real Kubernetes, containerd, flannel and kine "+
		"behind k3s's command line", runtime.GOOS, runtime.GOARCH)
	for _, name := range c.IgnoredFlags {
		logrus.Warnf("The stand-in for k3s accepts %s and does nothing for it", name)
	}
	for _, name := range deploy.Labelled {
		if !c.Disabled(name) {
			logrus.Warnf("The stand-in for k3s deploys %s with a program that does nothing", name)
		}
	}
}
