// Package containerdconf writes containerd's configuration.
package containerdconf

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"nas-k3s.lab/k3s/internal/registries"
)

// Settings is what differs between configurations.
type Settings struct {
	Root        string // persistent state
	State       string // run time state
	Socket      string
	Snapshotter string
	PauseImage  string
	CertsDir    string // hosts.toml files
	CNIConfDir  string
	CNIBinDir   string
	Debug       bool
	Auths       map[string]registries.Auth // by host
}

// restrict_oom_score_adj: a NAS in a box may lack CAP_SYS_RESOURCE, and then no process can be
// given a lower OOM score than its parent has; where the capability is there it changes nothing
// that matters to a test.
var text = template.Must(template.New("config.toml").Funcs(template.FuncMap{
	"quote": func(value string) string { return fmt.Sprintf("%q", value) },
}).Parse(`# Made at start; changes here are lost.
version = 3
root = {{ quote .Root }}
state = {{ quote .State }}
disabled_plugins = ["io.containerd.internal.v1.restart", "io.containerd.internal.v1.tracing",
  "io.containerd.nri.v1.nri"]

[grpc]
  address = {{ quote .Socket }}

[debug]
  level = {{ if .Debug }}"debug"{{ else }}"info"{{ end }}

[plugins.'io.containerd.internal.v1.opt']
  path = {{ quote .Root }}

[plugins.'io.containerd.grpc.v1.cri']
  stream_server_address = "127.0.0.1"
  stream_server_port = "10010"

[plugins.'io.containerd.cri.v1.runtime']
  enable_selinux = false
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  disable_apparmor = true
  restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = [{{ quote .CNIBinDir }}]
  conf_dir = {{ quote .CNIConfDir }}

[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = "runc"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false

[plugins.'io.containerd.cri.v1.images']
  snapshotter = {{ quote .Snapshotter }}
  disable_snapshot_annotations = true
  use_local_image_pull = true

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = {{ quote .PauseImage }}

[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = {{ quote .CertsDir }}
{{ range .Hosts }}
[plugins.'io.containerd.cri.v1.images'.registry.configs.{{ quote .Name }}.auth]
{{- if .Auth.Username }}
  username = {{ quote .Auth.Username }}
{{- end }}{{ if .Auth.Password }}
  password = {{ quote .Auth.Password }}
{{- end }}{{ if .Auth.Auth }}
  auth = {{ quote .Auth.Auth }}
{{- end }}{{ if .Token }}
  identitytoken = {{ quote .Token }}
{{- end }}
{{ end }}`))

type host struct {
	Name, Token string
	Auth        registries.Auth
}

// Write puts the configuration into the file, which only its owner may read: it can hold passwords.
func Write(path string, settings Settings) error {
	names := make([]string, 0, len(settings.Auths))
	for name := range settings.Auths {
		names = append(names, name)
	}
	sort.Strings(names)
	var hosts []host
	for _, name := range names {
		auth := settings.Auths[name]
		token := auth.IdentityToken
		if token == "" {
			token = auth.Token
		}
		hosts = append(hosts, host{Name: name, Token: token, Auth: auth})
	}
	var out bytes.Buffer
	err := text.Execute(&out, struct {
		Settings
		Hosts []host
	}{settings, hosts})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.TrimSpace(out.String())+"\n"), 0o600)
}
