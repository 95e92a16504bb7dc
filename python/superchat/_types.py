"""The values that clients and servers hand out."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from superchat._shown import cut, others_than_default
from superchat.events import Address


class Delivery(enum.Enum):
    """What became of a message."""

    RECEIVED = "received"
    """The recipient acknowledged it."""
    RELAYED = "relayed"
    """The recipient acknowledged it to the server, which passed it on."""
    STORED = "stored"
    """It is on the server's disk; the recipient gets it when it registers again."""

    def __repr__(self) -> str:
        return f"Delivery.{self.name}"


class Route(enum.Enum):
    """The way that a message came."""

    DIRECT = "direct"
    """From its sender's own address."""
    RELAYED = "relayed"
    """Through the server, as it was sent."""
    STORED = "stored"
    """Out of the server's mailbox."""

    def __repr__(self) -> str:
        return f"Route.{self.name}"


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A message from another client. A long text is cut where the message is shown.

    >>> Message("sonic", "hi", Route.DIRECT)
    Message(sender='sonic', text='hi', route=Route.DIRECT)
    >>> Message("sonic", "a" * 1000, Route.DIRECT)
    Message(sender='sonic', text='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'... (1000 characters), route=Route.DIRECT)
    """

    sender: str
    text: str
    route: Route
    sent_at: datetime | None = None
    """When the server stored it, with a time zone; ``None`` if it came at once."""

    def __repr__(self) -> str:
        sent_at = "" if self.sent_at is None else f", sent_at={self.sent_at!r}"
        shown = f"sender={self.sender!r}, text={cut(self.text)}, route={self.route!r}"
        return f"Message({shown}{sent_at})"


@dataclass(frozen=True, slots=True, repr=False)
class User:
    """A row of the table of users.

    >>> User("sonic", ("127.0.0.1", 5000), online=True)
    User(nickname='sonic', address=('127.0.0.1', 5000), online=True)
    """

    nickname: str
    address: Address
    online: bool
    last_seen: datetime | None = None
    """When the server last heard of an offline user, with a time zone; ``None`` while online or unknown."""

    def __repr__(self) -> str:
        return others_than_default(self)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Stats:
    """What a server or client has counted since it started, and how things stand with it now.

    What only the other kind of endpoint has is 0. What is 0 is left out where they are shown.

    >>> Stats(datagrams_received=2, round_trip_p50=0.0004)
    Stats(datagrams_received=2, round_trip_p50=0.0004)
    """

    datagrams_received: int = 0
    """Datagrams that came, refused ones included."""
    datagrams_sent: int = 0
    """Datagrams that were sent."""
    bytes_received: int = 0
    """Bytes of the datagrams that came."""
    bytes_sent: int = 0
    """Bytes of the datagrams that were sent."""
    retransmissions: int = 0
    """Packets of the current dialect that were sent again, because no ack came."""
    send_failures: int = 0
    """Datagrams that the operating system would not take."""
    malformed: int = 0
    """Dropped: not of the protocol."""
    oversized: int = 0
    """Dropped: longer than a peer may send."""
    unexpected: int = 0
    """Dropped: its sender may not send such a thing, or not now."""
    busy: int = 0
    """Left unanswered, to be sent again, because a queue was full."""
    limited: int = 0
    """Dropped, or left unanswered, to be sent again: past the rate of its address or its name."""
    displaced: int = 0
    """Addresses with something under way that had proven nothing and made room for newer ones. Of
    a server."""
    withheld: int = 0
    """Not sent: the address is not proven, and it would have been more than three times what came from it."""
    messages_received: int = 0
    """Own messages that their recipients acknowledged. Of a client."""
    messages_relayed: int = 0
    """Messages that were passed on to who acknowledged them: own ones; those of others at a server."""
    messages_stored: int = 0
    """Messages that the server's store has synced: own ones; those of others at a server."""
    messages_failed: int = 0
    """Own messages that had an error for an outcome. Of a client."""
    messages_delivered: int = 0
    """Messages out of mailboxes that their recipients acknowledged. Of a server."""
    messages_refused: int = 0
    """Messages that were not stored, of which their senders were told why. Of a server."""
    messages_expired: int = 0
    """Messages that waited too long, and are removed. Of a server."""
    store_faults: int = 0
    """Times that a mailbox, or another file of the store, could not be used. Of a server."""
    commits: int = 0
    """Times that the store has synced what it was asked to keep. Of a server."""
    users: int = 0
    """Users in the table, online or not. Of a server."""
    users_online: int = 0
    """Those of them who are online. Of a server."""
    mailboxes: int = 0
    """Mailboxes with messages in them. Of a server."""
    stored_bytes: int = 0
    """Bytes of these mailboxes. Of a server."""
    journal_bytes: int = 0
    """Bytes of the store's journal. Of a server."""
    unsettled: int = 0
    """Mailboxes whose files lack what is in the journal. Of a server."""
    messages_pending: int = 0
    """Own messages that have no outcome yet. Of a client."""
    requests_pending: int = 0
    """Requests of clients that are not answered yet. Of a server."""
    store_requests_pending: int = 0
    """Requests to the store that are not carried out yet. Of a server."""
    events_pending: int = 0
    """Events, messages among them, for which no callback was called yet."""
    frames_pending: int = 0
    """Frames, and classic datagrams, that nobody has acknowledged yet."""
    round_trips: int = 0
    """Round trips that were measured: from a packet, sent once, to its ack."""
    round_trip_p50: float = 0.0
    """Half of the last 1024 of them took no longer than this, in seconds. 0 before the first."""
    round_trip_p90: float = 0.0
    """Nine in ten of them took no longer than this, in seconds."""
    round_trip_p99: float = 0.0
    """All but one in a hundred of them took no longer than this, in seconds."""

    def __repr__(self) -> str:
        return others_than_default(self)
