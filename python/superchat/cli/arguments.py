"""What the program is told when it is started.

The arguments of 2017 mean what they meant then. Whatever fits neither usage,
and any port out of range, ends the program here with a line on standard output.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import NoReturn
from urllib.parse import urlsplit

import superchat
from superchat.events import Address

USAGE = """\
Server Usage : {program} -s <port>
Client Usage : {program} -c <nick-name> <server-ip> <server-port> <client-port>"""

LIMITS = {
    "users": "users in the table, offline ones included",
    "lookup_past": "users past which clients look up whom they need",
    "message_bytes": "bytes of a message",
    "stranger_datagrams_per_second": "from an address where nobody is registered",
    "member_datagrams_per_second": "from an address where somebody is",
    "name_requests_per_second": "of one nickname",
    "handshakes": "addresses in the middle of proving themselves",
    "unproven_factor": "times the bytes that came from such an address may be sent there",
    "mailboxes": "mailboxes with messages in them",
    "mailbox_bytes": "bytes of a mailbox",
    "mailbox_messages": "messages in a mailbox",
    "store_bytes": "bytes of all mailboxes together",
    "message_age": "days that a message waits for its recipient; 0 for ever",
}
"""The limits of a server, and what ``--help`` says of them."""

PORTS = range(1024, 65536)
WRONG = 2


@dataclass(frozen=True)
class ServerArguments:
    port: int
    host: str
    directory: str
    refuse_classic: bool
    quiet: bool
    metrics: Address | None
    log: str | None
    limits: superchat.Limits


@dataclass(frozen=True)
class ClientArguments:
    nickname: str
    server: str
    server_port: int
    port: int
    host: str | None
    log: str | None


def parse(argv: Sequence[str]) -> ServerArguments | ClientArguments:
    """The arguments, all of them checked; or the end of the program."""
    parser = _parser(_program(argv[0]))
    given = parser.parse_args(argv[1:])
    if given.server is not None:
        return _server(parser, given)
    return _client(parser, given)


def _server(parser: _Parser, given: argparse.Namespace) -> ServerArguments:
    if given.server not in PORTS:
        parser.refuse("Port Number out of range")
    return ServerArguments(
        given.server,
        given.host or "localhost",
        given.directory,
        given.refuse_classic,
        given.quiet,
        _metrics(parser, given.metrics),
        given.log,
        superchat.Limits(**{name: getattr(given, name) for name in LIMITS}),
    )


def _client(parser: _Parser, given: argparse.Namespace) -> ClientArguments:
    nickname, server, *ports = given.client
    try:
        server_port, port = map(int, ports)
    except ValueError:
        parser.error("a port is a number")
    if server_port not in PORTS or port not in PORTS:
        parser.refuse("[Port Number out of range]")
    return ClientArguments(nickname, server, server_port, port, given.host, given.log)


def _metrics(parser: _Parser, given: str | None) -> Address | None:
    if given is None:
        return None
    with suppress(ValueError):
        parts = urlsplit(f"//{given}")
        host, port = parts.hostname, parts.port
        if host and port is not None and port in PORTS and parts.netloc == given and "@" not in given:
            return host, port
    parser.refuse("--metrics takes HOST:PORT, for example localhost:9100")


class _Parser(argparse.ArgumentParser):
    """An argument parser that complains in the words of 2017."""

    def error(self, message: str) -> NoReturn:
        self.refuse(USAGE.format(program=self.prog))

    def refuse(self, line: str) -> NoReturn:
        print(line)
        self.exit(WRONG)


def _parser(program: str) -> _Parser:
    parser = _Parser(
        prog=program,
        usage=f"\n{USAGE.format(program=program)}",
        description="Chat over UDP: who is online, messages, and a mailbox for who is not.",
        allow_abbrev=False,
    )
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument(
        "-s", dest="server", type=int, metavar="PORT", help="be the server, on this port"
    )
    mode.add_argument(
        "-c",
        dest="client",
        nargs=4,
        type=_text,
        metavar=("NICK", "SERVER-IP", "SERVER-PORT", "CLIENT-PORT"),
        help="be a client, under this nickname",
    )
    parser.add_argument(
        "--host",
        type=_text,
        help="the address to listen on (server: localhost; "
        "client: loopback if the server is there, else all)",
    )
    parser.add_argument(
        "--directory", default=".", help="server: where messages wait (the current directory)"
    )
    parser.add_argument(
        "--refuse-classic",
        action="store_true",
        help="server: refuse programs of 2017, which cannot prove a message to be new",
    )
    parser.add_argument("--quiet", action="store_true", help="server: no line for each request")
    _add_limits(parser)
    parser.add_argument(
        "--metrics",
        type=_text,
        metavar="HOST:PORT",
        help="server: figures for Prometheus over HTTP, on the loopback interface",
    )
    parser.add_argument(
        "--log",
        choices=("error", "warn", "info", "debug", "trace"),
        help="what happens, line by line, on standard error",
    )
    parser.add_argument(
        "--version", action="version", version=f"superchat {superchat.__version__}"
    )
    return parser


def _add_limits(parser: _Parser) -> None:
    group = parser.add_argument_group("limits of a server", "docs/LIMITS.md has more about them.")
    defaults = superchat.Limits()
    for field in fields(defaults):
        name, default = field.name, getattr(defaults, field.name)
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=_days if name == "message_age" else int,
            default=default,
            metavar="DAYS" if name == "message_age" else "N",
            help=f"{LIMITS[name]} ({default or 0})",
        )


def _days(value: str) -> timedelta | None:
    """A time in days; none at all is for ever."""
    try:
        return timedelta(days=float(value)) or None
    except OverflowError as error:
        raise ValueError(value) from error


def _text(value: str) -> str:
    """Refuse bytes that are no text: encoding them is a ``ValueError``."""
    value.encode()
    return value


def _program(name: str) -> str:
    """The name that the program was really started by."""
    base = os.path.basename(name)
    return "python -m superchat" if base == "__main__.py" else base
