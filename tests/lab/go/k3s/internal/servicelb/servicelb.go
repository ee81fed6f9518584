// Package servicelb gives each Service of type LoadBalancer the DaemonSet that k3s's servicelb
// gives it: one pod on the node, which takes the Service's ports there.
package servicelb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	// Image is what the pods run, without a registry.
	Image     = "rancher/klipper-lb:v0.4.13"
	nameLabel = "svccontroller.k3s.cattle.io/svcname"
	spaceMark = "svccontroller.k3s.cattle.io/svcnamespace"
	interval  = time.Second
)

// Controller serves the Services of one node.
type Controller struct {
	Client kubernetes.Interface
	NodeIP string
	Image  string
}

// Run works until ctx ends; with servicelb disabled it takes back what an earlier start had made.
func (c *Controller) Run(ctx context.Context, disabled bool) {
	for {
		var err error
		if disabled {
			if err = c.clear(ctx); err == nil {
				return
			}
		} else {
			err = c.serve(ctx)
		}
		if err != nil && ctx.Err() == nil {
			logrus.Errorf("servicelb: %v", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
		}
	}
}

func (c *Controller) clear(ctx context.Context) error {
	return c.Client.AppsV1().DaemonSets(metav1.NamespaceSystem).DeleteCollection(ctx,
		metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: nameLabel})
}

func (c *Controller) serve(ctx context.Context) error {
	services, err := c.Client.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for index := range services.Items {
		service := &services.Items[index]
		if service.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		wanted[name(service)] = true
		if err := c.balance(ctx, service); err != nil {
			return fmt.Errorf("service %s/%s: %w", service.Namespace, service.Name, err)
		}
	}
	return c.forget(ctx, wanted)
}

// forget removes the DaemonSets of Services that are gone.
func (c *Controller) forget(ctx context.Context, wanted map[string]bool) error {
	sets := c.Client.AppsV1().DaemonSets(metav1.NamespaceSystem)
	found, err := sets.List(ctx, metav1.ListOptions{LabelSelector: nameLabel})
	if err != nil {
		return err
	}
	for _, set := range found.Items {
		if wanted[set.Name] {
			continue
		}
		if err := sets.Delete(ctx, set.Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func (c *Controller) balance(ctx context.Context, service *corev1.Service) error {
	sets := c.Client.AppsV1().DaemonSets(metav1.NamespaceSystem)
	set, err := sets.Get(ctx, name(service), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		set, err = sets.Create(ctx, c.daemonSet(service), metav1.CreateOptions{})
	}
	if err != nil {
		return err
	}
	if set.Status.NumberAvailable == 0 || len(service.Status.LoadBalancer.Ingress) > 0 {
		return nil
	}
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: c.NodeIP}}
	_, err = c.Client.CoreV1().Services(service.Namespace).
		UpdateStatus(ctx, service, metav1.UpdateOptions{})
	return err
}

func name(service *corev1.Service) string {
	return fmt.Sprintf("svclb-%s-%s", service.Name, string(service.UID)[:8])
}

func (c *Controller) daemonSet(service *corev1.Service) *appsv1.DaemonSet {
	labels := map[string]string{
		"app": name(service), nameLabel: service.Name, spaceMark: service.Namespace,
	}
	var containers []corev1.Container
	for _, port := range service.Spec.Ports {
		protocol := strings.ToLower(string(port.Protocol))
		containers = append(containers, corev1.Container{
			Name:            fmt.Sprintf("lb-%s-%d", protocol, port.Port),
			Image:           c.Image,
			ImagePullPolicy: corev1.PullIfNotPresent,
			Ports: []corev1.ContainerPort{{
				Name:          fmt.Sprintf("lb-%s-%d", protocol, port.Port),
				ContainerPort: port.Port, HostPort: port.Port, Protocol: port.Protocol,
			}},
		})
	}
	automount := false
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{
			Name: name(service), Namespace: metav1.NamespaceSystem,
			Labels: map[string]string{
				nameLabel: service.Name, spaceMark: service.Namespace,
				"svccontroller.k3s.cattle.io/nodeselector": "false",
			},
		},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name(service)}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					AutomountServiceAccountToken: &automount,
					Containers:                   containers,
					Tolerations: []corev1.Toleration{
						{Key: "node-role.kubernetes.io/master", Operator: "Exists", Effect: "NoSchedule"},
						{Key: "node-role.kubernetes.io/control-plane", Operator: "Exists", Effect: "NoSchedule"},
						{Key: "CriticalAddonsOnly", Operator: "Exists"},
					},
				},
			},
		},
	}
}
