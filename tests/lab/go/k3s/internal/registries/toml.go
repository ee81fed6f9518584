package registries

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Write makes directory dir hold exactly these hosts.toml files.
func Write(dir string, plans []Hosts) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, plan := range plans {
		folder := filepath.Join(dir, plan.Directory)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		file := filepath.Join(folder, "hosts.toml")
		if err := os.WriteFile(file, []byte(plan.TOML()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// TOML is the text of hosts.toml.
func (h Hosts) TOML() string {
	var text strings.Builder
	text.WriteString("# Made at start from registries.yaml; changes here are lost.\n")
	if h.Server.URL != "" {
		fmt.Fprintf(&text, "server = %q\n", h.Server.URL)
		text.WriteString("capabilities = [\"pull\", \"resolve\", \"push\"]\n")
		writeTLS(&text, h.Server.TLS)
	}
	for _, endpoint := range h.Endpoints {
		fmt.Fprintf(&text, "\n[host.%q]\ncapabilities = [\"pull\", \"resolve\"]\n", endpoint.URL)
		if !strings.HasSuffix(endpoint.URL, "/v2") {
			text.WriteString("override_path = true\n")
		}
		writeTLS(&text, endpoint.TLS)
	}
	return text.String()
}

func writeTLS(text *strings.Builder, tls *TLS) {
	if tls == nil {
		return
	}
	if tls.CAFile != "" {
		fmt.Fprintf(text, "ca = [%q]\n", tls.CAFile)
	}
	if tls.CertFile != "" {
		fmt.Fprintf(text, "client = [[%q, %q]]\n", tls.CertFile, tls.KeyFile)
	}
	if tls.InsecureSkipVerify {
		text.WriteString("skip_verify = true\n")
	}
}
