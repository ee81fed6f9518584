package components

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/hostgw"
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan"
	"github.com/flannel-io/flannel/pkg/ip"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/subnet"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr/iptables"
)

// The seconds after which flannel puts back rules that somebody removed.
const flannelResyncSeconds = 60

// runFlanneld is flannel's own code with the Kubernetes subnet manager, as k3s runs it inside
// itself: it makes flannel.1 (vxlan) or host routes (host-gw), the FLANNEL-* chains and the
// subnet file.
func runFlanneld() int {
	flags := flag.NewFlagSet("flanneld", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig of the node")
	netConf := flags.String("net-conf", "", "network configuration file")
	subnetFile := flags.String("subnet-file", "/run/flannel/subnet.env", "file to write")
	iface := flags.String("iface", "", "name or address of the interface between nodes")
	_ = flags.Parse(os.Args[1:])

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := flannel(ctx, *kubeconfig, *netConf, *subnetFile, *iface); err != nil {
		fmt.Fprintf(os.Stderr, "flanneld: %v\n", err)
		return 1
	}
	return 0
}

func flannel(ctx context.Context, kubeconfig, netConf, subnetFile, iface string) error {
	manager, err := kube.NewSubnetManager(ctx, "", kubeconfig, "flannel.alpha.coreos.com", netConf, true)
	if err != nil {
		return fmt.Errorf("subnet manager: %w", err)
	}
	config, err := manager.GetNetworkConfig(ctx)
	if err != nil {
		return fmt.Errorf("network config: %w", err)
	}
	stack, err := ipmatch.GetIPFamily(config.EnableIPv4, config.EnableIPv6)
	if err != nil {
		return err
	}
	external, err := ipmatch.LookupExtIface(iface, "", "", stack, ipmatch.PublicIPOpts{})
	if err != nil {
		return fmt.Errorf("interface %q: %w", iface, err)
	}
	return serveFlannel(ctx, manager, config, external, subnetFile)
}

func serveFlannel(
	ctx context.Context,
	manager subnet.Manager,
	config *subnet.Config,
	external *backend.ExternalInterface,
	subnetFile string,
) error {
	var tasks sync.WaitGroup
	kind, err := backend.NewManager(ctx, manager, external).GetBackend(config.BackendType)
	if err != nil {
		return fmt.Errorf("backend %q: %w", config.BackendType, err)
	}
	network, err := kind.RegisterNetwork(ctx, &tasks, config)
	if err != nil {
		return fmt.Errorf("registering the network: %w", err)
	}
	rules := &iptables.IPTablesManager{}
	if err := rules.Init(ctx); err != nil {
		return fmt.Errorf("iptables: %w", err)
	}
	none4, none6 := ip.IP4Net{}, ip.IP6Net{IP: ip.FromIP16Bytes(make([]byte, 16))}
	err = rules.SetupAndEnsureMasqRules(ctx, config.Network, none4, none4,
		config.IPv6Network, none6, none6, network.Lease(), flannelResyncSeconds, false)
	if err != nil {
		return fmt.Errorf("masquerade rules: %w", err)
	}
	rules.SetupAndEnsureForwardRules(ctx, config.Network, config.IPv6Network, flannelResyncSeconds)
	err = manager.HandleSubnetFile(subnetFile, config, true, network.Lease().Subnet,
		network.Lease().IPv6Subnet, network.MTU())
	if err != nil {
		return fmt.Errorf("writing %s: %w", subnetFile, err)
	}
	tasks.Add(1)
	go func() {
		defer tasks.Done()
		network.Run(ctx)
	}()
	err = manager.CompleteLease(ctx, network.Lease(), &tasks)
	if err != nil && !errors.Is(err, context.Canceled) && ctx.Err() == nil {
		return fmt.Errorf("lease: %w", err)
	}
	<-ctx.Done()
	done := make(chan struct{})
	go func() { tasks.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
	return nil
}
