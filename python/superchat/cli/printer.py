"""Lines of a server, printed on a thread of their own: a reader who stops reading stops nothing else."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

# Lines that wait for a reader who does not keep up. Past that they are left out: serving goes on.
_LINES = 10_000

# How long the last lines are waited for when the server ends.
_LAST_LINES = 1.0


class Printer:
    """Prints what is put, in order; ``put`` is for one thread."""

    def __init__(
        self, write: Callable[[str], None], lost: Callable[[int], str] | None = None
    ) -> None:
        """``lost`` makes the line that says how many were left out; without it nothing does."""
        self._write, self._lost_line = write, lost
        self._lines: queue.Queue[str | None] = queue.Queue(_LINES)
        # One thread counts up, and the other what it has told of that.
        self._lost = self._told = 0
        self._thread = threading.Thread(target=self._print, daemon=True)

    def start(self) -> None:
        """Print what was put meanwhile, then what will be."""
        self._thread.start()

    def put(self, line: str) -> None:
        """Have a line printed, or left out if too many wait."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._lost += 1

    def stop(self, last: str | None = None) -> None:
        """Return when all is printed, ``last`` after it, or when nobody reads it."""
        with contextlib.suppress(queue.Full):
            if last is not None:
                self._lines.put_nowait(last)
            self._lines.put_nowait(None)
            self._thread.join(_LAST_LINES)

    def _print(self) -> None:
        while (line := self._lines.get()) is not None:
            self._tell()
            self._write(line)

    def _tell(self) -> None:
        lost = self._lost - self._told
        if lost and self._lost_line is not None:
            self._told += lost
            self._write(self._lost_line(lost))
