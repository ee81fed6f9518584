"""A cluster's client certificate with another end, as years would bring it about."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .box import Lab

_LIFE = timedelta(days=365)


def reissue(lab: Lab, data: str, left: timedelta) -> None:
    """Gives the administrator's certificate an end that is `left` away, in k3s's data and in its
    kubeconfig; the running k3s takes no notice.

    Args:
        data: directory of /var/lib/rancher/k3s on the NAS.
    """
    tls = f"{data}/server/tls"
    old = x509.load_pem_x509_certificate(lab.nas_must(f"cat {tls}/client-admin.crt").encode())
    issuer_pem = lab.nas_must(f"cat {tls}/client-ca.crt").encode()
    issuer = x509.load_pem_x509_certificate(issuer_pem)
    key = serialization.load_pem_private_key(
        lab.nas_must(f"cat {tls}/client-ca.key").encode(), password=None
    )
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    end = datetime.now(UTC) + left
    builder = x509.CertificateBuilder(
        issuer_name=issuer.subject,
        subject_name=old.subject,
        public_key=old.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=end - _LIFE,
        not_valid_after=end,
        extensions=list(old.extensions),
    )
    new = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + issuer_pem
    lab.nas_must(f"cat >{tls}/client-admin.crt <<'END'\n{new.decode()}END\n")
    file = "/etc/rancher/k3s/k3s.yaml"
    text = lab.nas_must(f"docker exec k3s cat {file}")
    inline = base64.b64encode(new).decode()
    text = re.sub(r"(client-certificate-data: ).*", rf"\g<1>{inline}", text)
    lab.nas_must(f"docker exec -i k3s sh -c 'cat >{file}' <<'END'\n{text}END\n")
