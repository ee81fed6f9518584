package proxyenv

import (
	"reflect"
	"testing"
)

func TestNoProxyJoinsBothSpellingsAndAddsTheClustersOwn(t *testing.T) {
	got := NoProxy("nas.lan,,10.1.0.0/16", "printer", "cluster.local",
		[]string{"10.42.0.0/16"}, []string{"10.43.0.0/16"})
	want := "nas.lan,10.1.0.0/16,printer,.svc,.cluster.local,10.42.0.0/16,10.43.0.0/16"
	if got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestNoProxyOfAnEmptyEnvironmentHasOnlyTheClustersOwn(t *testing.T) {
	got := NoProxy("", "", "k8s.home", []string{"10.1.0.0/16"}, []string{"10.2.0.0/16"})
	if want := ".svc,.k8s.home,10.1.0.0/16,10.2.0.0/16"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestContainerdVariablesLoseTheirPrefixAndComeLast(t *testing.T) {
	got := Containerd([]string{
		"CONTAINERD_HTTPS_PROXY=http://p:1", "HTTPS_PROXY=http://q:2", "PATH=/bin",
		"CONTAINERD_no_proxy=x",
	})
	want := []string{"HTTPS_PROXY=http://q:2", "PATH=/bin", "HTTPS_PROXY=http://p:1", "no_proxy=x"}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
