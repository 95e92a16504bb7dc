"""Hosts that are network namespaces, a router between them that can be told to lose, and NATs.

None of the namespaces has a link to the machine's own network. What is made has
a name that nobody else has, and goes with the test, as do the processes.
"""

from __future__ import annotations

import functools
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import worker
from processes import DEADLINE, Piped, PipedClient, PipedServer, Process, superchat

from superchat import Delivery, Route, User

# For the next outcome or message; the worker's answer has to come before the deadline.
PATIENCE = DEADLINE / 2

PORT, CLIENT_PORT = 5000, 1211

# What a NAT does with the port of whom it hides: keep it, or take another one for each peer.
PORT_KEPT = "masquerade"
PORT_PER_PEER = "masquerade fully-random"

# The router's filters while there are no faults.
_FAULTS = [
    "add table ip faults",
    "add counter ip faults lost",
    "add counter ip faults doubled",
    "add chain ip faults forward { type filter hook forward priority 0; }",
]

Heard = tuple[str, str, Route]
Kind = TypeVar("Kind", bound=Process)


class Network:
    """A router, and the hosts around it."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self._stack = stack
        self._tag = secrets.token_hex(4)
        self._wires = 0
        self._router = self._namespace("router")
        self._router.filters(*_FAULTS)
        self.server = self.host("server")

    def serve(self) -> None:
        """Start the server on its host, for the time of the test."""
        address = self.server.address
        command = superchat("-s", PORT, "--host", address, "--directory", self.directory)
        self.server.run(PipedServer, command).prints(
            "Socket created and binded", f"listening on: {address} : {PORT}", "Server Mode Start"
        )

    def host(self, name: str) -> Host:
        """A host on a wire of its own."""
        host = self._namespace(name)
        self._wire(self._router, host)
        host.seen_as = host.address
        return host

    def host_behind_nat(self, name: str, masquerade: str) -> Host:
        """A host in a network of its own, and the NAT that hides it from all others."""
        nat, host = self.host(f"{name}-nat"), self._namespace(name)
        self._wire(nat, host)
        host.seen_as = nat.address
        nat.filters(*_nat(masquerade))
        return host

    def block(self, source: Host, target: Host) -> None:
        """Let nothing pass that way."""
        self._fault(f"ip saddr {source.seen_as} ip daddr {target.seen_as} drop")

    def lose(self, percent: int) -> None:
        """Lose so many of the datagrams, each way of every path."""
        self._fault(f"numgen random mod 100 < {percent} counter name lost drop")

    def double(self, percent: int) -> None:
        """Let so many of the datagrams come twice."""
        self._fault(f"numgen random mod 100 < {percent} counter name doubled dup to ip daddr")

    def mend(self) -> None:
        """Let everything pass again."""
        self._router.filters("flush chain ip faults forward")

    def count(self, counter: str) -> int:
        """How many datagrams were ``lost`` or ``doubled``."""
        listed = self._router.output("nft", "-j", "list", "counter", "ip", "faults", counter)
        found = [each["counter"] for each in json.loads(listed)["nftables"] if "counter" in each]
        return int(found[0]["packets"])

    def unplug(self, host: Host) -> None:
        """Pull the host's cable at the router."""
        self._router.ip("link", "set", "dev", host.name, "down")

    def plug(self, host: Host) -> None:
        self._router.ip("link", "set", "dev", host.name, "up")

    def add(self, process: Kind) -> Kind:
        """Have it end with the test."""
        self._stack.callback(process.close)
        return process

    def _fault(self, rule: str) -> None:
        self._router.filters(f"add rule ip faults forward {rule}")

    def _namespace(self, name: str) -> Host:
        host = Host(self, name, f"superchat-{self._tag}-{name}")
        _output("ip", "netns", "add", host.namespace)
        self._stack.callback(_output, "ip", "netns", "delete", host.namespace)
        host.ip("link", "set", "lo", "up")
        return host

    def _wire(self, upper: Host, lower: Host) -> None:
        """A wire, and the way from the lower host to all others."""
        self._wires += 1
        net = f"10.77.{self._wires}"
        veth = ("type", "veth", "peer", "name", "eth0", "netns", lower.namespace)
        upper.ip("link", "add", "name", lower.name, *veth)
        for host, link, number in ((upper, lower.name, 1), (lower, "eth0", 2)):
            host.ip("address", "add", f"{net}.{number}/24", "dev", link)
            host.ip("link", "set", "dev", link, "up")
        lower.ip("route", "add", "default", "via", f"{net}.1")
        upper.output("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        lower.address = f"{net}.2"


class Host:
    """A network namespace, and the processes in it."""

    def __init__(self, network: Network, name: str, namespace: str) -> None:
        self.name, self.namespace = name, namespace
        self.address = ""
        """What the host takes for its address."""
        self.seen_as = ""
        """What others take for it."""
        self._network = network

    def run(self, kind: Callable[[list[str], Path], Kind], command: Sequence[str]) -> Kind:
        """A process on this host."""
        return self._network.add(kind(self._on(command), self._network.directory))

    def command_line(self) -> CommandLine:
        """A client that is registered: the command line, the host's name for a nickname."""
        client = self.run(CommandLine, superchat("-c", *self._client()))
        client.starts()
        client.registers()
        return client

    def api(self) -> Api:
        """A client that is registered: the Python API, the host's name for a nickname."""
        command = [sys.executable, worker.__file__, *map(str, self._client())]
        client = self.run(Api, command)
        client.starts()
        return client

    def ip(self, *arguments: str) -> None:
        _output("ip", "-n", self.namespace, *arguments)

    def filters(self, *commands: str) -> None:
        self.output("nft", "\n".join(commands))

    def output(self, *command: str) -> str:
        return _output(*self._on(command))

    def _client(self) -> tuple[object, ...]:
        return self.name, self._network.server.address, PORT, CLIENT_PORT

    def _on(self, command: Sequence[str]) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *command]


