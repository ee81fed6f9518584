package registries

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const example = `
mirrors:
  docker.io:
    endpoint: ["https://mirror.lan:5000", "http://plain.lan/cache"]
  "*":
    endpoint: ["https://all.lan"]
configs:
  "mirror.lan:5000":
    auth: {username: u, password: p}
    tls: {ca_file: /etc/ca.pem, insecure_skip_verify: true}
  docker.io:
    auth: {username: hub, password: secret}
`

func load(t *testing.T, text string) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "registries.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func plans(t *testing.T, file *File, noDefault bool) map[string]string {
	t.Helper()
	all, err := file.Plan(noDefault)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, plan := range all {
		texts[plan.Directory] = plan.TOML()
	}
	return texts
}

func TestMirrorsComeBeforeTheRegistryItself(t *testing.T) {
	text := plans(t, load(t, example), false)["docker.io"]
	for _, part := range []string{
		`server = "https://registry-1.docker.io/v2"`,
		`[host."https://mirror.lan:5000/v2"]`,
		`ca = ["/etc/ca.pem"]`,
		`skip_verify = true`,
		"[host.\"http://plain.lan/cache\"]\ncapabilities = [\"pull\", \"resolve\"]\noverride_path = true",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is missing in:\n%s", part, text)
		}
	}
}

func TestWithoutTheDefaultEndpointTheRegistryIsNeverAsked(t *testing.T) {
	text := plans(t, load(t, example), true)["docker.io"]
	if strings.Contains(text, "registry-1.docker.io") {
		t.Fatal(text)
	}
}

func TestTheWildcardBecomesContainerdsDefault(t *testing.T) {
	text := plans(t, load(t, example), false)["_default"]
	if !strings.Contains(text, `[host."https://all.lan/v2"]`) || strings.Contains(text, "server =") {
		t.Fatal(text)
	}
}

func TestLoginsAreKeyedByTheHostThatIsAsked(t *testing.T) {
	auths := load(t, example).Auths()
	if auths["registry-1.docker.io"].Username != "hub" || auths["mirror.lan:5000"].Password != "p" {
		t.Fatalf("%v", auths)
	}
}

func TestAMissingFileIsAnEmptyOne(t *testing.T) {
	file, err := Load(filepath.Join(t.TempDir(), "none"))
	if err != nil || len(plans(t, file, false)) != 0 {
		t.Fatalf("%v %v", file, err)
	}
}

func TestABrokenFileIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registries.yaml")
	if err := os.WriteFile(path, []byte("mirrors: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("%v", err)
	}
}
