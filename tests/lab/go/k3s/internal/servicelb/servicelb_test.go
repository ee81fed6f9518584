package servicelb

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func service(kind corev1.ServiceType) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "traefik", Namespace: "kube-system", UID: "0123456789ab"},
		Spec: corev1.ServiceSpec{Type: kind, Ports: []corev1.ServicePort{
			{Port: 80, Protocol: corev1.ProtocolTCP}, {Port: 443, Protocol: corev1.ProtocolTCP},
		}},
	}
}

func TestALoadBalancerGetsADaemonSetThatTakesItsPortsAndLosesItWithServicelb(t *testing.T) {
	ctx := context.Background()
	client := fake.NewClientset(service(corev1.ServiceTypeLoadBalancer))
	controller := &Controller{Client: client, NodeIP: "192.0.2.9", Image: Image}
	sets := client.AppsV1().DaemonSets("kube-system")
	if err := controller.serve(ctx); err != nil {
		t.Fatal(err)
	}
	set, err := sets.Get(ctx, "svclb-traefik-01234567", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for index, port := range []int32{80, 443} {
		if got := set.Spec.Template.Spec.Containers[index].Ports[0].HostPort; got != port {
			t.Errorf("host port %d, not %d", got, port)
		}
	}
	if set.Labels[nameLabel] != "traefik" || set.Spec.Template.Labels["app"] != set.Name {
		t.Fatalf("%v %v", set.Labels, set.Spec.Template.Labels)
	}
	if err := controller.forget(ctx, map[string]bool{}); err != nil {
		t.Fatal(err)
	}
	if left, err := sets.List(ctx, metav1.ListOptions{}); err != nil || len(left.Items) != 0 {
		t.Fatalf("%v %v", left, err)
	}
}

func TestAServiceInsideTheClusterGetsNone(t *testing.T) {
	ctx := context.Background()
	client := fake.NewClientset(service(corev1.ServiceTypeClusterIP))
	controller := &Controller{Client: client, NodeIP: "192.0.2.9", Image: Image}
	if err := controller.serve(ctx); err != nil {
		t.Fatal(err)
	}
	left, err := client.AppsV1().DaemonSets("").List(ctx, metav1.ListOptions{})
	if err != nil || len(left.Items) != 0 {
		t.Fatalf("%v %v", left, err)
	}
}
