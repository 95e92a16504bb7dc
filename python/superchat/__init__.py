"""Presence and direct messages that a program can embed.

A :class:`Server` keeps who is online where. A :class:`Client` talks to its
peers directly over UDP; what cannot be delivered now the server stores, and
delivers when the recipient registers again.
"""

from superchat import errors, events
from superchat._limits import Limits
from superchat._superchat import Client, Server, __version__, log_to_stderr
from superchat._types import Delivery, Message, Route, Stats, User
from superchat.errors import Error

__all__ = [
    "Client",
    "Delivery",
    "Error",
    "Limits",
    "Message",
    "Route",
    "Server",
    "Stats",
    "User",
    "__version__",
    "errors",
    "events",
    "log_to_stderr",
]
