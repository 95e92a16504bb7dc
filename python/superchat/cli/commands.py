"""What can be typed: each command is run to its end before the next one is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from superchat.cli.session import Session
from superchat.cli.visible import visible


async def talk(session: Session) -> None:
    """Register, then do what is typed until it is over."""
    await session.register()
    while (line := await session.read()) is not None:
        await _execute(session, line)


def complete(session: Session, before: str) -> Iterable[str]:
    """The words that may follow what stands before them on the line."""
    words = before.split()
    if not words:
        return COMMANDS
    if words == ["send"]:
        return session.names()
    return ()


async def _execute(session: Session, line: str) -> None:
    name, *rest = line.split(maxsplit=1) or [""]
    if command := COMMANDS.get(name):
        await command.run(session, *rest)
    elif name:
        session.show("[Unknown Command, try help]")


async def _send(session: Session, rest: str = "") -> None:
    if not session.client.registered:
        return
    match rest.split(maxsplit=1):
        case [recipient, text]:
            await session.send(recipient, text)
        case _:
            _usage(session, "send")


async def _register(session: Session, rest: str = "") -> None:
    match rest.split():
        case [nickname]:
            await session.register(nickname)
        case _:
            _usage(session, "reg")


async def _deregister(session: Session, rest: str = "") -> None:
    if session.client.registered:
        await session.deregister()


async def _users(session: Session, rest: str = "") -> None:
    for user in session.client.users():
        session.show(f"{visible(user.nickname)} {'online' if user.online else 'offline'}")


async def _help(session: Session, rest: str = "") -> None:
    for command in COMMANDS.values():
        session.show(f"{command.usage:16} {command.about}")


async def _quit(session: Session, rest: str = "") -> None:
    session.leave()


def _usage(session: Session, name: str) -> None:
    session.show(f"[Usage: {COMMANDS[name].usage}]")


@dataclass(frozen=True)
class Command:
    """A command: how it is typed, what it does, and the doing."""

    usage: str
    about: str
    run: Callable[..., Awaitable[None]]


COMMANDS = {
    "send": Command("send NAME TEXT", "send a message", _send),
    "reg": Command("reg NAME", "go online, under any name", _register),
    "dereg": Command("dereg", "go offline; messages then wait at the server", _deregister),
    "users": Command("users", "list who is known, online or not", _users),
    "help": Command("help", "list the commands", _help),
    "quit": Command("quit", "log off and leave, like Ctrl+D", _quit),
}
