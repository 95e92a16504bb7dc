"""The future of a request.

The invariant: whoever asks for the outcome gets it, however that meets with the outcome's coming. Either it comes
first, and is kept until somebody asks for more than the result; or somebody asks first, and from then on it is a
``Future`` like others. One lock decides which of the two it was.

Making a ``Future`` of the standard library, with its lock, its condition and its lists, and settling it, takes as long
as all the rest of a message. Most are only asked for their result, once they have it, and need none of that.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from typing import Any, Final

_NONE_YET: Final = object()

# One for all: it is held for less time than one for each would take to be made. Who has it may have it again: a
# finalizer, which may run at any time, may settle a future or ask for one.
_lock = threading.RLock()


def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()


# The thread that had it is not there in a child.
os.register_at_fork(after_in_child=_renew_lock)


class Outcome(Future[Any]):
    """What becomes of a request, which cannot be taken back: it runs from the start to its end.

    ``set_running_or_notify_cancel`` would make it so with one more turn of the lock for each message.
    """

    _early: Any = _NONE_YET
    _is_whole = False

    def __init__(self) -> None:
        """Nothing yet: see ``__getattr__``."""

    def __getattr__(self, name: str) -> Any:
        """Asked for what every other ``Future`` has: from now on this one has it, too."""
        with _lock:
            if not self._is_whole:
                super().__init__()
                if self._early is not _NONE_YET:
                    super().set_result(self._early)
                self._is_whole = True
        return super().__getattribute__(name)

    def set_result(self, result: Any) -> None:
        with _lock:
            if not self._is_whole and self._early is _NONE_YET:
                self._early = result
                return
        super().set_result(result)

    def result(self, timeout: float | None = None) -> Any:
        if self._early is not _NONE_YET:
            return self._early
        return super().result(timeout)

    def running(self) -> bool:
        return not self.done()

    def cancel(self) -> bool:
        return False
