"""The signals that end the program: Ctrl+C, and being told to terminate.

They interrupt nothing but a line that its reader does not take. They are held
back until somebody asks for them: the server waits for one, the client's loop
is called for each. So no moment exists at which one of them could become a
traceback.
"""

import signal
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from superchat.cli import output

_END = {signal.SIGINT, signal.SIGTERM}


def hold() -> None:
    """Keep the signals back, in this thread and those that it starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _END)


def wait() -> None:
    """Return when one of the signals comes, or has come."""
    signal.sigwait(_END)


@contextmanager
def handled(loop: AbstractEventLoop, end: Callable[[], None]) -> Iterator[None]:
    """Have the loop call ``end`` for each signal; hold them again afterwards."""

    def called(*_: object) -> None:
        loop.call_soon_threadsafe(end)
        if output.stalled():
            # It comes out of the write, which nothing else would end.
            raise output.Gone

    for number in _END:
        signal.signal(number, called)
    # A terminal that goes away ends the client too, unless nohup says otherwise.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, called)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _END)
    try:
        yield
    finally:
        hold()
        # It is on its way out already, and there is no loop any more to tell.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
