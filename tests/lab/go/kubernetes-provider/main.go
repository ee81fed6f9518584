// The Pulumi Kubernetes provider, built from its Go module. The provider's own main embeds two
// generated files that the published module lacks, so this one embeds what they are made of:
// tests/lab/toolchain.py puts both files beside a copy of this one when it builds.
package main

import (
	_ "embed"
	"os"
	"time"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	go endWithTheEngine(os.Getppid())
	provider.Serve("kubernetes", version.Version, schema, terraformMapping)
}

// An engine that is killed ends nothing that it started, and the provider's own health check was
// seen to leave it running: a process whose parent is gone has another one.
func endWithTheEngine(engine int) {
	for os.Getppid() == engine {
		time.Sleep(time.Second)
	}
	os.Exit(1)
}
