// Package registries turns k3s's registries.yaml into containerd's hosts.toml files.
package registries

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"
)

// File is registries.yaml.
type File struct {
	Mirrors map[string]Mirror `json:"mirrors"`
	Configs map[string]Config `json:"configs"`
}

// Mirror says where the images of a registry are looked for first.
type Mirror struct {
	Endpoints []string          `json:"endpoint"`
	Rewrites  map[string]string `json:"rewrite"`
}

// Config says how a registry host is spoken to.
type Config struct {
	Auth *Auth `json:"auth"`
	TLS  *TLS  `json:"tls"`
}

// Auth is how to log in at a registry.
type Auth struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"`
	IdentityToken string `json:"identity_token"`
	Token         string `json:"token"`
}

// TLS is how a registry proves who it is, and we to it.
type TLS struct {
	CAFile             string `json:"ca_file"`
	CertFile           string `json:"cert_file"`
	KeyFile            string `json:"key_file"`
	InsecureSkipVerify bool   `json:"insecure_skip_verify"`
}

// Load reads the file; none is an empty one.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return &File{}, nil
	}
	if err != nil {
		return nil, err
	}
	file := &File{}
	if err := yaml.Unmarshal(data, file); err != nil {
		return nil, fmt.Errorf("failed to parse %s: %w", path, err)
	}
	return file, nil
}

// Host is one entry of a hosts.toml.
type Host struct {
	URL string
	TLS *TLS
}

// Hosts is one hosts.toml: the directory's name under certs.d, the registry's own address, which
// is asked last, and the endpoints before it.
type Hosts struct {
	Directory string
	Server    Host
	Endpoints []Host
}

// Rewritten names the registries whose mirrors rewrite image names. That is an addition of k3s's
// own containerd, which the stand-in does not have.
func (f *File) Rewritten() []string {
	var names []string
	for name, mirror := range f.Mirrors {
		if len(mirror.Rewrites) > 0 {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// Plan lists the hosts.toml files that the file asks for, sorted by name. Without the default
// endpoint, a registry that has mirrors is never asked itself.
func (f *File) Plan(noDefaultEndpoint bool) ([]Hosts, error) {
	names := map[string]bool{}
	for name := range f.Mirrors {
		names[name] = true
	}
	for name := range f.Configs {
		names[hostOf(name)] = true
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)

	plans := make([]Hosts, 0, len(sorted))
	for _, name := range sorted {
		plan, err := f.plan(name, noDefaultEndpoint)
		if err != nil {
			return nil, err
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

func (f *File) plan(name string, noDefaultEndpoint bool) (Hosts, error) {
	plan := Hosts{Directory: name}
	for _, endpoint := range f.Mirrors[name].Endpoints {
		parsed, err := parseEndpoint(endpoint)
		if err != nil {
			return plan, fmt.Errorf("registry %q: %w", name, err)
		}
		plan.Endpoints = append(plan.Endpoints, Host{URL: parsed.String(), TLS: f.tlsOf(parsed.Host)})
	}
	last := len(plan.Endpoints) - 1
	switch {
	case noDefaultEndpoint && last >= 0:
		// containerd asks the registry itself unless it is told of another server.
		plan.Server = plan.Endpoints[last]
	case name != "*":
		host := defaultHost(name)
		plan.Server = Host{URL: "https://" + host + "/v2", TLS: f.tlsOf(host)}
	}
	if name == "*" {
		plan.Directory = "_default"
	}
	return plan, nil
}

func parseEndpoint(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if parsed.Host == "" {
		return nil, fmt.Errorf("invalid endpoint %q: no host", text)
	}
	if path := strings.TrimRight(parsed.Path, "/"); path == "" {
		parsed.Path = "/v2"
	}
	return parsed, nil
}

// docker.io's images are served by another host than the one that names them.
func defaultHost(name string) string {
	if name == "docker.io" {
		return "registry-1.docker.io"
	}
	return name
}

func hostOf(config string) string {
	if parsed, err := url.Parse(config); err == nil && parsed.Host != "" {
		config = parsed.Host
	}
	if config == "registry-1.docker.io" {
		return "docker.io"
	}
	return config
}

func (f *File) tlsOf(host string) *TLS {
	for name, config := range f.Configs {
		if config.TLS == nil {
			continue
		}
		if name == host || defaultHost(hostOf(name)) == host {
			return config.TLS
		}
	}
	return nil
}

// Auths are the logins by registry host.
func (f *File) Auths() map[string]Auth {
	auths := map[string]Auth{}
	for name, config := range f.Configs {
		if config.Auth == nil {
			continue
		}
		auths[defaultHost(hostOf(name))] = *config.Auth
	}
	return auths
}
