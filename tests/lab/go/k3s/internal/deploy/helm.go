package deploy

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Install applies what the chart holds once its Job, helm-install-<name>, has succeeded; the Job's
// own program cannot.
func Install(
	ctx context.Context, client kubernetes.Interface, applier *Applier, name string, chart []byte,
) {
	for {
		job, err := client.BatchV1().Jobs(metav1.NamespaceSystem).
			Get(ctx, "helm-install-"+name, metav1.GetOptions{})
		if err == nil && job.Status.Succeeded > 0 {
			err = applier.Apply(ctx, chart)
			if err == nil {
				return
			}
			logrus.Errorf("Failed to install chart %s: %v", name, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}
