"""Standard input, a line at a time, without a thread that waits for it."""

from __future__ import annotations

import asyncio
import os
import sys


class Input:
    """The lines of standard input."""

    def __init__(self) -> None:
        self._read = b""

    async def line(self) -> str | None:
        """The next line; ``None`` at the end of input."""
        while b"\n" not in self._read:
            more = await _read_some()
            if not more:
                break
            self._read += more
        if not self._read:
            return None
        line, _, self._read = self._read.partition(b"\n")
        return line.decode(errors="replace")


async def _read_some() -> bytes:
    """Some bytes from standard input as soon as there are any; none at its end."""
    if sys.stdin is None:
        return b""
    loop, source, readable = asyncio.get_running_loop(), sys.stdin.fileno(), asyncio.Event()
    loop.add_reader(source, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(source)
    try:
        return os.read(source, 65536)
    except OSError:
        return b""
