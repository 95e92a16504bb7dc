"""The client mode: a session on the screen that fits standard input and output."""

from __future__ import annotations

import asyncio
import os
import selectors
import sys
from functools import partial

from superchat.cli import commands
from superchat.cli.arguments import ClientArguments
from superchat.cli.screen import Pipe, Screen
from superchat.cli.session import Session


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
    session = Session(arguments, _open_screen)
    return await session.run(commands.talk(session))


def _open_screen(session: Session) -> Screen:
    if not _on_terminal():
        return Pipe()
    # A line editor takes long to load, and a pipe has no use for one.
    from superchat.cli.terminal import Terminal

    return Terminal(partial(commands.complete, session))


def _on_terminal() -> bool:
    """Whether both ends are a terminal that can move its cursor."""
    if sys.stdin is None or sys.stdout is None:
        return False
    able = os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
    return able and sys.stdin.isatty() and sys.stdout.isatty()
