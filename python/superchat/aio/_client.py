"""A client on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar, final

import superchat
from superchat._types import Delivery, Message, User
from superchat.aio._endpoint import Endpoint, reporting
from superchat.aio._inbox import Inbox
from superchat.errors import TooManyPendingError
from superchat.events import ClientEvent

Outcome = TypeVar("Outcome")

# As many of its own messages as a client takes on.
PENDING = 1024


@final
class Client(Endpoint[superchat.Client, Message]):
    """A client of one server, online under one nickname, on an event loop.

    Its arguments are those of :class:`superchat.Client`. ``async with`` opens and registers it, and
    logs it off at the end; then it belongs to that loop.

    ``async for`` has the messages, until the client is closed. Where several iterate, each message
    goes to one of them. When 1024 wait, or 64 Mi characters of text, no more are acknowledged until
    these are taken: their senders send them again, or to the server, and what that tells of others waits as well. So a
    client iterates over its messages, or has an ``on_message``, which is called on the loop with each.

    ``on_event`` is called on the loop, in order with what comes. What a callback raises goes to the
    loop's exception handler. A client whose callbacks refer to it is held until it is closed.

    >>> import asyncio, superchat.aio
    >>> async def chat(server):
    ...     async with superchat.aio.Client("tails", *server.address) as tails:
    ...         print(await tails.send("tails", "a word to myself"))
    ...         async for message in tails:
    ...             return message.text
    >>> asyncio.run(chat(server))
    Delivery.RECEIVED
    'a word to myself'
    """

    def __init__(
        self,
        nickname: str,
        server: str,
        server_port: int,
        port: int = 0,
        *,
        host: str | None = None,
        register: bool = True,
        on_message: Callable[[Message], object] | None = None,
        on_event: Callable[[ClientEvent], object] | None = None,
    ) -> None:
        inbox: Inbox[Message] = Inbox(lambda message: len(message.text))
        make = partial(
            superchat.Client,
            nickname,
            server,
            server_port,
            port,
            host=host,
            register=False,
            on_message=reporting(on_message) if on_message else inbox.put,
            on_event=reporting(on_event) if on_event else None,
            polled=True,
        )
        super().__init__("Client", inbox, make, superchat.Client.close)
        self._register = register
        self._iterable = on_message is None
        self._room = asyncio.Semaphore(PENDING)
        self._settled = asyncio.Event()

    async def __aenter__(self) -> Client:
        """Open it and, unless ``register=False``, go online. Raises what :class:`superchat.Client` does.

        >>> async def online():
        ...     async with superchat.aio.Client("tails", *server.address) as tails:
        ...         return tails.registered
        >>> asyncio.run(online())
        True
        """
        await self._open()
        try:
            if self._register:
                await self.register()
        except BaseException:
            await self.close()
            raise
        return self

    @property
    def nickname(self) -> str:
        """The nickname that it is, or was last, registered under."""
        return self._anywhere().nickname

    @property
    def registered(self) -> bool:
        """Whether the server holds it online."""
        return self._anywhere().registered

    async def register(self, nickname: str | None = None) -> None:
        """Go online, under another nickname if one is given. Raises what ``superchat.Client`` does.

        >>> async def renamed():
        ...     async with superchat.aio.Client("tails", *server.address) as client:
        ...         await client.register("knuckles")
        ...         return client.nickname
        >>> asyncio.run(renamed())
        'knuckles'
        """
        await _looked_at(self._outcome(self._here().post_register(nickname)))

    async def deregister(self) -> None:
        """Go offline. Messages then wait in the server's mailbox.

        >>> async def offline():
        ...     async with superchat.aio.Client("tails", *server.address) as tails:
        ...         await tails.deregister()
        ...         return lanking.send("tails", "for later")
        >>> asyncio.run(offline())
        Delivery.STORED
        """
        await _looked_at(self._outcome(self._here().post_deregister()))

    async def send(self, recipient: str, text: str) -> Delivery:
        """Send a message; returns what becomes of it.

        Where 1024 are under way it waits until there is room for another. Cancelled, it takes nothing
        back: a message that is on its way may come.

        >>> async def greet():
        ...     async with superchat.aio.Client("tails", *server.address) as tails:
        ...         return await asyncio.wait_for(tails.send("sonic", "hi"), timeout=10)
        >>> asyncio.run(greet())
        Delivery.RECEIVED
        """
        await self._room.acquire()
        try:
            posted = await self._posted(recipient, text)
        except BaseException:
            self._room.release()
            raise
        # Not when this is cancelled: it is under way until then.
        posted.add_done_callback(lambda _: self._room.release())
        return await _looked_at(self._outcome(posted))

    def post(self, recipient: str, text: str) -> asyncio.Future[Delivery]:
        """Send a message without waiting; the future has what became of it.

        Messages to one recipient go in the order in which they were posted. Raises
        ``TooManyPendingError`` where 1024 are under way. A future that fails and that nobody looks at
        is reported by :mod:`asyncio`; one that is cancelled is not.

        >>> async def greet():
        ...     async with superchat.aio.Client("tails", *server.address) as tails:
        ...         return await asyncio.gather(*(tails.post("sonic", text) for text in ["hi", "ho"]))
        >>> asyncio.run(greet())
        [Delivery.RECEIVED, Delivery.RECEIVED]
        """
        return self._outcome(self._here().post(recipient, text))

    async def _posted(self, recipient: str, text: str) -> Future[Delivery]:
        """Post it as soon as there is room beside what was posted otherwise."""
        while True:
            try:
                return self._here().post(recipient, text)
            except TooManyPendingError:
                self._settled.clear()
                await self._settled.wait()

    def users(self) -> list[User]:
        """The table of users as the server last sent it, by name."""
        return self._anywhere().users()

    async def close(self) -> None:
        """Log off and stop; what is pending fails with ``ClosedError``. Safe to call twice.

        The end of ``async with`` does the same. What was acknowledged before can still be iterated
        over.

        >>> async def left():
        ...     async with superchat.aio.Client("tails", *server.address) as tails:
        ...         await tails.send("tails", "a word to myself")
        ...         await tails.close()
        ...         return [message.text async for message in tails]
        >>> asyncio.run(left())
        ['a word to myself']
        """
        await self._end()

    def __aiter__(self) -> Client:
        if not self._iterable:
            raise TypeError("its messages go to on_message: without that they can be iterated over")
        return self

    def _outcome(self, posted: Future[Outcome]) -> asyncio.Future[Outcome]:
        """A future of the loop for one that is settled there, in :meth:`_dispatch`."""
        future: asyncio.Future[Outcome] = self._loop.create_future()

        def settle(posted: Future[Outcome]) -> None:
            self._settled.set()
            if future.cancelled():
                return
            if error := posted.exception():
                future.set_exception(error)
            else:
                future.set_result(posted.result())

        posted.add_done_callback(settle)
        return future


def _looked_at(future: asyncio.Future[Outcome]) -> asyncio.Future[Outcome]:
    """Somebody waits for this: where that task is cancelled just when it fails, nothing is to be reported."""
    future.add_done_callback(lambda done: None if done.cancelled() else done.exception() and None)
    return future
