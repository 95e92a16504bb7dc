"""What has come and was not iterated over yet.

The invariant: it is bounded. From ``COUNT`` items or ``SIZE`` characters on it is full until it is empty
again; what is full is given no more than the native inbox held by then, which has the same bounds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

# As many as the native inbox.
COUNT = 1024
SIZE = 64 << 20


class Inbox(Generic[Item]):
    """A queue that ends. Of several who take, each item is had by one."""

    def __init__(self, size: Callable[[Item], int]) -> None:
        self._size = size
        self._items: deque[Item] = deque()
        self._characters = 0
        self._changed = asyncio.Event()
        self._ended = False

    def put(self, item: Item) -> None:
        self._items.append(item)
        self._characters += self._size(item)
        self._changed.set()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._changed.set()

    @property
    def full(self) -> bool:
        return len(self._items) >= COUNT or self._characters >= SIZE

    @property
    def empty(self) -> bool:
        return not self._items

    async def take(self) -> Item:
        """Wait for the next; raises ``StopAsyncIteration`` after the last."""
        while not self._items:
            if self._ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        # Nothing is awaited from here on: what is taken is not lost to a cancellation.
        item = self._items.popleft()
        self._characters -= self._size(item)
        return item
