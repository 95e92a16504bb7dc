"""A session for a program: the same commands, and one object a line on standard output.

Each line that is read is a command, and its number is in its answer. A command
has one answer, before the next one is read, unless the program ends first. An
empty line is no command, though it counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from superchat import Delivery, Message, User
from superchat.cli import objects
from superchat.cli.output import Gone, say
from superchat.cli.reading import Input
from superchat.cli.reply import Reply
from superchat.cli.view import OnGone
from superchat.events import ClientEvent


class Script:
    """A view for a program. What failed is named as in ``superchat.errors``."""

    def __init__(self, started: objects.Started, reply: Reply, on_gone: OnGone) -> None:
        self._reply, self._on_gone = reply, on_gone
        self._input = Input()
        # 0 is the registration at the start, which nobody typed.
        self._command = 0
        self._say(started)

    async def read(self) -> str | None:
        self._command += 1
        line = await self._input.line()
        return line if line is None else self._reply.entered(line)

    def message(self, message: Message) -> None:
        self._say(message)

    def event(self, event: ClientEvent, *, last: bool) -> None:
        self._say(event)

    def delivered(self, recipient: str, delivery: Delivery) -> None:
        self._say(objects.Delivered(self._command, recipient, delivery))

    def done(self) -> None:
        self._say(objects.Done(self._command))

    def failed(self, error: BaseException, recipient: str = "") -> None:
        self._say(objects.Failed(self._command, objects.error_name(error), str(error)))

    def wrong(self, kind: str, text: str) -> None:
        self._say(objects.Failed(self._command, kind, text))

    def users(self, users: list[User]) -> None:
        self._say(objects.Users(self._command, users))

    def help(self, rows: Sequence[str]) -> None:
        self._say(objects.Help(self._command, list(rows)))

    def replying(self, reply: Reply) -> None:
        self._say(objects.Replying(self._command, reply.on, reply.recipient))

    def farewell(self) -> None:
        """The last object says it."""

    async def close(self, status: int) -> None:
        self._say(objects.Ended(status))

    def _say(self, value: object) -> None:
        try:
            say(objects.encoded(value))
        except Gone:
            self._on_gone()
