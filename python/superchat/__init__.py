"""Presence and direct messages that a program can embed.

A :class:`Server` keeps who is online where. A :class:`Client` talks to its peers directly over UDP;
what cannot be delivered now the server stores, and delivers when the recipient registers again. What
you are told is true: ``RECEIVED`` means that the recipient acknowledged the message, ``STORED`` that it
is on the server's disk, and whatever was accepted gets one outcome.

>>> import queue, superchat, tempfile
>>> server = superchat.Server(directory=tempfile.mkdtemp())
>>> messages = queue.Queue()
>>> sonic = superchat.Client("sonic", *server.address, on_message=messages.put)
>>> lanking = superchat.Client("lanking", *server.address)
>>> lanking.send("sonic", "hi")
Delivery.RECEIVED
>>> messages.get(timeout=10)
Message(sender='lanking', text='hi', route=Route.DIRECT)
>>> sonic.deregister()
>>> lanking.send("sonic", "for later")
Delivery.STORED
>>> for endpoint in (sonic, lanking):
...     endpoint.close()
>>> server.stop()

What there is:

- ``send`` waits, ``post`` returns a :class:`concurrent.futures.Future`; either may be called from any
  thread. ``with`` closes.
- Callbacks run on a thread of the client's own; with ``polled=True`` in an event loop of yours
  (``fileno``, ``dispatch``); and :mod:`superchat.aio` is the same for :mod:`asyncio`.
- :mod:`superchat.events` is what ``on_event`` is given, made for ``match``.
- :mod:`superchat.errors` has one class for each cause, all of them :class:`Error`.
- Values and events compare, hash, pickle and copy by what is in them.
- :mod:`superchat.metrics` serves ``stats()`` to Prometheus; :func:`log_to_stderr` writes a log.

What others wrote may have anything in it: a terminal, a log or a page gets it only without what that
would obey.
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
