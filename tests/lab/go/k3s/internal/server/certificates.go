package server

import (
	"os"
	"strings"
	"time"

	"nas-k3s.lab/k3s/internal/config"
	"nas-k3s.lab/k3s/internal/pki"
)

// certificates are the cluster's authorities and every certificate that a component needs.
type certificates struct {
	serverCA, clientCA, headerCA *pki.Authority
	serviceKey                   string

	admin, controller, scheduler, proxy, kubelet, k3s pki.Pair
	apiServing, apiToKubelet, authProxy               pki.Pair
	kubeletServing                                    pki.Pair
}

func prepareCertificates(c *config.Config, now time.Time) (*certificates, error) {
	dir := c.Server("tls")
	all := &certificates{serviceKey: c.Server("tls", "service.key")}
	var err error
	for name, target := range map[string]**pki.Authority{
		"server-ca": &all.serverCA, "client-ca": &all.clientCA, "request-header-ca": &all.headerCA,
	} {
		if *target, err = pki.OpenAuthority(dir, name, now); err != nil {
			return nil, err
		}
	}
	if err := pki.OpenServiceKey(all.serviceKey); err != nil {
		return nil, err
	}
	names, err := servingNames(c)
	if err != nil {
		return nil, err
	}
	for _, wanted := range []struct {
		target  *pki.Pair
		ca      *pki.Authority
		dir     string
		name    string
		request pki.Request
	}{
		{&all.admin, all.clientCA, dir, "client-admin",
			pki.Request{CommonName: "system:admin", Organizations: []string{"system:masters"}}},
		{&all.controller, all.clientCA, dir, "client-controller",
			pki.Request{CommonName: "system:kube-controller-manager"}},
		{&all.scheduler, all.clientCA, dir, "client-scheduler",
			pki.Request{CommonName: "system:kube-scheduler"}},
		{&all.proxy, all.clientCA, dir, "client-kube-proxy",
			pki.Request{CommonName: "system:kube-proxy"}},
		{&all.k3s, all.clientCA, dir, "client-k3s-controller",
			pki.Request{CommonName: "system:k3s-controller"}},
		{&all.apiToKubelet, all.clientCA, dir, "client-kube-apiserver",
			pki.Request{CommonName: "kube-apiserver"}},
		{&all.kubelet, all.clientCA, c.Agent(), "client-kubelet",
			pki.Request{CommonName: "system:node:" + c.NodeName, Organizations: []string{"system:nodes"}}},
		{&all.authProxy, all.headerCA, dir, "client-auth-proxy",
			pki.Request{CommonName: "system:auth-proxy"}},
		{&all.apiServing, all.serverCA, dir, "serving-kube-apiserver",
			pki.Request{CommonName: "k3s", Organizations: []string{"k3s"}, Serving: true, Names: names}},
		{&all.kubeletServing, all.serverCA, c.Agent(), "serving-kubelet",
			pki.Request{CommonName: c.NodeName, Serving: true,
				Names: append(append([]string{c.NodeName, "localhost", "127.0.0.1"}, c.NodeIPs...),
					c.NodeExternalIPs...)}},
	} {
		if *wanted.target, err = wanted.ca.Ensure(wanted.dir, wanted.name, wanted.request, now); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// servingNames are the names and addresses that the API server's certificate is good for: the
// cluster's own, the node's, and what --tls-san adds. No other address of the host is among them,
// as with k3s's tls-san-security.
func servingNames(c *config.Config) ([]string, error) {
	names := []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc." + c.ClusterDomain,
		"localhost", "127.0.0.1", "::1", c.NodeName, c.AdvertiseAddress,
	}
	if hostname, err := os.Hostname(); err == nil {
		names = append(names, strings.ToLower(hostname))
	}
	for _, network := range c.ServiceCIDRs {
		address, err := config.Nth(network, 1)
		if err != nil {
			return nil, err
		}
		names = append(names, address)
	}
	names = append(names, c.NodeIPs...)
	names = append(names, c.NodeExternalIPs...)
	return append(names, c.TLSSANs...), nil
}
