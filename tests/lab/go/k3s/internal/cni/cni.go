// Package cni writes the network configurations of the node: flannel's and the pods'.
package cni

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// WriteFlannel writes flannel's net-conf.json for the pods' network.
func WriteFlannel(path, clusterCIDR, backend string) error {
	return write(path, map[string]any{
		"Network":     clusterCIDR,
		"EnableIPv4":  true,
		"EnableIPv6":  false,
		"IPv6Network": "::/0",
		"Backend":     map[string]any{"Type": backend},
	})
}

// WritePods writes the list of plugins that connect a pod: what k3s's flannel plugin delegates to,
// a bridge cni0 that hands out addresses of the node's own subnet. flannel masquerades.
func WritePods(path, podCIDR, clusterCIDR string, mtu int) error {
	return write(path, map[string]any{
		"name":       "cbr0",
		"cniVersion": "1.0.0",
		"plugins": []any{
			map[string]any{
				"type":             "bridge",
				"bridge":           "cni0",
				"isDefaultGateway": true,
				"hairpinMode":      true,
				"forceAddress":     true,
				"mtu":              mtu,
				"ipam": map[string]any{
					"type":    "host-local",
					"dataDir": "/var/lib/cni/networks",
					"ranges":  []any{[]any{map[string]any{"subnet": podCIDR}}},
					"routes":  []any{map[string]any{"dst": clusterCIDR}},
				},
			},
			map[string]any{"type": "portmap", "capabilities": map[string]any{"portMappings": true}},
			map[string]any{"type": "bandwidth", "capabilities": map[string]any{"bandwidth": true}},
		},
	})
}

func write(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
