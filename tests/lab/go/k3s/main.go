// k3s is a stand-in for the real one, for tests on a machine that no image registry reaches: real
// Kubernetes, containerd, flannel and kine in one program, behind those flags, variables, files and
// behaviours of k3s that this project relies on.
//
// What it does not have: agents, etcd and several servers, the network policy controller, Helm,
// crictl, the stargz and fuse-overlayfs snapshotters, image name rewriting. Of traefik, servicelb,
// metrics-server and local-storage it deploys the names, labels and images; their programs do
// nothing, and there is no storage class, no metrics API and nothing that answers on 80 and 443.
//
// Each component is a process of its own. The API server itself answers on the HTTPS port, so
// nothing listens on 6444 and /ping and /cacerts need a login. kine has sqlite translated to Go below
// it, and the token's hash lies beside the datastore.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/sirupsen/logrus"

	"nas-k3s.lab/k3s/internal/components"
	"nas-k3s.lab/k3s/internal/config"
	"nas-k3s.lab/k3s/internal/initproc"
	"nas-k3s.lab/k3s/internal/server"
	"nas-k3s.lab/k3s/internal/version"
)

const childMarker = "_K3S_NOT_INIT"

// faultVariable is set by images of a release that never comes up: what it says when it ends.
const faultVariable = "K3S_STANDIN_FAULT"

func main() {
	name := filepath.Base(os.Args[0])
	if run, found := components.Named[name]; found {
		os.Exit(component(name, run))
	}
	if len(os.Args) < 2 {
		usage(os.Stdout)
		return
	}
	command := os.Args[1]
	if run, found := components.Named[command]; found {
		os.Args = append([]string{command}, os.Args[2:]...)
		os.Exit(component(command, run))
	}
	switch command {
	case "server":
		os.Exit(serve(os.Args[2:]))
	case "agent":
		fmt.Fprintln(os.Stderr, "the stand-in for k3s is a server only: run `k3s server`")
		os.Exit(1)
	case "--version", "-v", "version":
		fmt.Printf("k3s version %s (%s)\ngo version %s\n", version.Version, version.GitCommit, runtime.Version())
	case "--help", "-h", "help":
		usage(os.Stdout)
	default:
		usage(os.Stderr)
		fmt.Fprintf(os.Stderr, "No help topic for '%s'\n", command)
		os.Exit(3)
	}
}

// component runs a program that k3s carries inside, with k3s's defaults for what people call.
func component(name string, run func() int) int {
	switch name {
	case "kubectl":
		if _, err := os.Stat(config.DefaultKubeconfig); err == nil {
			defaultEnv("KUBECONFIG", config.DefaultKubeconfig)
		}
	case "ctr":
		defaultEnv("CONTAINERD_ADDRESS", server.ContainerdSocket)
		defaultEnv("CONTAINERD_NAMESPACE", "k8s.io")
	}
	return run()
}

func defaultEnv(name, value string) {
	if os.Getenv(name) == "" {
		os.Setenv(name, value)
	}
}

func serve(args []string) int {
	if os.Getpid() == 1 && os.Getenv(childMarker) == "" {
		code, err := initproc.Run(childMarker)
		if err != nil {
			logrus.Errorf("init: %v", err)
		}
		return code
	}
	os.Unsetenv(childMarker)
	logrus.SetFormatter(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true})
	c, err := config.Parse(args, os.Getenv)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Println("NAME:\n   k3s server - Run management server (a stand-in for tests)")
		return 0
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "Incorrect Usage: %v\n\n", err)
		fatal("%v", err)
		return 1
	}
	if c.Debug {
		logrus.SetLevel(logrus.DebugLevel)
	}
	if fault := os.Getenv(faultVariable); fault != "" {
		fatal("Error: %s", fault)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := server.Run(ctx, c); err != nil {
		fatal("Error: %v", err)
		return 1
	}
	return 0
}

// fatal logs at k3s's level for what ends it, without ending the process before deferred work.
func fatal(format string, args ...any) {
	logrus.StandardLogger().Logf(logrus.FatalLevel, format, args...)
}

func usage(out *os.File) {
	fmt.Fprint(out, `NAME:
   k3s - Kubernetes, but small and simple (a stand-in for tests)

USAGE:
   k3s [global options] command [command options] [arguments...]

COMMANDS:
   server   Run management server
   kubectl  Run kubectl
   ctr      Run ctr

GLOBAL OPTIONS:
   --help, -h     show help
   --version, -v  print the version
`)
}
