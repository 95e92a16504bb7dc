"""The server's figures over HTTP, for Prometheus.

Whoever reaches the port may read them, so it is open on the loopback interface
only.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import superchat
from superchat import errors
from superchat.events import Address


@contextmanager
def served(server: superchat.Server, at: Address | None) -> Iterator[None]:
    """Answer scrapes at an address, if one is given, until the end of the block."""
    if at is None:
        yield
        return
    # Only here: who asks for no figures loads no library for them.
    from prometheus_client import CollectorRegistry, start_http_server

    from superchat.metrics import Collector

    registry = CollectorRegistry()
    registry.register(Collector(server))
    host, port = _loopback(*at)
    try:
        http, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise errors.BindError(f"cannot serve metrics at {host}:{port}: {error.strerror}") from error
    try:
        yield
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _loopback(host: str, port: int) -> Address:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise errors.AddressError(f"cannot find the address {host!r}: {error.strerror}") from error
    for *_, address in found:
        if ipaddress.ip_address(address[0]).is_loopback:
            return str(address[0]), port
    raise errors.AddressError(
        f"metrics are served on the loopback interface only, and {host!r} is not there: "
        "take localhost, and a proxy in front of it for other machines"
    )
