package proxyenv

import (
	"encoding/json"
	"net"
	"net/url"
	"os"
	"strconv"
	"testing"

	"golang.org/x/net/http/httpproxy"
)

// TestTheReferenceForNoProxySaysWhatGoSays reads cases that the tests in Python have made, each with
// the answer of their reference (tests/unit/go_no_proxy.py).
func TestTheReferenceForNoProxySaysWhatGoSays(t *testing.T) {
	path := os.Getenv("NO_PROXY_CASES")
	if path == "" {
		t.Skip("NO_PROXY_CASES names no file")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		NoProxy string
		Host    string
		Port    int
		Proxied bool
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("there are no cases")
	}
	for _, one := range cases {
		config := httpproxy.Config{HTTPSProxy: "http://proxy.example:7222", NoProxy: one.NoProxy}
		target := url.URL{Scheme: "https", Host: net.JoinHostPort(one.Host, strconv.Itoa(one.Port))}
		proxy, err := config.ProxyFunc()(&target)
		if err != nil {
			t.Fatal(err)
		}
		if (proxy != nil) != one.Proxied {
			t.Errorf("%+v: Go says %v", one, proxy != nil)
		}
	}
}