class CommandLine(PipedClient):
    """A client on a pipe that also tells one line from another."""

    def finds(self, pattern: str, enough: Callable[[list[str]], bool]) -> list[str]:
        """What the pattern finds in all that came, when that is enough or the deadline is there."""
        self._stdout.until(lambda: enough(re.findall(pattern, self.stdout)))
        return re.findall(pattern, self.stdout)


class Api(Piped):
    """A client that a worker has. The deadline is for each of its answers."""

    _answers = 0

    def send(self, recipient: str, text: str) -> Delivery:
        return Delivery(self._ask("send", recipient, text))

    def post(self, recipient: str, texts: Sequence[str]) -> None:
        self._ask("post", recipient, texts)

    def outcomes(self, count: int) -> dict[str, str]:
        """So many outcomes, by their texts: each a delivery or the name of an error."""
        found = self._gather("outcomes", lambda found: len(found) >= count)
        assert len(found) == count
        return dict(found)

    def hears(self, *texts: str) -> None:
        """Wait until these have come."""
        found = self._gather("heard", lambda found: {*texts} <= {text for _, text, _ in found})
        assert sorted({*texts} - {text for _, text, _ in found}) == []

    def leave(self) -> list[Heard]:
        """Deregister; all that it heard."""
        self._ask("deregister")
        heard = self._ask("heard", 0, 0.0)
        return [(sender, text, Route(route)) for sender, text, route in heard]

    def register(self) -> None:
        self._ask("register")

    def users(self) -> list[User]:
        rows = self._ask("users")
        return [User(name, (host, port), online, None) for name, host, port, online in rows]

    def starts(self) -> None:
        """The first answer is that it is registered."""
        self._answer("start")

    def _gather(self, method: str, enough: Callable[[list[Any]], bool]) -> list[Any]:
        """What comes until it is enough, or nothing more comes."""
        found: list[Any] = []
        while not enough(found) and (more := self._ask(method, len(found), PATIENCE)):
            found += more
        return found

    def _ask(self, method: str, *arguments: object) -> Any:
        request = json.dumps([method, *arguments])
        self.enter(request)
        return self._answer(request)

    def _answer(self, request: str) -> Any:
        """The next line."""
        self._answers += 1
        self._stdout.until(lambda: self._out.count(b"\n") >= self._answers)
        lines = self.stdout.split("\n")
        assert len(lines) > self._answers, f"no answer to {request}; {self.stderr}"
        return json.loads(lines[self._answers - 1])


class Refused(Exception):
    """The system does not let a test do this: the command, and its words."""


@functools.cache
def missing() -> str | None:
    """What this machine lacks for such a network, if anything."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program) is None:
            return f"needs {program}, of {package}"
    try:
        with ExitStack() as stack:
            network = Network(Path(), stack)
            network.host_behind_nat("host", PORT_PER_PEER)
            network.lose(0)
            network.double(0)
    except Refused as refused:
        return f"no network of namespaces and packet filters can be made here: {refused}"
    return None


def _nat(masquerade: str) -> list[str]:
    """The filters of a NAT: whoever has not been spoken to from within is not heard."""
    return [
        "add table ip nat",
        "add chain ip nat out { type nat hook postrouting priority srcnat; }",
        f"add rule ip nat out oifname eth0 {masquerade}",
        "add chain ip nat in { type filter hook input priority 0; }",
        "add rule ip nat in iifname eth0 drop",
    ]


def _output(*command: str) -> str:
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise Refused(f"{' '.join(command)}: {run.stderr.strip()}")
    return run.stdout
