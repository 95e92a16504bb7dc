"""What the operator of a server can set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from superchat._shown import others_than_default


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Limits:
    """How much of everything a server takes.

    ``docs/LIMITS.md`` says of each limit what happens past it, and why it is what it is.

    >>> Limits(users=100, message_bytes=4096)
    Limits(users=100, message_bytes=4096)
    >>> Limits()
    Limits()
    """

    users: int = 65_536
    """Users in the table, offline ones included."""
    lookup_past: int = 10_000
    """Users past which a client is not told of all of them, but looks up whom it needs."""
    message_bytes: int = 1 << 20
    """Bytes of UTF-8 of a message that is passed on or stored."""
    stranger_datagrams_per_second: int = 5_000
    """Datagrams a second from an IPv4 address, or an IPv6 network of 64 bits, that are of no
    registered session."""
    member_datagrams_per_second: int = 200_000
    """Datagrams a second from an address where somebody is registered."""
    name_requests_per_second: int = 1_000_000
    """Registrations, deregistrations and messages to keep, a second, of one nickname."""
    handshakes: int = 4096
    """Addresses that have proven nothing yet with which something is under way."""
    unproven_factor: int = 3
    """How many times the bytes that came from such an address may be sent there."""
    mailboxes: int = 65_536
    """Mailboxes with messages in them."""
    mailbox_bytes: int = 8 << 20
    """Bytes of a mailbox."""
    mailbox_messages: int = 10_000
    """Messages in a mailbox."""
    store_bytes: int = 1 << 30
    """Bytes of all mailboxes together."""
    message_age: timedelta | None = None
    """How long a message waits for its recipient; ``None`` for ever."""

    def __repr__(self) -> str:
        return others_than_default(self)
