"""What the commands do: each is run to its end before the next one is read."""

from __future__ import annotations

import textwrap
from collections.abc import Awaitable, Callable, Iterable

from superchat import errors
from superchat.cli import grammar
from superchat.cli.grammar import FORMS
from superchat.cli.reading import LINE, LineTooLong
from superchat.cli.session import Session
from superchat.cli.visible import visible

# What a line of help has room for on a terminal of 80 columns, behind the prompt.
_WIDTH = 76


async def talk(session: Session) -> None:
    """Register, then do what is typed until it is over."""
    await session.register()
    while True:
        try:
            line = await session.read()
        except LineTooLong:
            session.view.wrong("too_long", f"Line Too Long, more than {LINE} bytes")
            continue
        if line is None:
            return
        await _execute(session, line)


def complete(session: Session, before: str) -> Iterable[str]:
    """The words that may follow what stands before them on the line."""
    match before.split():
        case []:
            return FORMS
        case ["send"]:
            return session.names()
        case ["reg"]:
            return session.own_names
        case ["help"]:
            return FORMS
    return ()


async def _execute(session: Session, line: str) -> None:
    name, rest = grammar.split(line)
    if command := _COMMANDS.get(name):
        await command(session, rest)
    elif name:
        session.view.wrong("unknown_command", "Unknown Command, try help")


async def _send(session: Session, rest: str) -> None:
    match rest.split(maxsplit=1):
        case [recipient, _] if not session.client.registered:
            session.unsent(_offline(), recipient)
        case [recipient, text]:
            await session.send(recipient, text)
        case _ if not session.client.registered:
            session.view.failed(_offline())
        case _:
            _usage(session, "send")


async def _register(session: Session, rest: str) -> None:
    match rest.split():
        case [nickname]:
            await session.register(nickname)
        case _:
            _usage(session, "reg")


async def _deregister(session: Session, rest: str) -> None:
    if not session.client.registered:
        return session.view.failed(_offline())
    await session.deregister()


async def _users(session: Session, rest: str) -> None:
    session.view.users(session.client.users())


async def _reply(session: Session, rest: str) -> None:
    session.view.replying(session.reply)


async def _help(session: Session, rest: str) -> None:
    if not rest:
        session.view.help([f"{form.usage:16} {form.about}" for form in FORMS.values()])
    elif form := FORMS.get(rest.strip()):
        session.view.help([form.usage, *textwrap.wrap(f"{form.about}. {form.more}", _WIDTH)])
    else:
        session.view.wrong("unknown_command", f"No command {visible(rest.strip())}, try help")


async def _quit(session: Session, rest: str) -> None:
    session.leave()
    session.view.done()


def _offline() -> errors.NotRegisteredError:
    return errors.NotRegisteredError("the client is offline; register first")


def _usage(session: Session, name: str) -> None:
    session.view.wrong("usage", f"Usage: {FORMS[name].usage}")


_COMMANDS: dict[str, Callable[[Session, str], Awaitable[None]]] = {
    "send": _send,
    "reg": _register,
    "dereg": _deregister,
    "users": _users,
    "reply": _reply,
    "help": _help,
    "quit": _quit,
}
