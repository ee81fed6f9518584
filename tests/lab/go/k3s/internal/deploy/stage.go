// Package deploy brings the packaged components into the cluster: it stages their manifests in
// server/manifests and applies every manifest that lies there, a user's own too.
package deploy

import (
	"embed"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"
)

//go:embed manifests/*.yaml
var packaged embed.FS

//go:embed charts/traefik.yaml
var traefikChart string

// Labelled are the packaged components whose names, labels and images are k3s's and whose programs
// do nothing.
var Labelled = []string{"local-storage", "metrics-server", "traefik", "servicelb"}

// Traefik is what the chart of traefik makes; k3s has a Job install it with Helm.
func Traefik(variables map[string]string) []byte { return []byte(fill(traefikChart, variables)) }

// Stage writes the manifests of the packaged components into dir, with the variables filled in. It
// gives the manifests of disabled components that an earlier start had staged: they are to be
// removed from the cluster, and their files are gone already.
func Stage(dir string, variables map[string]string, disabled func(string) bool) ([][]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := packaged.ReadDir("manifests")
	if err != nil {
		return nil, err
	}
	var removed [][]byte
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if disabled(strings.TrimSuffix(entry.Name(), ".yaml")) {
			old, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			removed = append(removed, old)
			if err := os.Remove(path); err != nil {
				return nil, err
			}
			continue
		}
		data, err := packaged.ReadFile("manifests/" + entry.Name())
		if err != nil {
			return nil, err
		}
		logrus.Infof("Writing static file: %s", path)
		if err := os.WriteFile(path, []byte(fill(string(data), variables)), 0o600); err != nil {
			return nil, err
		}
	}
	return removed, nil
}

func fill(text string, variables map[string]string) string {
	for name, value := range variables {
		text = strings.ReplaceAll(text, "%{"+name+"}%", value)
	}
	return text
}
