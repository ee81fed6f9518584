"""One thing that is wrong with a deployed stack, done to a NAS in a box on purpose.

Beside `faults`, which break a NAS in the middle of an update, these are what somebody finds in the
morning. Where the owner could not mend it with a command of ours, there is a way back here too.
"""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from . import boxes
from .box import PROXY_PORT, Lab
from .process import LabError

_CONTAINER = "k3s"
_TLS = "/var/lib/rancher/k3s/server/tls"
_FULL = ".nas-lab-full"


class Breakages:
    """The ways to break a stack whose container is called k3s."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def forget_daemon_proxy(self) -> None:
        """The daemon's config file as it was before the stack, and a daemon that has read it."""
        config = self._lab.docker_json
        self._must(f"cp -p {config}.nas-k3s-original {config}")
        self._lab.restart_docker()
        self._must("docker start notes")

    def start_by_hand(self, *without: str) -> None:
        """The k3s container made anew by somebody with the same data, but without these
        variables."""
        found = json.loads(self._must(f"docker inspect {_CONTAINER}"))[0]
        config, host = found["Config"], found["HostConfig"]
        arguments = [
            f"--name={_CONTAINER}",
            f"--hostname={config['Hostname']}",
            "--privileged",
            f"--network={host['NetworkMode']}",
            f"--restart={host['RestartPolicy']['Name']}",
            *(f"--label={key}={value}" for key, value in config["Labels"].items()),
            *(f"--tmpfs={place}" for place in host["Tmpfs"]),
            *(
                f"--mount=type=volume,source={mount['Source']},target={mount['Target']}"
                for mount in host["Mounts"]
            ),
            *(
                f"--ulimit={limit['Name']}={limit['Soft']}:{limit['Hard']}"
                for limit in host["Ulimits"]
            ),
            f"--log-driver={host['LogConfig']['Type']}",
            *(
                f"--env={entry}"
                for entry in config["Env"]
                if entry.partition("=")[0] not in (*without, "PATH")
            ),
            config["Image"],
            *config["Cmd"],
        ]
        file = "/etc/ssl/certs/nas-k3s-extra-ca.pem"
        self._must(
            f"docker cp {_CONTAINER}:{file} /tmp/lab-ca.pem && docker rm -f {_CONTAINER} && "
            f"docker create {shlex.join(arguments)} && "
            f"docker cp /tmp/lab-ca.pem {_CONTAINER}:{file} && rm /tmp/lab-ca.pem && "
            f"docker start {_CONTAINER}"
        )

    def change_proxy_password(self, password: str) -> None:
        """The proxy takes this password from now on, and no other."""
        user = self._lab.proxy_user
        if user is None:
            raise LabError("the proxy asks for no login: boot the lab with --proxy-auth")
        # Not as an argument, which the boxes' logs of processes would show.
        self._proxy(
            f"hash=$(mkpasswd -m sha256 -P 0 <<'END'\n{password}\nEND\n) && "
            f'echo "{user}:$hash" >/etc/squid/passwd'
        )
        self._restart_proxy()

    def block_registry(self, name: str) -> None:
        """The proxy answers 403 for this name, until `allow_registries`."""
        self._proxy(
            "[ -e /run/allowed ] || cp /etc/squid/internet.txt /run/allowed; "
            f"grep -v -x -F {shlex.quote(name)} /run/allowed >/etc/squid/internet.txt"
        )
        self._restart_proxy()

    def allow_registries(self) -> None:
        """Undo `block_registry`."""
        self._proxy("[ ! -e /run/allowed ] || mv /run/allowed /etc/squid/internet.txt")
        self._restart_proxy()

    def drop_proxy(self, *, seen: bool) -> None:
        """Packets of the NAS to the proxy are dropped: by a rule of its filter table, or, not
        `seen`, by one where nobody looks, as on a router. `let_proxy` undoes the latter."""
        self._must(f"iptables -t {'filter' if seen else 'mangle'} -I OUTPUT {self._drop}")

    def let_proxy(self) -> None:
        """Undo `drop_proxy` of what is not seen."""
        self._must(f"iptables -t mangle -D OUTPUT {self._drop}")

    @property
    def _drop(self) -> str:
        return f"-p tcp -d {self._lab.addresses.proxy} --dport {PROXY_PORT} -j DROP"

    def remove_image(self, image: str) -> None:
        """Somebody's prune: container and image are gone."""
        self._must(f"docker rm -f {_CONTAINER} && docker rmi {image}")

    def fill_data(self) -> None:
        """No room on the volume of Docker's data; takes no room of this machine's disk.

        Raises LabError where the volume is no file system of its own.
        """
        if self._must(f"stat -f -c %t {self._lab.pool}").strip() != "9123683e":
            raise LabError("the volume is no btrfs of its own: a full one would fill this machine")
        self._must(
            f"cd {self._lab.pool} && stat -f -c '%a %S' . | {{ read -r blocks size && "
            f"fallocate -l $((blocks * size - 200 * 1048576)) {_FULL}; }} && {self._settled}"
        )

    def free_data(self) -> None:
        """Undo `fill_data`."""
        self._must(f"rm -f {self._lab.pool}/{_FULL} && {self._settled}")

    @property
    def _settled(self) -> str:
        """btrfs counts what is free only with its next commit, half a minute later."""
        return f"sync -f {self._lab.pool}"

    def shorten_certificate(self, days: int) -> None:
        """The API's certificate, signed anew by the cluster's own CA, ends in so many days."""
        key = load_pem_private_key(self._inside(f"{_TLS}/server-ca.key"), None)
        ca = x509.load_pem_x509_certificate(self._inside(f"{_TLS}/server-ca.crt"))
        old = x509.load_pem_x509_certificate(self._inside(f"{_TLS}/serving-kube-apiserver.crt"))
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(old.subject)
            .issuer_name(ca.subject)
            .public_key(old.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=days))
        )
        for extension in old.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        signer: Any = key
        pem = builder.sign(signer, SHA256()).public_bytes(Encoding.PEM).decode()
        self._must(
            f"docker exec -i {_CONTAINER} sh -c 'cat >{_TLS}/serving-kube-apiserver.crt' "
            f"<<'END'\n{pem}END\n"
        )

    def _inside(self, file: str) -> bytes:
        return self._must(f"docker exec {_CONTAINER} cat {file}").encode()

    def take_port(self, port: int) -> None:
        """Another program has k3s's port before k3s starts, as after a boot."""
        self._must(
            f"docker stop {_CONTAINER} && httpd -p {port} -h /home && docker start {_CONTAINER}"
        )

    def give_port(self, port: int) -> None:
        """Undo `take_port`; k3s is left as it is."""
        self._must(
            f"for p in $(pidof httpd); do tr '\\0' ' ' <\"/proc/$p/cmdline\" | "
            f"grep -q -e '-p {port} ' && kill $p; done; true"
        )

    def heal(self) -> None:
        """Undo whatever of this an up does not."""
        for table in ("filter", "mangle"):
            self._must(f"while iptables -t {table} -D OUTPUT {self._drop} 2>/dev/null; do :; done")
        self.allow_registries()
        self.free_data()
        self.give_port(6443)

    def _must(self, command: str) -> str:
        return self._lab.nas_must(command)

    def _proxy(self, command: str) -> None:
        box = boxes.find(self._lab.client, self._lab.instance, "proxy")
        if box is None:
            raise LabError("the proxy box is gone: run `python -m tests.lab up`")
        done = box.exec_run(["sh", "-c", command])
        if done.exit_code != 0:
            raise LabError(f"on the proxy: {done.output!r}")

    def _restart_proxy(self) -> None:
        self._lab.proxy_stop()
        self._lab.proxy_start()
