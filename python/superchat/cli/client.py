"""The client mode: a session with the view that fits standard input and output."""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import superchat
from superchat.cli import colour, commands, objects
from superchat.cli.arguments import ClientArguments
from superchat.cli.lines import Lines
from superchat.cli.output import say
from superchat.cli.screen import Pipe, Screen
from superchat.cli.script import Script
from superchat.cli.session import Session
from superchat.cli.view import View

if TYPE_CHECKING:
    from prompt_toolkit.history import History


def run(arguments: ClientArguments) -> int:
    """Chat until somebody leaves; the result is the exit status."""
    # Unlike the default, poll takes a file as standard input too.
    loop = asyncio.SelectorEventLoop(selectors.PollSelector())
    try:
        return loop.run_until_complete(_chat(arguments))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _chat(arguments: ClientArguments) -> int:
    open_view = _script if arguments.json else _lines(arguments)
    session = Session(arguments, open_view)
    return await session.run(commands.talk(session))


def _script(session: Session) -> View:
    started = objects.Started(
        objects.FORMAT, superchat.__version__, "client", session.client.address
    )
    return Script(started, session.reply, session.leave)


def _lines(arguments: ClientArguments) -> Callable[[Session], View]:
    terminal = sys.stdout is not None and sys.stdout.isatty()
    coloured = colour.wanted(arguments.color, terminal=terminal)
    editor = terminal and colour.able() and sys.stdin is not None and sys.stdin.isatty()
    open_screen: Callable[[Session], Screen] = partial(_pipe, coloured)
    if editor:
        # A line editor takes long to load, and a pipe has no use for one. Its history is opened
        # before there is a client that somebody would have to close.
        from superchat.cli import history

        open_screen = partial(_terminal, coloured, history.opened(arguments.history))

    def open_view(session: Session) -> View:
        say("Socket created and binded")
        say("Client Mode Start")
        return Lines(open_screen(session), session.leave, blocks=editor)

    return open_view


def _pipe(coloured: bool, session: Session) -> Screen:
    return Pipe(session.reply, colour=coloured)


def _terminal(coloured: bool, history: History, session: Session) -> Screen:
    from superchat.cli.terminal import Terminal

    complete = partial(commands.complete, session)
    return Terminal(complete, session.reply, history, colour=coloured)
