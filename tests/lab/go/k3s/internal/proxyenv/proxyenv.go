// Package proxyenv does to the proxy variables what k3s does to them.
package proxyenv

import "strings"

// ContainerdPrefix marks variables that are meant for containerd alone.
const ContainerdPrefix = "CONTAINERD_"

// NoProxy is the NO_PROXY that a k3s server gives to itself and all that it starts: the entries of
// NO_PROXY and then of no_proxy, the cluster's own names, its pod and its service networks. The
// node's own addresses and the LAN are not added (k3s: pkg/server/server.go, setNoProxyEnv).
func NoProxy(upper, lower, clusterDomain string, clusterCIDRs, serviceCIDRs []string) string {
	var entries []string
	for _, text := range []string{upper, lower} {
		entries = append(entries, strings.FieldsFunc(text, func(r rune) bool { return r == ',' })...)
	}
	entries = append(entries, ".svc", "."+clusterDomain)
	entries = append(entries, clusterCIDRs...)
	entries = append(entries, serviceCIDRs...)
	return strings.Join(entries, ",")
}

// Containerd is the environment of containerd made of k3s's own: variables with the prefix
// CONTAINERD_ lose it and come last, so that they win over the plain ones.
func Containerd(environ []string) []string {
	var plain, own []string
	for _, entry := range environ {
		if stripped, found := strings.CutPrefix(entry, ContainerdPrefix); found {
			own = append(own, stripped)
			continue
		}
		plain = append(plain, entry)
	}
	return append(plain, own...)
}
