"""What a session says, and to whom: a person who reads lines, or a program that reads objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from superchat import Delivery, Message, User
from superchat.cli.reply import Reply
from superchat.events import ClientEvent


class View(Protocol):
    """Where a session gets its commands from, and says what comes of them.

    Not thread-safe. A command is answered before the next one is read: by one of ``delivered``,
    ``done``, ``failed``, ``wrong``, ``users``, ``replying`` and ``help``.
    """

    async def read(self) -> str | None:
        """The next command that was entered; ``None`` at the end of input. Raises ``LineTooLong``."""

    def message(self, message: Message) -> None:
        """Somebody wrote."""

    def event(self, event: ClientEvent, *, last: bool) -> None:
        """Something happened; ``last`` if nothing more is said to the user after it."""

    def delivered(self, recipient: str, delivery: Delivery) -> None:
        """What became of a message."""

    def done(self) -> None:
        """The command did what it should."""

    def failed(self, error: BaseException, recipient: str = "") -> None:
        """The command did not do what it should."""

    def wrong(self, kind: str, text: str) -> None:
        """The line was no command, or one with the wrong words."""

    def users(self, users: list[User]) -> None:
        """The table of users."""

    def help(self, rows: Sequence[str]) -> None:
        """What may be typed."""

    def replying(self, reply: Reply) -> None:
        """What happens to lines without a command."""

    def farewell(self) -> None:
        """The client left, and the server did not say so."""

    async def close(self, status: int) -> None:
        """This was all."""


OnGone = Callable[[], None]
"""What a view calls when nobody is there any more to see it."""
