"""What ``--json`` writes: each object is one of these classes, a value of the API, or an event.

An object says in ``type`` what it is: the name of its class, with underscores.
Fields and types may be added, and those that are there stay as they are;
docs/TERMINAL.md has them all, and a test compares it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from superchat import Delivery, User
from superchat.events import Address

FORMAT = 1


@dataclass(frozen=True)
class Started:
    """The first object: the socket is open."""

    format: int
    version: str
    mode: str
    address: Address


@dataclass(frozen=True)
class Done:
    """A command did what it should."""

    command: int


@dataclass(frozen=True)
class Delivered:
    """The receipt of a message that a command sent."""

    command: int
    recipient: str
    delivery: Delivery


@dataclass(frozen=True)
class Failed:
    """A command did not do what it should."""

    command: int
    error: str
    text: str


@dataclass(frozen=True)
class Users:
    """The table of users, by name."""

    command: int
    users: list[User]


@dataclass(frozen=True)
class Help:
    """What may be typed."""

    command: int
    text: list[str]


@dataclass(frozen=True)
class Replying:
    """Whether lines without a command are sent, and to whom."""

    command: int
    on: bool
    recipient: str | None


@dataclass(frozen=True)
class EventsLost:
    """Nobody read fast enough, and this many events are left out."""

    count: int


@dataclass(frozen=True)
class Ended:
    """The last object."""

    status: int


def encoded(value: object) -> str:
    """A value as one line, in ASCII: a terminal obeys nothing of it either."""
    return json.dumps({"type": name(type(value)), **_fields(value)})


def name(kind: type) -> str:
    """The name of a class as it stands in an object."""
    return re.sub("(?<=.)(?=[A-Z])", "_", kind.__name__).lower()


def error_name(error: BaseException) -> str:
    """The name of an error as it stands in an object."""
    return name(type(error)).removesuffix("_error")


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain(field.name, getattr(value, field.name)) for field in fields(value)}


def _plain(name: str, value: Any) -> Any:
    """A value in terms of JSON."""
    if name == "address":
        return dict(zip(("host", "port"), value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, list):
        return [_plain("", element) for element in value]
    return _fields(value) if is_dataclass(value) else value
