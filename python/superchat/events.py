"""What an ``on_event`` callback is given: small frozen classes, made for ``match``.

>>> import superchat
>>> def told(event):
...     match event:
...         case superchat.events.Registered(nickname):
...             return f"online as {nickname}"
...         case superchat.events.MessagesExpired(recipient, count=count):
...             return f"{recipient} has lost {count}"
>>> told(superchat.events.Registered("sonic"))
'online as sonic'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

Address = tuple[str, int]
"""A host and a port, as sockets have them."""


@dataclass(frozen=True, slots=True)
class Registered:
    """Client: the server accepted the nickname; it is online now."""

    nickname: str


@dataclass(frozen=True, slots=True)
class Deregistered:
    """Client: it is offline now, by its own wish or the server's."""

    nickname: str


@dataclass(frozen=True, slots=True)
class Notification:
    """Client: a line from the server to show to the user, in the server's words."""

    text: str


@dataclass(frozen=True, slots=True)
class UsersChanged:
    """Client: a new table of users came; ``client.users()`` has it."""


@dataclass(frozen=True, slots=True)
class Unacknowledged:
    """Client: the recipient did not acknowledge a direct message; the server is asked."""

    recipient: str


@dataclass(frozen=True, slots=True)
class ServerDown:
    """Client: the server said that it is going down."""


@dataclass(frozen=True, slots=True)
class ServerLost:
    """Client: the server does not answer any more.

    The client registers again by itself as soon as it does.
    """


@dataclass(frozen=True, slots=True)
class RegisterRequest:
    """Server: somebody asks for a nickname."""

    nickname: str
    address: Address


@dataclass(frozen=True, slots=True)
class DeregisterRequest:
    """Server: somebody asks to go offline."""

    nickname: str
    address: Address


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """Server: the sender could not reach the recipient and asks the server to."""

    sender: str
    recipient: str


@dataclass(frozen=True, slots=True)
class MailboxEmpty:
    """Server: no message waited for the one who just registered."""

    nickname: str


@dataclass(frozen=True, slots=True)
class Online:
    """Server: a nickname is online at this address."""

    nickname: str
    address: Address


@dataclass(frozen=True, slots=True)
class Offline:
    """Server: a nickname is offline."""

    nickname: str


@dataclass(frozen=True, slots=True)
class MailboxFault:
    """Server: a mailbox cannot be used; the reason names the file."""

    nickname: str
    reason: str


@dataclass(frozen=True, slots=True)
class MessagesExpired:
    """Server: stored messages were not fetched in time, and are removed."""

    recipient: str
    count: int


@dataclass(frozen=True, slots=True)
class StoreFault:
    """Server: something is wrong with the files of the mailboxes; the reason names the file."""

    reason: str


ClientEvent = Union[
    Registered,
    Deregistered,
    Notification,
    UsersChanged,
    Unacknowledged,
    ServerDown,
    ServerLost,
]
ServerEvent = Union[
    RegisterRequest,
    DeregisterRequest,
    StoreRequest,
    MailboxEmpty,
    Online,
    Offline,
    MailboxFault,
    MessagesExpired,
    StoreFault,
]
