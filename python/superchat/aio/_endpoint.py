"""What clients and servers on an event loop have in common.

The invariant: everything happens on the loop that opened it. The loop reads the native endpoint's
file descriptor, and runs what waits there, from the opening until the native endpoint has ended.
"""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from superchat._types import Stats, User
from superchat.aio._inbox import Inbox
from superchat.events import Address


class Native(Protocol):
    """What is used of both native classes."""

    @property
    def address(self) -> Address: ...
    def users(self) -> list[User]: ...
    def stats(self) -> Stats: ...
    def fileno(self) -> int: ...
    def dispatch(self) -> bool: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


N = TypeVar("N", bound=Native)
Item = TypeVar("Item")
Heard = TypeVar("Heard")
Self = TypeVar("Self", bound="Endpoint[Any, Any]")


def reporting(callback: Callable[[Heard], object]) -> Callable[[Heard], None]:
    """The callback; what it raises is reported as of any callback on a loop.

    A coroutine function is none: what it returns would never run, and what it was given be lost.
    """
    if inspect.iscoroutinefunction(callback):
        raise TypeError("a callback is no coroutine function: iterate, or have it create a task")

    def call(heard: Heard) -> None:
        try:
            callback(heard)
        except Exception as error:
            context = {"message": f"Exception in callback {callback!r}", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    return call


class Endpoint(Generic[N, Item]):
    """A native endpoint and the loop that dispatches it."""

    _native: N | None = None

    def __init__(
        self, name: str, inbox: Inbox[Item], make: Callable[[], N], close: Callable[[N], None]
    ) -> None:
        self._name = name
        self._inbox = inbox
        self._make = make
        self._close = close
        self._opened = False
        self._paused = False
        self._over = asyncio.Event()

    async def _open(self) -> N:
        """Make the native endpoint, and have the loop dispatch it."""
        if self._opened:
            raise RuntimeError(f"this {self._name} was opened before: make another one")
        self._opened = True
        self._loop = asyncio.get_running_loop()
        made: list[N] = []
        # It may look up a host's name, and a server reads its store.
        making = self._loop.run_in_executor(None, lambda: made.append(self._make()))
        try:
            await asyncio.shield(making)
        except asyncio.CancelledError:
            # A second cancellation waits no more; it is closed all the same.
            await asyncio.shield(asyncio.ensure_future(self._discard(making, made)))
            raise
        native = made.pop()
        self._native = native
        self._loop.add_reader(native.fileno(), self._dispatch, native)
        return native

    async def _discard(self, making: asyncio.Future[None], made: list[N]) -> None:
        """Close what nobody waits for any more, so that its port and directory are free."""
        try:
            await making
        except Exception:
            # There is nothing to close, and its opener is told of the cancellation.
            return
        # The port is free when the last reference goes, which is this one.
        await asyncio.to_thread(lambda: self._close(made.pop()))

    def _dispatch(self, native: N) -> None:
        try:
            more = native.dispatch()
        finally:
            self._pause_if_full(native)
        if not more:
            self._loop.remove_reader(native.fileno())
            self._inbox.end()
            self._over.set()

    def _pause_if_full(self, native: N) -> None:
        if self._inbox.full and not self._paused:
            self._paused = True
            native.pause()

    async def _take(self) -> Item:
        native = self._here()
        item = await self._inbox.take()
        if self._paused and self._inbox.empty:
            self._paused = False
            native.resume()
        return item

    def _anywhere(self) -> N:
        """The native endpoint, for what any thread may ask."""
        if self._native is None:
            raise RuntimeError(f"this {self._name} is not open: use it inside 'async with'")
        return self._native

    def _here(self) -> N:
        """The native endpoint, for what belongs on its loop."""
        native = self._anywhere()
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if not here:
            raise RuntimeError(
                f"this {self._name} belongs to the event loop that opened it: "
                "call it there, or from another thread by asyncio.run_coroutine_threadsafe"
            )
        return native

    async def _end(self) -> None:
        if self._native is None:
            return
        native = self._here()
        # It waits for threads, and up to a second for who does not answer.
        await asyncio.to_thread(self._close, native)
        await self._over.wait()

    @property
    def address(self) -> Address:
        """Where it listens: host and port."""
        return self._anywhere().address

    def stats(self) -> Stats:
        """What it has counted since the start, and how things stand now."""
        return self._anywhere().stats()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._end()

    def __aiter__(self: Self) -> Self:
        return self

    async def __anext__(self) -> Item:
        # Where there is no `async for` around it.
        self.__aiter__()
        return await self._take()

    def __repr__(self) -> str:
        if self._native is None:
            return f"<superchat.aio.{self._name} that is not open>"
        return repr(self._native).replace("superchat.", "superchat.aio.", 1)

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError(
            f"a superchat.aio.{self._name} belongs to an event loop: it is neither pickled nor copied"
        )

    def __del__(self) -> None:
        if self._native is not None and not self._over.is_set():
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=2)
