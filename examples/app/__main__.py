"""A web server on the cluster that another stack made (docs/outputs.md)."""

import pulumi
import pulumi_kubernetes as kubernetes

config = pulumi.Config()
cluster = pulumi.StackReference(config.require("cluster"))

provider = kubernetes.Provider(
    "cluster",
    kubeconfig=cluster.require_output("kubeconfig"),
    # A renewed certificate or a renamed NAS is no other cluster.
    cluster_identifier=cluster.require_output("clusterIdentifier"),
)
on_cluster = pulumi.ResourceOptions(provider=provider)

labels = {"app": "hello"}
serve = "echo hello from the NAS >/tmp/index.html; exec httpd -f -p 8080 -h /tmp"
namespace = kubernetes.core.v1.Namespace(
    "hello-namespace", metadata={"name": "hello"}, opts=on_cluster
)
kubernetes.apps.v1.Deployment(
    "hello-deployment",
    metadata={"name": "hello", "namespace": namespace.metadata["name"]},
    spec={
        "selector": {"match_labels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                # BusyBox's httpd does not hear SIGTERM as process 1.
                "termination_grace_period_seconds": 2,
                "containers": [
                    {
                        "name": "web",
                        "image": config.require("image"),
                        "command": ["sh", "-c", serve],
                        "ports": [{"container_port": 8080}],
                        "readiness_probe": {"http_get": {"path": "/", "port": 8080}},
                        "resources": {"limits": {"memory": "32Mi"}},
                    }
                ],
            },
        },
    },
    opts=on_cluster,
)
service = kubernetes.core.v1.Service(
    "hello-service",
    metadata={"name": "hello", "namespace": namespace.metadata["name"]},
    spec={"selector": labels, "ports": [{"port": 80, "target_port": 8080}]},
    opts=on_cluster,
)

pulumi.export(
    "url",
    pulumi.Output.format("http://hello.hello.svc.{0}/", cluster.require_output("clusterDomain")),
)
