"""What the program can be told when it is started, and what ``--help`` says of it.

Shell completion and the man page are generated from this parser.
"""

from __future__ import annotations

import argparse
import shutil
import textwrap
from dataclasses import fields
from datetime import timedelta
from typing import NoReturn, TextIO

import superchat

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

WRONG = 2

STATUSES = {
    0: "somebody left: quit, Ctrl+C, Ctrl+D or the end of input, or a signal to terminate; "
    "or nobody reads the output any more; or --help or --version",
    1: "the server does not respond or went down, or something cannot be opened: a port, an address, "
    "a directory, a history, metrics; or a nickname or a limit is not allowed; standard error says "
    "what, unless a line on the screen did",
    WRONG: "the arguments fit neither usage, or have a port out of range or an option of the other mode",
}
"""The exit statuses of the program, and what they mean."""

EXAMPLES = """\
examples:
  {program} -s 5000
      a server
  {program} -c sonic localhost 5000 1211
      a client of it
  {program} --reply -c sonic localhost 5000 1211
      the same; a line without a command goes to whom you sent to last
  {program} --json -c bot localhost 5000 1212
      the same for a program: an object a line

docs/TERMINAL.md has all commands, keys, objects and exit statuses."""


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in the words of 2017."""

    complaints: TextIO | None = None
    """Where to; standard output, unless a program takes that for objects."""

    def error(self, message: str) -> NoReturn:
        self.refuse(USAGE.format(program=self.prog))

    def refuse_those_of(self, mode: str, given: argparse.Namespace) -> None:
        """Refuse the options of a mode that is not the one asked for."""
        for group in self._action_groups:
            for action in group._group_actions:
                said = getattr(given, action.dest, action.default) != action.default
                if said and group.title and group.title.endswith(f"of a {mode}"):
                    self.refuse(f"{action.option_strings[0]} is an option of a {mode}")

    def refuse(self, line: str) -> NoReturn:
        print(line, file=self.complaints)
        self.exit(WRONG)


def build_parser(program: str) -> Parser:
    """The parser of all that the program can be told; what is generated is made from it."""
    parser = Parser(
        prog=program,
        usage=f"\n{USAGE.format(program=program)}",
        description="Chat over UDP: who is online, messages, and a mailbox for who is not.",
        epilog=_epilog(program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_modes(parser)
    _add_common(parser.add_argument_group("options of both"))
    _add_client(parser.add_argument_group("options of a client"))
    _add_server(parser.add_argument_group("options of a server"))
    _add_limits(parser)
    return parser


def _epilog(program: str) -> str:
    width = shutil.get_terminal_size().columns - 2
    statuses = [
        textwrap.fill(f"{status}  {meaning}", width, initial_indent="  ", subsequent_indent=" " * 5)
        for status, meaning in STATUSES.items()
    ]
    return "\n".join(["exit status:", *statuses, "", EXAMPLES.format(program=program)])


def _add_modes(parser: Parser) -> None:
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
        "--version", action="version", version=f"superchat {superchat.__version__}"
    )


def _add_common(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--host",
        type=_text,
        help="the address to listen on (server: localhost; "
        "client: loopback if the server is there, else all)",
    )
    group.add_argument(
        "--json",
        action="store_true",
        help="for programs: what happens as JSON, an object a line, and nothing else on standard "
        "output; commands are the same",
    )
    group.add_argument(
        "--log",
        choices=("error", "warn", "info", "debug", "trace"),
        help="what happens inside, line by line, on standard error",
    )


def _add_client(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--reply",
        action="store_true",
        help="send a line that is no command to whom you sent to last; the prompt says who that is",
    )
    group.add_argument(
        "--history",
        type=_text,
        metavar="FILE",
        help="keep what was entered on a terminal in this file, the text of messages too "
        "(without it, until the end only)",
    )
    group.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour: on a terminal where NO_COLOR is not set (auto), or always, or never",
    )


def _add_server(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--directory", default=".", help="where messages wait (the current directory)"
    )
    group.add_argument(
        "--refuse-classic",
        action="store_true",
        help="refuse programs of 2017, which cannot prove a message to be new",
    )
    group.add_argument("--quiet", action="store_true", help="no line for each request")
    group.add_argument(
        "--metrics",
        type=_text,
        metavar="HOST:PORT",
        help="figures for Prometheus over HTTP, on the loopback interface",
    )


def _add_limits(parser: Parser) -> None:
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
