"""Where lines are shown and commands come from: the screen, and its plain form.

A screen always stands at a prompt, so whatever is shown reads ``>>> line``.
On a pipe the prompt is written ahead, and what is read is not echoed: standard
output is what a terminal would show, less what was typed.
"""

from __future__ import annotations

from typing import Protocol

from superchat.cli.colour import Look, painted
from superchat.cli.output import say
from superchat.cli.reading import Input
from superchat.cli.reply import Reply


class Screen(Protocol):
    """Where a session shows its lines and gets its commands. Not thread-safe."""

    def show(self, line: str, look: Look, *, prompt: bool = True) -> None:
        """Show a line; without ``prompt``, none follows it. Raises ``Gone``."""

    async def read(self) -> str | None:
        """The next command that was entered; ``None`` at the end of input. Raises ``LineTooLong``."""

    async def close(self) -> None:
        """Leave no prompt behind."""


class Pipe:
    """A screen on plain standard input and output."""

    def __init__(self, reply: Reply, *, colour: bool) -> None:
        self._reply, self._colour = reply, colour
        self._input = Input()
        self._at_prompt = False
        self._prompt()

    def show(self, line: str, look: Look, *, prompt: bool = True) -> None:
        say(painted(line, look) if self._colour else line)
        self._at_prompt = False
        if prompt:
            self._prompt()

    async def read(self) -> str | None:
        line = await self._input.line()
        return line if line is None else self._reply.entered(line)

    async def close(self) -> None:
        if self._at_prompt:
            say("")

    def _prompt(self) -> None:
        say(self._reply.prompt(), end="")
        self._at_prompt = True
