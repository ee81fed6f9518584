"""What a TCP connection from this machine comes to: `python -m nas.reach HOST PORT SECONDS`."""

from __future__ import annotations

import socket
import sys
import time

KNOCK_TIMEOUT = 5.0
"""Seconds for a connection in the LAN."""
PAUSE = 0.5
"""Seconds between two tries."""

MODULE = "nas.reach"


def knock(host: str, port: int) -> str:
    """What a connection comes to: `open`, `refused`, `silent`, or the error."""
    try:
        socket.create_connection((host, port), timeout=KNOCK_TIMEOUT).close()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    except OSError as error:
        return error.strerror or str(error)
    return "open"


def wait(host: str, port: int, seconds: float) -> str:
    """Knocks until it is open or the time is over; returns the last answer."""
    end = time.monotonic() + seconds
    while (answer := knock(host, port)) != "open" and time.monotonic() < end:
        time.sleep(PAUSE)
    return answer


def main(arguments: list[str]) -> int:
    """Exit status 1, and why on standard error, when the port stays closed."""
    host, port, seconds = arguments
    answer = wait(host, int(port), float(seconds))
    if answer == "open":
        return 0
    fault = {
        "refused": "the connection is refused",
        "silent": "packets stay without an answer",
    }.get(answer, answer)
    print(
        f"nas-k3s: error: the Kubernetes API answers on the NAS, but not from this machine at "
        f"{host} port {port}: {fault}\n"
        "nas-k3s:   -> let this port of the NAS through in its firewall and in those in between "
        "(nas-k3s:apiPort)",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
