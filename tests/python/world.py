"""What one test has to itself: a directory, a server's port, and whoever it starts."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import classic
from processes import (
    DEADLINE,
    PipedClient,
    PipedServer,
    Process,
    Terminal,
    free_port,
    superchat,
)

Peer = TypeVar("Peer", bound="Process | classic.Peer")


class World:
    """A server's port, a directory, and whoever a test starts."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.port = free_port()
        self._stack = stack

    def server(self, *options: object) -> PipedServer:
        """A server that is up."""
        server = self.run(PipedServer, "-s", self.port, *options)
        server.prints(
            "Socket created and binded",
            f"listening on: localhost : {self.port}",
            "Server Mode Start",
        )
        return server

    def client(self, name: str, port: int | None = None, *options: object) -> PipedClient:
        """A client on a pipe that starts, and registers."""
        client = self.run(PipedClient, *options, *self._client(name, port))
        client.starts()
        return client

    def online(self, name: str, port: int | None = None) -> PipedClient:
        """A client on a pipe that is registered."""
        client = self.client(name, port)
        client.registers()
        return client

    def terminal_client(
        self,
        name: str,
        port: int | None = None,
        *options: object,
        kind: Callable[[list[str], Path], Terminal] = Terminal,
    ) -> Terminal:
        """A client on a terminal that starts, and registers."""
        client = self.run(kind, *options, *self._client(name, port))
        client.starts()
        return client

    def terminal(self, name: str, *options: object) -> Terminal:
        """A client on a terminal that is registered."""
        client = self.terminal_client(name, None, *options)
        client.registers()
        return client

    def run(self, kind: Callable[[list[str], Path], Peer], *arguments: object) -> Peer:
        """Any process with these arguments."""
        return self.add(kind(superchat(*arguments), self.directory))

    def fed(self, name: str, commands: Path) -> PipedClient:
        """A client that takes its standard input from a file."""
        command = superchat(*self._client(name, None))
        with commands.open() as source:
            client = self.add(PipedClient(command, self.directory, source))
        client.starts()
        return client

    def add(self, peer: Peer) -> Peer:
        """Have it end with the test."""
        self._stack.callback(peer.close)
        return peer

    def _client(self, name: str, port: int | None) -> tuple[object, ...]:
        return "-c", name, "localhost", self.port, port or free_port()


def eventually(seen: Callable[[], bool]) -> bool:
    """Whether it is seen before the deadline."""
    end = time.monotonic() + DEADLINE
    while not seen():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
