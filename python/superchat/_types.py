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
    last_seen: datetime | None
    """When the server last heard of an offline user, with a time zone; ``None`` while online or unknown."""


@dataclass(frozen=True)
class Stats:
    """What a server or client has counted since it started, and how things stand with it now.

    What only the other kind of endpoint has is 0.
    """

    datagrams_received: int
    """Datagrams that came, refused ones included."""
    datagrams_sent: int
    """Datagrams that were sent."""
    bytes_received: int
    """Bytes of the datagrams that came."""
    bytes_sent: int
    """Bytes of the datagrams that were sent."""
    retransmissions: int
    """Packets of the current dialect that were sent again, because no ack came."""
    send_failures: int
    """Datagrams that the operating system would not take."""
    malformed: int
    """Dropped: not of the protocol."""
    oversized: int
    """Dropped: longer than a peer may send."""
    unexpected: int
    """Dropped: its sender may not send such a thing, or not now."""
    busy: int
    """Left unanswered, to be sent again, because a queue was full."""
    limited: int
    """Dropped, or left unanswered, to be sent again: past the rate of its address or its name."""
    displaced: int
    """Addresses with something under way that had proven nothing and made room for newer ones. Of
    a server."""
    withheld: int
    """Not sent: the address is not proven, and has had three times the bytes that came from it."""
    messages_received: int
    """Own messages that their recipients acknowledged. Of a client."""
    messages_relayed: int
    """Messages that were passed on to who acknowledged them: own ones; those of others at a server."""
    messages_stored: int
    """Messages that the server's store has synced: own ones; those of others at a server."""
    messages_failed: int
    """Own messages that had an error for an outcome. Of a client."""
    messages_delivered: int
    """Messages out of mailboxes that their recipients acknowledged. Of a server."""
    messages_refused: int
    """Messages that were not stored, of which their senders were told why. Of a server."""
    messages_expired: int
    """Messages that waited too long, and are removed. Of a server."""
    store_faults: int
    """Times that a mailbox, or another file of the store, could not be used. Of a server."""
    commits: int
    """Times that the store has synced what it was asked to keep. Of a server."""
    users: int
    """Users in the table, online or not. Of a server."""
    users_online: int
    """Those of them who are online. Of a server."""
    mailboxes: int
    """Mailboxes with messages in them. Of a server."""
    stored_bytes: int
    """Bytes of these mailboxes. Of a server."""
    journal_bytes: int
    """Bytes of the store's journal. Of a server."""
    unsettled: int
    """Mailboxes whose files lack what is in the journal. Of a server."""
    messages_pending: int
    """Own messages that have no outcome yet. Of a client."""
    requests_pending: int
    """Requests of clients that are not answered yet. Of a server."""
    store_requests_pending: int
    """Requests to the store that are not carried out yet. Of a server."""
    events_pending: int
    """Events, messages among them, for which no callback was called yet."""
    frames_pending: int
    """Frames, and classic datagrams, that nobody has acknowledged yet."""
    round_trips: int
    """Round trips that were measured: from a packet, sent once, to its ack."""
    round_trip_p50: float
    """Half of the last 1024 of them took no longer than this, in seconds. 0 before the first."""
    round_trip_p90: float
    """Nine in ten of them took no longer than this, in seconds."""
    round_trip_p99: float
    """All but one in a hundred of them took no longer than this, in seconds."""
