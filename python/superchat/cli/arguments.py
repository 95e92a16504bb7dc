"""What the program is told when it is started, all of it checked.

The arguments of 2017 mean what they meant then. Whatever fits neither usage,
and any port out of range, ends the program here with a line on standard output.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import superchat
from superchat.cli.options import LIMITS, Parser, build_parser
from superchat.events import Address

PORTS = range(1024, 65536)


@dataclass(frozen=True)
class ServerArguments:
    port: int
    host: str
    directory: str
    refuse_classic: bool
    quiet: bool
    metrics: Address | None
    json: bool
    log: str | None
    limits: superchat.Limits


@dataclass(frozen=True)
class ClientArguments:
    nickname: str
    server: str
    server_port: int
    port: int
    host: str | None
    reply: bool
    history: str | None
    color: str
    json: bool
    log: str | None


def parse(argv: Sequence[str]) -> ServerArguments | ClientArguments:
    """The arguments, all of them checked; or the end of the program."""
    parser = build_parser(_program(argv[0]))
    if "--json" in argv:
        parser.complaints = sys.stderr
    given = parser.parse_args(argv[1:])
    if given.json and given.history is not None:
        parser.refuse("--history is for a terminal, and --json for a program")
    parser.refuse_those_of("client" if given.client is None else "server", given)
    if given.server is not None:
        return _server(parser, given)
    return _client(parser, given)


def _server(parser: Parser, given: argparse.Namespace) -> ServerArguments:
    if given.server not in PORTS:
        parser.refuse("Port Number out of range")
    return ServerArguments(
        given.server,
        given.host or "localhost",
        given.directory,
        given.refuse_classic,
        given.quiet,
        _metrics(parser, given.metrics),
        given.json,
        given.log,
        superchat.Limits(**{name: getattr(given, name) for name in LIMITS}),
    )


def _client(parser: Parser, given: argparse.Namespace) -> ClientArguments:
    nickname, server, *ports = given.client
    try:
        server_port, port = map(int, ports)
    except ValueError:
        parser.error("a port is a number")
    if server_port not in PORTS or port not in PORTS:
        parser.refuse("[Port Number out of range]")
    return ClientArguments(
        nickname,
        server,
        server_port,
        port,
        given.host,
        given.reply,
        given.history,
        given.color,
        given.json,
        given.log,
    )


def _metrics(parser: Parser, given: str | None) -> Address | None:
    if given is None:
        return None
    with suppress(ValueError):
        parts = urlsplit(f"//{given}")
        host, port = parts.hostname, parts.port
        if host and port is not None and port in PORTS and parts.netloc == given and "@" not in given:
            return host, port
    parser.refuse("--metrics takes HOST:PORT, for example localhost:9100")


def _program(name: str) -> str:
    """The name that the program was really started by."""
    base = os.path.basename(name)
    return "python -m superchat" if base == "__main__.py" else base
