"""The values that clients and servers hand out."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from superchat.events import Address


class Delivery(enum.Enum):
    """What became of a message."""

    RECEIVED = "received"
    """The recipient acknowledged it."""
    RELAYED = "relayed"
    """The recipient acknowledged it to the server, which passed it on."""
    STORED = "stored"
    """It is on the server's disk; the recipient gets it when it registers again."""


class Route(enum.Enum):
    """The way that a message came."""

    DIRECT = "direct"
    """From its sender's own address."""
    RELAYED = "relayed"
    """Through the server, as it was sent."""
    STORED = "stored"
    """Out of the server's mailbox."""


@dataclass(frozen=True)
class Message:
    """A message from another client."""

    sender: str
    text: str
    route: Route
    sent_at: datetime | None
    """When the server stored it, with a time zone; ``None`` if it came at once."""


@dataclass(frozen=True)
class User:
    """A row of the table of users."""

    nickname: str
    address: Address
    online: bool


@dataclass(frozen=True)
class Stats:
    """Counters of one server or client since it started."""

    received: int
    """Datagrams that came, refused ones included."""
    sent: int
    """Datagrams that were sent."""
    received_bytes: int
    sent_bytes: int
    malformed: int
    """Datagrams dropped because they are not of the protocol."""
    oversized: int
    """Datagrams dropped because they are longer than a peer may send."""
    unexpected: int
    """Datagrams dropped because their sender may not send such a thing."""
    busy: int
    """Datagrams left unanswered, to be sent again, because a queue was full."""
    withheld: int
    """Datagrams not sent to an address that is not proven, past three times what came from it."""
    send_failures: int
    """Datagrams that the operating system would not take."""
