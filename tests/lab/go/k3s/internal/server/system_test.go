package server

import "testing"

func TestANameServerOnLoopbackIsOfNoUseToAPod(t *testing.T) {
	for text, want := range map[string]bool{
		"nameserver 192.168.31.1\n":                        true,
		"search lan\nnameserver 192.168.31.1\n# a comment": true,
		"nameserver 127.0.0.11\n":                          false,
		"nameserver 192.168.31.1\nnameserver 127.0.0.1\n":  false,
		"nameserver fe80::1\n":                             false,
		"search lan\n":                                     false,
		"":                                                 false,
	} {
		if got := usableNameservers(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
