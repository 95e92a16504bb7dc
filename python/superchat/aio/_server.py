"""A server on an event loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from os import PathLike
from typing import final

import superchat
from superchat._limits import Limits
from superchat._types import User
from superchat.aio._endpoint import Endpoint, reporting
from superchat.aio._inbox import Inbox
from superchat.events import ServerEvent


class _Events(Inbox[ServerEvent]):
    """Events, from when somebody first wants them."""

    wanted = False

    def put(self, item: ServerEvent) -> None:
        if self.wanted:
            super().put(item)


@final
class Server(Endpoint[superchat.Server, ServerEvent]):
    """A running server on an event loop: its threads serve, its events are the loop's.

    Its arguments are those of :class:`superchat.Server`. ``async with`` starts it, and stops it at
    the end; then it belongs to that loop.

    Events go to ``on_event``, which is called on the loop; what it raises goes to the loop's exception
    handler. Without one, ``async for`` has the events from the first ``async for`` on: when 1024 wait,
    the server answers nothing that leads to more until these are taken, so whoever begins to iterate
    goes on. A server that nobody listens to just serves.

    >>> import asyncio, superchat.aio, tempfile
    >>> async def serve():
    ...     async with superchat.aio.Server(directory=tempfile.mkdtemp()) as server:
    ...         superchat.Client("tails", *server.address).close()
    ...         async for event in server:
    ...             match event:
    ...                 case superchat.events.Online(nickname):
    ...                     return nickname
    >>> asyncio.run(serve())
    'tails'
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "localhost",
        *,
        directory: str | PathLike[str] = ".",
        refuse_classic: bool = False,
        limits: Limits | None = None,
        on_event: Callable[[ServerEvent], object] | None = None,
    ) -> None:
        self._events = _Events(lambda _: 0)
        make = partial(
            superchat.Server,
            port,
            host,
            directory=directory,
            refuse_classic=refuse_classic,
            limits=limits,
            on_event=reporting(on_event) if on_event else self._events.put,
            polled=True,
        )
        super().__init__("Server", self._events, make, superchat.Server.stop)
        self._iterable = on_event is None

    async def __aenter__(self) -> Server:
        """Start it. Raises what :class:`superchat.Server` does."""
        await self._open()
        return self

    def limits(self) -> Limits:
        """What it was started with."""
        return self._anywhere().limits()

    def users(self) -> list[User]:
        """Everyone who registered, online or not, by name."""
        return self._anywhere().users()

    async def stop(self) -> None:
        """Tell everyone online that the server is down, and stop. Safe to call twice.

        The end of ``async with`` does the same. Events that were not taken can still be iterated over.

        >>> async def serve():
        ...     async with superchat.aio.Server(directory=tempfile.mkdtemp()) as server:
        ...         await server.stop()
        ...         return server
        >>> import tempfile
        >>> "stopped" in repr(asyncio.run(serve()))
        True
        """
        await self._end()

    def __aiter__(self) -> Server:
        if not self._iterable:
            raise TypeError("its events go to on_event: without that they can be iterated over")
        self._events.wanted = True
        return self
