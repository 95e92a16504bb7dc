"""`users` as a table: who, since when, and in columns."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from wcwidth import wcswidth

from superchat import User
from superchat.cli import table

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
ADDRESS = ("127.0.0.1", 1211)


def user(name: str, online: bool = True, passed: timedelta | None = None) -> User:
    return User(name, ADDRESS, online, None if passed is None else NOW - passed)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(days=-1), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
    ],
)
def test_how_long_ago(passed: timedelta, words: str) -> None:
    assert table.ago(NOW - passed, NOW) == words


def test_past_a_day_it_says_when_in_local_time() -> None:
    then = NOW - timedelta(days=1)
    assert table.ago(then, NOW) == f"{then.astimezone():%Y-%m-%d %H:%M}"


def test_unknown_is_no_time() -> None:
    assert table.ago(None, NOW) == "-"


def test_who_is_online_comes_first() -> None:
    users = [user("amy", False, timedelta(hours=2)), user("knuckles"), user("Tails"), user("big", False)]
    assert table.rows(users, NOW) == [
        "NAME      STATUS   LAST SEEN",
        "Tails     online   now",
        "knuckles  online   now",
        "amy       offline  2 h ago",
        "big       offline  -",
    ]


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    users = [user("早上好"), user("e\u0301ve"), user("sonic"), user("привет")]
    columns = {wcswidth(row.partition("online")[0]) for row in table.rows(users, NOW)[1:]}
    assert columns == {len("привет  ")}


def test_a_name_is_made_visible() -> None:
    (_, row) = table.rows([user("a\x1b[31m")], NOW)
    assert row.startswith("a\\x1b[31m  online")


def test_nobody() -> None:
    assert table.rows([], NOW) == ["NAME  STATUS  LAST SEEN"]
