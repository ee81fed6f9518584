package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var variables = map[string]string{
	"CLUSTER_DNS": "10.43.0.10", "CLUSTER_DOMAIN": "k8s.home", "SYSTEM_DEFAULT_REGISTRY": "",
}

func TestManifestsAreStagedWithTheClustersValues(t *testing.T) {
	dir := t.TempDir()
	removed, err := Stage(dir, variables, func(string) bool { return false })
	if err != nil || len(removed) != 0 {
		t.Fatalf("%v %v", removed, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "coredns.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if !strings.Contains(text, "kubernetes k8s.home in-addr.arpa") ||
		!strings.Contains(text, `"10.43.0.10"`) || strings.Contains(text, "%{") {
		t.Fatal(text)
	}
}

func TestADisabledComponentIsTakenBack(t *testing.T) {
	dir := t.TempDir()
	disabled := func(name string) bool { return name == "coredns" }
	if removed, err := Stage(dir, variables, disabled); err != nil || len(removed) != 0 {
		t.Fatalf("nothing was there to take back: %v %v", removed, err)
	}
	if _, err := Stage(dir, variables, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	removed, err := Stage(dir, variables, disabled)
	if err != nil || len(removed) != 1 || !strings.Contains(string(removed[0]), "kind: Deployment") {
		t.Fatalf("%d %v", len(removed), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "coredns.yaml")); !os.IsNotExist(err) {
		t.Fatal("the manifest is still there")
	}
}
