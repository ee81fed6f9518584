// Package kubeconfig writes kubeconfigs in the form that k3s gives them.
package kubeconfig

import (
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Source is what a kubeconfig is made of: the server's address and PEM files.
type Source struct {
	Server, CAFile, CertFile, KeyFile string
}

// Write makes the file with one cluster, user and context, each named "default", and everything
// embedded. It replaces the file in one step; mode is the file's mode.
func Write(path string, source Source, mode os.FileMode) error {
	ca, err := os.ReadFile(source.CAFile)
	if err != nil {
		return err
	}
	cert, err := os.ReadFile(source.CertFile)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(source.KeyFile)
	if err != nil {
		return err
	}
	config := api.NewConfig()
	config.Clusters["default"] = &api.Cluster{Server: source.Server, CertificateAuthorityData: ca}
	config.AuthInfos["default"] = &api.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts["default"] = &api.Context{Cluster: "default", AuthInfo: "default"}
	config.CurrentContext = "default"
	data, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	if err := os.Chmod(temporary, mode); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
