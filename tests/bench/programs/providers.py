"""The least that a program with our plugins costs: it makes their providers and nothing else."""

import pulumi
import pulumi_command as command
import pulumi_docker as docker
import pulumi_kubernetes as kubernetes

command.Provider("command")
# The official plugin wants an engine that answers before it is asked for anything.
docker.Provider("docker", host=pulumi.Config().require("dockerHost"))
kubernetes.Provider("kubernetes", kubeconfig="{}")
