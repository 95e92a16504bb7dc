"""Lines without a command, for those who turned that on.

What is typed goes to whom the prompt names, and to nobody else: the recipient is
settled when the line is entered, and only an own ``send`` changes it, never a
message that comes meanwhile. One that reached nobody gives it back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from superchat.cli import grammar
from superchat.cli.visible import visible

PROMPT = ">>> "


class Reply:
    """Whether lines without a command are sent, and to whom."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self._reached: str | None = None
        # Of the lines that were entered and are not done, so it has their bound.
        self._under_way: deque[str] = deque()

    @property
    def recipient(self) -> str | None:
        """Whom the last line was sent to, of those that are under way or reached somebody."""
        return self._under_way[-1] if self._under_way else self._reached

    def prompt(self, fit: Callable[[str], str] = str) -> str:
        """The prompt, which says where a line without a command goes; ``fit`` may cut the name."""
        if self.on and self.recipient is not None:
            return f"to {fit(visible(self.recipient))} {PROMPT}"
        return PROMPT

    def entered(self, line: str) -> str:
        """The command that a line stands for. Each line is given once, in order."""
        name, rest = grammar.split(line)
        if grammar.fits(line):
            if name == "send":
                self._under_way.append(rest.split(maxsplit=1)[0])
            elif name == "reply":
                self.on = not self.on
        elif self.on and self.recipient is not None and name not in ("", "send", "reg"):
            self._under_way.append(self.recipient)
            return f"send {self.recipient} {line.strip()}"
        return line

    def sent(self, *, delivered: bool) -> None:
        """What became of the oldest message under way. Each has one outcome, in order."""
        recipient = self._under_way.popleft()
        if delivered:
            self._reached = recipient
