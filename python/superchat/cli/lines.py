"""A session for a person: lines on a screen, in the words of 2017."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from superchat import Delivery, Message, User, errors, events
from superchat.cli import wording
from superchat.cli.colour import Look
from superchat.cli.output import Gone
from superchat.cli.reply import PROMPT, Reply
from superchat.cli.screen import Screen
from superchat.cli.view import OnGone
from superchat.cli.visible import visible

_INDENT = " " * len(PROMPT)
_NOTIFIED = {wording.SAVED: Look.GOOD, wording.SERVER_DOWN: Look.BAD}


class Lines:
    """A view for a person. Where a screen knows what stands on it, what belongs together is a block."""

    def __init__(self, screen: Screen, on_gone: OnGone, *, blocks: bool) -> None:
        self._screen, self._on_gone, self._blocks = screen, on_gone, blocks

    async def read(self) -> str | None:
        return await self._screen.read()

    def message(self, message: Message) -> None:
        self._show(wording.message(message), Look.MESSAGE)

    def event(self, event: events.ClientEvent, *, last: bool) -> None:
        match event:
            case events.Notification(text):
                # After the last line of all there is no prompt.
                self._show(visible(text), _NOTIFIED.get(text, Look.PLAIN), prompt=not last)
            case events.UsersChanged():
                self._show(wording.TABLE_UPDATED, Look.QUIET)
            case events.Unacknowledged(recipient):
                # The server's answer completes it, on a line of its own.
                self._show(wording.unacknowledged(recipient), Look.WARNING, prompt=False)

    def delivered(self, recipient: str, delivery: Delivery) -> None:
        if line := wording.delivered(recipient, delivery):
            self._show(line, Look.GOOD)

    def done(self) -> None:
        """The server's own words are on the screen already."""

    def failed(self, error: BaseException, recipient: str = "") -> None:
        if isinstance(error, errors.ServerNotRespondingError):
            self._show(wording.NOT_RESPONDING, Look.BAD)
            self._show(wording.EXITING, prompt=False)
        elif line := wording.failed(error, recipient):
            self._show(line, Look.BAD)

    def wrong(self, kind: str, text: str) -> None:
        self._show(f"[{text}]", Look.BAD)

    def users(self, users: list[User]) -> None:
        if not self._blocks:
            self._rows([wording.user(user) for user in users])
            return
        # It measures text as the line editor does, which a pipe never loads.
        from superchat.cli import table

        heading, *rows = table.rows(users, datetime.now(timezone.utc))
        self._rows([heading, *rows], Look.HEADING)

    def help(self, rows: Sequence[str]) -> None:
        self._rows(rows)

    def replying(self, reply: Reply) -> None:
        self._show(wording.replying(reply))

    def farewell(self) -> None:
        self._show(wording.BYE, prompt=False)

    async def close(self, status: int) -> None:
        await self._screen.close()

    def _rows(self, rows: Sequence[str], heading: Look = Look.PLAIN) -> None:
        """Show rows that belong together: in a block with blanks where the prompt stands."""
        for number, row in enumerate(rows, 1):
            look = heading if number == 1 else Look.PLAIN
            if self._blocks:
                row = row if number == 1 else _INDENT + row
                self._show(row, look, prompt=number == len(rows))
            else:
                self._show(row, look)

    def _show(self, line: str, look: Look = Look.PLAIN, *, prompt: bool = True) -> None:
        try:
            self._screen.show(line, look, prompt=prompt)
        except Gone:
            self._on_gone()
