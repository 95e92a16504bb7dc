"""Where lines are shown and commands come from: the screen, and its plain form.

A screen always stands at a prompt, so whatever is shown reads ``>>> line``.
On a pipe the prompt is written ahead, and what is read is not echoed: standard
output is what a terminal would show, less what was typed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Protocol

from superchat.cli.output import say

PROMPT = ">>> "


class Screen(Protocol):
    """Where a session shows its lines and gets its commands. Not thread-safe."""

    def show(self, line: str, *, prompt: bool = True) -> None:
        """Show a line; without ``prompt``, none follows it. Raises ``Gone``."""

    async def read(self) -> str | None:
        """The next line that was entered; ``None`` at the end of input."""

    async def close(self) -> None:
        """Leave no prompt behind."""


class Pipe:
    """A screen on plain standard input and output."""

    def __init__(self) -> None:
        self._read = b""
        self._at_prompt = False
        self._prompt()

    def show(self, line: str, *, prompt: bool = True) -> None:
        say(line)
        self._at_prompt = False
        if prompt:
            self._prompt()

    async def read(self) -> str | None:
        while b"\n" not in self._read:
            more = await _read_some()
            if not more:
                break
            self._read += more
        if not self._read:
            return None
        line, _, self._read = self._read.partition(b"\n")
        return line.decode(errors="replace")

    async def close(self) -> None:
        if self._at_prompt:
            say("")

    def _prompt(self) -> None:
        say(PROMPT, end="")
        self._at_prompt = True


async def _read_some() -> bytes:
    """Some bytes from standard input as soon as there are any; none at its end."""
    if sys.stdin is None:
        return b""
    loop, source, readable = asyncio.get_running_loop(), sys.stdin.fileno(), asyncio.Event()
    loop.add_reader(source, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(source)
    try:
        return os.read(source, 65536)
    except OSError:
        return b""
