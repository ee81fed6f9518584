"""The least that a program with our plugins costs: it makes their providers and nothing else."""

import pulumi_command as command
import pulumi_docker as docker
import pulumi_kubernetes as kubernetes

command.Provider("command")
docker.Provider("docker", host="unix:///nonexistent/docker.sock")
kubernetes.Provider("kubernetes", kubeconfig="{}")
