"""Users as the rows of a table, for who reads it on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from prompt_toolkit.utils import get_cwidth

from superchat import User
from superchat.cli.visible import visible

HEADING = ("NAME", "STATUS", "LAST SEEN")


def rows(users: Iterable[User], now: datetime) -> list[str]:
    """The heading, then a row for each user: those who are online first, then by name."""
    ordered = sorted(users, key=lambda user: (not user.online, user.nickname))
    return _aligned([HEADING, *(_cells(user, now) for user in ordered)])


def _cells(user: User, now: datetime) -> tuple[str, ...]:
    status = "online" if user.online else "offline"
    return visible(user.nickname), status, "now" if user.online else ago(user.last_seen, now)


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago it was; past a day, when."""
    if then is None:
        return "-"
    passed = now - then
    # The clocks of two machines differ, so it may even lie ahead.
    if passed < timedelta(minutes=1):
        return "just now"
    if passed < timedelta(hours=1):
        return f"{passed // timedelta(minutes=1)} min ago"
    if passed < timedelta(days=1):
        return f"{passed // timedelta(hours=1)} h ago"
    return f"{then.astimezone():%Y-%m-%d %H:%M}"


def _aligned(table: list[tuple[str, ...]]) -> list[str]:
    """Columns as wide as what is in them: in cells of a terminal, not in characters."""
    widths = [max(map(get_cwidth, column)) for column in zip(*table)]
    return [
        "  ".join(cell + " " * (width - get_cwidth(cell)) for cell, width in zip(row, widths)).rstrip()
        for row in table
    ]
