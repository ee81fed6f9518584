package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func none(string) string { return "" }

func parse(t *testing.T, env Getenv, args ...string) *Config {
	t.Helper()
	// An address of its own, so that the machine's default route does not matter.
	c, err := Parse(append([]string{"--node-ip=192.0.2.9"}, args...), env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultsAreThoseOfK3s(t *testing.T) {
	c := parse(t, none)
	if c.HTTPSPort != 6443 || c.ClusterDomain != "cluster.local" || c.FlannelBackend != "vxlan" ||
		c.Snapshotter != "overlayfs" || c.DataDir != "/var/lib/rancher/k3s" ||
		c.KubeconfigOutput != "/etc/rancher/k3s/k3s.yaml" {
		t.Fatalf("%+v", c)
	}
	if !reflect.DeepEqual(c.ClusterDNS, []string{"10.43.0.10"}) {
		t.Fatalf("cluster DNS %v", c.ClusterDNS)
	}
}

func TestListsMayBeRepeatedAndCommaSeparated(t *testing.T) {
	c := parse(t, none, "--disable=traefik,servicelb", "--disable", "coredns",
		"--tls-san=nas,192.0.2.1", "--tls-san", "nas.lan")
	if !reflect.DeepEqual(c.Components, []string{"traefik", "servicelb", "coredns"}) {
		t.Fatalf("%v", c.Components)
	}
	if !reflect.DeepEqual(c.TLSSANs, []string{"nas", "192.0.2.1", "nas.lan"}) {
		t.Fatalf("%v", c.TLSSANs)
	}
}

func TestArgumentsOfComponentsKeepTheirCommas(t *testing.T) {
	c := parse(t, none, "--kubelet-arg=eviction-hard=imagefs.available<5%,nodefs.available<5%")
	if len(c.KubeletArgs) != 1 {
		t.Fatalf("%q", c.KubeletArgs)
	}
}

func TestAnUnknownFlagIsRefusedWithK3ssWords(t *testing.T) {
	_, err := Parse([]string{"--no-such-flag=1"}, none)
	if err == nil || !strings.HasPrefix(err.Error(), "flag provided but not defined: -no-such-flag") {
		t.Fatalf("%v", err)
	}
}

func TestWhatTheStandInLacksIsRefusedByName(t *testing.T) {
	for _, flag := range []string{"--cluster-init", "--datastore-endpoint=mysql://x"} {
		_, err := Parse([]string{flag}, none)
		name := strings.SplitN(flag, "=", 2)[0]
		if err == nil || !strings.HasPrefix(err.Error(), "the stand-in for k3s has no "+name+":") {
			t.Fatalf("%s: %v", flag, err)
		}
	}
}

func TestFlagsThatDoNothingAreRemembered(t *testing.T) {
	c := parse(t, none, "--prefer-bundled-bin", "--disable-network-policy")
	want := []string{"--prefer-bundled-bin", "--disable-network-policy"}
	if !reflect.DeepEqual(c.IgnoredFlags, want) {
		t.Fatalf("%v", c.IgnoredFlags)
	}
}

func TestAFlagWinsOverAVariableAndAVariableOverTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := "node-name: from-file\ntoken: from-file\nwrite-kubeconfig-mode: \"0640\"\ntls-san: [a, b]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) string {
		return map[string]string{"K3S_TOKEN": "from-env", "K3S_NODE_NAME": "from-env"}[name]
	}
	c := parse(t, env, "--config="+file, "--node-name=from-flag", "--tls-san=c")
	if c.NodeName != "from-flag" || c.Token != "from-env" || c.KubeconfigMode != "0640" {
		t.Fatalf("%+v", c)
	}
	if !reflect.DeepEqual(c.TLSSANs, []string{"a", "b", "c"}) {
		t.Fatalf("%v", c.TLSSANs)
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"--https-listen-port=70000"},
		{"--cluster-cidr=10.42"},
		{"--flannel-backend=ipsec"},
		{"--write-kubeconfig-mode=rw"},
		{"--cluster-dns=ten"},
		{"surplus"},
	} {
		if _, err := Parse(append([]string{"--node-ip=192.0.2.9"}, args...), none); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}

func TestTheNumberedAddressOfANetwork(t *testing.T) {
	if got, err := Nth("10.43.0.0/16", 1); err != nil || got != "10.43.0.1" {
		t.Fatalf("%s %v", got, err)
	}
	if got, err := Nth("10.43.0.0/30", 10); err == nil {
		t.Fatalf("a network of four addresses has no number 10, got %s", got)
	}
}
