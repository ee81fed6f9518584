// Package node does for the one node what k3s's embedded cloud controller does: addresses, labels
// and provider id, the end of the "uninitialized" taint, and the node's line in CoreDNS's hosts.
package node

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const uninitialized = "node.cloudprovider.kubernetes.io/uninitialized"

// Controller keeps one node as configured.
type Controller struct {
	Client      kubernetes.Interface // may change nodes
	Hosts       kubernetes.Interface // may change config maps in kube-system
	Name        string
	Hostname    string
	InternalIPs []string
	ExternalIPs []string
	DNS         bool // CoreDNS is not disabled
}

// Run works until ctx ends. onPodCIDR is called once, when the node has got its pods' network.
func (c *Controller) Run(ctx context.Context, onPodCIDR func(cidr string)) {
	told, wait := false, time.Second
	for {
		node, err := c.Client.CoreV1().Nodes().Get(ctx, c.Name, metav1.GetOptions{})
		if err == nil {
			if err = c.reconcile(ctx, node); err == nil {
				wait = 10 * time.Second
			}
			if !told && node.Spec.PodCIDR != "" {
				told = true
				onPodCIDR(node.Spec.PodCIDR)
			}
			if !told {
				wait = time.Second
			}
		}
		if err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
			logrus.Warnf("Unable to set up node %s: %v", c.Name, err)
			wait = time.Second
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (c *Controller) reconcile(ctx context.Context, node *corev1.Node) error {
	if err := c.initialize(ctx, node); err != nil {
		return err
	}
	if err := c.address(ctx, node); err != nil {
		return err
	}
	if c.DNS {
		return c.hosts(ctx)
	}
	return nil
}

func (c *Controller) labels() map[string]string {
	return map[string]string{
		"node-role.kubernetes.io/control-plane": "true",
		"node.kubernetes.io/instance-type":      "k3s",
		"beta.kubernetes.io/instance-type":      "k3s",
	}
}

func (c *Controller) initialize(ctx context.Context, node *corev1.Node) error {
	missing := false
	for key, value := range c.labels() {
		missing = missing || node.Labels[key] != value
	}
	taints := []corev1.Taint{}
	for _, taint := range node.Spec.Taints {
		if taint.Key != uninitialized {
			taints = append(taints, taint)
		}
	}
	if !missing && len(taints) == len(node.Spec.Taints) && node.Spec.ProviderID != "" {
		return nil
	}
	spec := map[string]any{"providerID": "k3s://" + c.Name}
	if len(taints) != len(node.Spec.Taints) {
		spec["taints"] = taints
	}
	return c.patch(ctx, "", map[string]any{
		"metadata": map[string]any{"labels": c.labels(), "resourceVersion": node.ResourceVersion},
		"spec":     spec,
	})
}

func (c *Controller) address(ctx context.Context, node *corev1.Node) error {
	var want []corev1.NodeAddress
	add := func(kind corev1.NodeAddressType, values ...string) {
		for _, value := range values {
			want = append(want, corev1.NodeAddress{Type: kind, Address: value})
		}
	}
	add(corev1.NodeInternalIP, c.InternalIPs...)
	add(corev1.NodeExternalIP, c.ExternalIPs...)
	add(corev1.NodeHostName, c.Hostname)
	if fmt.Sprint(want) == fmt.Sprint(node.Status.Addresses) {
		return nil
	}
	addresses := []any{map[string]string{"$patch": "replace"}}
	for _, address := range want {
		addresses = append(addresses, address)
	}
	return c.patch(ctx, "status", map[string]any{"status": map[string]any{"addresses": addresses}})
}

func (c *Controller) patch(ctx context.Context, part string, change any) error {
	data, err := json.Marshal(change)
	if err != nil {
		return err
	}
	var parts []string
	if part != "" {
		parts = append(parts, part)
	}
	_, err = c.Client.CoreV1().Nodes().Patch(ctx, c.Name, types.StrategicMergePatchType, data,
		metav1.PatchOptions{}, parts...)
	return err
}

func (c *Controller) hosts(ctx context.Context) error {
	maps := c.Hosts.CoreV1().ConfigMaps(metav1.NamespaceSystem)
	found, err := maps.Get(ctx, "coredns", metav1.GetOptions{})
	if err != nil {
		return err // not deployed yet: tried again in a second
	}
	want := c.InternalIPs[0] + " " + c.Name + "\n"
	if found.Data["NodeHosts"] == want {
		return nil
	}
	data, err := json.Marshal(map[string]any{"data": map[string]string{"NodeHosts": want}})
	if err != nil {
		return err
	}
	_, err = maps.Patch(ctx, "coredns", types.MergePatchType, data, metav1.PatchOptions{})
	return err
}
