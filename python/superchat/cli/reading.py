"""Standard input, a line at a time, without a thread that waits for it.

No more than a line of the longest kind is kept, and each byte is looked at once.
"""

from __future__ import annotations

import asyncio
import os
import sys

# Of UTF-8. A message has 1 MiB at most, and a command around it.
LINE = 2 * 1024 * 1024


class LineTooLong(Exception):
    """A line is longer than any command. The rest of it is skipped."""


class Input:
    """The lines of standard input."""

    def __init__(self) -> None:
        self._read = bytearray()
        self._skipping = False

    async def line(self) -> str | None:
        """The next line; ``None`` at the end of input."""
        while self._skipping:
            end = await self._end()
            # A line feed, or the end of input.
            self._skipping = 0 < end == len(self._read)
            del self._read[: end + 1]
        end = await self._end()
        if not self._read:
            return None
        if end > LINE:
            self._skipping = end == len(self._read)
            del self._read[: end + 1]
            raise LineTooLong
        line = self._read[:end].removesuffix(b"\r")
        del self._read[: end + 1]
        return line.decode(errors="replace")

    async def _end(self) -> int:
        """Where the next line ends in what is read, or all of that if it is too much already."""
        searched = 0
        while (end := self._read.find(b"\n", searched)) < 0:
            searched = len(self._read)
            if searched > LINE or not (more := await _read_some()):
                return searched
            self._read += more
        return end


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
