package server

import (
	"os"
	"strconv"
	"strings"
	"time"

	"nas-k3s.lab/k3s/internal/config"
	"nas-k3s.lab/k3s/internal/kubeconfig"
	"nas-k3s.lab/k3s/internal/pki"
	"nas-k3s.lab/k3s/internal/process"
)

// kubeconfigs are the files that components log in with.
type kubeconfigs struct{ admin, controller, scheduler, k3s, kubelet, proxy string }

func writeKubeconfigs(c *config.Config, certs *certificates) (*kubeconfigs, error) {
	files := &kubeconfigs{
		admin:      c.Server("cred", "admin.kubeconfig"),
		controller: c.Server("cred", "controller.kubeconfig"),
		scheduler:  c.Server("cred", "scheduler.kubeconfig"),
		k3s:        c.Agent("k3scontroller.kubeconfig"),
		kubelet:    c.Agent("kubelet.kubeconfig"),
		proxy:      c.Agent("kubeproxy.kubeconfig"),
	}
	for path, pair := range map[string]pki.Pair{
		files.admin: certs.admin, files.controller: certs.controller,
		files.scheduler: certs.scheduler, files.k3s: certs.k3s,
		files.kubelet: certs.kubelet, files.proxy: certs.proxy,
	} {
		err := kubeconfig.Write(path, kubeconfig.Source{
			Server: localAPI(c), CAFile: certs.serverCA.CertFile,
			CertFile: pair.Cert, KeyFile: pair.Key,
		}, 0o600)
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func localAPI(c *config.Config) string {
	return "https://127.0.0.1:" + strconv.Itoa(c.HTTPSPort)
}

func apiServerArgs(c *config.Config, certs *certificates, datastore string) []string {
	issuer := "https://kubernetes.default.svc." + c.ClusterDomain
	bind := c.BindAddress
	if bind == "" {
		bind = "0.0.0.0"
	}
	return process.Args(map[string]string{
		"advertise-address":                  c.AdvertiseAddress,
		"allow-privileged":                   "true",
		"anonymous-auth":                     "false",
		"api-audiences":                      issuer + ",k3s",
		"authorization-mode":                 "Node,RBAC",
		"bind-address":                       bind,
		"cert-dir":                           c.Server("tls", "temporary-certs"),
		"client-ca-file":                     certs.clientCA.CertFile,
		"enable-admission-plugins":           "NodeRestriction",
		"enable-aggregator-routing":          "true",
		"etcd-servers":                       datastore,
		"kubelet-certificate-authority":      certs.serverCA.CertFile,
		"kubelet-client-certificate":         certs.apiToKubelet.Cert,
		"kubelet-client-key":                 certs.apiToKubelet.Key,
		"kubelet-preferred-address-types":    "InternalIP,ExternalIP,Hostname",
		"profiling":                          "false",
		"proxy-client-cert-file":             certs.authProxy.Cert,
		"proxy-client-key-file":              certs.authProxy.Key,
		"requestheader-allowed-names":        "system:auth-proxy",
		"requestheader-client-ca-file":       certs.headerCA.CertFile,
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers":        "X-Remote-Group",
		"requestheader-username-headers":     "X-Remote-User",
		"secure-port":                        strconv.Itoa(c.HTTPSPort),
		"service-account-issuer":             issuer,
		"service-account-key-file":           certs.serviceKey,
		"service-account-signing-key-file":   certs.serviceKey,
		"service-cluster-ip-range":           strings.Join(c.ServiceCIDRs, ","),
		"service-node-port-range":            c.NodePortRange,
		"storage-backend":                    "etcd3",
		"tls-cert-file":                      certs.apiServing.Cert,
		"tls-private-key-file":               certs.apiServing.Key,
	}, c.APIServerArgs)
}

func controllerManagerArgs(c *config.Config, certs *certificates, files *kubeconfigs) []string {
	args := map[string]string{
		"allocate-node-cidrs":              "true",
		"authentication-kubeconfig":        files.controller,
		"authorization-kubeconfig":         files.controller,
		"bind-address":                     "127.0.0.1",
		"cluster-cidr":                     strings.Join(c.ClusterCIDRs, ","),
		"controllers":                      "*,-service-lb-controller,-node-route-controller,-cloud-node-lifecycle-controller",
		"kubeconfig":                       files.controller,
		"leader-elect":                     "false",
		"profiling":                        "false",
		"root-ca-file":                     certs.serverCA.CertFile,
		"secure-port":                      "10257",
		"service-account-private-key-file": certs.serviceKey,
		"service-cluster-ip-range":         strings.Join(c.ServiceCIDRs, ","),
		"use-service-account-credentials":  "true",
	}
	for signer, authority := range map[string]*pki.Authority{
		"kube-apiserver-client": certs.clientCA, "kubelet-client": certs.clientCA,
		"legacy-unknown": certs.clientCA, "kubelet-serving": certs.serverCA,
	} {
		args["cluster-signing-"+signer+"-cert-file"] = authority.CertFile
		args["cluster-signing-"+signer+"-key-file"] = authority.KeyFile
	}
	return process.Args(args, c.ControllerManagerArgs)
}

func schedulerArgs(c *config.Config, files *kubeconfigs) []string {
	return process.Args(map[string]string{
		"authentication-kubeconfig": files.scheduler,
		"authorization-kubeconfig":  files.scheduler,
		"bind-address":              "127.0.0.1",
		"kubeconfig":                files.scheduler,
		"leader-elect":              "false",
		"profiling":                 "false",
		"secure-port":               "10259",
	}, c.SchedulerArgs)
}

func (r *running) startControlPlane(datastore string) error {
	c := r.config
	// k3s's API server asks the proxy for a kubelet whose address NO_PROXY lacks
	// (k3s-io/k3s#5712), and so does this one.
	if err := r.start("kube-apiserver", apiServerArgs(c, r.certs, datastore), os.Environ(),
		os.Stderr, 3*time.Second); err != nil {
		return err
	}
	return r.waitForAPI()
}

func (r *running) startControllers() error {
	err := r.start("kube-controller-manager", controllerManagerArgs(r.config, r.certs, r.files),
		os.Environ(), os.Stderr, time.Second)
	if err != nil {
		return err
	}
	return r.start("kube-scheduler", schedulerArgs(r.config, r.files), os.Environ(), os.Stderr,
		time.Second)
}
